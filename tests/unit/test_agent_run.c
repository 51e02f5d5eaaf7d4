/* SPDX-License-Identifier: Apache-2.0 */
/* A job run: its modules, its checks as units, and the signed result of what happened. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>

#include "agent/run.h"
#include "keys/dsse.h"
#include "keys/pki.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "tests/unit/agent_lab.h"
#include "tests/unit/agent_systemd_lab.h"
#include "tests/unit/folder_lab.h"

static struct rp_error err;
static char dir[FOLDER_LAB_TEXT];
static char module_sha256[RP_SHA256_HEX];

/* One run, and what it told while it ran. */
struct bench {
	struct systemd sys;
	struct rp_agent_status status;
	json_t *stages;
	struct rp_kmsg *kmsg;
	struct rp_run *run;
	struct rp_module_place modules;
	char *payload;
	int wakes, starts;
	char ended[64], verdict[16];
};

static int set_up(void **state)
{
	static const char bytes[] = "a module";
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(free) char *proc = NULL;
	rp_cleanup(free) char *tainted = NULL;

	folder_lab_make(dir);
	path = rp_path("%s/xsc.ko", dir);
	proc = rp_path("%s/proc/sys/kernel", dir);
	tainted = rp_path("%s/tainted", proc);
	if (rp_file_make_directories(proc, 0700, NULL) < 0 ||
		rp_file_write(tainted, 0600, "4096\n", 5, NULL) < 0)
		return -1;
	rp_sha256_hex(bytes, sizeof(bytes), module_sha256);
	return rp_file_write(path, 0600, bytes, sizeof(bytes), NULL);
}

static int tear_down(void **state)
{
	folder_lab_remove(dir);
	return 0;
}

static void on_wake(void *context)
{
	struct bench *bench = context;

	bench->wakes++;
}

static void on_progress(void *context, const char *check, const char *verdict)
{
	struct bench *bench = context;

	if (!check) {
		bench->starts++;
		return;
	}
	snprintf(bench->ended, sizeof(bench->ended), "%s", check);
	snprintf(bench->verdict, sizeof(bench->verdict), "%s", verdict);
}

static int loads_well(int fd, const char *parameters)
{
	return 0;
}

static int is_refused(int fd, const char *parameters)
{
	return -EKEYREJECTED;
}

/* A run of lab_job with the module that is in dir, within timeout_s. */
static void open_bench(struct bench *bench, int timeout_s)
{
	struct rp_signed_job job = {.json = lab_job(), .id = LAB_JOB};

	*bench = (struct bench){
		.modules = {.image_dir = dir, .cache_dir = "/nowhere", .load = loads_well}};
	systemd_open(&bench->sys);
	bench->kmsg = rp_kmsg_new();
	bench->stages = json_pack("[{s:s, s:s, s:s}]", "stage", "agent", "start",
		"1970-01-01T00:00:00.000Z", "end", "1970-01-01T00:00:00.000Z");
	json_object_set_new(json_array_get(json_object_get(job.json, "modules"), 0), "sha256",
		json_string(module_sha256));
	json_object_set_new(job.json, "timeout_s", json_integer(timeout_s));
	bench->payload = rp_json_canonical(job.json);
	job.payload = (uint8_t *)strdup(bench->payload);
	job.payload_len = strlen(bench->payload);
	assert_int_equal(rp_run_new(
				 &(struct rp_run_config){
					 .event = bench->sys.event,
					 .root = dir,
					 .kmsg = bench->kmsg,
					 .status = &bench->status,
					 .stages = bench->stages,
					 .wake = on_wake,
					 .progress = on_progress,
					 .context = bench,
				 },
				 &job, &bench->run, &err),
		0);
	assert_null(job.json); /* taken over */
}

static void close_bench(struct bench *bench)
{
	rp_run_free(bench->run);
	rp_kmsg_free(bench->kmsg);
	json_decref(bench->stages);
	free(bench->payload);
	systemd_close(&bench->sys);
}

static enum rp_run_state step(struct bench *bench)
{
	return rp_run_step(bench->run, bench->sys.bus, &bench->modules);
}

/* Sign the result, check it as the server would; its statement's predicate, borrowed. */
static json_t *sign(struct bench *bench, const char *verdict, json_t **ret_statement)
{
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(json) json_t *envelope = NULL;
	char found[8];

	assert_int_equal(rp_pki_new_boot_key(&key, &err), 0);
	if (rp_run_sign(bench->run, key, &envelope, found, &err) < 0 ||
		rp_dsse_verify_json(envelope, key, RP_TYPE_INTOTO, ret_statement, &err) < 0 ||
		rp_statement_check(*ret_statement, bench->payload, strlen(bench->payload), &err) <
			0)
		fail_msg("%s", err.text);
	assert_string_equal(found, verdict);
	return json_object_get(*ret_statement, "predicate");
}

static const json_t *first(const json_t *predicate, const char *key)
{
	return json_array_get(json_object_get(predicate, key), 0);
}

