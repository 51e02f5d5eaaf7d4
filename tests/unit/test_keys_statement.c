/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from which facts, and that nothing else is taken. */
#include "tests/unit/keys_lab.h"

struct facts {
	json_t *job, *modules, *checks, *kernel, *error, *stages;
	const char *started, *finished;
};

static void facts_init(struct facts *facts)
{
	*facts = (struct facts){
		.job = draft_job(),
		.modules = draft_modules(),
		.checks = draft_checks(),
		.kernel = draft_kernel(),
		.started = T0,
		.finished = T1,
	};
}

static void rp_cleanup_facts(struct facts *facts)
{
	json_decref(facts->job);
	json_decref(facts->modules);
	json_decref(facts->checks);
	json_decref(facts->kernel);
	json_decref(facts->error);
	json_decref(facts->stages);
}

static int make(const struct facts *facts, json_t **ret, char **ret_payload, struct rp_error *err)
{
	char *payload = rp_json_canonical(facts->job);
	int r = rp_statement_make(
		&(struct rp_statement_parts){
			.job_payload = payload,
			.job_payload_len = strlen(payload),
			.job = facts->job,
			.modules = facts->modules,
			.checks = facts->checks,
			.kernel = facts->kernel,
			.error = facts->error,
			.stages = facts->stages,
			.started = facts->started,
			.finished = facts->finished,
		},
		ret, err);

	*ret_payload = payload;
	return r;
}

static json_t *check_at(struct facts *facts, size_t i)
{
	return json_array_get(facts->checks, i);
}

