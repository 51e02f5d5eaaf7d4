/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims against evidence that was really signed and verified: each outcome, and each
 * way in which a figure must not count.
 */
#include "tests/unit/keys_lab.h"

#include "manifests/claim_judge.h"
#include "manifests/manifest.h"

static struct keys_lab lab;

static void verified(const struct draft *draft, struct rp_verified *ret)
{
	rp_cleanup(free) char *text = draft_make(draft, &lab);
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_evidence_verify(text, strlen(text), lab.root, ret, &err));
}

static struct rp_manifest *claim_of(const char *body)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_true(asprintf(&text, "kind: claim\nname: c\nsentence: s\n%s", body) > 0);
	assert_ok(rp_manifest_parse(body, text, strlen(text), &manifest, &err));
	return manifest;
}

struct row {
	const char *claim;
	enum rp_claim_outcome outcome;
	const char *reason; /* its beginning */
};

static void judge(const struct draft *draft, const struct row *row, struct rp_claim_finding *ret)
{
	rp_cleanup(verified) struct rp_verified evidence = {0};
	rp_cleanup(manifest) struct rp_manifest *manifest = claim_of(row->claim);

	memset(ret, 0xa5, sizeof(*ret));
	verified(draft, &evidence);
	rp_claim_judge(manifest->claim, &evidence, 1, ret);
	if (ret->outcome != row->outcome ||
		strncmp(ret->reason, row->reason, strlen(row->reason)) != 0)
		fail_msg("%s\n got: %s: %s\nwant: %s: %s", row->claim,
			rp_claim_outcome_name(ret->outcome), ret->reason,
			rp_claim_outcome_name(row->outcome), row->reason);
	if (*ret->subject_sha256)
		assert_string_equal(ret->subject_sha256,
			!strcmp(manifest->claim->subject, "module:xsc") ? SHA_B : SHA_A);
	ret->unit = ret->subject_sha256 = NULL; /* were the evidence's */
}

static void judge_rows(const struct draft *draft, const struct row *rows, size_t count)
{
	struct rp_claim_finding finding;

	for (size_t i = 0; i < count; i++)
		judge(draft, &rows[i], &finding);
}

#define JUDGE_ROWS(draft, rows) judge_rows(draft, rows, sizeof(rows) / sizeof((rows)[0]))

#define TRAPS "check: ring\nmetric: traps_per_op\n"
#define MAX_US "check: latency\nmetric: max\n" /* 41.5 us */

static void thresholds_are_inclusive(void **state)
{
	static const struct row rows[] = {
		{MAX_US "op: at_most\nthreshold: 41.5\n", RP_CLAIM_PROVEN, "latency/max is within"},
		{MAX_US "op: at_most\nthreshold: 41.4999999\n", RP_CLAIM_REFUTED,
			"latency/max is not within"},
		{MAX_US "op: at_least\nthreshold: 41.5\n", RP_CLAIM_PROVEN, ""},
		{MAX_US "op: at_least\nthreshold: 41.5000001\n", RP_CLAIM_REFUTED, ""},
		{MAX_US "op: equals\nthreshold: 41.5\n", RP_CLAIM_PROVEN, ""},
		{MAX_US "op: equals\nthreshold: 41.5000001\n", RP_CLAIM_REFUTED, ""},
		{TRAPS "op: at_most\nthreshold: 0\n", RP_CLAIM_PROVEN, ""},
		{TRAPS "op: at_least\nthreshold: 0\n", RP_CLAIM_PROVEN, ""},
		{TRAPS "op: at_least\nthreshold: 1e-9\n", RP_CLAIM_REFUTED, ""},
		{TRAPS "op: equals\nthreshold: -0.0\n", RP_CLAIM_PROVEN, ""},
	};

	JUDGE_ROWS(&(struct draft){0}, rows);
}

static void the_value_is_told(void **state)
{
	struct rp_claim_finding finding;

	judge(&(struct draft){0},
		&(struct row){MAX_US "op: at_most\nthreshold: 50\nunit: us\n", RP_CLAIM_PROVEN, ""},
		&finding);
	assert_true(finding.measured);
	assert_true(finding.value == 41.5);
	assert_int_equal(finding.evidence, 0);
}

