/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent does next, step by step, against a server on loopback: each answer leads where it
 * should, and a result is neither lost nor made twice.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/efivars.h"
#include "agent/spool.h"
#include "agent/states.h"
#include "keys/dsse.h"
#include "keys/efi_auth.h"
#include "keys/pem.h"
#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/log.h"
#include "tests/unit/agent_server_lab.h"

#define RESULT RP_RIG_PATH_RESULT LAB_JOB

static struct lab lab, other;
static struct peer peer;
static struct rp_agent *agent;
static struct rp_error err;

/* A rig of its own for each test: /run, sysfs and firmware are folders. */
static char *folder(const char *name)
{
	return lab_path(&lab, name);
}

static void put_variable(const char *name, char value)
{
	const char data[5] = {6, 0, 0, 0, value};
	rp_cleanup(free) char *path = rp_path(
		"%s/rig%s/%s-8be4df61-93ca-11d2-aa0d-00e098032b8c", lab.dir, RP_EFIVARS_DIR, name);

	assert_int_equal(rp_file_write(path, 0600, data, sizeof(data), &err), 0);
}

static void start_agent(void)
{
	rp_cleanup(free) char *config = folder("config");
	rp_cleanup(free) char *run = folder("run");
	rp_cleanup(free) char *rig = folder("rig");

	if (rp_agent_new(&(struct rp_agent_options){.config_dir = config,
				 .run_dir = run,
				 .modules_dir = "/nowhere",
				 .root = rig},
		    &agent, &err) < 0)
		fail_msg("%s", err.text);
}

static int set_up_all(void **state)
{
	rp_cleanup(free) char *config = NULL;
	rp_cleanup(free) char *json_path = NULL;
	rp_cleanup(free) char *root_path = NULL;
	rp_cleanup(free) char *root = NULL;
	rp_cleanup(free) char *json = NULL;
	sigset_t signals;

	/* The machine's own bus is not for us: through it, rigs are switched off. */
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1);
	unsetenv("NOTIFY_SOCKET");
	rp_log_set_level((enum rp_log_level)0); /* its failures are what we are here for */
	/* Before there is a thread: the agent takes it by its event loop. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (lab_make(&lab) || lab_make(&other) || rp_efi_auth_make(lab.keys, &err) < 0 ||
		peer_start(&peer, &lab))
		return -1;
	config = folder("config");
	json_path = folder("config/agent.json");
	root_path = folder("config/root.crt");
	root = rp_pem_write_cert(lab.root);
	json = rp_path("{\"server\":\"%s\",\"image\":{\"name\":\"node\"}}", peer.url);
	return rp_file_make_directories(config, 0700, NULL) < 0 ||
			       rp_file_write(json_path, 0600, json, strlen(json), NULL) < 0 ||
			       rp_file_write(root_path, 0600, root, strlen(root), NULL) < 0
		       ? -1
		       : 0;
}

static int tear_down_all(void **state)
{
	peer_stop(&peer);
	return lab_remove(&lab) | lab_remove(&other);
}

static int set_up(void **state)
{
	rp_cleanup(free) char *efivars = rp_path("%s/rig%s", lab.dir, RP_EFIVARS_DIR);

	if (rp_file_make_directories(efivars, 0700, NULL) < 0)
		return -1;
	for (size_t i = 0; i < PEER_ANSWERS; i++)
		if (peer.answers[i].path)
			peer_answer(&peer, peer.answers[i].path, 404, 0, NULL);
	peer_answer(&peer, RP_RIG_PATH_EVENT, 204, 0, NULL);
	peer_forget(&peer);
	start_agent();
	return 0;
}

static int tear_down(void **state)
{
	rp_cleanup(free) char *command = rp_path("rm -rf %s/run %s/rig", lab.dir, lab.dir);

	agent = rp_agent_free(agent);
	return system(command);
}

/* ---- what a test says ---- */

static void admit(const char *action)
{
	peer_answer(
		&peer, RP_RIG_PATH_HELLO, 200, 0, lab_admission(&lab, agent->key, LAB_RIG, action));
}

static void offer_job(void)
{
	rp_cleanup(json) json_t *job = lab_job();

	peer_answer(
		&peer, RP_RIG_PATH_JOB, 200, 0, lab_answer(&lab, "job", "job", RP_TYPE_JOB, job));
}

#define step_to(state) step_to_(state, __LINE__)
static int64_t step_to_(enum rp_agent_state state, int line)
{
	int64_t delay = rp_agent_step(agent);

	if (agent->state != state)
		fail_msg("line %d: state %s, expected %s", line, rp_agent_state_text(agent->state),
			rp_agent_state_text(state));
	return delay;
}

