/* SPDX-License-Identifier: Apache-2.0 */
/* MAC addresses and UUIDs: the one text form that each has, and what is no name of a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hardware_id.h"

static void a_mac_has_one_form(void **state)
{
	static const struct {
		const char *text;
		int valid;
	} cases[] = {
		{"52:54:00:aa:bb:01", 1},
		{"ff:ff:ff:ff:ff:ff", 1},
		{"", 0},
		{"52:54:00:AA:bb:01", 0},
		{"52-54-00-aa-bb-01", 0},
		{"52:54:00:aa:bb", 0},
		{"52:54:00:aa:bb:0", 0},
		{"52:54:00:aa:bb:01:", 0},
		{"52:54:00:aa:bb:0g", 0},
		{" 52:54:00:aa:bb:01", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (rp_mac_valid(cases[i].text) != cases[i].valid)
			fail_msg("'%s' should be %svalid", cases[i].text,
				cases[i].valid ? "" : "in");
	}
}

static void a_mac_is_written_in_that_form(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 0xaa, 0xbb, 1};
	char text[RP_MAC_TEXT];

	rp_mac_format(mac, text);
	assert_string_equal(text, "52:54:00:aa:bb:01");
	assert_int_equal(rp_mac_valid(text), 1);
}

static void a_uuid_has_one_form(void **state)
{
	static const struct {
		const char *text;
		int valid;
	} cases[] = {
		{"6f1d0c9e-3b52-4c37-9d1a-0a4b5c6d7e8f", 1},
		{"00000000-0000-0000-0000-000000000000", 1},
		{"", 0},
		{"6F1D0C9E-3b52-4c37-9d1a-0a4b5c6d7e8f", 0},
		{"6f1d0c9e3b524c379d1a0a4b5c6d7e8f", 0},
		{"6f1d0c9e-3b52-4c37-9d1a-0a4b5c6d7e8", 0},
		{"6f1d0c9e-3b52-4c37-9d1a-0a4b5c6d7e8f0", 0},
		{"6f1d0c9-e3b52-4c37-9d1a-0a4b5c6d7e8f", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (rp_uuid_valid(cases[i].text) != cases[i].valid)
			fail_msg("'%s' should be %svalid", cases[i].text,
				cases[i].valid ? "" : "in");
	}
}

/* SMBIOS 3.6, section 7.2.1 has this very example. */
static void the_first_three_fields_are_little_endian(void **state)
{
	static const uint8_t guid[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99,
		0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	char text[RP_UUID_TEXT];

	rp_uuid_format(guid, text);
	assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

static void no_uuid_is_no_uuid(void **state)
{
	static const struct {
		uint8_t byte;
		const char *text;
	} cases[] = {{0, ""}, {0xff, ""}, {0x11, "11111111-1111-1111-1111-111111111111"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t guid[16];
		char text[RP_UUID_TEXT] = "before";

		memset(guid, cases[i].byte, sizeof(guid));
		rp_uuid_format(guid, text);
		assert_string_equal(text, cases[i].text);
	}
	assert_string_equal(rp_uuid_known("00000000-0000-0000-0000-000000000000"), "");
	assert_string_equal(rp_uuid_known("ffffffff-ffff-ffff-ffff-ffffffffffff"), "");
	assert_string_equal(rp_uuid_known("f0000000-0000-0000-0000-000000000000"),
		"f0000000-0000-0000-0000-000000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mac_has_one_form),
		cmocka_unit_test(a_mac_is_written_in_that_form),
		cmocka_unit_test(a_uuid_has_one_form),
		cmocka_unit_test(the_first_three_fields_are_little_endian),
		cmocka_unit_test(no_uuid_is_no_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
