/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pages/report.h"

#include <errno.h>
#include <string.h>

#include "keys/evidence.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "server/pages/failures.h"
#include "server/pages/html.h"

struct report {
	const struct rp_report_source *source;
	FILE *out;
	const json_t *proof;	 /* rp_evidence_explain_json; NULL: nothing is proven */
	const json_t *statement; /* the signed one, with proof only */
	const char *refused; /* why the evidence does not hold; NULL: it does, or is not there */
};

void rp_report_source_done(struct rp_report_source *source)
{
	json_decref(source->job);
	json_decref(source->timeline);
	free(source->evidence);
	X509_free(source->root);
	*source = (struct rp_report_source){0};
}

static void element(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<%s>", name);
	rp_html_text(out, text);
	fprintf(out, "</%s>", name);
}

static const char *verdict_of(const struct report *report)
{
	const char *verdict;

	if (report->refused)
		return "NOT VALID";
	if (report->proof)
		return rp_json_string_or(report->proof, "verdict", "error");
	verdict = rp_json_string_or(report->source->job, "verdict", "");
	return *verdict ? verdict : rp_json_string_or(report->source->job, "state", "unknown");
}

static void count_tests(const json_t *checks, size_t *ret_tests, size_t *ret_ok)
{
	const json_t *check;
	const json_t *test;
	size_t i;
	size_t j;

	json_array_foreach (checks, i, check)
		json_array_foreach (json_object_get(check, "tests"), j, test) {
			++*ret_tests;
			*ret_ok += json_is_true(json_object_get(test, "ok"));
		}
}

/* The one sentence that a reader in a hurry takes away. */
static void write_summary(const struct report *report)
{
	const json_t *checks = rp_statement_checks(report->statement);
	FILE *out = report->out;
	size_t tests = 0;
	size_t ok = 0;

	fputs("<p>", out);
	if (report->refused) {
		fputs("The evidence does not hold, and proves nothing: ", out);
		rp_html_text(out, report->refused);
	} else if (report->proof) {
		count_tests(checks, &tests, &ok);
		fprintf(out, "%zu of %zu tests ok in %zu check%s. ", ok, tests,
			json_array_size(checks), json_array_size(checks) == 1 ? "" : "s");
		fputs("Signed, logged and verified against the lab's root: assurance ", out);
		rp_html_badge(out, rp_json_string_or(report->proof, "assurance", "none"));
	} else if (report->source->refresh_s) {
		fputs("Not finished yet; this page follows it.", out);
	} else {
		fputs("There is no signed result: what stands here is the lab server's word only.",
			out);
	}
	fputs("</p>\n", out);
}

static void write_head(const struct report *report)
{
	const json_t *job = report->source->job;
	const char *verdict = verdict_of(report);
	FILE *out = report->out;

	fprintf(out, "<section class=\"verdict %s\"><div class=\"word\">", rp_html_tone(verdict));
	rp_html_text(out, verdict);
	fputs("</div><div><h1>", out);
	rp_html_text(out, rp_json_string_or(job, "plan", "A job"));
	fputs(" on ", out);
	rp_html_text(
		out, rp_json_string_or(job, "rig", rp_json_string_or(report->proof, "rig", "?")));
	fputs("</h1>", out);
	write_summary(report);
	fputs("<p class=\"soft small\">job <span class=\"mono\">", out);
	rp_html_text(
		out, rp_json_string_or(job, "job", rp_json_string_or(report->proof, "job", "-")));
	fputs("</span>, image ", out);
	rp_html_text(out, rp_json_string_or(job, "image", "-"));
	fputs(", started ", out);
	rp_html_time(out, rp_json_string_or(job, "started", ""));
	fputs("</p></div></section>\n", out);
}

/* "error" is the lab's fault, and named by stage; "fail" is the fault of what was tested. */
static void write_error(const struct report *report)
{
	const json_t *error = json_object_get(report->proof, "error");
	FILE *out = report->out;

	if (!json_is_object(error))
		error = json_object_get(report->source->job, "error");
	if (!json_is_object(error))
		return;
	fputs("<section><h2>What went wrong in the lab</h2><p>Stage <b>", out);
	rp_html_text(out, rp_json_string_or(error, "stage", "?"));
	fputs("</b>: ", out);
	rp_html_text(out, rp_json_string_or(error, "message", ""));
	fputs("</p></section>\n", out);
}