static void what_is_not_there_is_not_measured(void **state)
{
	static const struct row rows[] = {
		{"check: other\nmetric: m\nop: equals\nthreshold: 0\n", RP_CLAIM_NOT_MEASURED,
			"check other was not run"},
		{"check: ring\nmetric: traps\nop: equals\nthreshold: 0\n", RP_CLAIM_NOT_MEASURED,
			"check ring gave no metric traps"},
		{MAX_US "op: at_most\nthreshold: 50\nunit: ms\n", RP_CLAIM_NOT_MEASURED,
			"latency/max is in \"us\", the claim in \"ms\""},
		{TRAPS "op: equals\nthreshold: 0\nplan: xsc\n", RP_CLAIM_NOT_MEASURED,
			"the job's plan is ring, not xsc"},
		{TRAPS "op: equals\nthreshold: 0\nplan: ring\n", RP_CLAIM_PROVEN, ""},
	};

	JUDGE_ROWS(&(struct draft){0}, rows);
}

static void the_subject_must_be_the_results(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: equals\nthreshold: 0\nsubject: module:xsc\n", RP_CLAIM_PROVEN, ""},
		{TRAPS "op: equals\nthreshold: 0\nsubject: image:node\n", RP_CLAIM_PROVEN, ""},
		{TRAPS "op: equals\nthreshold: 0\nsubject: module:node\n", RP_CLAIM_NOT_MEASURED,
			"the result is not about module:node"},
		{TRAPS "op: equals\nthreshold: 0\nsubject: image:xsc\n", RP_CLAIM_NOT_MEASURED,
			"the result is not about image:xsc"},
		{TRAPS "op: equals\nthreshold: 0\nsubject: module:xs\n", RP_CLAIM_NOT_MEASURED, ""},
	};

	JUDGE_ROWS(&(struct draft){0}, rows);
}

/* The release is 6.1.0-56-amd64. */
static void the_kernel_is_matched_by_whole_numbers(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: equals\nthreshold: 0\nkernel: 6.1\n", RP_CLAIM_PROVEN, ""},
		{TRAPS "op: equals\nthreshold: 0\nkernel: 6.1.0-56-amd64\n", RP_CLAIM_PROVEN, ""},
		{TRAPS "op: equals\nthreshold: 0\nkernel: 6.1.0-5\n", RP_CLAIM_NOT_MEASURED,
			"the kernel was 6.1.0-56-amd64, not 6.1.0-5"},
		{TRAPS "op: equals\nthreshold: 0\nkernel: 6.12\n", RP_CLAIM_NOT_MEASURED, ""},
	};

	JUDGE_ROWS(&(struct draft){0}, rows);
}

static void module_refused(json_t *modules, json_t *checks, json_t *kernel)
{
	json_object_set_new(json_array_get(modules, 0), "loaded", json_false());
	json_object_set_new(json_array_get(modules, 0), "errno", json_integer(8));
}

/* The checks passed all the same; but the lab, or the module, was not what it was to be. */
static void a_job_in_error_shows_nothing(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: equals\nthreshold: 0\n", RP_CLAIM_NOT_MEASURED,
			"the job ended in error"},
		{TRAPS "op: equals\nthreshold: 1\n", RP_CLAIM_NOT_MEASURED,
			"the job ended in error"},
		{"check: ring\ntests: [nop]\n", RP_CLAIM_NOT_MEASURED, "the job ended in error"},
	};

	JUDGE_ROWS(&(struct draft){.facts = module_refused}, rows);
}

static void second_test_fails(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *check = json_array_get(checks, 0);

	json_object_set_new(json_array_get(json_object_get(check, "tests"), 1), "ok", json_false());
	json_object_set_new(check, "exit_status", json_integer(1));
	json_object_set_new(check, "exit_result", json_string("exit-code"));
}

/* A figure within the claim is no proof then; one beyond it, or a failed test, still refutes. */
static void a_failed_check_proves_nothing(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: at_most\nthreshold: 0\n", RP_CLAIM_NOT_MEASURED, "check ring failed"},
		{TRAPS "op: at_least\nthreshold: 1\n", RP_CLAIM_REFUTED,
			"ring/traps_per_op is not"},
		{"check: ring\ntests: [nop]\n", RP_CLAIM_NOT_MEASURED, "check ring failed"},
		{"check: ring\ntests: [traps]\n", RP_CLAIM_REFUTED,
			"test traps of check ring is not ok"},
		{"check: ring\ntests: [nop, traps]\n", RP_CLAIM_REFUTED, ""},
		{"check: ring\ntests: [missing, traps]\n", RP_CLAIM_REFUTED, ""},
		{MAX_US "op: at_most\nthreshold: 50\n", RP_CLAIM_PROVEN, ""}, /* another check */
	};
	struct rp_claim_finding finding;

	JUDGE_ROWS(&(struct draft){.facts = second_test_fails}, rows);
	judge(&(struct draft){.facts = second_test_fails}, &rows[0], &finding);
	assert_false(finding.measured);
}