static void set(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

static void set_test(struct facts *facts, size_t check, size_t test, bool ok, const char *directive)
{
	json_t *at = json_array_get(json_object_get(check_at(facts, check), "tests"), test);

	json_object_set_new(at, "ok", json_boolean(ok));
	set(at, "directive", directive);
}

static void nothing(struct facts *facts)
{
}

static void given_error(struct facts *facts)
{
	facts->error = json_of("{\"stage\":\"report\",\"message\":\"lost\"}");
}

static void module_refused(struct facts *facts)
{
	json_t *module = json_array_get(facts->modules, 0);

	json_object_set_new(module, "loaded", json_false());
	json_object_set_new(module, "errno", json_integer(EKEYREJECTED));
	set(module, "message", "Key was rejected by service");
}

static void module_with_and_without(struct facts *facts)
{
	json_object_set_new(json_array_get(facts->modules, 0), "errno", json_integer(EKEYREJECTED));
}

static void module_missing(struct facts *facts)
{
	json_array_clear(facts->modules);
}

static void check_missing(struct facts *facts)
{
	json_array_remove(facts->checks, 1);
}

static void check_not_run(struct facts *facts)
{
	set(check_at(facts, 0), "verdict", "error");
}

static void check_not_run_and_other_failed(struct facts *facts)
{
	check_not_run(facts);
	set(check_at(facts, 1), "verdict", "fail");
}

static void said_fail(struct facts *facts)
{
	set(check_at(facts, 0), "verdict", "fail");
}

static void exit_status(struct facts *facts)
{
	json_object_set_new(check_at(facts, 0), "exit_status", json_integer(1));
}

static void timed_out(struct facts *facts)
{
	set(check_at(facts, 0), "exit_result", "timeout");
}

static void test_not_ok(struct facts *facts)
{
	set_test(facts, 0, 1, false, "");
}

static void test_todo(struct facts *facts)
{
	set_test(facts, 0, 1, false, "todo");
}

static void test_skipped(struct facts *facts)
{
	set_test(facts, 0, 1, true, "skip");
}

static void no_tests(struct facts *facts)
{
	json_array_clear(json_object_get(check_at(facts, 0), "tests"));
}

static void over_limit(struct facts *facts)
{
	json_t *metrics = json_object_get(check_at(facts, 0), "metrics");

	json_object_set_new(json_array_get(metrics, 0), "value", json_real(0.001));
	json_array_clear(json_object_get(json_array_get(metrics, 0), "samples"));
}

static void under_limit(struct facts *facts)
{
	json_t *metrics = json_object_get(check_at(facts, 1), "metrics");

	json_object_set_new(json_array_get(metrics, 0), "value", json_integer(99));
}

static void no_metric(struct facts *facts)
{
	json_array_clear(json_object_get(check_at(facts, 0), "metrics"));
}

/* A second, better, value does not hide the worse one. */
static void metric_twice(struct facts *facts)
{
	json_t *metrics = json_object_get(check_at(facts, 0), "metrics");
	json_t *worse = json_deep_copy(json_array_get(metrics, 0));

	json_object_set_new(worse, "value", json_integer(3));
	json_array_clear(json_object_get(worse, "samples"));
	json_array_insert_new(metrics, 0, worse);
}

static void kernel_report(struct facts *facts)
{
	json_object_set_new(facts->kernel, "reports",
		json_of("[{\"kind\":\"KASAN\",\"line\":\"BUG: KASAN: use-after-free\"}]"));
}

/* What the job expects is no failure; all else stays one, whatever the job says. */
static void expected_report(struct facts *facts)
{
	kernel_report(facts);
	json_object_set_new(facts->job, "expected_reports", json_of("[\"IOMMU\",\"KASAN\"]"));
}

static void unexpected_report(struct facts *facts)
{
	kernel_report(facts);
	json_object_set_new(facts->job, "expected_reports", json_of("[\"IOMMU\"]"));
}

static void log_never_read(struct facts *facts)
{
	set(facts->kernel, "log_sha256", "");
}

static void log_lost(struct facts *facts)
{
	json_object_set_new(facts->kernel, "reports",
		json_of("[{\"kind\":\"lost\",\"line\":\"3 records were lost\"}]"));
}

static void output_unknown(struct facts *facts)
{
	set(check_at(facts, 0), "output_sha256", "");
}

static void output_empty(struct facts *facts)
{
	set(check_at(facts, 0), "output_sha256",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void taint(struct facts *facts, json_int_t bits)
{
	json_object_set_new(facts->kernel, "tainted", json_integer(bits));
}

static void tainted_by_modules(struct facts *facts)
{
	taint(facts, 1 << 12 | 1 << 13);
}

static void tainted_by_machine_check(struct facts *facts)
{
	taint(facts, 1 << 12 | 1 << 4);
}

static void tainted_by_warning(struct facts *facts)
{
	taint(facts, 1 << 9);
}

static void tainted_by_lockup(struct facts *facts)
{
	taint(facts, 1 << 12 | 1 << 14);
}

static void tainted_by_proprietary(struct facts *facts)
{
	taint(facts, 1 << 12 | 1);
}

static void tainted_by_the_future(struct facts *facts)
{
	taint(facts, INT64_C(1) << 62);
}

/* There is no module of the job that could have done it. */
static void tainted_by_others_module(struct facts *facts)
{
	json_array_clear(json_object_get(facts->job, "modules"));
	json_array_clear(facts->modules);
	taint(facts, 1 << 12);
}

static void skip_one(struct facts *facts, size_t i)
{
	set(check_at(facts, i), "verdict", "skip");
	json_array_clear(json_object_get(check_at(facts, i), "tests"));
	json_array_clear(json_object_get(facts->job, "limits"));
}

static void one_skipped(struct facts *facts)
{
	skip_one(facts, 0);
}

static void all_skipped(struct facts *facts)
{
	skip_one(facts, 0);
	skip_one(facts, 1);
}

static void skipped_with_limit(struct facts *facts)
{
	set(check_at(facts, 0), "verdict", "skip");
	json_array_clear(json_object_get(check_at(facts, 0), "tests"));
	no_metric(facts);
}

static void modules_alone(struct facts *facts)
{
	json_array_clear(json_object_get(facts->job, "checks"));
	json_array_clear(json_object_get(facts->job, "limits"));
	json_array_clear(facts->checks);
}

static void exit_of(struct facts *facts, size_t check, const char *result, int status)
{
	set(check_at(facts, check), "exit_result", result);
	json_object_set_new(check_at(facts, check), "exit_status", json_integer(status));
}

static void skipped_by_status(struct facts *facts)
{
	all_skipped(facts);
	exit_of(facts, 0, "exit-code", 4);
	exit_of(facts, 1, "exit-code", 77);
}

static void skipped_by_signal(struct facts *facts)
{
	all_skipped(facts);
	exit_of(facts, 0, "signal", 4);
}

static void skipped_by_other_status(struct facts *facts)
{
	all_skipped(facts);
	exit_of(facts, 0, "exit-code", 2);
}

static void passed_by_skip_status(struct facts *facts)
{
	exit_of(facts, 0, "exit-code", 4);
}

static void skip_status_and_failure(struct facts *facts)
{
	exit_of(facts, 0, "exit-code", 4);
	set(check_at(facts, 0), "verdict", "skip");
	set_test(facts, 0, 1, false, "");
}

static void nothing_at_all(struct facts *facts)
{
	modules_alone(facts);
	json_array_clear(json_object_get(facts->job, "modules"));
	json_array_clear(facts->modules);
}

static bool lists(const json_t *statement, const char *list, const char *entry)
{
	const json_t *predicate = json_object_get(statement, "predicate"), *item;
	size_t i;

	json_array_foreach (json_object_get(predicate, list), i, item)
		if (strcmp(json_string_value(item), entry) == 0)
			return true;
	return false;
}

static const struct {
	const char *name;
	void (*bend)(struct facts *);
	const char *verdict, *result, *list, *entry, *error_stage;
} verdicts[] = {
	{"nothing", nothing, "pass", "PASSED", "passedTests", "ring/nop", NULL},
	{"given_error", given_error, "error", "FAILED", "passedTests", "ring/nop", "report"},
	{"module_refused", module_refused, "error", "FAILED", "failedTests", "module:xsc", "agent"},
	{"module_missing", module_missing, "error", "FAILED", "failedTests", "module:xsc", "agent"},
	{"check_missing", check_missing, "error", "FAILED", "failedTests", "latency", "checks"},
	{"check_not_run", check_not_run, "error", "FAILED", "failedTests", "ring", "checks"},
	{"check_not_run_and_other_failed", check_not_run_and_other_failed, "error", "FAILED",
		"failedTests", "latency", "checks"},
	{"said_fail", said_fail, "fail", "FAILED", "failedTests", "ring", NULL},
	{"exit_status", exit_status, "fail", "FAILED", "failedTests", "ring", NULL},
	{"timed_out", timed_out, "fail", "FAILED", "failedTests", "ring", NULL},
	{"test_not_ok", test_not_ok, "fail", "FAILED", "failedTests", "ring/traps", NULL},
	{"test_todo", test_todo, "pass", "WARNED", "warnedTests", "ring/traps", NULL},
	{"test_skipped", test_skipped, "pass", "WARNED", "warnedTests", "ring/traps", NULL},
	{"no_tests", no_tests, "fail", "FAILED", "failedTests", "ring", NULL},
	{"over_limit", over_limit, "fail", "FAILED", "failedTests", "limit:ring/traps_per_op",
		NULL},
	{"under_limit", under_limit, "fail", "FAILED", "failedTests", "limit:latency/wakeups",
		NULL},
	{"no_metric", no_metric, "fail", "FAILED", "failedTests", "limit:ring/traps_per_op", NULL},
	{"metric_twice", metric_twice, "fail", "FAILED", "failedTests", "limit:ring/traps_per_op",
		NULL},
	{"kernel_report", kernel_report, "fail", "FAILED", "failedTests", "kernel:KASAN", NULL},
	{"expected_report", expected_report, "pass", "PASSED", NULL, NULL, NULL},
	{"unexpected_report", unexpected_report, "fail", "FAILED", "failedTests", "kernel:KASAN",
		NULL},
	{"log_never_read", log_never_read, "error", "FAILED", "failedTests", "kernel:log",
		"checks"},
	{"log_lost", log_lost, "error", "FAILED", "failedTests", "kernel:lost", "checks"},
	{"output_unknown", output_unknown, "error", "FAILED", "failedTests", "ring", "checks"},
	{"output_empty", output_empty, "error", "FAILED", "failedTests", "ring", "checks"},
	{"tainted_by_modules", tainted_by_modules, "pass", "PASSED", NULL, NULL, NULL},
	{"tainted_by_machine_check", tainted_by_machine_check, "fail", "FAILED", "failedTests",
		"kernel:tainted: machine check (M)", NULL},
	{"tainted_by_warning", tainted_by_warning, "fail", "FAILED", "failedTests",
		"kernel:tainted: warning (W)", NULL},
	{"tainted_by_lockup", tainted_by_lockup, "fail", "FAILED", "failedTests",
		"kernel:tainted: soft lockup (L)", NULL},
	{"tainted_by_proprietary", tainted_by_proprietary, "fail", "FAILED", "failedTests",
		"kernel:tainted: proprietary module (P)", NULL},
	{"tainted_by_the_future", tainted_by_the_future, "fail", "FAILED", "failedTests",
		"kernel:tainted: bit 62", NULL},
	{"tainted_by_others_module", tainted_by_others_module, "fail", "FAILED", "failedTests",
		"kernel:tainted: out-of-tree module (O)", NULL},
	{"one_skipped", one_skipped, "pass", "WARNED", "warnedTests", "ring", NULL},
	{"all_skipped", all_skipped, "skip", "WARNED", "warnedTests", "latency", NULL},
	{"skipped_by_status", skipped_by_status, "skip", "WARNED", "warnedTests", "ring", NULL},
	{"skipped_by_signal", skipped_by_signal, "fail", "FAILED", "failedTests", "ring", NULL},
	{"skipped_by_other_status", skipped_by_other_status, "fail", "FAILED", "failedTests",
		"ring", NULL},
	{"passed_by_skip_status", passed_by_skip_status, "fail", "FAILED", "failedTests", "ring",
		NULL},
	{"skip_status_and_failure", skip_status_and_failure, "fail", "FAILED", "failedTests",
		"ring/traps", NULL},
	{"skipped_with_limit", skipped_with_limit, "fail", "FAILED", "failedTests",
		"limit:ring/traps_per_op", NULL},
	{"modules_alone", modules_alone, "pass", "PASSED", "passedTests", "module:xsc", NULL},
	{"nothing_at_all", nothing_at_all, "skip", "WARNED", NULL, NULL, NULL},
};

static void judgements(void **state)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		rp_cleanup(facts) struct facts facts = {0};
		rp_cleanup(json) json_t *statement = NULL;
		rp_cleanup(free) char *payload = NULL;
		struct rp_error err = RP_ERROR_NONE;
		const json_t *predicate, *error;

		facts_init(&facts);
		verdicts[i].bend(&facts);
		if (make(&facts, &statement, &payload, &err) < 0)
			fail_msg("%s: %s", verdicts[i].name, err.text);
		predicate = json_object_get(statement, "predicate");
		error = json_object_get(predicate, "rigproof_error");
		if (strcmp(rp_statement_verdict(statement), verdicts[i].verdict) != 0 ||
			strcmp(rp_json_string_or(predicate, "result", ""), verdicts[i].result) != 0)
			fail_msg("%s: %s, %s", verdicts[i].name, rp_statement_verdict(statement),
				rp_json_string_or(predicate, "result", ""));
		if (verdicts[i].list && !lists(statement, verdicts[i].list, verdicts[i].entry))
			fail_msg("%s: %s is not in %s", verdicts[i].name, verdicts[i].entry,
				verdicts[i].list);
		if (strcmp(rp_json_string_or(error, "stage", ""),
			    verdicts[i].error_stage ? verdicts[i].error_stage : "") != 0)
			fail_msg("%s: error at \"%s\"", verdicts[i].name,
				rp_json_string_or(error, "stage", ""));
		/* what was derived is what its verifier derives */
		if (rp_statement_check(statement, payload, strlen(payload), &err) < 0)
			fail_msg("%s: %s", verdicts[i].name, err.text);
	}
}

static void the_kernels_words_are_kept(void **state)
{
	rp_cleanup(facts) struct facts facts = {0};
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(free) char *payload = NULL;
	struct rp_error err = RP_ERROR_NONE;

	facts_init(&facts);
	module_refused(&facts);
	assert_ok(make(&facts, &statement, &payload, &err));
	assert_string_equal(
		rp_json_string_or(
			json_object_get(json_object_get(statement, "predicate"), "rigproof_error"),
			"message", ""),
		"module xsc: Key was rejected by service");
}

static void other_module(struct facts *facts)
{
	set(json_array_get(facts->modules, 0), "name", "other");
}

static void other_digest(struct facts *facts)
{
	set(json_array_get(facts->modules, 0), "sha256", SHA_C);
}

static void module_twice(struct facts *facts)
{
	json_array_append(facts->modules, json_array_get(facts->modules, 0));
}

static void swapped_checks(struct facts *facts)
{
	json_array_insert(facts->checks, 2, check_at(facts, 0));
	json_array_remove(facts->checks, 0);
}

static void check_twice(struct facts *facts)
{
	json_array_append(facts->checks, check_at(facts, 1));
}

static void extra_check(struct facts *facts)
{
	rp_cleanup(json) json_t *extra = json_deep_copy(check_at(facts, 0));

	set(extra, "name", "extra");
	json_array_append(facts->checks, extra);
}

static void unknown_key(struct facts *facts)
{
	set(check_at(facts, 0), "note", "x");
}

static void unknown_verdict(struct facts *facts)
{
	set(check_at(facts, 0), "verdict", "passed");
}

static void text_value(struct facts *facts)
{
	json_t *metrics = json_object_get(check_at(facts, 0), "metrics");

	set(json_array_get(metrics, 0), "value", "0");
}

static void no_kernel(struct facts *facts)
{
	json_object_del(facts->kernel, "reports");
}

static void error_elsewhere(struct facts *facts)
{
	facts->error = json_of("{\"stage\":\"moon\",\"message\":\"\"}");
}

static void limit_on_nothing(struct facts *facts)
{
	json_array_append_new(json_object_get(facts->job, "limits"),
		json_of("{\"metric\":\"absent/x\",\"max\":1}"));
}

static void limit_both(struct facts *facts)
{
	json_object_set_new(
		json_array_get(json_object_get(facts->job, "limits"), 0), "min", json_integer(0));
}

static void job_twice(struct facts *facts)
{
	json_t *checks = json_object_get(facts->job, "checks");

	json_array_append(checks, json_array_get(checks, 0));
}

static void no_command(struct facts *facts)
{
	json_t *checks = json_object_get(facts->job, "checks");

	json_array_clear(json_object_get(json_array_get(checks, 0), "exec"));
}

static void finish_before_start(struct facts *facts)
{
	facts->started = T1;
	facts->finished = T0;
}

static void stages_out_of_order(struct facts *facts)
{
	facts->stages =
		json_of("[{\"stage\":\"checks\",\"start\":\"" T0 "\",\"end\":\"" T0
			"\"},{\"stage\":\"agent\",\"start\":\"" T0 "\",\"end\":\"" T1 "\"}]");
}

static void stage_before_the_last(struct facts *facts)
{
	facts->stages = json_of("[{\"stage\":\"agent\",\"start\":\"" T0 "\",\"end\":\"" T1
				"\"},{\"stage\":\"checks\",\"start\":\"" T0 "\",\"end\":\"\"}]");
}

static void stage_ends_first(struct facts *facts)
{
	facts->stages = json_of("[{\"stage\":\"agent\",\"start\":\"" T1 "\",\"end\":\"" T0 "\"}]");
}

static void set_number(struct facts *facts, int number)
{
	json_t *tests = json_object_get(check_at(facts, 0), "tests");

	json_object_set_new(json_array_get(tests, 1), "number", json_integer(number));
}

static void number_gap(struct facts *facts)
{
	set_number(facts, 3);
}

static void number_twice(struct facts *facts)
{
	set_number(facts, 1);
}

static void number_zero(struct facts *facts)
{
	set_number(facts, 0);
}

/* The second metric of the second check; no limit is on it. */
static void set_metric(struct facts *facts, const char *name, double value, const char *samples)
{
	json_t *metric = json_array_get(json_object_get(check_at(facts, 1), "metrics"), 1);

	set(metric, "name", name);
	json_object_set_new(metric, "value", json_real(value));
	json_object_set_new(metric, "samples", json_of(samples));
}

static void other_maximum(struct facts *facts)
{
	set_metric(facts, "latency_max_us", 5, "[1, 5, 9]");
}

static void other_unit(struct facts *facts)
{
	json_t *metrics = json_object_get(check_at(facts, 0), "metrics");
	json_t *again = json_deep_copy(json_array_get(metrics, 0));

	set(again, "unit", "kilotraps");
	json_array_append_new(metrics, again);
}

static void other_direction(struct facts *facts)
{
	set(json_array_get(json_object_get(check_at(facts, 0), "metrics"), 0), "better", "higher");
}

static void other_direction_of_minimum(struct facts *facts)
{
	set(json_array_get(json_object_get(check_at(facts, 1), "metrics"), 0), "better", "lower");
}

/* Of five samples and of four: what a name may say of them, and what it may not. */
static void samples(void **state)
{
	static const struct {
		const char *name;
		double value;
		const char *samples;
		bool taken;
	} cases[] = {
		{"min", 1, "[3, 1, 2]", true},
		{"min", 2, "[3, 1, 2]", false},
		{"latency_min_us", 3, "[3, 1, 2]", false},
		{"max", 3, "[3, 1, 2]", true},
		{"latency_max_us", 2, "[3, 1, 2]", false},
		{"Maximum", 4, "[3, 1, 2]", false},
		{"median", 2, "[3, 1, 2]", true},
		{"median_us", 3, "[3, 1, 2]", false},
		{"median", 2.5, "[4, 1, 2, 3]", true},
		{"median", 3, "[4, 1, 2, 3]", true},
		{"median", 1, "[4, 1, 2, 3]", false},
		{"mean", 2, "[3, 1, 2]", true},
		{"mean", 2.5, "[3, 1, 2]", false},
		{"mean", 0.3333, "[0, 0, 1]", true}, /* as printed */
		{"ratio", 2.2, "[3, 1, 2]", true},
		{"ratio", 3.5, "[3, 1, 2]", false},
		{"ratio", 0, "[1, 1, 1]", false},
		{"ratio", -1, "[-2, -0.5]", true},
		{"latency_avg_us", 2.9, "[3, 1, 2]", true}, /* of averages, weighted */
		{"latency_avg_us", 9, "[3, 1, 2]", false},
		{"max_depth_per_op", 2, "[3, 1, 2]", true}, /* names a setting */
		{"stddev", 0.1, "[3, 1, 2]", true},
		{"max", 7, "[]", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(facts) struct facts facts = {0};
		rp_cleanup(json) json_t *statement = NULL;
		rp_cleanup(free) char *payload = NULL;
		struct rp_error err = RP_ERROR_NONE;
		int r;

		facts_init(&facts);
		set_metric(&facts, cases[i].name, cases[i].value, cases[i].samples);
		r = make(&facts, &statement, &payload, &err);
		if (r != (cases[i].taken ? 0 : -EINVAL))
			fail_msg("%s %g of %s: %d %s", cases[i].name, cases[i].value,
				cases[i].samples, r, err.text);
	}
}

static void any_order(void **state)
{
	rp_cleanup(facts) struct facts facts = {0};
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(free) char *payload = NULL;
	struct rp_error err = RP_ERROR_NONE;
	json_t *tests;

	facts_init(&facts);
	tests = json_object_get(check_at(&facts, 0), "tests");
	json_object_set_new(json_array_get(tests, 0), "number", json_integer(2));
	json_object_set_new(json_array_get(tests, 1), "number", json_integer(1));
	facts.stages = json_of("[{\"stage\":\"agent\",\"start\":\"" T0 "\",\"end\":\"" T1
			       "\"},{\"stage\":\"report\",\"start\":\"" T1 "\",\"end\":\"\"}]");
	assert_ok(make(&facts, &statement, &payload, &err));
	assert_string_equal(rp_statement_verdict(statement), "pass");
}

static void refusals(void **state)
{
	static const struct {
		const char *words;
		void (*bend)(struct facts *);
	} cases[] = {
		{"modules[0]: other", other_module},
		{"modules[0]: xsc", other_digest},
		{"modules[1]", module_twice},
		{"checks[1]: ring", swapped_checks},
		{"checks[2]", check_twice},
		{"checks[2]: extra", extra_check},
		{"checks[0]: there is no key \"note\"", unknown_key},
		{"checks[0].verdict", unknown_verdict},
		{"checks[0].metrics[0].value", text_value},
		{"kernel.reports: missing", no_kernel},
		{"error.stage", error_elsewhere},
		{"job.limits[2].metric", limit_on_nothing},
		{"job.limits[0]", limit_both},
		{"job.checks[2].name: ring is there twice", job_twice},
		{"job.checks[0].exec", no_command},
		{"result.finished", finish_before_start},
		{"stages[1]: agent is not at its place", stages_out_of_order},
		{"stages[1]: checks is not at its place", stage_before_the_last},
		{"stages[0]: agent ends before its start", stage_ends_first},
		{"modules[0]: xsc was loaded and had an error", module_with_and_without},
		{"checks[0].tests[1].number: 3", number_gap},
		{"checks[0].tests[1].number: 1", number_twice},
		{"checks[0].tests[1].number: 0", number_zero},
		{"checks[1].metrics[1]: the value of latency_max_us", other_maximum},
		{"checks[0].metrics[1]: traps_per_op has another unit", other_unit},
		{"checks[0].metrics[0]: of ring/traps_per_op, higher is better", other_direction},
		{"checks[1].metrics[0]: of latency/wakeups, lower is better",
			other_direction_of_minimum},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(facts) struct facts facts = {0};
		rp_cleanup(free) char *payload = NULL;
		struct rp_error err = RP_ERROR_NONE;
		json_t *statement = NULL;
		int r;

		facts_init(&facts);
		cases[i].bend(&facts);
		r = make(&facts, &statement, &payload, &err);
		if (r != -EINVAL || statement || !strstr(err.text, cases[i].words))
			fail_msg("%s: %d %s", cases[i].words, r, err.text);
	}
}

/* The statement's own checks give no verdict back that is better than what was put in. */
static void never_better(void **state)
{
	static const char *const said[] = {"pass", "skip", "fail", "error"};

	for (int bits = 0; bits < 4 * 2 * 2 * 2; bits++) {
		rp_cleanup(facts) struct facts facts = {0};
		rp_cleanup(json) json_t *statement = NULL;
		rp_cleanup(free) char *payload = NULL;
		struct rp_error err = RP_ERROR_NONE;
		const json_t *checks;
		const char *got;

		facts_init(&facts);
		set(check_at(&facts, 0), "verdict", said[bits & 3]);
		if (bits & 4)
			test_not_ok(&facts);
		if (bits & 8)
			exit_status(&facts);
		if (bits & 16)
			over_limit(&facts);
		assert_ok(make(&facts, &statement, &payload, &err));
		checks =
			json_object_get(json_object_get(statement, "predicate"), "rigproof_checks");
		got = rp_json_string_or(json_array_get(checks, 0), "verdict", "");
		if ((bits & 3) == 3)
			assert_string_equal(got, "error");
		else if ((bits & 3) == 2 || bits & ~3)
			assert_string_equal(got, "fail");
		else
			assert_string_equal(got, said[bits & 3]);
		assert_ok(rp_statement_check(statement, payload, strlen(payload), &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judgements),
		cmocka_unit_test(the_kernels_words_are_kept),
		cmocka_unit_test(refusals),
		cmocka_unit_test(samples),
		cmocka_unit_test(any_order),
		cmocka_unit_test(never_better),
	};

	return cmocka_run_group_tests_name("keys statement", tests, NULL, NULL);
}