static void write_sentences(FILE *out, const char *title, const json_t *list)
{
	const json_t *sentence;
	size_t i;

	fputs("<section>", out);
	element(out, "h2", title);
	fputs("<ul>", out);
	json_array_foreach (list, i, sentence)
		element(out, "li", json_string_value(sentence) ? json_string_value(sentence) : "");
	fputs("</ul></section>\n", out);
}

static void write_proof(const struct report *report)
{
	if (!report->proof)
		return;
	fputs("<div class=\"two\">", report->out);
	write_sentences(report->out, "Proven", json_object_get(report->proof, "proven"));
	write_sentences(report->out, "Not proven", json_object_get(report->proof, "not_proven"));
	fputs("</div>\n", report->out);
}

static void write_timeline(const struct report *report)
{
	const json_t *events = json_object_get(report->source->timeline, "events");
	const json_t *event;
	FILE *out = report->out;
	size_t i;

	if (!report->source->timeline)
		return;
	fputs("<section><h2>From power-on to the result</h2>\n", out);
	rp_html_stages(out, report->source->timeline);
	if (json_array_size(events)) {
		fprintf(out,
			"<details><summary>Events: %zu</summary><div class=\"scroll\"><table>\n",
			json_array_size(events));
		json_array_foreach (events, i, event) {
			fputs("<tr><td class=\"mono\">", out);
			rp_html_time(out, rp_json_string_or(event, "time", ""));
			fputs("</td><td>", out);
			rp_html_text(out, rp_json_string_or(event, "stage", ""));
			fputs("</td><td>", out);
			rp_html_text(out, rp_json_string_or(event, "message", ""));
			fputs("</td></tr>\n", out);
		}
		fputs("</table></div></details>", out);
	}
	fputs("</section>\n", out);
}

/* The limits that the plan sets for a metric, named "check/metric" or by the metric alone. */
static void write_limits(FILE *out, const json_t *limits, const char *check, const char *metric)
{
	const json_t *limit;
	size_t len = strlen(check);
	size_t i;

	json_array_foreach (limits, i, limit) {
		const char *name = rp_json_string_or(limit, "metric", "");
		const json_t *max = json_object_get(limit, "max");
		bool met = json_is_true(json_object_get(limit, "met"));

		if (!strncmp(name, check, len) && name[len] == '/')
			name += len + 1;
		if (strcmp(name, metric) != 0)
			continue;
		fputs(max ? "at most " : "at least ", out);
		rp_html_number(out, max ? max : json_object_get(limit, "min"));
		fputc(' ', out);
		rp_html_badge(out, met ? "met" : "not met");
		fputc(' ', out);
	}
}

