/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where facts become judgements. It has to give the same again for its own output:
 * a check's verdict is an input (what its output and end said) and never gets better.
 */
#include "keys/verdict.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keys/report_kind.h"
#include "keys/taint.h"
#include "lib/cleanup.h"

enum rank { PASS, SKIP, FAIL, ERROR };

static const char *const words[] = {
	[PASS] = "pass", [SKIP] = "skip", [FAIL] = "fail", [ERROR] = "error"};

static enum rank rank_of(const char *word)
{
	enum rank rank = PASS;

	while (rank < ERROR && strcmp(words[rank], word) != 0)
		rank++;
	return rank;
}

static const char *string_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool is(const json_t *object, const char *key, const char *text)
{
	return strcmp(string_at(object, key), text) == 0;
}

static const json_t *find_named(const json_t *array, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (is(item, "name", name))
			return item;
	return NULL;
}

static int append(json_t *list, const char *prefix, const char *separator, const char *text)
{
	return json_array_append_new(list, json_sprintf("%s%s%s", prefix, separator, text));
}

/*
 * The worst value of a metric that a check gave (under one name perhaps several times): borrowed,
 * NULL where there is none.
 */
static const json_t *worst_value(const json_t *check, const char *metric, bool high_is_bad)
{
	const json_t *item, *worst = NULL;
	size_t i;

	json_array_foreach (json_object_get(check, "metrics"), i, item) {
		const json_t *value = json_object_get(item, "value");
		double a = json_number_value(value), b = json_number_value(worst);

		if (is(item, "name", metric) && (!worst || (high_is_bad ? a > b : a < b)))
			worst = value;
	}
	return worst;
}

/* The limits of the job on this check, judged. *ret_met: all of them hold. NULL: no memory. */
static json_t *judge_limits(const json_t *check, const json_t *limits, bool *ret_met)
{
	rp_cleanup(json) json_t *judged = json_array();
	const char *name = string_at(check, "name");
	size_t len = strlen(name), i;
	const json_t *limit;

	*ret_met = true;
	json_array_foreach (limits, i, limit) {
		const char *metric = string_at(limit, "metric");
		const char *kind = json_object_get(limit, "max") ? "max" : "min";
		const json_t *bound = json_object_get(limit, kind), *value;
		bool met, high_is_bad = kind[1] == 'a';
		json_t *entry;

		if (strncmp(metric, name, len) != 0 || metric[len] != '/')
			continue;
		value = worst_value(check, metric + len + 1, high_is_bad);
		met = value && (high_is_bad ? json_number_value(value) <= json_number_value(bound)
					    : json_number_value(value) >= json_number_value(bound));
		*ret_met = *ret_met && met;
		entry = json_pack("{s:s, s:O, s:O?, s:b}", "metric", metric, kind, bound, "value",
			value, "met", met);
		if (json_array_append_new(judged, entry) < 0)
			return NULL;
	}
	return rp_steal(judged);
}

struct tally {
	size_t passed, skipped, failed;
};

/* A test that is skipped or "todo" is a remark; "not ok" without either is a failure. */
static enum rank judge_test(const json_t *test)
{
	bool ok = json_is_true(json_object_get(test, "ok"));

	if (is(test, "directive", "skip"))
		return SKIP;
	if (!ok && is(test, "directive", "todo"))
		return SKIP;
	return ok ? PASS : FAIL;
}

static int list_tests(const json_t *check, struct rp_judgement *judgement, struct tally *tally)
{
	const json_t *test;
	size_t i;

	json_array_foreach (json_object_get(check, "tests"), i, test) {
		const char *description = string_at(test, "description");
		enum rank rank = judge_test(test);
		json_t *list = rank == PASS   ? judgement->passed
			       : rank == SKIP ? judgement->warned
					      : judgement->failed;
		char number[24];

		snprintf(number, sizeof(number), "%lld",
			(long long)json_integer_value(json_object_get(test, "number")));
		*(rank == PASS	       ? &tally->passed
			: rank == SKIP ? &tally->skipped
				       : &tally->failed) += 1;
		if (append(list, string_at(check, "name"), "/",
			    *description ? description : number) < 0)
			return -ENOMEM;
	}
	return 0;
}

bool rp_statement_exit_skips(const char *exit_result, json_int_t exit_status)
{
	return strcmp(exit_result, "exit-code") == 0 && (exit_status == 4 || exit_status == 77);
}

