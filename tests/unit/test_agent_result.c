/* SPDX-License-Identifier: Apache-2.0 */
/* Modules that load or not, checks that end in every way, and the statement made of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "agent/module.h"
#include "agent/result.h"
#include "keys/dsse.h"
#include "keys/pki.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "tests/unit/agent_lab.h"
#include "tests/unit/folder_lab.h"

static struct rp_error err;
static char dir[FOLDER_LAB_TEXT];

/* A root with a kernel whose taint is this text. */
static int put_taint(const char *text)
{
	rp_cleanup(free) char *folder = NULL;
	rp_cleanup(free) char *path = NULL;

	folder = rp_path("%s/proc/sys/kernel", dir);
	path = rp_path("%s/tainted", folder);
	if (rp_file_make_directories(folder, 0700, NULL) < 0)
		return -1;
	return rp_file_write(path, 0600, text, strlen(text), NULL);
}

static int set_up(void **state)
{
	folder_lab_make(dir);
	return put_taint("12288\n");
}

static int tear_down(void **state)
{
	folder_lab_remove(dir);
	return 0;
}

/* ---- modules ---- */

static int loads, answer;

static int fake_load(int fd, const char *parameters)
{
	loads++;
	return strcmp(parameters, "depth=4") == 0 ? answer : -EINVAL;
}

static json_t *load(const char *name, const char *sha256)
{
	rp_cleanup(json) json_t *module = json_pack(
		"{s:s, s:s, s:s}", "name", name, "sha256", sha256, "parameters", "depth=4");
	const struct rp_module_place place = {
		.image_dir = dir, .cache_dir = "/nowhere", .load = fake_load};
	json_t *result = NULL;

	loads = 0;
	assert_int_equal(rp_module_load(&place, module, &result), 0);
	return result;
}

static void put_module(char ret_sha256[RP_SHA256_HEX])
{
	rp_cleanup(free) char *path = rp_path("%s/xsc.ko", dir);

	assert_int_equal(rp_file_write(path, 0644, "module", 6, &err), 0);
	rp_sha256_hex("module", 6, ret_sha256);
}

static void test_module_loaded(void **state)
{
	char sha256[RP_SHA256_HEX];
	rp_cleanup(json) json_t *result = NULL;

	put_module(sha256);
	answer = 0;
	result = load("xsc", sha256);
	assert_int_equal(loads, 1);
	assert_true(json_is_true(json_object_get(result, "loaded")));
	assert_int_equal(json_integer_value(json_object_get(result, "errno")), 0);
	assert_string_equal(rp_json_string_or(result, "message", "?"), "");
}

static void test_module_refused(void **state)
{
	static const struct {
		int code;
		const char *text;
	} refusals[] = {
		{-EKEYREJECTED, "not signed with a key"},
		{-ENOEXEC, "not a module for this kernel"},
		{-EPERM, "locked down"},
		{-EXFULL, "EXFULL"},
	};
	char sha256[RP_SHA256_HEX];

	put_module(sha256);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		rp_cleanup(json) json_t *result = NULL;

		answer = refusals[i].code;
		result = load("xsc", sha256);
		assert_true(json_is_false(json_object_get(result, "loaded")));
		assert_int_equal(
			json_integer_value(json_object_get(result, "errno")), -refusals[i].code);
		assert_non_null(strstr(rp_json_string_or(result, "message", ""), refusals[i].text));
	}
}

/* Other bytes than the job's never reach the kernel. */
static void test_module_changed(void **state)
{
	char sha256[RP_SHA256_HEX];
	rp_cleanup(json) json_t *changed = NULL;
	rp_cleanup(json) json_t *missing = NULL;

	put_module(sha256);
	answer = 0;
	changed = load("xsc", LAB_DIGEST);
	assert_int_equal(loads, 0);
	assert_true(json_is_false(json_object_get(changed, "loaded")));
	missing = load("gaming", sha256);
	assert_int_equal(loads, 0);
	assert_true(json_is_false(json_object_get(missing, "loaded")));
}

/* ---- checks ---- */