/* Between a first failure's pace and the longest. */
static void assert_backoff(int64_t delay)
{
	assert_in_range(delay, 300000, 75 * RP_SECOND);
}

static void assert_message(const char *path, const char *key, const char *text)
{
	const struct peer_asked *asked;
	rp_cleanup(json) json_t *body = NULL;

	assert_true(peer_asked(&peer, path, &asked) > 0);
	assert_int_equal(rp_json_parse(asked->body, strlen(asked->body), &body, &err), 0);
	if (!strstr(rp_json_string_or(body, key, ""), text))
		fail_msg("%s: %s does not say \"%s\"", path, asked->body, text);
}

/* ---- hello ---- */

static void test_actions(void **state)
{
	static const struct {
		const char *action;
		enum rp_agent_state state;
		int64_t delay;
	} actions[] = {
		{"enrol", RP_AGENT_ENROL, 0},
		{"job", RP_AGENT_JOB, 0},
		{"wait", RP_AGENT_HELLO, 10 * RP_SECOND},
		{"poweroff", RP_AGENT_END, 0},
		{"reboot", RP_AGENT_END, 0},
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		rp_agent_enter(agent, RP_AGENT_HELLO);
		admit(actions[i].action);
		assert_int_equal(step_to(actions[i].state), actions[i].delay);
		assert_true(agent->admitted);
		assert_string_equal(agent->identity.rig, LAB_RIG);
	}
}

