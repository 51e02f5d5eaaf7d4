/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/claim_judge.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keys/report_kind.h"
#include "keys/statement.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is(const json_t *object, const char *key, const char *text)
{
	return strcmp(text_of(object, key), text) == 0;
}

/* The object of a list whose key has this text; NULL: none. */
static const json_t *find(const json_t *list, const char *key, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (is(item, key, text))
			return item;
	return NULL;
}

__attribute__((format(printf, 3, 4))) static bool conclude(
	struct rp_claim_finding *finding, enum rp_claim_outcome outcome, const char *format, ...)
{
	va_list args;

	finding->outcome = outcome;
	va_start(args, format);
	vsnprintf(finding->reason, sizeof(finding->reason), format, args);
	va_end(args);
	return true;
}

/* The steps of a judgement, in their order. Each concludes, or leaves it to the next. */
struct trial {
	const struct rp_claim *claim;
	const struct rp_verified *evidence;
	const json_t *check; /* of the result, from find_check on */
	struct rp_claim_finding *finding;
};

static bool job_in_error(struct trial *trial)
{
	const json_t *error = rp_statement_error(trial->evidence->statement);

	if (strcmp(trial->evidence->verdict, "error") != 0)
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
		"the job ended in error at stage %s: %.120s", text_of(error, "stage"),
		text_of(error, "message"));
}

static bool other_plan(struct trial *trial)
{
	const char *plan = text_of(trial->evidence->job, "plan");

	if (!*trial->claim->plan || !strcmp(trial->claim->plan, plan))
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED, "the job's plan is %s, not %s", plan,
		trial->claim->plan);
}

static bool other_subject(struct trial *trial)
{
	const char *subject = trial->claim->subject;
	const json_t *entry, *module;

	if (!*subject)
		return false;
	entry = find(json_object_get(trial->evidence->statement, "subject"), "name", subject);
	if (!entry)
		return conclude(trial->finding, RP_CLAIM_NOT_MEASURED, "the result is not about %s",
			subject);
	trial->finding->subject_sha256 = text_of(json_object_get(entry, "digest"), "sha256");
	if (strncmp(subject, "module:", strlen("module:")) != 0)
		return false;
	module = find(rp_statement_modules(trial->evidence->statement), "name",
		subject + strlen("module:"));
	if (json_is_true(json_object_get(module, "loaded")))
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED, "%s was not loaded", subject);
}

static bool other_kernel(struct trial *trial)
{
	const char *release = text_of(rp_statement_kernel(trial->evidence->statement), "release");
	const char *kernel = trial->claim->kernel;
	size_t len = strlen(kernel);

	/* 6.12 does not begin with 6.1. */
	if (!len ||
		(!strncmp(release, kernel, len) && !(isdigit((unsigned char)kernel[len - 1]) &&
							   isdigit((unsigned char)release[len]))))
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED, "the kernel was %.64s, not %.64s",
		release, kernel);
}

static bool no_check(struct trial *trial)
{
	trial->check =
		find(rp_statement_checks(trial->evidence->statement), "name", trial->claim->check);
	if (trial->check)
		return false;
	return conclude(
		trial->finding, RP_CLAIM_NOT_MEASURED, "check %s was not run", trial->claim->check);
}

/* A check cut short, or that the kernel would not start, found nothing out. */
static bool check_did_not_end(struct trial *trial)
{
	const json_t *check = trial->check;

	if (is(check, "verdict", "skip"))
		return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
			"check %s was skipped: %.120s", trial->claim->check,
			text_of(check, "message"));
	if (!is(check, "verdict", "error") &&
		(is(check, "exit_result", "success") || is(check, "exit_result", "exit-code")))
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
		"check %s did not run to its end (%.32s): %.120s", trial->claim->check,
		text_of(check, "exit_result"), text_of(check, "message"));
}

static bool virtual_rig(struct trial *trial)
{
	const json_t *machine = find(
		rp_statement_checks(trial->evidence->statement), "name", RP_CLAIM_MACHINE_CHECK);
	const json_t *metric = NULL;
	bool none = true;
	size_t i;

	if (!trial->claim->physical)
		return false;
	json_array_foreach (json_object_get(machine, "metrics"), i, metric) {
		const json_t *value = json_object_get(metric, "value");

		if (!is(metric, "name", RP_CLAIM_MACHINE_METRIC))
			continue;
		none = false;
		/* Whatever else the check found: a hypervisor that was seen is there. */
		if (json_number_value(value) != 0)
			return conclude(trial->finding, RP_CLAIM_NOT_MEASURABLE,
				"the rig is virtual: no figure of it counts for this claim");
	}
	if (!none && is(machine, "verdict", "pass"))
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
		"nothing shows that the rig is physical: check %s must pass in the same job",
		RP_CLAIM_MACHINE_CHECK);
}

static bool within(const struct rp_claim *claim, double value)
{
	switch (claim->op) {
	case RP_CLAIM_AT_MOST:
		return value <= *claim->threshold;
	case RP_CLAIM_AT_LEAST:
		return value >= *claim->threshold;
	default:
		return value == *claim->threshold;
	}
}

