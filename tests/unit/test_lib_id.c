/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/id.h"

static void ids_are_valid_and_differ(void **state)
{
	char one[RP_ID_TEXT], two[RP_ID_TEXT];

	memset(one, 'P', sizeof(one));
	rp_id_new(one);
	rp_id_new(two);
	assert_int_equal(strlen(one), 26);
	assert_true(rp_id_valid(one));
	assert_true(rp_id_valid(two));
	assert_string_not_equal(one, two);
	assert_true(memcmp(one, two, 10) <= 0);
}

static void the_random_part_uses_all_its_bits(void **state)
{
	char seen[16][32] = {{0}};
	char id[RP_ID_TEXT];

	for (int i = 0; i < 2000; i++) {
		rp_id_new(id);
		for (int at = 0; at < 16; at++)
			seen[at][strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", id[10 + at]) -
				 strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", '0')] = 1;
	}
	for (int at = 0; at < 16; at++)
		for (int value = 0; value < 32; value++)
			if (!seen[at][value])
				fail_msg("character %d is never %d", at, value);
}

static void only_ulids_are_valid(void **state)
{
	static const char *const bad[] = {"", "01ARZ3NDEKTSV4RRFFQ69G5FA",
		"01ARZ3NDEKTSV4RRFFQ69G5FAVV", "01arz3ndektsv4rrffq69g5fav",
		"81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI",
		"01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FA/",
		"01ARZ3NDEKTSV4RRFFQ69G5F V"};

	assert_true(rp_id_valid("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
	assert_true(rp_id_valid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (rp_id_valid(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void nonces_have_their_length(void **state)
{
	char one[2 * 100 + 2], two[2 * 100 + 2];

	memset(one, 'P', sizeof(one));
	rp_nonce_hex(100, one);
	rp_nonce_hex(100, two);
	assert_int_equal(strlen(one), 200);
	assert_int_equal(one[201], 'P');
	assert_int_equal(strspn(one, "0123456789abcdef"), 200);
	/* Both blocks of its making. */
	assert_memory_not_equal(one, two, 32);
	assert_memory_not_equal(one + 136, two + 136, 32);
	rp_nonce_hex(0, one);
	assert_string_equal(one, "");
}

static void names_are_narrow(void **state)
{
	static const char *const good[] = {"a", "0", "xsc-ring", "rig_1.lab",
		"abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"};
	static const char *const bad[] = {"", ".", "..", ".a", "-a", "_a", "A", "a/b", "a b", "a\n",
		"\xc3\xa9", "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz0"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!rp_name_valid(good[i]))
			fail_msg("\"%s\" was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (rp_name_valid(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_valid_and_differ),
		cmocka_unit_test(the_random_part_uses_all_its_bits),
		cmocka_unit_test(only_ulids_are_valid),
		cmocka_unit_test(nonces_have_their_length),
		cmocka_unit_test(names_are_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
