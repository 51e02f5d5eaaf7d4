/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/encoding.h"

static void hex_has_one_form(void **state)
{
	static const char *const bad[] = {"", "00ff1", "00ff1A", "00FF1a", "00ff1a0", "00ff1a00",
		"0 ff1a", "0xff1a", "00ff1g"};
	const uint8_t bytes[] = {0x00, 0xff, 0x1a};
	char text[7];
	uint8_t back[3] = {0};

	memset(text, 'P', sizeof(text));
	rp_hex_encode(bytes, sizeof(bytes), text);
	assert_string_equal(text, "00ff1a");
	assert_int_equal(rp_hex_decode(text, back, sizeof(back)), 0);
	assert_memory_equal(back, bytes, sizeof(bytes));

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(back, 0xa5, sizeof(back));
		if (rp_hex_decode(bad[i], back, sizeof(back)) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		if (back[0] != 0xa5 || back[1] != 0xa5 || back[2] != 0xa5)
			fail_msg("\"%s\": output touched", bad[i]);
	}
}

static void hex_of_nothing(void **state)
{
	char text[1] = {'P'};

	rp_hex_encode("", 0, text);
	assert_string_equal(text, "");
	assert_int_equal(rp_hex_decode("", text, 0), 0);
	assert_int_equal(rp_hex_decode("0", text, 0), -EINVAL);
}

/* RFC 4648 section 10. */
static void base64_matches_the_rfc(void **state)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "+/+/"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(free) char *text =
			rp_base64_encode(cases[i].plain, strlen(cases[i].plain));
		rp_cleanup(free) uint8_t *data = NULL;
		size_t len = 99;

		assert_string_equal(text, cases[i].text);
		if (rp_base64_decode(text, strlen(text), &data, &len) != 0)
			fail_msg("\"%s\" was refused", text);
		assert_int_equal(len, strlen(cases[i].plain));
		/* The spare NUL makes it a string. */
		assert_string_equal((char *)data, cases[i].plain);
	}
}

static void base64_has_one_form(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg==\n",
		"Zg== ", "Zh==", "Zm9=", "Zm8", "====", "Z===", "=Zg=", "Zg==Zg==", "Zg=v",
		"Zm9v=", "Zm-v", "Zm_v", "Zm9v\n", "Zm\xc3\xa9", "Z\n9v"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t *data = (uint8_t *)bad;
		size_t len = 99;

		if (rp_base64_decode(bad[i], strlen(bad[i]), &data, &len) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		if (data != (uint8_t *)bad || len != 99)
			fail_msg("\"%s\": output touched", bad[i]);
	}
	uint8_t *data = NULL;
	size_t len;

	assert_int_equal(rp_base64_decode("Zg\0v", 4, &data, &len), -EINVAL);
}

static void base64_of_every_byte(void **state)
{
	uint8_t bytes[256];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t n = 250; n <= sizeof(bytes); n++) {
		rp_cleanup(free) char *text = rp_base64_encode(bytes, n);
		rp_cleanup(free) uint8_t *back = NULL;
		size_t len = 0;

		assert_int_equal(rp_base64_decode(text, strlen(text), &back, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_has_one_form),
		cmocka_unit_test(hex_of_nothing),
		cmocka_unit_test(base64_matches_the_rfc),
		cmocka_unit_test(base64_has_one_form),
		cmocka_unit_test(base64_of_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
