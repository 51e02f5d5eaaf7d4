/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches a terminal: aligned, and without anyone else's control characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "server/cli/follow.h"
#include "server/cli/table.h"

static char *printed(const struct rp_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	rp_table_print(table, out, "nothing here");
	fclose(out);
	return text;
}

static void columns_are_aligned(void **state)
{
	static const char *const headings[] = {"NAME", "STATE", "WHY", NULL};
	static const char *const rows[][3] = {
		{"a", "ready", ""},
		{"rig-with-a-name", "busy", "job"},
		{"caf\xc3\xa9", NULL, "two\nlines\x1b[2J"},
	};
	rp_cleanup(table) struct rp_table *table = rp_table_new(headings);
	rp_cleanup(free) char *empty = printed(table);
	rp_cleanup(free) char *text = NULL;

	assert_string_equal(empty, "nothing here\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(rp_table_add(table, rows[i]), 0);
	text = printed(table);
	assert_string_equal(text, "NAME             STATE  WHY\n"
				  "a                ready  -\n"
				  "rig-with-a-name  busy   job\n"
				  "caf\xc3\xa9             -      two?lines?[2J\n");
}

static void durations_and_times_are_short(void **state)
{
	char text[32];

	rp_table_duration(0, text);
	assert_string_equal(text, "0.0 s");
	rp_table_duration(59949, text);
	assert_string_equal(text, "59.9 s");
	rp_table_duration(125000, text);
	assert_string_equal(text, "2 min 5 s");
	rp_table_duration(-1, text);
	assert_string_equal(text, "-");
	rp_table_time("2026-11-20T12:00:01.500Z", text);
	assert_string_equal(text, "2026-11-20 12:00:01");
	rp_table_time("", text);
	assert_string_equal(text, "-");
	rp_table_time(NULL, text);
	assert_string_equal(text, "-");
}

static void a_timeline_is_drawn_as_bars(void **state)
{
	rp_cleanup(json) json_t *timeline = json_pack(
		"{s:s, s:s, s:[{s:s, s:i, s:s}, {s:s, s:i, s:s, s:s}], s:[{s:s, s:s, s:s}]}", "rig",
		"r1", "boot", "B", "stages", "stage", "power", "duration_ms", 1000, "state", "done",
		"stage", "dhcp", "duration_ms", 3000, "state", "failed", "detail",
		"no\x1b[31m DISCOVER", "events", "time", "2026-11-20T12:00:01.500Z", "stage",
		"dhcp", "message", "a\nb");
	rp_cleanup(free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(rp_follow_print(timeline, out), RP_EXIT_OK);
	fclose(out);
	assert_string_equal(text,
		"rig r1  boot B\n"
		"  power           1.0 s  ##########                              \n"
		"  dhcp            3.0 s            ##############################  failed  "
		"no?[31m DISCOVER\n"
		"\n"
		"12:00:01.500  dhcp     a?b\n");
}

static void an_empty_timeline_is_no_trouble(void **state)
{
	rp_cleanup(json) json_t *timeline = json_object();
	rp_cleanup(free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(rp_follow_print(timeline, out), RP_EXIT_OK);
	fclose(out);
	assert_string_equal(text, "rig -  boot -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(durations_and_times_are_short),
		cmocka_unit_test(a_timeline_is_drawn_as_bars),
		cmocka_unit_test(an_empty_timeline_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