static const struct {
	const char *name, *result;
	int status, error;
	const char *output, *words;
	bool cut;
	const char *verdict, *message;
} ends[] = {
	{"pass", "success", 0, 0, "1..1\nok 1\n", "", false, "pass", ""},
	{"pass, chatty", "success", 0, 0, "1..1\nok 1\n", "hello", false, "pass", ""},
	{"skip", "success", 0, 0, "1..0 # SKIP no device\n", "", false, "skip", "no device"},
	{"failed test", "exit-code", 1, 0, "1..1\nnot ok 1 - a\n", "", false, "fail",
		"test 1 failed: a"},
	{"exit status alone", "exit-code", 1, 0, "1..1\nok 1\n", "oh", false, "fail",
		"exited with status 1 (exit-code); standard error ends: oh"},
	{"plan short", "success", 0, 0, "1..2\nok 1\n", "", false, "fail", "2 tests were planned"},
	{"no TAP", "success", 0, 0, "hello\n", "", false, "fail", "no TAP"},
	{"killed", "signal", 11, 0, "1..1\nok 1\n", "", false, "fail", "signal 11"},
	{"timeout", "timeout", 15, 0, "1..2\nok 1\n", "", false, "fail", "within its time"},
	{"memory", "oom-kill", 9, 0, "", "", false, "fail", "more memory"},
	{"flood", "success", 0, 0, "1..1\nok 1\n", "", true, "fail", "wrote more than"},
	{"skip, but failed", "exit-code", 1, 0, "1..0 # SKIP x\n", "", false, "fail", "status 1"},
	{"kselftest skips", "exit-code", 4, 0, "TAP version 13\n1..0 # SKIP no card\n", "", false,
		"skip", "no card"},
	{"kselftest skips at its end", "exit-code", 4, 0, "1..2\nok 1\nok 2 # SKIP no card\n", "",
		false, "skip", "no card"},
	{"automake skips", "exit-code", 77, 0, "1..0 # SKIP no card\n", "", false, "skip",
		"no card"},
	{"4, but nothing skipped", "exit-code", 4, 0, "1..1\nok 1\n", "", false, "fail",
		"status 4"},
	{"4, but a test failed", "exit-code", 4, 0, "1..2\nnot ok 1 - a\nok 2 # SKIP x\n", "",
		false, "fail", "test 1 failed"},
	{"4, but no TAP", "exit-code", 4, 0, "SKIP: no card\n", "", false, "fail", "no TAP"},
	{"4, but too early", "exit-code", 4, 0, "1..3\nok 1 # SKIP x\n", "", false, "fail",
		"3 tests were planned"},
	{"signal 4", "signal", 4, 0, "1..0 # SKIP x\n", "", false, "fail", "signal 4"},
	{"2 is no skip", "exit-code", 2, 0, "1..0 # SKIP x\n", "", false, "fail", "status 2"},
	{"starved", "exit-code", RP_CHECK_STARVED, 0, "1..2\nok 1\nBail out! starved: 40 %\n", "",
		false, "error", "starved: 40 %"},
	{"starved, but a test failed before", "exit-code", RP_CHECK_STARVED, 0,
		"1..3\nnot ok 1 - a\nBail out! starved: 40 %\n", "", false, "fail",
		"test 1 failed"},
	{"signal of that number", "signal", RP_CHECK_STARVED, 0, "1..1\nok 1\n", "", false, "fail",
		"signal 75"},
	{"not there", "exit-code", 203, 0, "", "", false, "error", "could not run it"},
	{"lost", "", 0, -EIO, "", "", false, "error", "no bus"},
};

static void test_checks(void **state)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct rp_unit_end end = {
			.error = ends[i].error,
			.message = "no bus",
			.status = ends[i].status,
			.output = ends[i].output,
			.output_len = strlen(ends[i].output),
			.output_cut = ends[i].cut,
			.last_words = ends[i].words,
		};
		rp_cleanup(json) json_t *check = NULL;

		strcpy(end.result, ends[i].result);
		check = rp_result_of_check("ring", 0, 1500000, &end);
		if (strcmp(rp_json_string_or(check, "verdict", ""), ends[i].verdict) != 0 ||
			!strstr(rp_json_string_or(check, "message", ""), ends[i].message) ||
			(!*ends[i].message && *rp_json_string_or(check, "message", "")))
			fail_msg("%s: %s: %s", ends[i].name,
				rp_json_string_or(check, "verdict", ""),
				rp_json_string_or(check, "message", ""));
	}
}

/* ---- the statement ---- */

static json_t *make_module(bool loaded)
{
	return json_pack("[{s:s, s:s, s:b, s:i, s:s}]", "name", "xsc", "sha256", LAB_DIGEST,
		"loaded", loaded, "errno", loaded ? 0 : EKEYREJECTED, "message",
		loaded ? "" : "the kernel rejected it");
}

/* Signs facts; checks what came out as the server would; gives the statement. */
static json_t *sign(const json_t *modules, const json_t *checks, const struct rp_kmsg *kmsg,
	char ret_verdict[8])
{
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(json) json_t *job = lab_job();
	rp_cleanup(free) char *payload = rp_json_canonical(job);
	rp_cleanup(json) json_t *kernel = rp_result_kernel(dir, kmsg);
	rp_cleanup(json) json_t *envelope = NULL;
	const struct rp_statement_parts parts = {
		.job_payload = payload,
		.job_payload_len = strlen(payload),
		.job = job,
		.modules = modules,
		.checks = checks,
		.kernel = kernel,
		.started = LAB_TIME,
		.finished = LAB_TIME,
	};
	json_t *statement = NULL;

	assert_int_equal(rp_pki_new_boot_key(&key, &err), 0);
	if (rp_result_sign(&parts, key, &envelope, ret_verdict, &err) < 0 ||
		rp_dsse_verify_json(envelope, key, RP_TYPE_INTOTO, &statement, &err) < 0 ||
		rp_statement_check(statement, payload, strlen(payload), &err) < 0)
		fail_msg("%s", err.text);
	return statement;
}

