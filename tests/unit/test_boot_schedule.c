/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of each stage, retries, quarantine, restarts: all with a clock that a test moves. */
#include <sqlite3.h>

#include "tests/unit/server_lab.h"

/* The stage and a part of the message that a job ended with. */
static void assert_error(struct rig_lab *lab, const char *job, const char *stage, const char *part)
{
	char path[96];
	struct answer answer;
	const json_t *error;

	snprintf(path, sizeof(path), "/api/v1/jobs/%s", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	error = json_object_get(answer.json, "error");
	assert_string_equal(rp_json_string_or(answer.json, "verdict", ""), "error");
	assert_string_equal(rp_json_string_or(error, "stage", ""), stage);
	if (!strstr(rp_json_string_or(error, "message", ""), part))
		fail_msg("no \"%s\" in \"%s\"", part, rp_json_string_or(error, "message", ""));
	answer_done(&answer);
}

static void pxe(struct rig_lab *lab, enum rp_pxe_event event, const char *detail)
{
	const struct rp_pxe_client client = {.mac = MAC,
		.uuid = UUID,
		.arch = 7,
		.kind = RP_PXE_UEFI,
		.is_ipxe = event == RP_PXE_IPXE_SEEN};

	rp_policy_pxe_event(&lab->server, &client, event, detail);
}

/* How far a rig gets before it stops answering. */
enum reached { NOTHING, POWERED, DISCOVERED, OFFERED, ACKED, IPXE, SCRIPT, HELLO, JOB, REPORT };

static void advance(struct rig_lab *lab, struct agent *agent, enum reached until)
{
	if (until >= POWERED)
		lab_power_answer(lab, 0, "running");
	if (until >= DISCOVERED)
		pxe(lab, RP_PXE_DISCOVER_SEEN, "");
	if (until >= OFFERED)
		pxe(lab, RP_PXE_OFFERED, "ipxe.efi");
	if (until >= ACKED)
		pxe(lab, RP_PXE_ACKED, "ipxe.efi");
	if (until >= IPXE)
		pxe(lab, RP_PXE_IPXE_SEEN, "");
	if (until >= SCRIPT)
		assert_true(script_boots(lab, agent));
	if (until >= HELLO)
		assert_int_equal(hello(lab, agent), 200);
	if (until >= JOB)
		assert_int_equal(status_of(lab, "GET", "/rig/v1/job", NULL, agent->cert), 200);
	if (until >= REPORT)
		assert_int_equal(status_of(lab, "POST", "/rig/v1/event",
					 json_pack("{s:s, s:s}", "stage", "report", "message", ""),
					 agent->cert),
			204);
}

/* A rig that stops anywhere ends as error, with the stage, within that stage's limit. */
static void each_stage_times_out(void **state)
{
	static const struct {
		enum reached until;
		const char *stage, *part;
	} cases[] = {
		{NOTHING, "power", "the power driver gave no answer"},
		{POWERED, "dhcp", "no DISCOVER from its MAC"},
		{DISCOVERED, "dhcp", "no offer was sent"},
		{OFFERED, "loader", "the firmware did not take our offer"},
		{ACKED, "loader", "TFTP (UDP 69) is filtered"},
		{IPXE, "script", "fetched no script"},
		{SCRIPT, "kernel", "the image was not fetched"},
		{HELLO, "agent", "fetched no job"},
		{JOB, "checks", "agent silent since"},
		{REPORT, "report", "its result did not arrive"},
	};
	struct rig_lab *lab = *state;

	lab->server.site->retries = 0;
	lab->server.site->quarantine_after = 0;
	ready_rig(lab, "alpha", "qemu");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct agent agent = {0};
		char job[27];
		int limit = rp_site_stage_limit(lab->server.site, cases[i].stage);

		submit_job(lab, "alpha", job);
		lab_pass(lab, RP_JOB_SETTLE_S);
		assert_job(lab, job, "state", "running");
		advance(lab, &agent, cases[i].until);
		lab_pass(lab, limit - 1); /* silence is noted meanwhile */
		assert_job(lab, job, "state", "running");
		lab_pass(lab, 1);
		assert_job(lab, job, "state", "done");
		assert_error(lab, job, cases[i].stage, "timed out after");
		assert_error(lab, job, cases[i].stage, cases[i].part);
		agent_done(&agent);
	}
}

