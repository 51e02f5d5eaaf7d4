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

/* Boards of different makers and owners have these, and dmidecode of old ones swaps none. */
static void an_example_of_a_uuid_names_no_machine(void **state)
{
	static const char *const examples[] = {
		"03000200-0400-0500-0006-000700080009",
		"00020003-0004-0005-0006-000700080009",
		"03020100-0504-0706-0809-0a0b0c0d0e0f",
		"00010203-0405-0607-0809-0a0b0c0d0e0f",
		"12345678-1234-5678-90ab-cddeefaabbcc",
		"78563412-3412-7856-90ab-cddeefaabbcc",
		"4c4c4544-0000-2010-8020-80c04f202020",
	};
	static const char *const others[] = {
		"", "03000200-0400-0500-0006-00070008000a", /* one digit off */
		"4c4c4544-0042-3510-8052-b4c04f4d3532",	    /* a Dell with a service tag */
		"12345678-1234-5678-90ab-cddeefaabbc",	/* not a UUID: for the caller to refuse */
		"00000000-0000-0000-0000-ac1f6b7acec2", /* Supermicro: its MAC */
	};
	static const uint8_t example[16] = {
		0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0, 6, 0, 7, 0, 8, 0, 9};
	char text[RP_UUID_TEXT] = "before";

	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		assert_string_equal(rp_uuid_known(examples[i]), "");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_string_equal(rp_uuid_known(others[i]), others[i]);
	rp_uuid_format(example, text);
	assert_string_equal(text, "");
}

static void one_machine_in_two_byte_orders(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} cases[] = {
		{"00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff",
			true},
		{"00112233-4455-6677-8899-aabbccddeeff", "33221100-5544-7766-8899-aabbccddeeff",
			true},
		/* one field swapped alone is another machine, and so is a swapped end */
		{"00112233-4455-6677-8899-aabbccddeeff", "33221100-4455-6677-8899-aabbccddeeff",
			false},
		{"00112233-4455-6677-8899-aabbccddeeff", "00112233-5544-7766-8899-aabbccddeeff",
			false},
		{"00112233-4455-6677-8899-aabbccddeeff", "33221100-5544-7766-9988-ffeeddccbbaa",
			false},
		{"00112233-4455-6677-8899-aabbccddeeff", "", false},
		{"", "00112233-4455-6677-8899-aabbccddeeff", false},
		{"", "", true},
		{"00112233", "33221100", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (rp_uuid_same(cases[i].one, cases[i].other) != cases[i].same)
			fail_msg("'%s' and '%s' should %sbe one machine's", cases[i].one,
				cases[i].other, cases[i].same ? "" : "not ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mac_has_one_form),
		cmocka_unit_test(a_mac_is_written_in_that_form),
		cmocka_unit_test(a_uuid_has_one_form),
		cmocka_unit_test(the_first_three_fields_are_little_endian),
		cmocka_unit_test(no_uuid_is_no_uuid),
		cmocka_unit_test(an_example_of_a_uuid_names_no_machine),
		cmocka_unit_test(one_machine_in_two_byte_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