static json_t *make_check(const char *output)
{
	struct rp_unit_end end = {.result = "success",
		.output = output,
		.output_len = strlen(output),
		.last_words = ""};

	return json_pack("[o]", rp_result_of_check("ring", 0, 1000, &end));
}

/* The verdict on a passing check, beside this kernel log. */
static void expect(const struct rp_kmsg *kmsg, const char *verdict)
{
	rp_cleanup(json) json_t *modules = make_module(true);
	rp_cleanup(json) json_t *checks = make_check("1..1\nok 1 - a\n");
	rp_cleanup(json) json_t *statement = NULL;
	char found[8];

	statement = sign(modules, checks, kmsg, found);
	assert_string_equal(found, verdict);
}

static void test_statement(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();

	expect(kmsg, "pass");
}

static void test_unseen_kernel_is_an_error(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	static const char *const records[] = {"6,1,1,-;a\n", "6,3,1,-;c\n"};

	expect(NULL, "error"); /* the log was never opened */
	assert_int_equal(put_taint("none of it\n"), 0);
	expect(kmsg, "error");
	assert_int_equal(put_taint("4608\n"), 0); /* a warning, before anyone looked */
	expect(kmsg, "fail");
	assert_int_equal(put_taint("12288\n"), 0);
	for (size_t i = 0; i < 2; i++)
		rp_kmsg_add(kmsg, records[i], strlen(records[i]));
	expect(kmsg, "error"); /* a gap */
}

/* What no verifier takes is told as an error: a result that never arrives would tell nothing. */
static void test_contradiction_is_an_error(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	rp_cleanup(json) json_t *modules = make_module(true);
	rp_cleanup(json) json_t *checks = make_check(
		"1..1\nok 1 - a\n  ---\n  metrics:\n    - name: latency_max_us\n      value: 3\n"
		"      samples: [1, 9]\n  ...\n");
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(free) char *text = NULL;
	char verdict[8];

	statement = sign(modules, checks, kmsg, verdict);
	assert_string_equal(verdict, "error");
	text = rp_json_canonical(statement);
	assert_non_null(strstr(text, "the value of latency_max_us is not what its samples give"));
}

static void test_refusal_is_an_error(void **state)
{
	rp_cleanup(json) json_t *modules = make_module(false);
	rp_cleanup(json) json_t *checks = json_pack(
		"[o]", rp_result_not_run("ring", "skip", "not run: module xsc was not loaded"));
	rp_cleanup(json) json_t *statement = NULL;
	char verdict[8];

	statement = sign(modules, checks, NULL, verdict);
	assert_string_equal(verdict, "error");
}

static void test_kernel_report_fails(void **state)
{
	static const char record[] = "4,1,1,-;WARNING: CPU: 0 PID: 1 at a.c:1\n";
	rp_cleanup(json) json_t *modules = make_module(true);
	rp_cleanup(json) json_t *checks = make_check("1..1\nok 1 - a\n");
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	rp_cleanup(json) json_t *statement = NULL;
	char verdict[8];

	rp_kmsg_add(kmsg, record, strlen(record));
	statement = sign(modules, checks, kmsg, verdict);
	assert_string_equal(verdict, "fail");
}

/* More than the server takes: an error that says so, not a result that never arrives. */
static void test_too_large(void **state)
{
	rp_cleanup(json) json_t *modules = make_module(true);
	rp_cleanup(json) json_t *checks = make_check("1..1\nok 1 - a\n");
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(free) char *text = NULL;
	char unit[256], verdict[8];

	memset(unit, 'u', sizeof(unit) - 1);
	unit[sizeof(unit) - 1] = '\0';
	for (int i = 0; i < 40000; i++)
		json_array_append_new(json_object_get(json_array_get(checks, 0), "metrics"),
			json_pack("{s:s, s:i, s:s, s:s, s:[]}", "name", "a", "value", i, "unit",
				unit, "better", "", "samples"));
	statement = sign(modules, checks, NULL, verdict);
	assert_string_equal(verdict, "error");
	text = rp_json_canonical(statement);
	assert_non_null(strstr(text, "more results than can be reported"));
	assert_true(strlen(text) < RP_RESULT_MAX);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_module_loaded),
		cmocka_unit_test(test_module_refused),
		cmocka_unit_test(test_module_changed),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_statement),
		cmocka_unit_test(test_unseen_kernel_is_an_error),
		cmocka_unit_test(test_contradiction_is_an_error),
		cmocka_unit_test(test_refusal_is_an_error),
		cmocka_unit_test(test_kernel_report_fails),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests_name("agent/result", all, set_up, tear_down);
}
