/* SPDX-License-Identifier: Apache-2.0 */
/* A table of TAP documents: what is wrong with each, and what its tests say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/tap.h"
#include "lib/cleanup.h"
#include "lib/json.h"

/* Each test as one letter: o ok, n not ok, s skip, t todo (not ok), T todo (ok). */
static void letters(const json_t *tests, char *ret, size_t size)
{
	const json_t *test;
	size_t i, len = 0;

	json_array_foreach (tests, i, test) {
		const char *directive = rp_json_string_or(test, "directive", "?");
		bool ok = json_is_true(json_object_get(test, "ok"));

		if (len + 1 < size)
			ret[len++] = *directive == 's'	 ? 's'
				     : *directive == 't' ? (ok ? 'T' : 't')
				     : ok		 ? 'o'
							 : 'n';
	}
	ret[len] = '\0';
}

static const struct {
	const char *name, *text, *tests, *problem;
} documents[] = {
	{"version 14, plan first", "TAP version 14\n1..2\nok 1 - a\nnot ok 2 - b\n", "on", ""},
	{"version 13, plan at the end", "TAP version 13\nok 1 a\nok 2 b\n1..2\n", "oo", ""},
	{"KTAP", "KTAP version 1\n1..1\nok 1 a\n", "o", ""},
	{"no version", "1..1\nok\n", "o", ""},
	{"carriage returns", "TAP version 14\r\n1..1\r\nok 1 - a\r\n", "o", ""},
	{"no final newline", "1..1\nok 1", "o", ""},
	{"numbers left out", "1..2\nok - a\nok\n", "oo", ""},
	{"skip", "1..1\nok 1 - a # SKIP no device\n", "s", ""},
	{"skipped, lower case", "1..1\nok 1 # skipped: no device\n", "s", ""},
	{"todo", "1..2\nnot ok 1 # TODO later\nok 2 # todo\n", "tT", ""},
	{"xfail", "1..1\nnot ok 1 # XFAIL known\n", "t", ""},
	{"timeout fails whatever it says", "1..1\nok 1 # TIMEOUT 10 s\n", "n", ""},
	{"an unknown directive is a comment", "1..1\nok 1 - a # fast\n", "o", ""},
	{"escaped hash", "1..1\nok 1 - a \\# SKIP b\n", "o", ""},
	{"hash within a word", "1..1\nok 1 - C#SKIP\n", "o", ""},
	{"diagnostics", "# hi\nhello\n1..1\nokay\nnotok\nok 1\nok2\n", "o", ""},
	{"subtest", "1..1\n    # Subtest: x\n    1..1\n    not ok 1\nok 1 - x\n", "o", ""},
	{"YAML", "1..1\nok 1\n  ---\n  a: b\n  ...\n", "o", ""},
	{"YAML that looks like tests", "1..1\nok 1\n  ---\n  - |\n    ok 2\n  ...\n", "o", ""},
	{"skip all", "1..0 # SKIP no such tool\n", "", ""},
	{"skip with a colon", "1..1\nok 1 # Skip: no device\n", "s", ""},
	{"words that begin like directives",
		"1..4\nok 1 # skipping none\nok 2 # todos: 0\n"
		"ok 3 # errors=0\nok 4 # timeouts: 0\n",
		"oooo", ""},
	{"remarks on errors and timeouts",
		"1..3\nok 1 # error rate 0\nok 2 # Timeout 3 s\n"
		"ok 3 # ERROR: 0\n",
		"ooo", ""},
	{"an error fails whatever it says", "1..1\nok 1 # ERROR no memory\n", "n", ""},
	{"any order", "1..4\nok 4\nok 1\nnot ok 3\nok 2\n", "oono", ""},
	{"any order, plan at the end", "ok 2\nok 1\n1..2\n", "oo", ""},
	{"byte order mark", "\xef\xbb\xbfTAP version 14\n1..1\nok 1\n", "o", ""},
	{"byte order mark before the plan",
		"\xef\xbb\xbf"
		"1..1\nok 1\n",
		"o", ""},
	{"lines that end with CR alone", "1..2\rok 1\rnot ok 2\r", "on", ""},
	{"progress on one line", "1..1\n 50%\r100%\rok 1 - a\n", "o", ""},
	{"counting is no plan", "1..1\n1...2...3\nok 1\n", "o", ""},
	{"a range is no plan", "1..1\n1..8th of it\nok 1\n", "o", ""},

	{"nothing", "", "", "no TAP"},
	{"no TAP at all", "Segmentation fault\n", "", "no TAP"},
	{"no plan", "TAP version 14\nok 1\n", "o", "no plan"},
	{"fewer than planned", "1..3\nok 1\nok 2\n", "oo", "3 tests were planned, 2 came"},
	{"more than planned", "1..1\nok 1\nok 2\n", "oo", "1 tests were planned, 2 came"},
	{"two plans", "1..1\nok 1\n1..1\n", "o", "two plans"},
	{"a gap", "1..2\nok 1\nok 3\n", "oo", "test 3 came where 2"},
	{"twice", "1..2\nok 1\nok 1\n", "oo", "test 1 came where 2"},
	{"after the plan at the end", "ok 1\n1..2\nok 2\n", "oo", "after the plan"},
	{"bail out", "1..2\nok 1\nBail out! no device\nok 2\n", "o", "bailed out: no device"},
	{"bail out, small letters", "1..1\nok 1\nbail out!\n", "o", "bailed out"},
	{"bail out, capitals", "1..1\nok 1\nBAIL OUT! oh\n", "o", "bailed out: oh"},
	{"bail out of a subtest", "1..1\n    1..2\n    ok 1\n    Bail out! oh\nok 1\n", "",
		"bailed out: oh"},
	{"bail out of KTAP's subtest", "1..1\n  1..2\n  ok 1\n  Bail out!\nok 1\n", "",
		"bailed out"},
	{"bail out in a remark", "1..1\n# Bail out!\nok 1\n", "o", ""},
	{"number 0", "1..1\nok 0\n", "o", "test 0 came where 1"},
	{"a number beyond the plan", "1..2\nok 1\nok 9\n", "oo", "test 9 came where 2"},
	{"any order, one twice", "1..3\nok 3\nok 1\nok 3\n", "ooo", "test 3 came where 1"},
	{"plan without number", "1..\nok 1\n", "o", "without a number"},
	{"plan too large", "1..99999999999\n", "", "without a number"},
	{"YAML without end", "1..2\nok 1\n  ---\n  a: b\nok 2\n", "oo", ""},
	{"YAML without end swallows no failure", "1..2\nok 1\n  ---\n  a: b\nnot ok 2\n  ...\n",
		"on", ""},
	{"YAML begun again and again", "1..3\nok 1\n  ---\nok 2\n  ---\nok 3\n  ---\n", "ooo", ""},
	{"YAML marks with white space behind", "1..1\nok 1\n  --- \n  metrics: 3\n  ... \n", "o",
		"expected a list"},
	{"YAML not at once after its test", "1..1\nok 1\nhello\n  ---\n  metrics: 3\n  ...\n", "o",
		""},
	{"a heading is no YAML", "1..2\nok 1\n  --- memory ---\n  free 12\nnot ok 2\n", "on", ""},
	{"a rule is no YAML", "1..2\nok 1\n  ----\n  cpu max\n  ----\nnot ok 2\n  ...\n", "on", ""},
	{"bad YAML", "1..1\nok 1\n  ---\n  metrics: [\n  ...\n", "o", "YAML block"},
	{"metrics no list", "1..1\nok 1\n  ---\n  metrics: 3\n  ...\n", "o", "expected a list"},
	{"value no number",
		"1..1\nok 1\n  ---\n  metrics:\n    - name: a\n      value: fast\n  ...\n", "o",
		"expected a number"},
	{"value not finite",
		"1..1\nok 1\n  ---\n  metrics:\n    - name: a\n      value: 1e999\n  ...\n", "o",
		"expected a number"},
	{"metric without name", "1..1\nok 1\n  ---\n  metrics:\n    - value: 1\n  ...\n", "o",
		"without a name"},
	{"metric without value", "1..1\nok 1\n  ---\n  metrics:\n    - name: a\n  ...\n", "o",
		"without a value"},
	{"unknown direction",
		"1..1\nok 1\n  ---\n  metrics:\n    - name: a\n      value: 1\n      better: up\n"
		"  ...\n",
		"o", "lower or higher"},
	{"alias", "1..1\nok 1\n  ---\n  a: &x [1]\n  b: *x\n  ...\n", "o", "aliases"},
};

