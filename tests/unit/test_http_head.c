/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: what is read, and what is refused because it could be read in two ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/head.h"

static const struct {
	const char *text;
	int error; /* 0: it is one, with what follows */
	const char *method, *path, *query;
	int64_t length;
	bool keep_alive;
} cases[] = {
	{"GET / HTTP/1.1\r\n\r\n", 0, "GET", "/", NULL, 0, true},
	{"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0, "GET", "/", NULL, 0, true},
	{"GET / HTTP/1.0\r\n\r\n", 0, "GET", "/", NULL, 0, false},
	{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 0, "GET", "/", NULL, 0, true},
	{"GET / HTTP/1.1\r\nConnection: TE, close\r\n\r\n", 0, "GET", "/", NULL, 0, false},
	{"GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", 0, "GET", "/", NULL, 0, true},
	{"PUT /a%20b?x=1?2 HTTP/1.1\r\nContent-Length:  17 \r\n\r\n", 0, "PUT", "/a%20b", "x=1?2",
		17, true},
	{"GET http://10.0.0.1:80/p?q HTTP/1.1\r\n\r\n", 0, "GET", "/p", "q", 0, true},
	{"GET https://10.0.0.1 HTTP/1.1\r\n\r\n", 0, "GET", "/", NULL, 0, true},
	{"OPTIONS * HTTP/1.1\r\n\r\n", 0, "OPTIONS", "*", NULL, 0, true},
	{"GET /\xc3\xa9 HTTP/1.1\r\nX:\tval\xe9 \t\r\n\r\n", 0, "GET", "/\xc3\xa9", NULL, 0, true},
	{"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0, "GET", "/", NULL, 0, true},
	/* not requests */
	{"GET\r\n\r\n", -EINVAL},
	{"GET /\r\n\r\n", -EINVAL},
	{"GET  / HTTP/1.1\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1 \r\n\r\n", -EINVAL},
	{"GET / a HTTP/1.1\r\n\r\n", -EINVAL},
	{"G(T / HTTP/1.1\r\n\r\n", -EINVAL},
	{"GET /#a HTTP/1.1\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.10\r\n\r\n", -EINVAL},
	{"GET / http/1.1\r\n\r\n", -EINVAL},
	{"GET / HTTP/2.0\r\n\r\n", -EPROTONOSUPPORT},
	{"GET /a\x01 HTTP/1.1\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\nX: a\x01\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\nX: \x7f\r\n\r\n", -EINVAL},
	/* two readers, two meanings */
	{"GET / HTTP/1.1\nHost: x\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\nno colon\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\nX : a\r\n\r\n", -EINVAL},
	{"GET / HTTP/1.1\r\n: a\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length: 1,1\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", -EINVAL},
	{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", -ENOTSUP},
	{"POST / HTTP/1.1\r\nContent-Length: 1\r\ntransfer-encoding: gzip\r\n\r\n", -ENOTSUP},
};

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = strlen(cases[i].text);
		char *text = malloc(len);
		struct rp_head head;
		int r;

		memcpy(text, cases[i].text, len); /* no NUL behind it */
		assert_int_equal(rp_head_length(text, len, 0), len);
		r = rp_head_parse(text, len, &head);
		if (r != cases[i].error)
			fail_msg("%s\nfound %d, expected %d", cases[i].text, r, cases[i].error);
		if (r == 0 &&
			(!same(head.method, cases[i].method) || !same(head.path, cases[i].path) ||
				!same(head.query, cases[i].query) ||
				head.length != cases[i].length ||
				head.keep_alive != cases[i].keep_alive))
			fail_msg("%s\nfound %s %s ? %s, %d bytes, keep-alive %d", cases[i].text,
				head.method, head.path, head.query ? head.query : "(none)",
				(int)head.length, head.keep_alive);
		free(text);
	}
}

/* However it is cut into parts, its end is found once it is there, and not before. */
static void test_length(void **state)
{
	static const char text[] = "\r\nGET / HTTP/1.1\r\nX: a\r\n\r\nbody\r\n\r\n";
	const size_t end = sizeof("\r\nGET / HTTP/1.1\r\nX: a\r\n\r\n") - 1;

	for (size_t step = 1; step < sizeof(text); step++) {
		size_t known = 0, len = 0, found = 0;

		while (!found && len < sizeof(text) - 1) {
			known = len;
			len = len + step < sizeof(text) - 1 ? len + step : sizeof(text) - 1;
			found = rp_head_length(text, len, known);
			if (!found && len >= end)
				fail_msg("steps of %zu: not found in %zu bytes", step, len);
		}
		assert_int_equal(found, end);
	}
	assert_int_equal(rp_head_length("\r\n\r\n\r\n", 6, 0), 0);
}

static void test_fields(void **state)
{
	char text[] = "GET / HTTP/1.1\r\nX-One: 1\r\nx-one: 2\r\nEmpty:\r\n"
		      "Expect: 100-Continue\r\n\r\n";
	struct rp_head head;
	char *many = malloc(1 << 14);
	size_t len;

	assert_int_equal(rp_head_parse(text, sizeof(text) - 1, &head), 0);
	assert_string_equal(rp_head_field(&head, "X-ONE"), "1");
	assert_string_equal(rp_head_field(&head, "empty"), "");
	assert_null(rp_head_field(&head, "X"));
	assert_true(head.expects_continue);
	for (int extra = 0; extra < 2; extra++) {
		len = (size_t)sprintf(many, "GET / HTTP/1.1\r\n");
		for (int i = 0; i < RP_HEAD_FIELDS_MAX + extra; i++)
			len += (size_t)sprintf(many + len, "X: %d\r\n", i);
		len += (size_t)sprintf(many + len, "\r\n");
		assert_int_equal(rp_head_parse(many, len, &head), extra ? -E2BIG : 0);
	}
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