static void cut_short(json_t *modules, json_t *checks, json_t *kernel)
{
	second_test_fails(modules, checks, kernel);
	json_object_set_new(json_array_get(checks, 0), "exit_result", json_string("timeout"));
}

static void a_check_cut_short_refutes_nothing(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: at_least\nthreshold: 1\n", RP_CLAIM_NOT_MEASURED,
			"check ring did not run to its end (timeout)"},
		{"check: ring\ntests: [traps]\n", RP_CLAIM_NOT_MEASURED,
			"check ring did not run to its end (timeout)"},
	};

	JUDGE_ROWS(&(struct draft){.facts = cut_short}, rows);
}

static void skipped(json_t *modules, json_t *checks, json_t *kernel)
{
	json_object_set_new(json_array_get(checks, 0), "verdict", json_string("skip"));
	json_object_set_new(json_array_get(checks, 0), "message", json_string("no /dev/xsc"));
	json_object_set_new(json_array_get(checks, 0), "tests", json_array());
}

static void a_skipped_check_shows_nothing(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: at_most\nthreshold: 0\n", RP_CLAIM_NOT_MEASURED,
			"check ring was skipped: no /dev/xsc"},
	};

	JUDGE_ROWS(&(struct draft){.facts = skipped}, rows);
}

static void skipped_test(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *test = json_array_get(json_object_get(json_array_get(checks, 0), "tests"), 1);

	json_object_set_new(test, "directive", json_string("skip"));
	json_object_set_new(test, "reason", json_string("needs 2 CPUs"));
}

static void not_ok_todo(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *test = json_array_get(json_object_get(json_array_get(checks, 0), "tests"), 1);

	json_object_set_new(test, "directive", json_string("todo"));
	json_object_set_new(test, "ok", json_false());
}

static void long_descriptions(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *tests = json_object_get(json_array_get(checks, 0), "tests");

	json_object_set_new(json_array_get(tests, 0), "description",
		json_string("nop: 1000 of them, and back"));
}

static void tests_are_known_by_their_first_words(void **state)
{
	static const struct row rows[] = {
		{"check: ring\ntests: [nop, traps]\n", RP_CLAIM_PROVEN, "2 tests of check ring ok"},
		{"check: ring\ntests: [nop]\n", RP_CLAIM_PROVEN, "1 test of check ring ok"},
		{"check: ring\ntests: [no]\n", RP_CLAIM_NOT_MEASURED, "check ring has no test no"},
		{"check: ring\ntests: [nop-1]\n", RP_CLAIM_NOT_MEASURED, "check ring has no test"},
	};

	JUDGE_ROWS(&(struct draft){0}, rows);
	JUDGE_ROWS(&(struct draft){.facts = long_descriptions}, rows);
}

static void a_test_that_was_not_run_shows_nothing(void **state)
{
	static const struct row by_skip[] = {
		{"check: ring\ntests: [nop, traps]\n", RP_CLAIM_NOT_MEASURED,
			"test traps of check ring is marked skip: needs 2 CPUs"},
		{"check: ring\ntests: [nop]\n", RP_CLAIM_PROVEN, ""},
	};
	static const struct row by_todo[] = {
		{"check: ring\ntests: [traps]\n", RP_CLAIM_NOT_MEASURED,
			"test traps of check ring is marked todo"},
	};

	JUDGE_ROWS(&(struct draft){.facts = skipped_test}, by_skip);
	JUDGE_ROWS(&(struct draft){.facts = not_ok_todo}, by_todo);
}

/* Metrics given twice, the second time worse. */
static void given_twice(json_t *modules, json_t *checks, json_t *kernel)
{
	json_array_append_new(json_object_get(json_array_get(checks, 0), "metrics"),
		json_of("{\"name\":\"traps_per_op\",\"value\":1,\"unit\":\"traps\","
			"\"better\":\"lower\",\"samples\":[]}"));
	json_array_append_new(json_object_get(json_array_get(checks, 1), "metrics"),
		json_of("{\"name\":\"max\",\"value\":60,\"unit\":\"us\",\"better\":\"lower\","
			"\"samples\":[]}"));
}