/* What the page and the command line show of the stage that a job is in, or was first in. */
static void assert_power_detail(struct rig_lab *lab, const char *job, const char *detail)
{
	rp_cleanup(free) char *path = rp_path("/api/v1/jobs/%s", job);
	struct answer answer = ask(lab, "GET", path, NULL, NULL);
	const json_t *first = json_array_get(json_object_get(answer.json, "stages"), 0);

	assert_string_equal(rp_json_string_or(first, "stage", ""), "power");
	assert_string_equal(rp_json_string_or(first, "detail", "none"), detail);
	answer_done(&answer);
}

/* Without a power driver somebody is told what to do, until it is done; who does not has more time for it. */
static void a_person_is_asked(void **state)
{
	struct rig_lab *lab = *state;
	char job[27];

	lab->server.site->retries = 0;
	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_power_detail(lab, job, "");
	lab_power_answer(lab, -ENOTSUP, "no power driver");
	assert_power_detail(lab, job, "press the button of rig alpha now");
	lab_pass(lab, lab->server.site->stages.power_s + 1);
	assert_job(lab, job, "state", "running");
	pxe(lab, RP_PXE_DISCOVER_SEEN, "");
	assert_power_detail(lab, job, "");
	lab_pass(lab, 100 * lab->server.site->stages.power_s);
	assert_job(lab, job, "state", "done");

	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, -ENOTSUP, "no power driver");
	lab_pass(lab, 100 * lab->server.site->stages.power_s);
	assert_error(lab, job, "power", "press the button of rig alpha now");
	assert_error(lab, job, "power", "nobody switched the rig on");
}

/* Firmware whose boot failed goes on to its next entry: what it asks then says nothing of why. */
static void the_last_request_is_not_the_diagnosis(void **state)
{
	static const struct {
		const char *offered; /* NULL: nothing */
		bool acked, ipxe;
		enum rp_pxe_kind kind;
		const char *stage, *diagnosis;
	} cases[] = {
		{"ipxe.efi", false, false, RP_PXE_UEFI, "loader",
			"; the firmware did not take our offer: another boot server answers"},
		{"ipxe.efi", true, false, RP_PXE_UEFI, "loader",
			"; the loader was named but did "
			"not start: TFTP (UDP 69) is "
			"filtered, or Secure Boot"},
		{"undionly.kpxe", false, false, RP_PXE_BIOS, "loader",
			"; the loader was named but did not start: TFTP (UDP 69) is filtered, or "
			"another boot server"},
		{"ipxe.efi", true, true, RP_PXE_UEFI, "script",
			"; the loader started but fetched no script"},
		{"http://10.77.0.1/x.efi", false, false, RP_PXE_HTTP, "loader",
			"; the image's URL was named but not fetched"},
		{NULL, false, false, RP_PXE_UEFI, "dhcp", "; the rig asked, but no offer was sent"},
		{NULL, false, false, RP_PXE_HTTP, "dhcp",
			"; the firmware asks for UEFI HTTP boot alone: set `loader: http`"},
	};
	struct rig_lab *lab = *state;

	lab->server.site->retries = 0;
	lab->server.site->quarantine_after = 0;
	ready_rig(lab, "alpha", "qemu");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rp_pxe_client http = {
			.mac = MAC, .uuid = UUID, .arch = 16, .kind = RP_PXE_HTTP};
		const struct rp_pxe_client client = {.mac = MAC,
			.uuid = UUID,
			.arch = cases[i].kind == RP_PXE_HTTP   ? 16
				: cases[i].kind == RP_PXE_BIOS ? 0
							       : 7,
			.kind = cases[i].kind};
		char job[27];

		submit_job(lab, "alpha", job);
		lab_pass(lab, RP_JOB_SETTLE_S);
		lab_power_answer(lab, 0, "running");
		rp_policy_pxe_event(&lab->server, &client, RP_PXE_DISCOVER_SEEN, "");
		if (cases[i].offered)
			rp_policy_pxe_event(&lab->server, &client,
				cases[i].kind == RP_PXE_HTTP ? RP_PXE_HTTP_OFFERED : RP_PXE_OFFERED,
				cases[i].offered);
		if (cases[i].acked)
			rp_policy_pxe_event(&lab->server, &client, RP_PXE_ACKED, cases[i].offered);
		if (cases[i].ipxe)
			pxe(lab, RP_PXE_IPXE_SEEN, "");
		rp_policy_pxe_event(&lab->server, &http, RP_PXE_DISCOVER_SEEN, "");
		lab_pass(lab, rp_site_stage_limit(lab->server.site, cases[i].stage));
		assert_error(lab, job, cases[i].stage, cases[i].diagnosis);
	}
}

