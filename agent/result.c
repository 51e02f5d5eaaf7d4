/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/inventory.h"
#include "agent/tap.h"
#include "keys/dsse.h"
#include "keys/report_kind.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"

#define MESSAGE_MAX 512
#define SYSTEMD_STATUS 200 /* exit statuses from here on are systemd's: it could not even exec */

/* Any text, as JSON: messages are cut to size in places that know no UTF-8. */
static json_t *text_of(const char *text)
{
	char clean[MESSAGE_MAX];

	rp_printable_copy(clean, sizeof(clean), text, strlen(text));
	return json_string(clean);
}

json_t *rp_result_error(enum rp_stage stage, const char *message)
{
	return json_pack("{s:s, s:o}", "stage", rp_stage_text(stage), "message", text_of(message));
}

/* The exit is "success" where nothing exited; started, "", says so. */
json_t *rp_result_not_run(const char *name, const char *verdict, const char *message)
{
	return json_pack("{s:s, s:s, s:o, s:i, s:s, s:s, s:i, s:s, s:[], s:[]}", "name", name,
		"verdict", verdict, "message", text_of(message), "exit_status", 0, "exit_result",
		"success", "started", "", "duration_ms", 0, "output_sha256", "", "tests",
		"metrics");
}

struct judged {
	const char *verdict;
	char message[MESSAGE_MAX];
};

/* Why the first test that was skipped was; NULL: none was. */
static const char *skip_reason(const struct rp_tap *tap)
{
	const json_t *test;
	size_t i;

	if (tap->skip_all)
		return tap->skip_reason;
	json_array_foreach (tap->tests, i, test)
		if (strcmp(rp_json_string_or(test, "directive", ""), "skip") == 0)
			return rp_json_string_or(test, "reason", "");
	return NULL;
}

/* What a person needs to read first of all that went wrong. */
static void judge(const struct rp_unit_end *end, const struct rp_tap *tap, struct judged *ret)
{
	const char *words = end->last_words;
	bool success = strcmp(end->result, "success") == 0 && end->status == 0;
	const char *skipped = skip_reason(tap);

	ret->verdict = "fail";
	*ret->message = '\0';
	if (strcmp(end->result, "timeout") == 0)
		snprintf(ret->message, MESSAGE_MAX, "it did not end within its time");
	else if (strcmp(end->result, "oom-kill") == 0)
		snprintf(ret->message, MESSAGE_MAX, "it used more memory than it may");
	else if (strcmp(end->result, "signal") == 0 || strcmp(end->result, "core-dump") == 0)
		snprintf(ret->message, MESSAGE_MAX, "it was killed by signal %d (%s)", end->status,
			strsignal(end->status));
	else if (end->output_cut)
		snprintf(ret->message, MESSAGE_MAX, "it wrote more than %u bytes",
			RP_UNIT_OUTPUT_MAX);
	else if (*tap->failed)
		snprintf(ret->message, MESSAGE_MAX, "%s", tap->failed);
	else if (strcmp(end->result, "exit-code") == 0 && end->status == RP_CHECK_STARVED) {
		/* It found nothing, good or bad. */
		ret->verdict = "error";
		snprintf(ret->message, MESSAGE_MAX, "%s",
			*tap->problem ? tap->problem : "the machine did not let it run");
	} else if (*tap->problem)
		snprintf(ret->message, MESSAGE_MAX, "%s", tap->problem);
	else if (!success && !(skipped && rp_statement_exit_skips(end->result, end->status)))
		snprintf(ret->message, MESSAGE_MAX, "it exited with status %d (%s)", end->status,
			end->result);
	else
		ret->verdict = tap->skip_all || !success ? "skip" : "pass";
	if (strcmp(ret->verdict, "skip") == 0)
		snprintf(ret->message, MESSAGE_MAX, "%s", skipped);
	if (strcmp(ret->verdict, "fail") == 0 && *words) {
		size_t len = strlen(ret->message);

		snprintf(ret->message + len, MESSAGE_MAX - len, "; standard error ends: %s", words);
	}
}

