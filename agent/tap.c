/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/tap_yaml.h"
#include "lib/cleanup.h"
#include "lib/printable.h"

struct line {
	const char *text; /* not NUL-terminated */
	size_t len;
};

struct parser {
	const char *at, *end;
	struct rp_tap tap;
	long long plan; /* -1: none yet */
	long long seen; /* tests */
	/* the first test out of its place, and what that place was; 0: all in order */
	long long displaced, displaced_at;
	bool plan_done;	  /* a plan that came after tests: nothing may follow */
	bool after_test;  /* the line before was a test line */
	bool last_failed; /* tap.failed speaks of the last test */
	bool bailed;
	struct rp_tap_yaml yaml;
};

/* The first thing wrong is what a person needs: others follow from it. */
__attribute__((format(printf, 2, 3))) static void complain(
	struct parser *parser, const char *format, ...)
{
	va_list args;

	if (*parser->tap.problem)
		return;
	va_start(args, format);
	vsnprintf(parser->tap.problem, sizeof(parser->tap.problem), format, args);
	va_end(args);
}

/* A carriage return alone ends a line as well: what shows its progress stays on one. */
static bool next_line(struct parser *parser, struct line *ret)
{
	const char *at = parser->at;

	if (at >= parser->end)
		return false;
	while (at < parser->end && *at != '\n' && *at != '\r')
		at++;
	ret->text = parser->at;
	ret->len = (size_t)(at - parser->at);
	if (parser->end - at > 1 && at[0] == '\r' && at[1] == '\n')
		at++;
	parser->at = at < parser->end ? at + 1 : at;
	return true;
}

static bool starts_with(struct line line, const char *prefix)
{
	return line.len >= strlen(prefix) && memcmp(line.text, prefix, strlen(prefix)) == 0;
}

static void advance(struct line *line, size_t n)
{
	line->text += n;
	line->len -= n;
}

static void skip_space(struct line *line)
{
	while (line->len && isblank((unsigned char)*line->text))
		advance(line, 1);
}

/* Digits, at most 9 of them; -1 where there are none (nothing is skipped), or too many. */
static long long read_number(struct line *line)
{
	long long value = 0;
	size_t n = 0;

	while (n < line->len && isdigit((unsigned char)line->text[n]) && n < 10)
		value = value * 10 + (line->text[n++] - '0');
	if (n == 0 || n == 10)
		return -1;
	advance(line, n);
	return value;
}

/* "\#" and "\\" stand for "#" and "\" (in place: text never gets longer). */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '\\' && (from[1] == '#' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*to = '\0';
}

static void trim_end(char *text)
{
	size_t len = strlen(text);

	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
}

/* Where a directive begins: "#" after white space that is not escaped. line.len: there is none. */
static size_t find_directive(struct line line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.text[i] == '\\')
			i++;
		else if (line.text[i] == '#' &&
			 (i == 0 || isblank((unsigned char)line.text[i - 1])))
			return i;
	}
	return line.len;
}

struct test {
	long long number;
	bool ok;
	char description[RP_TAP_TEXT], reason[RP_TAP_TEXT];
	const char *directive;
};

static const struct {
	const char *word, *directive;
	bool failed; /* whatever "ok" says */
	bool exact;  /* in capitals, and nothing but white space behind it */
} directives[] = {
	{"skip", "skip"},
	{"skipped", "skip"},
	{"todo", "todo"},
	/* KTAP. Its TIMEOUT and ERROR are its own: in any other form they are someone's remark. */
	{"xfail", "todo"},
	{"TIMEOUT", "", .failed = true, .exact = true},
	{"ERROR", "", .failed = true, .exact = true},
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* line stands behind the "#". An unknown word is a comment, as TAP has it. */
static void read_directive(struct line line, struct test *test)
{
	size_t len = 0;

	skip_space(&line);
	while (len < line.len && is_word(line.text[len]))
		len++;
	for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++) {
		bool spaced = len == line.len || isblank((unsigned char)line.text[len]);

		if (strlen(directives[i].word) != len ||
			strncasecmp(line.text, directives[i].word, len) != 0)
			continue;
		if (directives[i].exact &&
			(!spaced || memcmp(line.text, directives[i].word, len) != 0))
			continue;
		/* "Skip:" */
		while (len < line.len && !isblank((unsigned char)line.text[len]))
			len++;
		advance(&line, len);
		skip_space(&line);
		test->directive = directives[i].directive;
		test->ok = test->ok && !directives[i].failed;
		rp_printable_copy(test->reason, sizeof(test->reason), line.text, line.len);
		trim_end(test->reason);
		unescape(test->reason);
		return;
	}
}

static int add_test(struct parser *parser, const struct test *test)
{
	struct rp_tap *tap = &parser->tap;

	if (json_array_size(tap->tests) >= RP_TAP_TESTS_MAX) {
		complain(parser, "more than %d tests", RP_TAP_TESTS_MAX);
		return 0;
	}
	parser->last_failed = !test->ok && !*test->directive && !*tap->failed;
	if (parser->last_failed)
		snprintf(tap->failed, sizeof(tap->failed), "test %lld failed: %.200s", test->number,
			test->description);
	return json_array_append_new(tap->tests,
		       json_pack("{s:I, s:b, s:s, s:s, s:s}", "number", (json_int_t)test->number,
			       "ok", test->ok, "description", test->description, "directive",
			       test->directive, "reason", test->reason)) < 0
		       ? -ENOMEM
		       : 0;
}