/* Each attempt is a boot of its own; a pass after an error is a pass. */
static void retried_then_passed(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0}, second = {0};
	struct answer answer;
	json_t *late, *result;
	char job[27], path[96];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	advance(lab, &agent, JOB);
	late = make_result(lab, &agent, "pass");
	lab_pass(lab, lab->server.site->stages.checks_s);
	assert_job(lab, job, "state", "queued");
	/* what comes after the attempt's end is refused, and kept as refused */
	assert_int_equal(put_result(lab, &agent, job, late, NULL), 409);
	assert_int_equal(refusals(lab), 1);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 2);
	advance(lab, &second, JOB);
	assert_string_not_equal(second.boot, agent.boot);
	assert_int_equal(put_result(lab, &second, job, late, NULL), 403);
	result = make_result(lab, &second, "pass");
	assert_int_equal(put_result(lab, &second, job, result, NULL), 200);
	assert_job(lab, job, "verdict", "pass");
	snprintf(path, sizeof(path), "/api/v1/jobs/%s", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "attempts")), 2);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "attempt")), 2);
	assert_true(json_is_null(json_object_get(answer.json, "error")));
	answer_done(&answer);
	json_decref(late);
	json_decref(result);
	agent_done(&agent);
	agent_done(&second);
}

static void errors_quarantine_failures_do_not(void **state)
{
	struct rig_lab *lab = *state;
	char job[27], queued[27], rig_state[64];
	struct answer answer;

	lab->server.site->retries = 0;
	lab->server.site->quarantine_after = 2;
	ready_rig(lab, "alpha", "qemu");
	for (int i = 0; i < 3; i++) {
		struct agent agent = {0};
		json_t *result;

		submit_job(lab, "alpha", job);
		lab_pass(lab, RP_JOB_SETTLE_S);
		advance(lab, &agent, JOB);
		result = make_result(lab, &agent, "fail");
		assert_int_equal(put_result(lab, &agent, job, result, NULL), 200);
		assert_job(lab, job, "verdict", "fail");
		json_decref(result);
		agent_done(&agent);
	}
	for (int i = 0; i < 2; i++) {
		submit_job(lab, "alpha", job);
		if (i == 1)
			submit_job(lab, "alpha", queued);
		lab_pass(lab, RP_JOB_SETTLE_S);
		lab_power_answer(lab, -ECONNREFUSED, "nobody listens at /run/none.sock");
		assert_error(lab, job, "power", "nobody listens");
	}
	answer = ask(lab, "GET", "/api/v1/rigs/alpha", NULL, NULL);
	snprintf(rig_state, sizeof(rig_state), "%s", rp_json_string_or(answer.json, "state", ""));
	answer_done(&answer);
	assert_string_equal(rig_state, "quarantined");
	assert_error(lab, queued, "power", "quarantined after 2 errors");
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/jobs",
			json_pack("{s:o, s:s}", "plan", plan_manifest(), "rig", "alpha"), NULL),
		409);
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs/alpha/state",
				 json_pack("{s:s}", "state", "ready"), NULL),
		200);
	submit_job(lab, "alpha", job);
}