static void write_metrics(FILE *out, const json_t *check)
{
	const json_t *metrics = json_object_get(check, "metrics");
	const json_t *metric;
	size_t i;

	if (!json_array_size(metrics))
		return;
	fputs("<div class=\"scroll\"><table class=\"metrics\"><tr><th>metric</th><th "
	      "class=\"n\">value</th><th>unit"
	      "</th><th>better</th><th>limit</th><th>samples</th></tr>\n",
		out);
	json_array_foreach (metrics, i, metric) {
		const char *name = rp_json_string_or(metric, "name", "");

		fputs("<tr><td>", out);
		rp_html_text(out, name);
		fputs("</td><td class=\"n\"><b>", out);
		rp_html_number(out, json_object_get(metric, "value"));
		fputs("</b></td><td>", out);
		rp_html_text(out, rp_json_string_or(metric, "unit", ""));
		fputs("</td><td class=\"soft\">", out);
		rp_html_text(out, rp_json_string_or(metric, "better", ""));
		fputs("</td><td>", out);
		write_limits(out, json_object_get(check, "limits"),
			rp_json_string_or(check, "name", ""), name);
		fputs("</td><td>", out);
		rp_html_sparkline(out, json_object_get(metric, "samples"));
		fputs("</td></tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void write_tests(FILE *out, const json_t *check)
{
	const json_t *tests = json_object_get(check, "tests");
	const json_t *test;
	size_t ok = 0;
	size_t i;

	json_array_foreach (tests, i, test)
		ok += json_is_true(json_object_get(test, "ok"));
	if (!json_array_size(tests))
		return;
	fprintf(out,
		"<details%s><summary>%zu of %zu tests ok</summary><div class=\"scroll\"><table>\n",
		ok < json_array_size(tests) ? " open" : "", ok, json_array_size(tests));
	json_array_foreach (tests, i, test) {
		const char *directive = rp_json_string_or(test, "directive", "");
		const char *reason = rp_json_string_or(test, "reason", "");

		fputs("<tr><td class=\"n soft\">", out);
		rp_html_number(out, json_object_get(test, "number"));
		fputs("</td><td>", out);
		rp_html_badge(out, *directive				       ? directive
				   : json_is_true(json_object_get(test, "ok")) ? "ok"
									       : "not ok");
		fputs("</td><td>", out);
		rp_html_text(out, rp_json_string_or(test, "description", ""));
		if (*reason) {
			fputs(" <span class=\"soft\">", out);
			rp_html_text(out, reason);
			fputs("</span>", out);
		}
		fputs("</td></tr>\n", out);
	}
	fputs("</table></div></details>\n", out);
}

static void write_checks(const struct report *report)
{
	const json_t *checks = rp_statement_checks(report->statement);
	const json_t *check;
	FILE *out = report->out;
	size_t i;

	if (!json_array_size(checks))
		return;
	fputs("<section><h2>Checks</h2>\n", out);
	json_array_foreach (checks, i, check) {
		const char *message = rp_json_string_or(check, "message", "");

		fputs("<div class=\"check\"><div class=\"head\">", out);
		element(out, "h3", rp_json_string_or(check, "name", ""));
		rp_html_badge(out, rp_json_string_or(check, "verdict", ""));
		fputs("<span class=\"soft small\">", out);
		rp_html_duration(out, json_integer_value(json_object_get(check, "duration_ms")));
		fputs("</span></div>\n", out);
		if (*message)
			element(out, "p", message);
		write_metrics(out, check);
		write_tests(out, check);
		fputs("</div>\n", out);
	}
	fputs("</section>\n", out);
}

static void row(FILE *out, const char *name, const char *value)
{
	fputs("<tr><td class=\"soft\">", out);
	rp_html_text(out, name);
	fputs("</td><td class=\"mono\">", out);
	rp_html_text(out, *value ? value : "-");
	fputs("</td></tr>\n", out);
}

static void write_what_ran(const struct report *report)
{
	const json_t *image = json_object_get(report->proof, "image");
	const json_t *kernel = json_object_get(report->proof, "kernel");
	const json_t *entry;
	FILE *out = report->out;
	size_t i;

	if (!report->proof)
		return;
	fputs("<section><h2>What ran</h2><div class=\"scroll\"><table>\n", out);
	row(out, "image", rp_json_string_or(image, "name", ""));
	row(out, "its SHA-256", rp_json_string_or(image, "sha256", ""));
	row(out, "kernel", rp_json_string_or(kernel, "release", ""));
	row(out, "command line", rp_json_string_or(kernel, "command_line", ""));
	json_array_foreach (json_object_get(report->proof, "modules"), i, entry) {
		const char *message = rp_json_string_or(entry, "message", "");

		fputs("<tr><td class=\"soft\">module ", out);
		rp_html_text(out, rp_json_string_or(entry, "name", ""));
		fputs("</td><td><span class=\"mono\">", out);
		rp_html_text(out, rp_json_string_or(entry, "sha256", ""));
		fputs("</span> ", out);
		rp_html_badge(out,
			json_is_true(json_object_get(entry, "loaded")) ? "loaded" : "not loaded");
		fputc(' ', out);
		rp_html_text(out, message);
		fputs("</td></tr>\n", out);
	}
	json_array_foreach (json_object_get(kernel, "reports"), i, entry) {
		fputs("<tr><td class=\"soft\">kernel report</td><td class=\"mono\">", out);
		rp_html_badge(out, rp_json_string_or(entry, "kind", "report"));
		fputc(' ', out);
		rp_html_text(out, rp_json_string_or(entry, "line", ""));
		fputs("</td></tr>\n", out);
	}
	if (!json_array_size(json_object_get(kernel, "reports")))
		row(out, "kernel log", "no BUG, WARN, Oops, lockdep or KASAN report");
	fputs("</table></div></section>\n", out);
}

static void write_identity(const struct report *report)
{
	const json_t *log = json_object_get(report->proof, "log");
	const json_t *keys = json_object_get(report->proof, "keys");
	FILE *out = report->out;

	if (!report->proof)
		return;
	fputs("<section><h2>Signatures and digests</h2><div class=\"scroll\"><table>\n", out);
	row(out, "rig", rp_json_string_or(report->proof, "rig", ""));
	row(out, "job", rp_json_string_or(report->proof, "job", ""));
	row(out, "boot", rp_json_string_or(report->proof, "boot", ""));
	row(out, "nonce", rp_json_string_or(report->proof, "nonce", ""));
	row(out, "result, SHA-256", rp_json_string_or(report->proof, "result_sha256", ""));
	row(out, "lab root key", rp_json_string_or(keys, "root", ""));
	row(out, "job key", rp_json_string_or(keys, "job", ""));
	row(out, "boot key", rp_json_string_or(keys, "boot", ""));
	row(out, "log key", rp_json_string_or(keys, "log", ""));
	row(out, "log", rp_json_string_or(log, "origin", ""));
	fprintf(out, "<tr><td class=\"soft\">log entry</td><td>%lld of %lld</td></tr>\n",
		(long long)json_integer_value(json_object_get(log, "index")),
		(long long)json_integer_value(json_object_get(log, "size")));
	row(out, "log root", rp_json_string_or(log, "root", ""));
	fputs("</table></div></section>\n", out);
}

/* This page can be forged by anyone with an editor: say so, and how not to have to trust it. */
static void write_how_to_verify(const struct report *report)
{
	FILE *out = report->out;

	if (!report->proof)
		return;
	fputs("<section><h2>Do not trust this page</h2><p>It was made from evidence that anyone "
	      "can verify, offline, with the lab's root certificate and nothing else:</p><pre>"
	      "rigproof result evidence ",
		out);
	rp_html_text(out, rp_json_string_or(report->proof, "job", "JOB"));
	fputs(" -o evidence.json   # from the lab, or ask for the file\n"
	      "rigproof verify --root root.crt evidence.json</pre>"
	      "<p class=\"soft small\">It exits 0 only if every signature, digest, the nonce, the "
	      "place in the log and the verdict itself hold; after a change of any byte it exits "
	      "1. Get root.crt from the lab by a way that you trust, and compare its key: <span "
	      "class=\"mono\">",
		out);
	rp_html_text(out, rp_json_string_or(json_object_get(report->proof, "keys"), "root", "-"));
	fputs("</span></p></section>\n", out);
}

static void write_page(const struct report *report)
{
	char title[160];

	snprintf(title, sizeof(title), "%.20s: %.60s on %.60s", verdict_of(report),
		rp_json_string_or(report->source->job, "plan", "job"),
		rp_json_string_or(report->source->job, "rig", "a rig"));
	rp_html_begin(report->out, title, report->source->refresh_s);
	write_head(report);
	/* What a reader comes for, where something is wrong. */
	if (report->proof)
		rp_html_failures(
			report->out, rp_statement_checks(report->statement), report->proof);
	write_error(report);
	write_proof(report);
	write_timeline(report);
	write_checks(report);
	write_what_ran(report);
	write_identity(report);
	write_how_to_verify(report);
	rp_html_end(report->out);
}

int rp_report_html(const struct rp_report_source *source, char **ret, struct rp_error *err)
{
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(json) json_t *proof = NULL;
	rp_cleanup(free) char *page = NULL;
	struct report report = {.source = source};
	struct rp_error flaw = RP_ERROR_NONE;
	size_t size;

	if (source->evidence) {
		int r = rp_evidence_verify(
			source->evidence, source->evidence_len, source->root, &verified, &flaw);

		if (r < 0) {
			report.refused = *flaw.text ? flaw.text : strerror(-r);
		} else {
			proof = rp_evidence_explain_json(&verified);
			if (!proof)
				return rp_error_memory(err);
			report.proof = proof;
			report.statement = verified.statement;
		}
	}
	report.out = open_memstream(&page, &size);
	if (!report.out)
		return rp_error_memory(err);
	write_page(&report);
	if (fclose(report.out) != 0)
		return rp_error_memory(err);
	*ret = rp_steal(page);
	return 0;
}