static void test_all_well(void **state)
{
	struct bench bench;
	rp_cleanup(json) json_t *statement = NULL;
	const json_t *predicate, *stages;
	static const char *const words[] = {"agent", "checks", "report"};

	open_bench(&bench, 60);
	assert_string_equal(rp_run_job(bench.run), LAB_JOB);
	assert_string_equal(bench.status.job, LAB_JOB);
	assert_int_equal(bench.status.total, 1);
	assert_int_equal(step(&bench), RP_RUN_AGAIN); /* the module */
	assert_int_equal(step(&bench), RP_RUN_WAIT);  /* the check */
	assert_string_equal(bench.status.check, "ring");
	assert_int_equal(bench.starts, 1);
	assert_int_equal(step(&bench), RP_RUN_WAIT); /* it still runs */
	systemd_until(&bench.sys, &bench.wakes, 1);
	assert_string_equal(bench.ended, "ring");
	assert_string_equal(bench.verdict, "pass");
	assert_int_equal(bench.status.done, 1);
	assert_string_equal(bench.status.check, "");
	assert_int_equal(step(&bench), RP_RUN_DONE);
	predicate = sign(&bench, "pass", &statement);
	assert_true(json_is_true(json_object_get(first(predicate, "rigproof_modules"), "loaded")));
	stages = json_object_get(predicate, "rigproof_stages");
	assert_int_equal(json_array_size(stages), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(
			rp_json_string_or(json_array_get(stages, i), "stage", ""), words[i]);
	assert_string_equal(rp_json_string_or(json_array_get(stages, 2), "end", "?"), "");
	assert_int_equal(json_array_size(bench.stages), 1); /* the caller's stay as they were */
	close_bench(&bench);
}

static void test_check_fails(void **state)
{
	struct bench bench;
	rp_cleanup(json) json_t *statement = NULL;

	open_bench(&bench, 60);
	bench.sys.text = "1..1\nnot ok 1 - order\n";
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_WAIT);
	systemd_until(&bench.sys, &bench.wakes, 1);
	assert_string_equal(bench.verdict, "fail");
	assert_int_equal(step(&bench), RP_RUN_DONE);
	sign(&bench, "fail", &statement);
	close_bench(&bench);
}

/* No check runs without its module; that is no verdict on what it checks. */
static void test_module_refused(void **state)
{
	struct bench bench;
	rp_cleanup(json) json_t *statement = NULL;
	const json_t *check;

	open_bench(&bench, 60);
	bench.modules.load = is_refused;
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_DONE);
	assert_int_equal(bench.sys.calls, 0);
	assert_string_equal(bench.verdict, "skip");
	check = first(sign(&bench, "error", &statement), "rigproof_checks");
	assert_non_null(
		strstr(rp_json_string_or(check, "message", ""), "module xsc was not loaded"));
	close_bench(&bench);
}

static void test_no_bus(void **state)
{
	struct bench bench;
	rp_cleanup(json) json_t *statement = NULL;
	const json_t *check;

	open_bench(&bench, 60);
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(rp_run_step(bench.run, NULL, &bench.modules), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_DONE);
	check = first(sign(&bench, "error", &statement), "rigproof_checks");
	assert_non_null(strstr(rp_json_string_or(check, "message", ""), "system bus"));
	close_bench(&bench);
}

/* The job's time is the bound of all its checks: what is left of it, each may have. */
static void test_time_is_over(void **state)
{
	struct bench bench;
	rp_cleanup(json) json_t *statement = NULL;
	const json_t *check;

	open_bench(&bench, 0);
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(bench.sys.calls, 0);
	assert_int_equal(step(&bench), RP_RUN_DONE);
	assert_string_equal(bench.ended, "ring");
	assert_string_equal(bench.verdict, "error");
	close_bench(&bench);

	/* 60 s for the check, 30 for the job */
	open_bench(&bench, 30);
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_WAIT);
	systemd_until(&bench.sys, &bench.wakes, 1);
	assert_null(strstr(bench.sys.properties, "RuntimeMaxUSec=60000000"));
	assert_int_equal(step(&bench), RP_RUN_DONE);
	check = first(sign(&bench, "pass", &statement), "rigproof_checks");
	assert_string_equal(rp_json_string_or(check, "verdict", ""), "pass");
	close_bench(&bench);
}

static void test_abandoned(void **state)
{
	struct bench bench;
	rp_cleanup(json) json_t *statement = NULL;
	const json_t *error;

	open_bench(&bench, 60);
	rp_run_abandon(bench.run, RP_STAGE_AGENT, "started again");
	rp_run_abandon(bench.run, RP_STAGE_CHECKS, "the first reason counts");
	assert_int_equal(step(&bench), RP_RUN_DONE);
	assert_int_equal(bench.sys.calls, 0);
	error = json_object_get(sign(&bench, "error", &statement), "rigproof_error");
	assert_string_equal(rp_json_string_or(error, "stage", ""), "agent");
	assert_string_equal(rp_json_string_or(error, "message", ""), "started again");
	close_bench(&bench);
}

/* A run that is given up takes its check with it. */
static void test_freed_while_running(void **state)
{
	struct bench bench;

	open_bench(&bench, 60);
	bench.sys.silent = true;
	assert_int_equal(step(&bench), RP_RUN_AGAIN);
	assert_int_equal(step(&bench), RP_RUN_WAIT);
	systemd_until(&bench.sys, &bench.sys.calls, 1);
	bench.run = rp_run_free(bench.run);
	systemd_until(&bench.sys, &bench.sys.stops, 1);
	assert_string_equal(bench.status.check, "");
	assert_int_equal(bench.wakes, 0);
	close_bench(&bench);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_check_fails),
		cmocka_unit_test(test_module_refused),
		cmocka_unit_test(test_no_bus),
		cmocka_unit_test(test_time_is_over),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_freed_while_running),
	};

	return cmocka_run_group_tests_name("agent/run", all, set_up, tear_down);
}