/* A result that says error is signed, logged, and tried again. */
static void error_result_is_retried(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	json_t *result;
	char job[27];

	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", job);
	for (int attempt = 0; attempt < 2; attempt++) {
		assert_job(lab, job, "state", "queued");
		agent_done(&agent);
		assert_true(script_boots(lab, &agent));
		assert_int_equal(hello(lab, &agent), 200);
		assert_string_equal(agent.action, "job");
		result = make_result(lab, &agent, "error");
		assert_int_equal(put_result(lab, &agent, job, result, NULL), 200);
		json_decref(result);
	}
	assert_job(lab, job, "state", "done");
	assert_error(lab, job, "checks", "no such program");
	assert_int_equal(rp_log_size(lab->server.log), 2);
	agent_done(&agent);
}

/* SIGKILL: the store is all there is. The agent keeps its certificate, and deadlines hold. */
static void killed_and_started(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	json_t *result, *first, *again;
	char job[27], second[27];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(lab->cycles, 1);
	lab_pass(lab, 0);
	assert_int_equal(lab->cycles, 2);
	lab_power_answer(lab, 0, "running");
	pxe(lab, RP_PXE_DISCOVER_SEEN, "");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	result = make_result(lab, &agent, "pass");
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(put_result(lab, &agent, job, result, &first), 200);
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(put_result(lab, &agent, job, result, &again), 200);
	assert_true(json_equal(first, again));
	assert_int_equal(rp_log_size(lab->server.log), 1);
	json_decref(first);
	json_decref(again);
	json_decref(result);
	agent_done(&agent);

	/* away for longer than any deadline: the agent, which kept its result, gets its chance */
	submit_job(lab, "alpha", second);
	lab_pass(lab, RP_JOB_SETTLE_S);
	advance(lab, &agent, JOB);
	result = make_result(lab, &agent, "pass");
	lab_stop(lab);
	lab->now += 86400 * RP_SECOND;
	lab_start(lab);
	lab_pass(lab, 50);
	assert_job(lab, second, "state", "running");
	assert_int_equal(put_result(lab, &agent, second, result, NULL), 200);
	assert_job(lab, second, "verdict", "pass");
	json_decref(result);
	agent_done(&agent);

	/* the same where the deadline was about to come */
	lab->server.site->retries = 0;
	submit_job(lab, "alpha", second);
	lab_pass(lab, RP_JOB_SETTLE_S);
	advance(lab, &agent, JOB);
	lab_pass(lab, lab->server.site->stages.checks_s - 2);
	lab_stop(lab);
	lab_start(lab);
	lab_pass(lab, 0);
	lab_pass(lab, 59);
	assert_job(lab, second, "state", "running");
	lab_pass(lab, 1);
	assert_job(lab, second, "state", "done");
	assert_job(lab, second, "verdict", "error");
	agent_done(&agent);
}

static void crash_while_checking(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	char job[27];

	lab->server.site->retries = 0;
	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	advance(lab, &agent, JOB);
	/* as long as its agent is heard, it is somebody else who asks with its address */
	answer = fetch_script(lab, &agent);
	assert_non_null(strstr(answer.text, "sleep"));
	answer_done(&answer);
	assert_job(lab, job, "state", "running");
	lab->now += 31 * RP_SECOND;
	answer = fetch_script(lab, &agent);
	assert_null(strstr(answer.text, "/cas/"));
	answer_done(&answer);
	assert_error(lab, job, "checks", "started again by itself");
	agent_done(&agent);
}

static void ipxe_reports_failure(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	char job[27], boot[64], path[160];

	lab->server.site->retries = 0;
	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	advance(lab, &agent, SCRIPT);
	job_field(lab, job, "boot", boot);
	snprintf(path, sizeof(path), "/boot/v1/failed?boot=%s&step=image&error=0x3e11628e", boot);
	answer = ask_from(lab, "10.77.0.99", "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 204);
	assert_job(lab, job, "state", "running");
	assert_int_equal(refusals(lab), 1);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 204);
	assert_true(answer.close);
	answer_done(&answer);
	assert_error(lab, job, "kernel", "iPXE: step image failed: 0x3e11628e");
	agent_done(&agent);
}

