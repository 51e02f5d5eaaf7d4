/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pages/failures.h"

#include <stdbool.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "server/pages/html.h"

static bool has_failed(const json_t *check)
{
	const char *verdict = rp_json_string_or(check, "verdict", "");

	return !strcmp(verdict, "fail") || !strcmp(verdict, "error");
}

/* TAP 14: a test that is to be done, or was skipped, fails nothing whatever it says. */
static bool is_failure(const json_t *test)
{
	return !json_is_true(json_object_get(test, "ok")) &&
	       !*rp_json_string_or(test, "directive", "");
}

static void write_tests(FILE *out, const json_t *check)
{
	const json_t *test;
	size_t i;

	json_array_foreach (json_object_get(check, "tests"), i, test) {
		const char *reason = rp_json_string_or(test, "reason", "");

		if (!is_failure(test))
			continue;
		fputs("<p><span class=\"badge bad\">not ok ", out);
		rp_html_number(out, json_object_get(test, "number"));
		fputs("</span> <b>", out);
		rp_html_text(out, rp_json_string_or(test, "description", ""));
		fputs("</b></p>", out);
		if (*reason) {
			fputs("<pre>", out);
			rp_html_text(out, reason);
			fputs("</pre>", out);
		}
	}
}

static void write_limits(FILE *out, const json_t *check)
{
	const json_t *limit;
	size_t i;

	json_array_foreach (json_object_get(check, "limits"), i, limit) {
		const json_t *max = json_object_get(limit, "max");

		if (json_is_true(json_object_get(limit, "met")))
			continue;
		fputs("<p><span class=\"badge bad\">not met</span> <b>", out);
		rp_html_text(out, rp_json_string_or(limit, "metric", ""));
		fputs("</b> is ", out);
		rp_html_number(out, json_object_get(limit, "value"));
		fputs(max ? ", the plan wants at most " : ", the plan wants at least ", out);
		rp_html_number(out, max ? max : json_object_get(limit, "min"));
		fputs("</p>", out);
	}
}

static void write_check(FILE *out, const json_t *check)
{
	const char *message = rp_json_string_or(check, "message", "");

	fputs("<div class=\"check\"><div class=\"head\"><h3>", out);
	rp_html_text(out, rp_json_string_or(check, "name", ""));
	fputs("</h3>", out);
	rp_html_badge(out, rp_json_string_or(check, "verdict", ""));
	fputs("</div>\n", out);
	write_tests(out, check);
	write_limits(out, check);
	if (*message) {
		fputs("<p>", out);
		rp_html_text(out, message);
		fputs("</p>", out);
	}
	fputs("</div>\n", out);
}

static void write_module(FILE *out, const json_t *module)
{
	fputs("<p><span class=\"badge bad\">not loaded</span> module <b>", out);
	rp_html_text(out, rp_json_string_or(module, "name", ""));
	fputs("</b> ", out);
	rp_html_text(out, rp_json_string_or(module, "message", ""));
	fputs("</p>\n", out);
}

static void write_report(FILE *out, const json_t *report)
{
	fputs("<p><span class=\"badge bad\">kernel</span> <b>", out);
	rp_html_text(out, rp_json_string_or(report, "kind", "report"));
	fputs("</b></p><pre>", out);
	rp_html_text(out, rp_json_string_or(report, "line", ""));
	fputs("</pre>\n", out);
}

static bool is_expected(const json_t *proof, const json_t *report)
{
	const char *kind = rp_json_string_or(report, "kind", "");
	const json_t *expected;
	size_t i;

	json_array_foreach (json_object_get(proof, "expected_reports"), i, expected)
		if (json_is_string(expected) && !strcmp(json_string_value(expected), kind))
			return true;
	return false;
}

void rp_html_failures(FILE *out, const json_t *checks, const json_t *proof)
{
	const json_t *reports = json_object_get(json_object_get(proof, "kernel"), "reports");
	rp_cleanup(free) char *text = NULL;
	const json_t *entry;
	size_t size;
	size_t i;
	FILE *found = open_memstream(&text, &size);

	if (!found)
		return;
	json_array_foreach (checks, i, entry)
		if (has_failed(entry))
			write_check(found, entry);
	json_array_foreach (json_object_get(proof, "modules"), i, entry)
		if (!json_is_true(json_object_get(entry, "loaded")))
			write_module(found, entry);
	json_array_foreach (reports, i, entry)
		if (!is_expected(proof, entry))
			write_report(found, entry);
	fclose(found);
	if (text && *text)
		fprintf(out, "<section class=\"failed bad\"><h2>What failed</h2>\n%s</section>\n",
			text);
}