static void test_documents(void **state)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		rp_cleanup(tap) struct rp_tap tap = {0};
		char found[64];

		assert_int_equal(
			rp_tap_parse(documents[i].text, strlen(documents[i].text), &tap), 0);
		letters(tap.tests, found, sizeof(found));
		if (strcmp(found, documents[i].tests) != 0)
			fail_msg("%s: tests %s, not %s", documents[i].name, found,
				documents[i].tests);
		if (!*documents[i].problem != !*tap.problem ||
			!strstr(tap.problem, documents[i].problem))
			fail_msg("%s: problem \"%s\", not \"%s\"", documents[i].name, tap.problem,
				documents[i].problem);
	}
}

static void test_details(void **state)
{
	static const char text[] = "1..2\nok 1 -   a \\# b \\\\ c   # SKIP  no \\# device \n"
				   "not ok 2 - caf\xc3\xa9 \xff\x1b[31m\n";
	rp_cleanup(tap) struct rp_tap tap = {0};
	const json_t *test;

	assert_int_equal(rp_tap_parse(text, strlen(text), &tap), 0);
	test = json_array_get(tap.tests, 0);
	assert_int_equal(json_integer_value(json_object_get(test, "number")), 1);
	assert_string_equal(rp_json_string_or(test, "description", ""), "  a # b \\ c");
	assert_string_equal(rp_json_string_or(test, "reason", ""), "no # device");
	test = json_array_get(tap.tests, 1);
	assert_string_equal(rp_json_string_or(test, "description", ""), "caf\xc3\xa9 ??[31m");
	assert_string_equal(tap.failed, "test 2 failed: caf\xc3\xa9 ??[31m");
}