/* line stands behind "ok" or "not ok". */
static int read_test(struct parser *parser, struct line line, bool ok)
{
	struct test test = {.ok = ok, .directive = ""};
	size_t hash;

	skip_space(&line);
	test.number = read_number(&line);
	parser->seen++;
	parser->after_test = true;
	if (test.number < 0)
		test.number = parser->seen;
	if (test.number != parser->seen && !parser->displaced_at) {
		parser->displaced = test.number;
		parser->displaced_at = parser->seen;
	}
	if (parser->plan_done)
		complain(parser, "test %lld came after the plan at the end", test.number);
	skip_space(&line);
	if (starts_with(line, "- "))
		advance(&line, 2);
	else if (line.len == 1 && *line.text == '-')
		advance(&line, 1);
	hash = find_directive(line);
	rp_printable_copy(test.description, sizeof(test.description), line.text, hash);
	trim_end(test.description);
	unescape(test.description);
	if (hash < line.len)
		read_directive((struct line){line.text + hash + 1, line.len - hash - 1}, &test);
	return add_test(parser, &test);
}

static int read_ok(struct parser *parser, struct line line)
{
	return read_test(parser, line, true);
}

static int read_not_ok(struct parser *parser, struct line line)
{
	return read_test(parser, line, false);
}

/* "1...2...3" is no plan. */
static bool is_plan(struct line line)
{
	while (line.len && isdigit((unsigned char)*line.text))
		advance(&line, 1);
	return line.len == 0 || isblank((unsigned char)*line.text) || *line.text == '#';
}

static int read_plan(struct parser *parser, struct line line)
{
	long long n;

	if (!is_plan(line))
		return 0;
	n = read_number(&line);
	if (n < 0) {
		complain(parser, "a plan without a number of tests");
		return 0;
	}
	if (parser->plan >= 0) {
		complain(parser, "two plans");
		return 0;
	}
	parser->plan = n;
	parser->plan_done = parser->seen > 0;
	parser->tap.skip_all = n == 0;
	skip_space(&line);
	if (n == 0 && starts_with(line, "#")) {
		struct test test = {.directive = ""};

		advance(&line, 1);
		read_directive(line, &test);
		if (!*test.directive) {
			skip_space(&line);
			rp_printable_copy(test.reason, sizeof(test.reason), line.text, line.len);
		}
		memcpy(parser->tap.skip_reason, test.reason, sizeof(test.reason));
	}
	return 0;
}

static int read_bail_out(struct parser *parser, struct line line)
{
	char reason[RP_TAP_TEXT];

	skip_space(&line);
	rp_printable_copy(reason, sizeof(reason), line.text, line.len);
	parser->bailed = true;
	complain(parser, "bailed out%s%.200s", *reason ? ": " : "", reason);
	return 0;
}

/* Why the last test failed, as its YAML block says it. */
static int explain(struct parser *parser, const char *message)
{
	struct rp_tap *tap = &parser->tap;
	json_t *test = json_array_get(tap->tests, json_array_size(tap->tests) - 1);

	/* Tests beyond RP_TAP_TESTS_MAX were seen, but are not there. */
	if ((long long)json_array_size(tap->tests) != parser->seen || !test || !*message ||
		json_is_true(json_object_get(test, "ok")) ||
		*json_string_value(json_object_get(test, "reason")))
		return 0;
	if (parser->last_failed)
		snprintf(tap->failed, sizeof(tap->failed), "test %lld failed: %.80s: %.120s",
			(long long)json_integer_value(json_object_get(test, "number")),
			json_string_value(json_object_get(test, "description")), message);
	return json_object_set_new(test, "reason", json_string(message)) < 0 ? -ENOMEM : 0;
}

/* line is text, with white space behind it at most. */
static bool is_marker(struct line line, const char *text)
{
	if (!starts_with(line, text))
		return false;
	advance(&line, strlen(text));
	skip_space(&line);
	return line.len == 0;
}

/*
 * Whether a block that begins here ends, too: at its mark, before any line that is not indented.
 * Else what began it was output, and so is what follows: no test line may be swallowed.
 */
static bool is_block(const struct parser *parser)
{
	struct parser ahead = *parser;
	struct line line;

	while (next_line(&ahead, &line)) {
		if (is_marker(line, "  ..."))
			return true;
		if (!starts_with(line, "  ") && !is_marker(line, ""))
			return false;
	}
	return false;
}

