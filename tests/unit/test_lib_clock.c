/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/clock.h"

static void known_times(void **state)
{
	static const struct {
		int64_t time;
		const char *text;
	} cases[] = {{0, "1970-01-01T00:00:00.000Z"},
		{INT64_C(951782400123000), "2000-02-29T00:00:00.123Z"},
		{INT64_C(1795176000007000), "2026-11-20T12:00:00.007Z"},
		{INT64_C(253402300799999000), "9999-12-31T23:59:59.999Z"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[RP_TIME_TEXT];
		int64_t back = -1;

		memset(text, 'P', sizeof(text));
		rp_clock_format(cases[i].time, text);
		assert_string_equal(text, cases[i].text);
		if (rp_clock_parse(text, &back) != 0)
			fail_msg("%s was refused", text);
		assert_int_equal(back, cases[i].time);
	}
}

static void below_a_millisecond_is_cut(void **state)
{
	char text[RP_TIME_TEXT];

	rp_clock_format(1999, text);
	assert_string_equal(text, "1970-01-01T00:00:00.001Z");
}

static void out_of_range_is_invalid(void **state)
{
	static const int64_t bad[] = {-1, INT64_MIN, INT64_MAX, INT64_C(253402300800000000)};
	char text[RP_TIME_TEXT];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(text, 'P', sizeof(text));
		rp_clock_format(bad[i], text);
		assert_string_equal(text, "invalid");
	}
}

static void one_form_only(void **state)
{
	static const char *const bad[] = {"", "invalid", "2026-11-20T12:00:00Z",
		"2026-11-20T12:00:00.00Z", "2026-11-20T12:00:00.0000Z", "2026-11-20 12:00:00.000Z",
		"2026-11-20T12:00:00.000z", "2026-11-20T12:00:00.000+00:00",
		"2026-02-30T12:00:00.000Z", "2025-02-29T12:00:00.000Z", "2026-13-20T12:00:00.000Z",
		"2026-00-20T12:00:00.000Z", "2026-11-00T12:00:00.000Z", "2026-11-20T24:00:00.000Z",
		"2026-11-20T12:60:00.000Z", "2026-12-31T23:59:60.000Z", "1969-12-31T23:59:59.999Z",
		"2026-11-20T12:00:0-.000Z", "2026-11- 1T12:00:00.000Z",
		"2026-11-20T12:00:00.000Z "};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int64_t time = 4711;

		if (rp_clock_parse(bad[i], &time) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(time, 4711);
	}
}

static void clocks_run(void **state)
{
	int64_t first = rp_clock_monotonic();

	assert_true(first > 0);
	assert_true(rp_clock_monotonic() >= first);
	assert_true(rp_clock_realtime() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_times),
		cmocka_unit_test(below_a_millisecond_is_cut),
		cmocka_unit_test(out_of_range_is_invalid),
		cmocka_unit_test(one_form_only),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