/* What names each test once, so that nobody has to guess which of two is meant. */
static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		long long numbers[3];
	} cases[] = {
		{"1..3\nok 3\nok 1\nok 2\n", {3, 1, 2}},
		{"1..3\nok 1\nok 1\nok 7\n", {1, 2, 3}},
		{"1..3\nok 2\nok\nok 3\n", {1, 2, 3}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(tap) struct rp_tap tap = {0};

		assert_int_equal(rp_tap_parse(cases[i].text, strlen(cases[i].text), &tap), 0);
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(json_integer_value(json_object_get(
						 json_array_get(tap.tests, j), "number")),
				cases[i].numbers[j]);
	}
}

/* A message says why a test failed; to one that passed, or that gave its reason, it adds nothing. */
static void test_message(void **state)
{
	static const char text[] =
		"1..3\nok 1 - a\n  ---\n  message: fine\n  ...\n"
		"not ok 2 - b\n  ---\n  message: \"x: 1, not \\\"2\\\"\"\n  metrics: []\n  ...\n"
		"not ok 3 - c # TODO later\n  ---\n  message: [no text]\n  ...\n";
	static const char *const reasons[] = {"", "x: 1, not \"2\"", "later"};
	rp_cleanup(tap) struct rp_tap tap = {0};

	assert_int_equal(rp_tap_parse(text, strlen(text), &tap), 0);
	assert_string_equal(tap.problem, "");
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(
			rp_json_string_or(json_array_get(tap.tests, i), "reason", "none"),
			reasons[i]);
	assert_string_equal(tap.failed, "test 2 failed: b: x: 1, not \"2\"");
}