/* A check may give a metric several times: one value that is not within refutes. */
static bool metric_refutes(struct trial *trial)
{
	const struct rp_claim *claim = trial->claim;
	struct rp_claim_finding *finding = trial->finding;
	const json_t *metric;
	size_t i;

	if (!*claim->metric)
		return false;
	json_array_foreach (json_object_get(trial->check, "metrics"), i, metric) {
		if (!is(metric, "name", claim->metric))
			continue;
		if (*claim->unit && !is(metric, "unit", claim->unit)) {
			finding->measured = false;
			return conclude(finding, RP_CLAIM_NOT_MEASURED,
				"%s/%s is in \"%.32s\", the claim in \"%.32s\"", claim->check,
				claim->metric, text_of(metric, "unit"), claim->unit);
		}
		finding->measured = true;
		finding->value = json_number_value(json_object_get(metric, "value"));
		finding->unit = text_of(metric, "unit");
		if (!within(claim, finding->value))
			return conclude(finding, RP_CLAIM_REFUTED, "%s/%s is not within the claim",
				claim->check, claim->metric);
	}
	if (finding->measured)
		return false;
	return conclude(finding, RP_CLAIM_NOT_MEASURED, "check %s gave no metric %s", claim->check,
		claim->metric);
}

/* "read-write" is the test "read-write: bytes, counts and positions ...". */
static bool is_test(const json_t *test, const char *name)
{
	const char *description = text_of(test, "description");
	size_t len = strlen(name);

	return !strncmp(description, name, len) && (!description[len] || description[len] == ':');
}

static bool test_refutes(struct trial *trial, const char *name)
{
	const json_t *test;
	bool ok = false;
	size_t i;

	json_array_foreach (json_object_get(trial->check, "tests"), i, test) {
		if (!is_test(test, name))
			continue;
		if (!is(test, "directive", ""))
			return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
				"test %s of check %s is marked %s: %.120s", name,
				trial->claim->check, text_of(test, "directive"),
				text_of(test, "reason"));
		if (!json_is_true(json_object_get(test, "ok")))
			return conclude(trial->finding, RP_CLAIM_REFUTED,
				"test %s of check %s is not ok", name, trial->claim->check);
		ok = true;
	}
	if (ok)
		return false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED, "check %s has no test %s",
		trial->claim->check, name);
}

/* A test that is not ok refutes, whatever became of those before it in the claim. */
static bool tests_refute(struct trial *trial)
{
	struct rp_claim_finding first = *trial->finding;
	bool concluded = false;

	for (unsigned i = 0; i < trial->claim->tests_count; i++) {
		if (!test_refutes(trial, trial->claim->tests[i]))
			continue;
		if (trial->finding->outcome == RP_CLAIM_REFUTED)
			return true;
		if (!concluded)
			first = *trial->finding;
		concluded = true;
	}
	*trial->finding = first;
	return concluded;
}

/* From here on only what may not count as proof. */
static bool check_failed(struct trial *trial)
{
	if (is(trial->check, "verdict", "pass"))
		return false;
	trial->finding->measured = false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
		"check %s failed: what it measured proves nothing", trial->claim->check);
}

static bool kernel_complained(struct trial *trial)
{
	const json_t *kernel = rp_statement_kernel(trial->evidence->statement);
	const json_t *report =
		rp_report_unexpected(trial->evidence->job, json_object_get(kernel, "reports"));

	if (!report)
		return false;
	trial->finding->measured = false;
	return conclude(trial->finding, RP_CLAIM_NOT_MEASURED,
		"the kernel reported a problem during the job (%.32s): what was measured proves "
		"nothing",
		text_of(report, "kind"));
}

static bool prove(struct trial *trial)
{
	const struct rp_claim *claim = trial->claim;

	if (*claim->metric)
		return conclude(trial->finding, RP_CLAIM_PROVEN, "%s/%s is within the claim",
			claim->check, claim->metric);
	return conclude(trial->finding, RP_CLAIM_PROVEN, "%u test%s of check %s ok",
		claim->tests_count, claim->tests_count == 1 ? "" : "s", claim->check);
}

static bool (*const steps[])(struct trial *trial) = {
	job_in_error,
	other_plan,
	other_subject,
	other_kernel,
	no_check,
	check_did_not_end,
	virtual_rig,
	metric_refutes,
	tests_refute,
	check_failed,
	kernel_complained,
	prove,
};

static void judge_one(const struct rp_claim *claim, const struct rp_verified *evidence,
	struct rp_claim_finding *finding)
{
	struct trial trial = {.claim = claim, .evidence = evidence, .finding = finding};
	unsigned step = 0;

	while (!steps[step](&trial))
		step++;
	finding->progress = step;
}

void rp_claim_judge(const struct rp_claim *claim, const struct rp_verified *evidence, size_t count,
	struct rp_claim_finding *ret)
{
	*ret = (struct rp_claim_finding){.evidence = count, .unit = "", .subject_sha256 = ""};
	if (!*claim->check) {
		conclude(ret, RP_CLAIM_NOT_MEASURABLE, "no check can judge it here");
		return;
	}
	if (!count)
		conclude(ret, RP_CLAIM_NOT_MEASURED, "no evidence");
	for (size_t i = 0; i < count; i++) {
		struct rp_claim_finding finding = {.evidence = i, .unit = "", .subject_sha256 = ""};

		judge_one(claim, &evidence[i], &finding);
		if (i == 0 || finding.outcome > ret->outcome ||
			(finding.outcome == ret->outcome && finding.progress > ret->progress))
			*ret = finding;
	}
}

const char *rp_claim_outcome_name(enum rp_claim_outcome outcome)
{
	static const char *const names[] = {
		[RP_CLAIM_NOT_MEASURED] = "not measured",
		[RP_CLAIM_NOT_MEASURABLE] = "not measurable here",
		[RP_CLAIM_PROVEN] = "proven",
		[RP_CLAIM_REFUTED] = "refuted",
	};

	return names[outcome];
}