static void each_value_of_a_metric_counts(void **state)
{
	static const struct row rows[] = {
		{MAX_US "op: at_most\nthreshold: 41.5\n", RP_CLAIM_REFUTED, ""},
		{MAX_US "op: at_least\nthreshold: 60\n", RP_CLAIM_REFUTED, ""},
		{MAX_US "op: at_most\nthreshold: 60\n", RP_CLAIM_PROVEN, ""},
		/* beyond the plan's own limit: the check failed */
		{TRAPS "op: at_most\nthreshold: 0\n", RP_CLAIM_REFUTED, ""},
		{TRAPS "op: at_most\nthreshold: 1\n", RP_CLAIM_NOT_MEASURED, "check ring failed"},
	};

	JUDGE_ROWS(&(struct draft){.facts = given_twice}, rows);
}

static void kernel_bug(json_t *modules, json_t *checks, json_t *kernel)
{
	json_array_append_new(json_object_get(kernel, "reports"),
		json_of("{\"kind\":\"kasan\",\"line\":\"BUG: KASAN: use-after-free\"}"));
}

static void a_kernel_that_complained_proves_nothing(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: at_most\nthreshold: 0\n", RP_CLAIM_NOT_MEASURED,
			"the kernel reported a problem during the job (kasan)"},
		{"check: ring\ntests: [nop]\n", RP_CLAIM_NOT_MEASURED, "the kernel reported"},
		{TRAPS "op: at_least\nthreshold: 1\n", RP_CLAIM_REFUTED, ""},
	};

	JUDGE_ROWS(&(struct draft){.facts = kernel_bug}, rows);
}

static void job_expects_kasan(json_t *job)
{
	json_object_set_new(job, "expected_reports", json_of("[\"KASAN\"]"));
}

static void kernel_report(json_t *modules, json_t *checks, json_t *kernel)
{
	json_array_append_new(json_object_get(kernel, "reports"),
		json_of("{\"kind\":\"KASAN\",\"line\":\"BUG: KASAN: use-after-free\"}"));
}

static void a_report_that_the_plan_expects_is_no_complaint(void **state)
{
	static const struct row rows[] = {
		{TRAPS "op: at_most\nthreshold: 0\n", RP_CLAIM_PROVEN, ""},
	};

	const struct draft draft = {.job = job_expects_kasan, .facts = kernel_report};

	JUDGE_ROWS(&draft, rows);
}

static void job_with_machine(json_t *job)
{
	json_array_append_new(json_object_get(job, "checks"),
		json_of("{\"name\":\"machine\",\"exec\":[\"machine\"],\"timeout_s\":60,"
			"\"memory_mb\":0,\"cpus\":\"\",\"scheduler\":\"other\",\"priority\":0,"
			"\"user\":\"\"}"));
}

static void add_machine(json_t *checks, int hypervisor, bool ok)
{
	json_t *check = json_deep_copy(json_array_get(checks, 0));

	json_object_set_new(check, "name", json_string("machine"));
	json_object_set_new(check, "verdict", json_string(ok ? "pass" : "fail"));
	json_object_set_new(check, "metrics",
		json_pack("[{s:s, s:i, s:s, s:s, s:[]}]", "name", "hypervisor", "value", hypervisor,
			"unit", "", "better", "lower", "samples"));
	json_object_set_new(
		json_array_get(json_object_get(check, "tests"), 1), "ok", json_boolean(ok));
	json_array_append_new(checks, check);
}

static void physical(json_t *modules, json_t *checks, json_t *kernel)
{
	add_machine(checks, 0, true);
}

static void virtual(json_t *modules, json_t *checks, json_t *kernel)
{
	add_machine(checks, 1, true);
}

static void virtual_and_failed(json_t *modules, json_t *checks, json_t *kernel)
{
	add_machine(checks, 1, false);
}

static void undecided(json_t *modules, json_t *checks, json_t *kernel)
{
	add_machine(checks, 0, false);
}

#define PHYSICAL "op: at_most\nthreshold: 50\nphysical: true\n"