static void test_skip_all(void **state)
{
	static const char text[] = "TAP version 14\n1..0 # SKIP no /usr/bin/cyclictest\n";
	rp_cleanup(tap) struct rp_tap tap = {0};

	assert_int_equal(rp_tap_parse(text, strlen(text), &tap), 0);
	assert_true(tap.skip_all);
	assert_string_equal(tap.skip_reason, "no /usr/bin/cyclictest");
}

static void test_metrics(void **state)
{
	static const char text[] =
		"1..1\nok 1 - busy\n  ---\n  note: {any: [thing]}\n  metrics:\n"
		"    - name: traps_per_op\n      value: 0\n      unit: traps\n      better: lower\n"
		"      samples: [0, 0, 0]\n      colour: red\n"
		"    - {name: rate, value: 1.5e3, samples: []}\n  ...\n";
	rp_cleanup(tap) struct rp_tap tap = {0};
	rp_cleanup(free) char *found = NULL;

	assert_int_equal(rp_tap_parse(text, strlen(text), &tap), 0);
	assert_string_equal(tap.problem, "");
	found = rp_json_canonical(tap.metrics);
	assert_string_equal(found,
		"[{\"better\":\"lower\",\"name\":\"traps_per_op\",\"samples\":[0,0,0],"
		"\"unit\":\"traps\",\"value\":0},"
		"{\"better\":\"\",\"name\":\"rate\",\"samples\":[],\"unit\":\"\","
		"\"value\":1500.0}]");
}

static char *repeat(const char *head, const char *item, int n)
{
	char *text = malloc(strlen(head) + strlen(item) * (size_t)n + 1), *to;

	to = stpcpy(text, head);
	for (int i = 0; i < n; i++)
		to = stpcpy(to, item);
	return text;
}

static void test_bounds(void **state)
{
	static const struct {
		const char *head, *item;
		int n;
		const char *problem;
	} floods[] = {
		{"", "ok\n", RP_TAP_TESTS_MAX + 1, "more than"},
		{"1..1\nok\n  ---\n  metrics:\n", "    - {name: a, value: 1}\n",
			RP_TAP_METRICS_MAX + 1, ""},
		{"1..1\nok\n  ---\n", "  - [\n", 100000, ""},
		{"1..1\n", "ok 1\n  ---\n", RP_TAP_TESTS_MAX, "test 1 came where 2"},
		{"1..1\nok 1 - ", "x", 100000, ""},
	};

	for (size_t i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		rp_cleanup(free) char *text = repeat(floods[i].head, floods[i].item, floods[i].n);
		rp_cleanup(tap) struct rp_tap tap = {0};

		assert_int_equal(rp_tap_parse(text, strlen(text), &tap), 0);
		assert_true(json_array_size(tap.tests) <= RP_TAP_TESTS_MAX);
		assert_true(json_array_size(tap.metrics) <= RP_TAP_METRICS_MAX);
		assert_non_null(strstr(tap.problem, floods[i].problem));
	}
}

static void test_too_many(void **state)
{
	rp_cleanup(free) char *metrics = repeat("1..1\nok\n  ---\n  metrics:\n",
		"    - {name: a, value: 1}\n", RP_TAP_METRICS_MAX + 1);
	rp_cleanup(free) char *closed = NULL;
	rp_cleanup(tap) struct rp_tap tap = {0};

	assert_true(asprintf(&closed, "%s  ...\n", metrics) > 0);
	assert_int_equal(rp_tap_parse(closed, strlen(closed), &tap), 0);
	assert_int_equal(json_array_size(tap.metrics), RP_TAP_METRICS_MAX);
	assert_non_null(strstr(tap.problem, "too many metrics"));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_skip_all),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests_name("agent/tap", all, NULL, NULL);
}