/* A skip may also be told by the exit status; a pass may not be told by anything but 0. */
static bool ended_well(const json_t *check, enum rank said)
{
	json_int_t status = json_integer_value(json_object_get(check, "exit_status"));

	return (is(check, "exit_result", "success") && status == 0) ||
	       (said == SKIP && rp_statement_exit_skips(string_at(check, "exit_result"), status));
}

#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Tests came from somewhere: what passed has an output. */
static bool has_output(const json_t *check)
{
	return !is(check, "output_sha256", "") && !is(check, "output_sha256", SHA256_OF_NOTHING);
}

static enum rank judge_check(const json_t *check, const struct tally *tally, bool limits_met)
{
	enum rank said = rank_of(string_at(check, "verdict"));

	if (said == ERROR)
		return ERROR;
	if (said == FAIL || tally->failed || !limits_met || !ended_well(check, said))
		return FAIL;
	if (said == SKIP || (tally->skipped && !tally->passed))
		return SKIP;
	if (!tally->passed)
		return FAIL;
	return has_output(check) ? PASS : ERROR;
}

static int list_limits(const json_t *check, const json_t *limits, struct rp_judgement *judgement)
{
	const json_t *limit;
	size_t i;

	json_array_foreach (limits, i, limit) {
		bool met = json_is_true(json_object_get(limit, "met"));

		if (append(met ? judgement->passed : judgement->failed, "limit:", "",
			    string_at(limit, "metric")) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* One check of the result, judged and listed. Returns its rank. */
static int add_check(const json_t *check, const json_t *limits, struct rp_judgement *judgement)
{
	rp_cleanup(json) json_t *copy = json_copy((json_t *)check);
	rp_cleanup(json) json_t *judged = NULL;
	struct tally tally = {0};
	enum rank rank;
	bool met;

	judged = judge_limits(check, limits, &met);
	if (!copy || !judged || list_tests(check, judgement, &tally) < 0 ||
		list_limits(check, judged, judgement) < 0)
		return -ENOMEM;
	rank = judge_check(check, &tally, met);
	/*
	 * A verdict that no test or limit of the lists explains is listed under the check's name.
	 */
	if ((rank == SKIP && !tally.skipped &&
		    append(judgement->warned, string_at(check, "name"), "", "") < 0) ||
		((rank == ERROR || (rank == FAIL && !tally.failed && met)) &&
			append(judgement->failed, string_at(check, "name"), "", "") < 0) ||
		json_object_set_new(copy, "verdict", json_string(words[rank])) < 0 ||
		json_object_set(copy, "limits", judged) < 0 ||
		json_array_append(judgement->checks, copy) < 0)
		return -ENOMEM;
	return (int)rank;
}

/* Keeps the first error: later ones tend to follow from it. */
static int set_error(struct rp_judgement *judgement, const char *stage, const char *what,
	const char *name, const char *message)
{
	if (judgement->error)
		return 0;
	judgement->error = json_pack("{s:s, s:o}", "stage", stage, "message",
		json_sprintf("%s %s: %s", what, name, message));
	return judgement->error ? 0 : -ENOMEM;
}

static int judge_modules(
	const struct rp_statement_parts *parts, struct rp_judgement *judgement, enum rank *worst)
{
	const json_t *wanted;
	size_t i;

	json_array_foreach (json_object_get(parts->job, "modules"), i, wanted) {
		const char *name = string_at(wanted, "name");
		const json_t *module = find_named(parts->modules, name);
		bool loaded = module && json_is_true(json_object_get(module, "loaded"));
		const char *message = module ? string_at(module, "message") : "";

		if (append(loaded ? judgement->passed : judgement->failed, "module:", "", name) < 0)
			return -ENOMEM;
		if (loaded)
			continue;
		*worst = ERROR;
		if (set_error(judgement, "agent", "module", name,
			    *message ? message
			    : module ? "was not loaded"
				     : "is missing from the result") < 0)
			return -ENOMEM;
	}
	return 0;
}

static int judge_checks(const struct rp_statement_parts *parts, struct rp_judgement *judgement,
	enum rank *worst, size_t *ret_not_skipped)
{
	const json_t *wanted;
	size_t i;

	json_array_foreach (json_object_get(parts->job, "checks"), i, wanted) {
		const char *name = string_at(wanted, "name"),
			   *message = "is missing from the result";
		const json_t *check = find_named(parts->checks, name);
		int rank = ERROR;

		if (check) {
			rank = add_check(check, json_object_get(parts->job, "limits"), judgement);
			message = *string_at(check, "message") ? string_at(check, "message")
				  : is(check, "verdict", "error")
					  ? "could not be run"
					  : "there is no digest of its output";
		} else if (append(judgement->failed, name, "", "") < 0) {
			return -ENOMEM;
		}
		if (rank < 0)
			return rank;
		if (rank == ERROR && set_error(judgement, "checks", "check", name, message) < 0)
			return -ENOMEM;
		if (rank != SKIP && (enum rank)rank > *worst)
			*worst = (enum rank)rank;
		*ret_not_skipped += rank != SKIP;
	}
	return 0;
}

static bool loaded_any(const json_t *modules)
{
	const json_t *module;
	size_t i;

	json_array_foreach (modules, i, module)
		if (json_is_true(json_object_get(module, "loaded")))
			return true;
	return false;
}

static int judge_taint(
	const struct rp_statement_parts *parts, struct rp_judgement *judgement, enum rank *worst)
{
	json_int_t tainted = json_integer_value(json_object_get(parts->kernel, "tainted"));
	uint64_t bits = rp_taint_unexplained((uint64_t)tainted, loaded_any(parts->modules));

	for (unsigned int bit = 0; bit < RP_TAINT_BITS; bit++) {
		char text[64];

		if (!(bits >> bit & 1))
			continue;
		rp_taint_describe(bit, text, sizeof(text));
		if (append(judgement->failed, "kernel:tainted", ": ", text) < 0)
			return -ENOMEM;
		if (*worst < FAIL)
			*worst = FAIL;
	}
	return 0;
}

/* What was not seen is no good sign: without the whole log there is no verdict. */
static int judge_log(
	const struct rp_statement_parts *parts, struct rp_judgement *judgement, enum rank *worst)
{
	const json_t *report;
	size_t i;

	if (is(parts->kernel, "log_sha256", "")) {
		*worst = ERROR;
		if (append(judgement->failed, "kernel:", "", "log") < 0 ||
			set_error(judgement, "checks", "kernel", "log", "it was not read") < 0)
			return -ENOMEM;
	}
	json_array_foreach (json_object_get(parts->kernel, "reports"), i, report) {
		bool lost = is(report, "kind", RP_REPORT_LOST);

		if (rp_report_expected(parts->job, string_at(report, "kind")))
			continue;
		if (append(judgement->failed, "kernel:", "", string_at(report, "kind")) < 0)
			return -ENOMEM;
		if (*worst < (lost ? ERROR : FAIL))
			*worst = lost ? ERROR : FAIL;
		if (lost && set_error(judgement, "checks", "kernel", "log",
				    string_at(report, "line")) < 0)
			return -ENOMEM;
	}
	return 0;
}

int rp_judge(const struct rp_statement_parts *parts, struct rp_judgement *ret, struct rp_error *err)
{
	rp_cleanup(judgement) struct rp_judgement judgement = {
		.checks = json_array(),
		.passed = json_array(),
		.warned = json_array(),
		.failed = json_array(),
		.error = json_incref((json_t *)parts->error),
	};
	enum rank worst = parts->error ? ERROR : PASS;
	size_t tried = 0;

	if (judge_modules(parts, &judgement, &worst) < 0 ||
		judge_checks(parts, &judgement, &worst, &tried) < 0 ||
		judge_log(parts, &judgement, &worst) < 0 ||
		judge_taint(parts, &judgement, &worst) < 0)
		return rp_error_memory(err);
	/* Modules alone can be what a job tries; skipped checks cannot. */
	if (worst == PASS && !tried &&
		(json_array_size(json_object_get(parts->job, "checks")) ||
			!json_array_size(json_object_get(parts->job, "modules"))))
		worst = SKIP;
	judgement.verdict = words[worst];
	judgement.result = worst == FAIL || worst == ERROR			? "FAILED"
			   : worst == SKIP || json_array_size(judgement.warned) ? "WARNED"
										: "PASSED";
	*ret = judgement;
	judgement = (struct rp_judgement){0};
	return 0;
}

void rp_judgement_done(struct rp_judgement *judgement)
{
	json_decref(judgement->checks);
	json_decref(judgement->passed);
	json_decref(judgement->warned);
	json_decref(judgement->failed);
	json_decref(judgement->error);
	*judgement = (struct rp_judgement){0};
}