/* What goes out is what the protocol takes; nobody has a certificate before it. */
static void test_hello_is_taken(void **state)
{
	const struct peer_asked *asked;
	rp_cleanup(json) json_t *body = NULL;
	struct rp_hello hello;

	put_variable("SecureBoot", 1);
	put_variable("SetupMode", 0);
	admit("job");
	step_to(RP_AGENT_JOB);
	assert_int_equal(peer_asked(&peer, RP_RIG_PATH_HELLO, &asked), 1);
	assert_string_equal(asked->rig, "");
	assert_int_equal(rp_json_parse(asked->body, strlen(asked->body), &body, &err), 0);
	if (rp_hello_read(body, &hello, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(hello.image, "node");
	assert_true(hello.secure_boot.enabled);
	assert_false(hello.secure_boot.setup_mode);
}

static void test_not_yet(void **state)
{
	peer_answer(&peer, RP_RIG_PATH_HELLO, 202, 5,
		json_pack("{s:s, s:s}", "state", "pending", "reason", "approve it"));
	assert_int_equal(step_to(RP_AGENT_HELLO), 5 * RP_SECOND);
	peer_answer(&peer, RP_RIG_PATH_HELLO, 403, 0, NULL);
	assert_int_equal(step_to(RP_AGENT_HELLO), 30 * RP_SECOND);
	peer_answer(&peer, RP_RIG_PATH_HELLO, 500, 0, NULL);
	assert_backoff(step_to(RP_AGENT_HELLO));
	peer_answer(&peer, RP_RIG_PATH_HELLO, 503, 9, NULL);
	assert_int_equal(step_to(RP_AGENT_HELLO), 9 * RP_SECOND);
	assert_false(agent->admitted);
}

/* An admission that is another lab's, or not of its form, is none. */
static void test_no_admission(void **state)
{
	json_t *more = lab_admission(&lab, agent->key, LAB_RIG, "job");

	peer_answer(&peer, RP_RIG_PATH_HELLO, 200, 0,
		lab_admission(&other, agent->key, LAB_RIG, "job"));
	assert_backoff(step_to(RP_AGENT_HELLO));
	json_object_set_new(more, "surprise", json_true());
	peer_answer(&peer, RP_RIG_PATH_HELLO, 200, 0, more);
	assert_backoff(step_to(RP_AGENT_HELLO));
	admit("dance");
	assert_backoff(step_to(RP_AGENT_HELLO));
	assert_false(agent->admitted);
}

/* The pace doubles from failure to failure up to its bound, and begins anew by a success. */
static void test_pace(void **state)
{
	int64_t delay = 0;

	for (int i = 0; i < 12; i++)
		delay = rp_agent_backoff(agent);
	assert_in_range(delay, 45 * RP_SECOND, 75 * RP_SECOND);
	admit("job");
	step_to(RP_AGENT_JOB);
	assert_in_range(rp_agent_backoff(agent), 375000, 625000);
}

/* ---- a job ---- */

static void take_job(void)
{
	admit("job");
	step_to(RP_AGENT_JOB);
	offer_job();
	assert_int_equal(step_to(RP_AGENT_CHECKS), 0);
}

/* The module is nowhere to be had, so the check is skipped: a whole run without a bus. */
static void run_job(void)
{
	take_job();
	assert_int_equal(step_to(RP_AGENT_CHECKS), 0);
	assert_int_equal(step_to(RP_AGENT_CHECKS), 0);
	assert_int_equal(step_to(RP_AGENT_REPORT), 0);
}

static void test_job(void **state)
{
	const struct peer_asked *asked;

	run_job();
	assert_int_equal(peer_asked(&peer, "/cas/sha256/" LAB_DIGEST, &asked), 1);
	assert_string_equal(asked->rig, LAB_RIG);
	assert_message(RP_RIG_PATH_EVENT, "message", "the result is signed: error");
	assert_message(RP_RIG_PATH_EVENT, "stage", "report");
	assert_true(rp_spool_has(agent->spool_dir, LAB_JOB));
	peer_acknowledges(&peer, RESULT);
	assert_int_equal(step_to(RP_AGENT_END), 0);
	assert_int_equal(agent->ending, RP_ACTION_POWEROFF);
	assert_false(rp_spool_has(agent->spool_dir, LAB_JOB));
	assert_int_equal(peer_asked(&peer, RESULT, &asked), 1);
	assert_string_equal(asked->method, "PUT");
	assert_string_equal(agent->status.job, "");
	/* without a bus nobody can switch off: it tries again */
	assert_backoff(step_to(RP_AGENT_END));
}

/* The server asks again for what was run and reported: once is once. */
static void test_job_runs_once(void **state)
{
	run_job();
	peer_acknowledges(&peer, RESULT);
	step_to(RP_AGENT_END);
	rp_agent_enter(agent, RP_AGENT_JOB);
	assert_int_equal(step_to(RP_AGENT_HELLO), 10 * RP_SECOND);
	assert_message(RP_RIG_PATH_EVENT, "message", "nonce was used before");
	assert_int_equal(peer_asked(&peer, RESULT, NULL), 1);
}

/* An agent that died in its job reports that; it does not run it again. */
static void test_died_in_its_job(void **state)
{
	const struct peer_asked *asked;

	take_job();
	agent = rp_agent_free(agent);
	peer_forget(&peer);
	start_agent();
	take_job();
	assert_int_equal(step_to(RP_AGENT_REPORT), 0);
	assert_int_equal(peer_asked(&peer, "/cas/sha256/" LAB_DIGEST, &asked), 0);
	assert_message(RP_RIG_PATH_EVENT, "message", "the result is signed: error");
}

/* One that died before it was told "thanks" has its result still, and reports before all else. */
static void test_died_before_its_report(void **state)
{
	run_job();
	agent = rp_agent_free(agent);
	start_agent();
	admit("job");
	assert_int_equal(step_to(RP_AGENT_REPORT), 0);
	peer_acknowledges(&peer, RESULT);
	step_to(RP_AGENT_END);
	assert_int_equal(peer_asked(&peer, RESULT, NULL), 1);
}

static void test_no_job(void **state)
{
	rp_cleanup(json) json_t *strange = lab_job();

	admit("job");
	step_to(RP_AGENT_JOB);
	peer_answer(&peer, RP_RIG_PATH_JOB, 204, 4, NULL);
	assert_int_equal(step_to(RP_AGENT_JOB), 4 * RP_SECOND);
	peer_answer(&peer, RP_RIG_PATH_JOB, 500, 0, NULL);
	assert_backoff(step_to(RP_AGENT_JOB));
	peer_answer(&peer, RP_RIG_PATH_JOB, 503, 8, NULL);
	assert_int_equal(step_to(RP_AGENT_JOB), 8 * RP_SECOND);
	/* the server thinks otherwise of where we are */
	peer_answer(&peer, RP_RIG_PATH_JOB, 409, 0, NULL);
	assert_int_equal(step_to(RP_AGENT_HELLO), 10 * RP_SECOND);
	json_object_set_new(strange, "rig", json_string("rig-2"));
	peer_answer(&peer, RP_RIG_PATH_JOB, 200, 0,
		lab_answer(&lab, "job", "job", RP_TYPE_JOB, strange));
	rp_agent_enter(agent, RP_AGENT_JOB);
	assert_int_equal(step_to(RP_AGENT_HELLO), 10 * RP_SECOND);
	assert_message(RP_RIG_PATH_EVENT, "message", "job refused: ");
	assert_message(RP_RIG_PATH_EVENT, "message", "rig-2");
}

static void test_cancelled(void **state)
{
	take_job();
	rp_agent_cancel(agent);
	assert_int_equal(agent->state, RP_AGENT_HELLO);
	assert_null(agent->run);
	assert_string_equal(agent->status.job, "");
	/* a report is past that */
	rp_agent_enter(agent, RP_AGENT_REPORT);
	rp_agent_cancel(agent);
	assert_int_equal(agent->state, RP_AGENT_REPORT);
}

/* ---- report ---- */

/* Whatever the server says but a receipt for these bytes, the result stays, or is set aside. */
static void test_result_is_kept(void **state)
{
	rp_cleanup(json) json_t *ack = json_pack("{s:i, s:s, s:s, s:i, s:s}", "version", 1,
		"result", LAB_JOB, "sha256", LAB_DIGEST, "index", 0, "accepted", LAB_TIME);
	rp_cleanup(free) char *refused = rp_path("%s/run/spool/" LAB_JOB ".refused", lab.dir);
	json_t *receipt = lab_answer(&lab, "ack", "log", RP_TYPE_ACK, ack);
	struct stat st;

	run_job();
	peer_answer(&peer, RESULT, 507, 15, NULL);
	assert_int_equal(step_to(RP_AGENT_REPORT), 15 * RP_SECOND);
	peer_answer(&peer, RESULT, 500, 0, NULL);
	assert_backoff(step_to(RP_AGENT_REPORT));
	peer_answer(&peer, RESULT, 200, 0, json_incref(receipt)); /* of other bytes */
	assert_backoff(step_to(RP_AGENT_REPORT));
	json_object_del(receipt, "action");
	peer_answer(&peer, RESULT, 200, 0, receipt);
	assert_backoff(step_to(RP_AGENT_REPORT));
	assert_true(rp_spool_has(agent->spool_dir, LAB_JOB));
	peer_answer(&peer, RESULT, 409, 0, NULL);
	assert_int_equal(step_to(RP_AGENT_HELLO), 10 * RP_SECOND);
	assert_false(rp_spool_has(agent->spool_dir, LAB_JOB));
	assert_int_equal(stat(refused, &st), 0);
	/* and with nothing to report, it says hello */
	rp_agent_enter(agent, RP_AGENT_REPORT);
	assert_int_equal(step_to(RP_AGENT_HELLO), 0);
}

/* ---- enrol ---- */

static json_t *make_enrolment(void)
{
	static const char *const names[] = {"db", "KEK", "PK"};
	json_t *enrolment = json_object();

	for (size_t i = 0; i < 3; i++) {
		rp_cleanup(free) char *path = rp_path("%s/%s.auth", lab.keys, names[i]);
		rp_cleanup(free) char *auth = NULL;
		rp_cleanup(free) char *text = NULL;
		size_t len;

		assert_int_equal(rp_file_read(path, RP_EFIVARS_MAX, &auth, &len, &err), 0);
		text = rp_base64_encode(auth, len);
		json_object_set_new(enrolment, names[i], json_string(text));
	}
	return enrolment;
}

static void test_enrol(void **state)
{
	rp_cleanup(free) char *pk = rp_path(
		"%s/rig%s/PK-8be4df61-93ca-11d2-aa0d-00e098032b8c", lab.dir, RP_EFIVARS_DIR);
	const struct peer_asked *asked;
	struct stat st;

	put_variable("SetupMode", 1);
	admit("enrol");
	step_to(RP_AGENT_ENROL);
	peer_answer(&peer, RP_RIG_PATH_ENROLMENT, 200, 0, make_enrolment());
	peer_answer(&peer, RP_RIG_PATH_ENROLLED, 500, 0, NULL);
	assert_backoff(step_to(RP_AGENT_ENROL));
	assert_int_equal(stat(pk, &st), 0);
	/* the firmware has left Setup Mode, and the report is still to come */
	put_variable("SetupMode", 0);
	peer_answer(&peer, RP_RIG_PATH_ENROLLED, 200, 0, rp_action_write(RP_ACTION_CANCEL));
	assert_backoff(step_to(RP_AGENT_ENROL));
	peer_answer(&peer, RP_RIG_PATH_ENROLLED, 200, 0, rp_action_write(RP_ACTION_REBOOT));
	assert_int_equal(step_to(RP_AGENT_END), 0);
	assert_int_equal(agent->ending, RP_ACTION_REBOOT);
	assert_int_equal(peer_asked(&peer, RP_RIG_PATH_ENROLLED, &asked), 3);
	assert_string_equal(
		asked->body, "{\"secure_boot\":{\"enabled\":false,\"setup_mode\":false}}");
}

static void test_no_enrolment(void **state)
{
	json_t *half = make_enrolment();

	put_variable("SetupMode", 0);
	admit("enrol");
	step_to(RP_AGENT_ENROL);
	peer_answer(&peer, RP_RIG_PATH_ENROLMENT, 200, 0, make_enrolment());
	assert_int_equal(step_to(RP_AGENT_HELLO), 30 * RP_SECOND);
	assert_message(RP_RIG_PATH_EVENT, "message", "not in Setup Mode");
	put_variable("SetupMode", 1);
	json_object_del(half, "KEK");
	peer_answer(&peer, RP_RIG_PATH_ENROLMENT, 200, 0, half);
	rp_agent_enter(agent, RP_AGENT_ENROL);
	assert_int_equal(step_to(RP_AGENT_HELLO), 30 * RP_SECOND);
	assert_message(RP_RIG_PATH_EVENT, "message", "enrolment.KEK: missing");
	peer_answer(&peer, RP_RIG_PATH_ENROLMENT, 403, 0, NULL);
	rp_agent_enter(agent, RP_AGENT_ENROL);
	assert_int_equal(step_to(RP_AGENT_HELLO), 10 * RP_SECOND);
	assert_int_equal(peer_asked(&peer, RP_RIG_PATH_ENROLLED, NULL), 0);
}

/* ---- the loop that drives it ---- */

static int end_loop(sd_event_source *source, uint64_t now, void *context)
{
	/* Whatever came of it: a test must not hang. */
	return sd_event_exit(sd_event_source_get_event(source), 1);
}

/* Ends the loop by a signal, as systemd does, when a heartbeat has led back to a hello. */
static int watch_heartbeat(sd_event_source *source, uint64_t now, void *context)
{
	if (peer_asked(&peer, RP_RIG_PATH_HEARTBEAT, NULL) > 0 &&
		peer_asked(&peer, RP_RIG_PATH_HELLO, NULL) > 1)
		return raise(SIGTERM);
	sd_event_source_set_time_relative(source, 20000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void test_loop_and_heartbeat(void **state)
{
	rp_cleanup(json) json_t *body = NULL;
	const struct peer_asked *asked;
	struct rp_heartbeat heartbeat;

	admit("job");
	peer_answer(&peer, RP_RIG_PATH_JOB, 204, 300, NULL);
	peer_answer(&peer, RP_RIG_PATH_HEARTBEAT, 200, 0, rp_action_write(RP_ACTION_CANCEL));
	sd_event_add_time_relative(
		agent->event, NULL, CLOCK_BOOTTIME, 20000, 1000, watch_heartbeat, NULL);
	sd_event_add_time_relative(
		agent->event, NULL, CLOCK_BOOTTIME, 20 * RP_SECOND, 0, end_loop, NULL);
	/* the first at once, after the first steps, and not in ten seconds */
	sd_event_source_set_priority(agent->heartbeat, SD_EVENT_PRIORITY_IDLE);
	sd_event_source_set_time_relative(agent->heartbeat, 0);
	rp_agent_enter(agent, RP_AGENT_HELLO);
	step_to(RP_AGENT_JOB);
	assert_int_equal(rp_agent_run(agent, &err), 0);
	assert_true(peer_asked(&peer, RP_RIG_PATH_HEARTBEAT, &asked) > 0);
	assert_string_equal(asked->rig, LAB_RIG);
	assert_int_equal(rp_json_parse(asked->body, strlen(asked->body), &body, &err), 0);
	if (rp_heartbeat_read(body, &heartbeat, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(heartbeat.stage, RP_STAGE_AGENT);
	/* it was cancelled, and so it said hello once more */
	assert_int_equal(peer_asked(&peer, RP_RIG_PATH_HELLO, NULL), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest all[] = {
		TEST(test_actions),
		TEST(test_hello_is_taken),
		TEST(test_not_yet),
		TEST(test_no_admission),
		TEST(test_pace),
		TEST(test_job),
		TEST(test_job_runs_once),
		TEST(test_died_in_its_job),
		TEST(test_died_before_its_report),
		TEST(test_no_job),
		TEST(test_cancelled),
		TEST(test_result_is_kept),
		TEST(test_enrol),
		TEST(test_no_enrolment),
		TEST(test_loop_and_heartbeat),
	};

	return cmocka_run_group_tests_name("agent/states", all, set_up_all, tear_down_all);
}