/* Evidence names the image that was booted: a job of another one needs a boot of its own. */
static void job_of_another_image_reboots(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	struct agent agent = {0};
	struct answer answer;
	rp_cleanup(json) json_t *image = NULL;
	char job[27], sha256[65];

	lab_ok(rp_artefacts_add(lab->server.artefacts, "other", 5, sha256, &err));
	image = json_pack("{s:s, s:s, s:i, s:s, s:[{s:s, s:s}]}", "name", "other", "sha256", sha256,
		"size", 5, "command_line", "", "modules", "name", "xsc", "sha256",
		lab->module_sha256);
	lab_ok(rp_images_put(&lab->server, image, &err));
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs", rig_manifest("alpha", "none"), NULL), 201);
	answer = ask(lab, "POST", "/api/v1/jobs",
		json_pack("{s:o, s:s, s:s}", "plan", plan_manifest(), "image", "other", "rig",
			"alpha"),
		NULL);
	assert_int_equal(answer.status, 201);
	snprintf(job, sizeof(job), "%s", rp_json_string_or(answer.json, "job", ""));
	answer_done(&answer);

	assert_true(script_boots(lab, &agent)); /* its training, in the default image */
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "reboot");
	assert_int_equal(hello(lab, &agent), 200); /* the answer was lost */
	assert_string_equal(agent.action, "reboot");
	assert_job(lab, job, "state", "queued");
	agent_done(&agent);

	answer = fetch_script(lab, &agent);
	assert_non_null(strstr(answer.text, sha256));
	answer_done(&answer);
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "job");
	agent_done(&agent);
}

static json_t *state_body(const char *word)
{
	return json_pack("{s:s}", "state", word);
}

/* Jobs that wait for a rig which an operator takes away end with the reason. */
static void taken_out_of_service_ends_its_queue(void **state)
{
	static const char *const words[] = {"retired", "quarantined"};
	struct rig_lab *lab = *state;

	for (size_t i = 0; i < 2; i++) {
		char job[27];

		if (i == 0)
			ready_rig(lab, "alpha", "qemu");
		assert_int_equal(status_of(lab, "POST", "/api/v1/rigs/alpha/state",
					 state_body("ready"), NULL),
			200);
		submit_job(lab, "alpha", job);
		assert_int_equal(status_of(lab, "POST", "/api/v1/rigs/alpha/state",
					 state_body(words[i]), NULL),
			200);
		assert_job(lab, job, "state", "done");
		assert_error(lab, job, "power", words[i]);
	}
}

/* "ignore: true" that comes while jobs wait: no power switch is touched, and the jobs end. */
static void told_to_be_left_alone(void **state)
{
	struct rig_lab *lab = *state;
	json_t *manifest = rig_manifest("alpha", "qemu");
	char job[27];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	assert_true(rp_rigs_settle(&lab->server, "alpha", RP_JOB_SETTLE_S, true) >= 0);
	json_object_set_new(manifest, "ignore", json_true());
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 200);
	lab_pass(lab, 60);
	assert_int_equal(lab->cycles, 0);
	assert_int_equal(lab->offs, 0);
	assert_job(lab, job, "state", "done");
	assert_error(lab, job, "power", "ignore: true");
}

static void run_sql(struct rig_lab *lab, const char *sql)
{
	rp_cleanup(free) char *path = rp_path("%s/rigproof.db", lab->dir);
	sqlite3 *database;

	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
}

/* Both must say so, the rig when the job begins: its manifest may have changed since. */
static void disks_are_allowed_when_the_job_begins(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	json_t *plan;
	char job[27];

	for (int by_itself = 0; by_itself < 2; by_itself++) {
		json_t *manifest = rig_manifest("alpha", by_itself ? "none" : "qemu");

		json_object_set_new(manifest, "disks", json_string("write"));
		answer = ask(lab, "POST", "/api/v1/rigs", manifest, NULL);
		answer_done(&answer);
		force_state(lab, "alpha", by_itself ? RP_RIG_ENROLLED : RP_RIG_READY);
		plan = plan_manifest();
		json_object_set_new(plan, "disks", json_string("write"));
		answer = ask(lab, "POST", "/api/v1/jobs",
			json_pack("{s:o, s:s}", "plan", plan, "rig", "alpha"), NULL);
		assert_int_equal(answer.status, 201);
		snprintf(job, sizeof(job), "%s", rp_json_string_or(answer.json, "job", ""));
		answer_done(&answer);
		assert_int_equal(status_of(lab, "POST", "/api/v1/rigs",
					 rig_manifest("alpha", by_itself ? "none" : "qemu"), NULL),
			200);
		if (by_itself) {
			assert_true(script_boots(lab, &agent));
			assert_int_equal(hello(lab, &agent), 200);
			assert_string_equal(agent.action, "poweroff");
		} else {
			lab_pass(lab, 60);
		}
		assert_job(lab, job, "state", "done");
		assert_error(lab, job, "power", "disks");
	}
	assert_int_equal(lab->cycles, 0);
	agent_done(&agent);
}

