/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server parses itself of strangers' bytes. The first byte chooses: path and query of a
 * request target, a Range header, an If-None-Match header, a line of QEMU's monitor, a whole head.
 */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "server/http/head.h"
#include "server/http/http_request.h"
#include "server/power/power.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rp_route routes[] = {
	{"GET", "/", RP_ACCESS_ANY, NULL, .plain = true},
	{"GET", "/cas/sha256/:hex", RP_ACCESS_ANY, NULL, .plain = true},
	{"GET", "/api/v1/rigs/:name/boots", RP_ACCESS_ANY, NULL},
	{"POST", "/api/v1/rigs/:name/x/:other", RP_ACCESS_ANY, NULL},
	{NULL},
};

static const struct rp_route *const tables[] = {routes, NULL};

static void fuzz_target(char *target)
{
	char *query = strchr(target, '?');
	struct rp_query *parsed = NULL;
	struct rp_capture captures[2];
	const struct rp_route *route;
	char allowed[64];

	if (query)
		*query++ = '\0';
	if (rp_query_parse(query, &parsed) == 0) {
		const struct rp_request request = {.query = parsed};
		int64_t number;

		for (const struct rp_query *q = parsed; q->key; q++) {
			if (strcmp(rp_request_query(&request, q->key), q->value) != 0)
				abort();
			rp_number_parse(q->value, INT64_MAX, &number);
		}
		rp_query_free(parsed);
	}
	for (int plain = 0; plain < 2; plain++)
		if (rp_route_find(tables, "GET", target, plain, &route, captures, allowed) == 0)
			for (int i = 0; i < 2; i++) {
				rp_cleanup(free) char *name =
					rp_http_decode(captures[i].start, captures[i].len, false);

				if (name && (strchr(name, '/') || strlen(name) > captures[i].len))
					abort();
			}
}

static void fuzz_range(const char *header)
{
	static const int64_t sizes[] = {0, 1, 1000, INT64_MAX};
	int64_t first, last;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (rp_range_parse(header, sizes[i], &first, &last) == 0 &&
			(first < 0 || last < first || last >= sizes[i]))
			abort();
}

/* Whatever a head is cut into, its end is found at the same place; what is read of it is in it. */
static void fuzz_head(const uint8_t *data, size_t size)
{
	rp_cleanup(free) char *bytes = malloc(size + 1);
	struct rp_head head;
	size_t len, known;

	if (!bytes)
		return;
	memcpy(bytes, data, size);
	len = rp_head_length(bytes, size, 0);
	for (known = 0; known < size; known++)
		if (rp_head_length(bytes, known, 0) == 0 &&
			rp_head_length(bytes, size, known) != len)
			abort();
	if (!len || rp_head_parse(bytes, len, &head) < 0)
		return;
	if (head.length < 0 || head.count > RP_HEAD_FIELDS_MAX || !*head.method || !*head.path)
		abort();
	for (size_t i = 0; i < head.count; i++)
		if (head.fields[i].name < bytes ||
			head.fields[i].value + strlen(head.fields[i].value) >= bytes + len ||
			!strcasecmp(head.fields[i].name, "Transfer-Encoding"))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_qmp_message message;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (!text)
		return 0;
	switch (data[0] & 7) {
	case 0:
		fuzz_target(text);
		break;
	case 1:
		fuzz_range(text);
		break;
	case 2:
		rp_etag_matches(
			text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		break;
	case 3:
		rp_qmp_parse((const char *)data + 1, size - 1, &message);
		break;
	case 4:
		fuzz_head(data + 1, size - 1);
		break;
	}
	return 0;
}