static void a_virtual_rig_may_not_judge_some(void **state)
{
	static const struct row forbidden = {
		MAX_US PHYSICAL, RP_CLAIM_NOT_MEASURABLE, "the rig is virtual"};
	static const struct row refuting = {
		MAX_US "op: at_most\nthreshold: 1\nphysical: true\n", RP_CLAIM_NOT_MEASURABLE, ""};
	static const struct row unknown = {MAX_US PHYSICAL, RP_CLAIM_NOT_MEASURED,
		"nothing shows that the rig is physical: check machine"};
	static const struct row allowed = {MAX_US PHYSICAL, RP_CLAIM_PROVEN, ""};
	static const struct row indifferent = {
		MAX_US "op: at_most\nthreshold: 50\n", RP_CLAIM_PROVEN, ""};
	struct rp_claim_finding finding;

	judge(&(struct draft){.job = job_with_machine, .facts = virtual}, &forbidden, &finding);
	assert_false(finding.measured); /* not even shown */
	judge(&(struct draft){.job = job_with_machine, .facts = virtual}, &refuting, &finding);
	judge(&(struct draft){.job = job_with_machine, .facts = virtual}, &indifferent, &finding);
	judge(&(struct draft){.job = job_with_machine, .facts = virtual_and_failed}, &forbidden,
		&finding);
	judge(&(struct draft){0}, &unknown, &finding);
	assert_false(finding.measured);
	judge(&(struct draft){.job = job_with_machine, .facts = undecided}, &unknown, &finding);
	judge(&(struct draft){.job = job_with_machine, .facts = physical}, &allowed, &finding);
	assert_true(finding.measured);
}

static void without_a_check_it_is_not_measurable(void **state)
{
	struct rp_claim_finding finding;

	judge(&(struct draft){0},
		&(struct row){"needs: [the ISO]\n", RP_CLAIM_NOT_MEASURABLE, "no check can"},
		&finding);
	assert_int_equal(finding.evidence, 1); /* none of the one */
}

/* Of several: refuted, then proven, then not measurable; else who came farthest. */
static void the_heaviest_outcome_stands(void **state)
{
	static const struct draft drafts[] = {{.facts = module_refused}, {0},
		{.facts = second_test_fails}, {.facts = given_twice}};
	struct rp_verified evidence[4] = {0};
	rp_cleanup(manifest) struct rp_manifest *most =
		claim_of(TRAPS "op: at_most\nthreshold: 0\n");
	struct rp_claim_finding finding;

	for (size_t i = 0; i < 4; i++)
		verified(&drafts[i], &evidence[i]);
	rp_claim_judge(most->claim, evidence, 0, &finding);
	assert_int_equal(finding.outcome, RP_CLAIM_NOT_MEASURED);
	assert_int_equal(finding.evidence, 0);
	rp_claim_judge(most->claim, evidence, 1, &finding);
	assert_int_equal(finding.outcome, RP_CLAIM_NOT_MEASURED);
	rp_claim_judge(most->claim, evidence, 3, &finding);
	assert_int_equal(finding.outcome, RP_CLAIM_PROVEN);
	assert_int_equal(finding.evidence, 1);
	rp_claim_judge(most->claim, evidence, 4, &finding);
	assert_int_equal(finding.outcome, RP_CLAIM_REFUTED);
	assert_int_equal(finding.evidence, 3);
	assert_true(finding.value == 1);
	rp_verified_done(&evidence[1]);
	evidence[1] = evidence[2]; /* error, then failed: neither measured */
	evidence[2] = (struct rp_verified){0};
	rp_claim_judge(most->claim, evidence, 2, &finding);
	assert_int_equal(finding.outcome, RP_CLAIM_NOT_MEASURED);
	assert_int_equal(finding.evidence, 1);
	for (size_t i = 0; i < 4; i++)
		rp_verified_done(&evidence[i]);
}

static int setup(void **state)
{
	keys_lab_init(&lab);
	return 0;
}

static int teardown(void **state)
{
	keys_lab_done(&lab);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds_are_inclusive),
		cmocka_unit_test(the_value_is_told),
		cmocka_unit_test(what_is_not_there_is_not_measured),
		cmocka_unit_test(the_subject_must_be_the_results),
		cmocka_unit_test(the_kernel_is_matched_by_whole_numbers),
		cmocka_unit_test(a_job_in_error_shows_nothing),
		cmocka_unit_test(a_failed_check_proves_nothing),
		cmocka_unit_test(a_check_cut_short_refutes_nothing),
		cmocka_unit_test(a_skipped_check_shows_nothing),
		cmocka_unit_test(tests_are_known_by_their_first_words),
		cmocka_unit_test(a_test_that_was_not_run_shows_nothing),
		cmocka_unit_test(each_value_of_a_metric_counts),
		cmocka_unit_test(a_kernel_that_complained_proves_nothing),
		cmocka_unit_test(a_report_that_the_plan_expects_is_no_complaint),
		cmocka_unit_test(a_virtual_rig_may_not_judge_some),
		cmocka_unit_test(without_a_check_it_is_not_measurable),
		cmocka_unit_test(the_heaviest_outcome_stands),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