/* What no attempt can be made of ends, and the jobs behind it have their turn. */
static void job_that_cannot_begin(void **state)
{
	struct rig_lab *lab = *state;
	char job[27], next[27];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	run_sql(lab, "UPDATE job SET spec = '{}'");
	submit_job(lab, "alpha", next);
	lab_pass(lab, 0);
	assert_job(lab, job, "state", "done");
	assert_error(lab, job, "power", "cannot be started");
	lab_pass(lab, 1);
	assert_job(lab, next, "state", "running");
}

/* One row that nothing can be done with holds up no other rig's deadline. */
static void one_bad_row_holds_up_nobody(void **state)
{
	struct rig_lab *lab = *state;
	json_t *beta = rig_manifest("beta", "qemu");
	char first[27], second[27];

	json_object_set_new(beta, "mac", json_pack("[s]", "52:54:00:00:00:02"));
	lab->server.site->retries = 0;
	ready_rig(lab, "alpha", "qemu");
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", beta, NULL), 201);
	force_state(lab, "beta", RP_RIG_READY);
	submit_job(lab, "alpha", first);
	lab_pass(lab, 0);
	submit_job(lab, "beta", second);
	lab_pass(lab, 0);
	run_sql(lab, "UPDATE rig SET manifest = '' WHERE name = 'alpha'");
	lab_pass(lab, lab->server.site->stages.power_s);
	assert_job(lab, second, "state", "done");
}

/* A rig that nobody approves, or that never comes, does not keep its jobs for ever. */
static void waits_so_long(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	char job[27];
	int limit = 1000;

	lab->server.site->queue_s = limit;
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 202);
	submit_job(lab, "rig-525400123456", job);
	for (int waited = 0; waited < limit; waited += 100) {
		assert_job(lab, job, "state", "queued");
		lab_pass(lab, 100);
		assert_int_equal(hello(lab, &agent), 202); /* it is there, and asks */
	}
	assert_job(lab, job, "state", "done");
	assert_error(lab, job, "power", "is pending");
	agent_done(&agent);
}

/* Waiting for others' jobs is not waiting in vain. */
static void long_queue(void **state)
{
	struct rig_lab *lab = *state;
	char jobs[4][27];

	lab->server.site->queue_s = 1000;
	ready_rig(lab, "alpha", "qemu");
	for (int i = 0; i < 4; i++) {
		submit_job(lab, "alpha", jobs[i]);
		lab_pass(lab, 0);
	}
	for (int i = 0; i < 4; i++) {
		struct agent agent = {0};
		json_t *result;

		lab_pass(lab, RP_JOB_SETTLE_S);
		assert_job(lab, jobs[i], "state", "running");
		advance(lab, &agent, JOB);
		result = make_result(lab, &agent, "pass");
		lab_pass(lab, 600);
		assert_int_equal(put_result(lab, &agent, jobs[i], result, NULL), 200);
		json_decref(result);
		agent_done(&agent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_stage_times_out, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(a_person_is_asked, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			the_last_request_is_not_the_diagnosis, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(retried_then_passed, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			errors_quarantine_failures_do_not, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(error_result_is_retried, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(killed_and_started, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(crash_while_checking, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(ipxe_reports_failure, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			job_of_another_image_reboots, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			taken_out_of_service_ends_its_queue, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(told_to_be_left_alone, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			disks_are_allowed_when_the_job_begins, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(job_that_cannot_begin, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			one_bad_row_holds_up_nobody, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(waits_so_long, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(long_queue, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