/* The lines up to "  ...", without their indent of two. */
static int read_block(struct parser *parser)
{
	const char *start = parser->at;
	rp_cleanup(free) char *block = malloc((size_t)(parser->end - start) + 1);
	char problem[RP_TAP_TEXT] = "", message[RP_TAP_TEXT] = "";
	struct line line;
	size_t len = 0;
	int r;

	if (!block)
		return -ENOMEM;
	while (next_line(parser, &line) && !is_marker(line, "  ...")) {
		if (line.len + len > RP_TAP_YAML_MAX) {
			complain(parser, "test %lld: YAML block too large", parser->seen);
			continue;
		}
		if (starts_with(line, "  "))
			advance(&line, 2);
		memcpy(block + len, line.text, line.len);
		len += line.len;
		block[len++] = '\n';
	}
	r = rp_tap_yaml_read(block, len, &parser->yaml, message, problem, sizeof(problem));
	if (r == -EINVAL) {
		char text[RP_TAP_TEXT];

		rp_printable_copy(text, sizeof(text), problem, strlen(problem));
		complain(parser, "test %lld: %.200s", parser->seen, text);
	}
	return r == -ENOMEM ? r : explain(parser, message);
}

static int ignore(struct parser *parser, struct line line)
{
	return 0;
}

/* Tried in this order; what is none of them is a diagnostic. */
static const struct {
	const char *prefix;
	int (*read)(struct parser *parser, struct line line);
} line_kinds[] = {
	{" ", ignore},
	{"\t", ignore},
	{"#", ignore},
	{"TAP version", ignore},
	{"KTAP version", ignore},
	{"1..", read_plan},
	{"not ok", read_not_ok},
	{"ok", read_ok},
	{"pragma ", ignore},
};

/* "ok", but not "okay" */
static bool is_kind(struct line line, const char *prefix)
{
	size_t len = strlen(prefix);

	return starts_with(line, prefix) &&
	       (line.len == len || !islower((unsigned char)prefix[len - 1]) ||
		       isblank((unsigned char)line.text[len]));
}

/* In a subtest it ends the whole run as well, and letters of either case are the same. */
static bool take_bail_out(struct line *line)
{
	static const char words[] = "Bail out!";
	struct line found = *line;

	skip_space(&found);
	if (found.len < strlen(words) || strncasecmp(found.text, words, strlen(words)) != 0)
		return false;
	advance(&found, strlen(words));
	*line = found;
	return true;
}

static int read_line(struct parser *parser, struct line line)
{
	bool after_test = parser->after_test;

	parser->after_test = false;
	if (after_test && is_marker(line, "  ---") && is_block(parser))
		return read_block(parser);
	if (take_bail_out(&line))
		return read_bail_out(parser, line);
	for (size_t i = 0; i < sizeof(line_kinds) / sizeof(*line_kinds); i++) {
		size_t len = strlen(line_kinds[i].prefix);

		if (is_kind(line, line_kinds[i].prefix)) {
			advance(&line, len);
			return line_kinds[i].read(parser, line);
		}
	}
	return 0;
}

/*
 * In any order, but each once and none left out. Where they are not, tests are numbered as they
 * came: a result names none twice.
 */
static int check_numbers(struct parser *parser)
{
	size_t n = json_array_size(parser->tap.tests), i, found = 0;
	rp_cleanup(free) bool *seen = calloc(n + 1, sizeof(*seen));
	json_t *test;

	if (!seen)
		return -ENOMEM;
	json_array_foreach (parser->tap.tests, i, test) {
		json_int_t number = json_integer_value(json_object_get(test, "number"));

		if (number < 1 || number > (json_int_t)n || seen[number])
			continue;
		seen[number] = true;
		found++;
	}
	if (found == n)
		return 0;
	if (!parser->bailed)
		complain(parser, "test %lld came where %lld was expected", parser->displaced,
			parser->displaced_at);
	json_array_foreach (parser->tap.tests, i, test)
		if (json_object_set_new(test, "number", json_integer((json_int_t)i + 1)) < 0)
			return -ENOMEM;
	return 0;
}

static void check_plan(struct parser *parser)
{
	if (parser->bailed)
		return;
	if (parser->plan < 0)
		complain(parser, parser->seen ? "no plan (1..N): it may have ended early"
					      : "no TAP in the output");
	else if (parser->plan != parser->seen)
		complain(parser, "%lld tests were planned, %lld came", parser->plan, parser->seen);
}

int rp_tap_parse(const char *text, size_t len, struct rp_tap *ret)
{
	struct parser parser = {
		.at = text,
		.end = text + len,
		.tap = {.tests = json_array(), .metrics = json_array()},
		.plan = -1,
		.yaml = {.metrics_max = RP_TAP_METRICS_MAX, .samples_left = RP_TAP_SAMPLES_MAX},
	};
	struct line line;
	int r = parser.tap.tests && parser.tap.metrics ? 0 : -ENOMEM;

	parser.yaml.metrics = parser.tap.metrics;
	/* A byte order mark */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		parser.at += 3;
	while (r == 0 && !parser.bailed && next_line(&parser, &line))
		r = read_line(&parser, line);
	if (r == 0)
		r = check_numbers(&parser);
	if (r < 0) {
		rp_tap_done(&parser.tap);
		return r;
	}
	check_plan(&parser);
	*ret = parser.tap;
	return 0;
}

void rp_tap_done(struct rp_tap *tap)
{
	json_decref(tap->tests);
	json_decref(tap->metrics);
	*tap = (struct rp_tap){0};
}
