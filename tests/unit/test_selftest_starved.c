/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a machine that does not let its programs run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "kmods/selftest/starved.h"

static void test_stat(void **state)
{
	uint64_t stolen = 7, ticks = 7;

	(void)state;
	assert_true(starved_read_stat(
		"cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 1 1 1 1 1 1 1\n", &stolen, &ticks));
	assert_int_equal(stolen, 80);
	/* Guest time, the last two, is in user's already. */
	assert_int_equal(ticks, 360);
	stolen = ticks = 7;
	assert_false(starved_read_stat("cpu  10 20 30 40 50 60 70\n", &stolen, &ticks));
	assert_false(starved_read_stat("", &stolen, &ticks));
	assert_int_equal(stolen, 7);
	assert_int_equal(ticks, 7);
}

static void test_pressure(void **state)
{
	uint64_t us = 7;

	(void)state;
	assert_true(starved_read_pressure("some avg10=0.00 avg60=1.50 avg300=0.10 total=123456\n"
					  "full avg10=0.00 avg60=0.00 avg300=0.00 total=99\n",
		&us));
	assert_int_equal(us, 123456);
	us = 7;
	assert_false(starved_read_pressure("full avg10=0.00 total=99\n", &us));
	assert_false(starved_read_pressure("", &us));
	assert_int_equal(us, 7);
}

static void test_verdict(void **state)
{
	static const struct {
		struct starved_shares shares;
		bool starved;
		const char *why;
	} cases[] = {
		{{0, 0, 0}, false, "0 % of the CPUs' time stolen"},
		{{0.24, 0, 0.24}, false, "24 % of a busy thread's time"},
		{{0.25, 0, 0}, true, "25 % of the CPUs' time stolen"},
		{{0, 0, 0.33}, true, "33 % of a busy thread's time"},
		/* A test that polls makes its own threads wait. */
		{{0, 1, 0}, false, "without a CPU in 100 %"},
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (starved_is(&cases[i].shares, why, sizeof(why)) != cases[i].starved ||
			!strstr(why, cases[i].why))
			fail_msg("case %zu: %s", i, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