json_t *rp_result_of_check(
	const char *name, int64_t started, int64_t duration_us, const struct rp_unit_end *end)
{
	rp_cleanup(tap) struct rp_tap tap = {0};
	char time[RP_TIME_TEXT], sha256[RP_SHA256_HEX];
	struct judged judged;

	if (end->error < 0)
		return rp_result_not_run(name, "error", end->message);
	if (strcmp(end->result, "exit-code") == 0 && end->status >= SYSTEMD_STATUS) {
		snprintf(judged.message, sizeof(judged.message),
			"systemd could not run it (status %d, see systemd.exec(5)): is the "
			"program in the image? %s",
			end->status, end->last_words);
		return rp_result_not_run(name, "error", judged.message);
	}
	if (rp_tap_parse(end->output, end->output_len, &tap) < 0 ||
		rp_sha256_hex(end->output, end->output_len, sha256) < 0)
		return NULL;
	judge(end, &tap, &judged);
	rp_clock_format(started, time);
	return json_pack("{s:s, s:s, s:o, s:i, s:s, s:s, s:I, s:s, s:O, s:O}", "name", name,
		"verdict", judged.verdict, "message", text_of(judged.message), "exit_status",
		end->status, "exit_result", end->result, "started", time, "duration_ms",
		(json_int_t)(duration_us / 1000), "output_sha256", sha256, "tests", tap.tests,
		"metrics", tap.metrics);
}

/* False where it cannot be read. */
static bool read_taint(const char *root, json_int_t *ret)
{
	rp_cleanup(free) char *path = rp_path("%s/proc/sys/kernel/tainted", root);
	rp_cleanup(file) FILE *file = path ? fopen(path, "re") : NULL;
	long long value = 0;

	if (!file || fscanf(file, "%19lld", &value) != 1 || value < 0)
		return false;
	*ret = value;
	return true;
}

json_t *rp_result_kernel(const char *root, const struct rp_kmsg *kmsg)
{
	rp_cleanup(free) char *line = rp_inventory_command_line(root);
	rp_cleanup(json) json_t *reports = kmsg ? json_copy(rp_kmsg_reports(kmsg)) : json_array();
	char sha256[RP_SHA256_HEX] = "";
	struct utsname name = {0};
	json_int_t taint = 0;

	uname(&name);
	if (!line || !reports || (kmsg && rp_kmsg_sha256(kmsg, sha256) < 0))
		return NULL;
	/* Unseen, it could be anything, and 0 says that all is well. */
	if (!read_taint(root, &taint) &&
		json_array_append_new(
			reports, json_pack("{s:s, s:s}", "kind", RP_REPORT_LOST, "line",
					 "/proc/sys/kernel/tainted could not be read")) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:O, s:I}", "release", name.release, "command_line", line,
		"log_sha256", sha256, "reports", reports, "tainted", taint);
}

/* The checks as errors, without what cannot be reported, and why it cannot. */
static json_t *withdraw(const json_t *checks, const char *why)
{
	rp_cleanup(json) json_t *list = json_array();
	const json_t *check;
	size_t i;

	json_array_foreach (checks, i, check) {
		json_t *copy = json_copy((json_t *)check);

		if (!copy || json_object_set_new(copy, "tests", json_array()) < 0 ||
			json_object_set_new(copy, "metrics", json_array()) < 0 ||
			json_object_set_new(copy, "verdict", json_string("error")) < 0 ||
			json_object_set_new(copy, "message", text_of(why)) < 0 ||
			json_array_append_new(list, copy) < 0)
			return NULL;
	}
	return rp_steal(list);
}

static int make_withdrawn(
	const struct rp_statement_parts *parts, const char *why, json_t **ret, struct rp_error *err)
{
	struct rp_statement_parts withdrawn = *parts;
	rp_cleanup(json) json_t *checks = withdraw(parts->checks, why);

	if (!checks)
		return rp_error_memory(err);
	withdrawn.checks = checks;
	return rp_statement_make(&withdrawn, ret, err);
}

static int make_bounded(const struct rp_statement_parts *parts, json_t **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(free) char *text = NULL;
	struct rp_error why = RP_ERROR_NONE;
	int r = rp_statement_make(parts, &statement, &why);

	/* A check may print what no verifier takes; then this is what there is to say. */
	if (r == -EINVAL)
		return make_withdrawn(parts, why.text, ret, err);
	if (r < 0)
		return rp_error_set(err, r, "%s", why.text);
	text = rp_json_canonical(statement);
	if (!text)
		return rp_error_memory(err);
	if (strlen(text) > RP_RESULT_MAX)
		return make_withdrawn(
			parts, "the checks gave more results than can be reported", ret, err);
	*ret = rp_steal(statement);
	return 0;
}

int rp_result_sign(const struct rp_statement_parts *parts, EVP_PKEY *boot_key,
	json_t **ret_envelope, char ret_verdict[8], struct rp_error *err)
{
	rp_cleanup(json) json_t *statement = NULL;
	int r = make_bounded(parts, &statement, err);

	if (r == 0)
		r = rp_dsse_sign_json(boot_key, RP_TYPE_INTOTO, statement, ret_envelope, err);
	if (r == 0)
		snprintf(ret_verdict, 8, "%s", rp_statement_verdict(statement));
	return r;
}
