/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine on the rigs' network that has no token, no certificate, and never loads the image: it
 * knows a rig's MAC and says what it likes. How far it gets, and what its evidence is worth.
 */
#include "tests/unit/server_lab.h"

#define FORGER "10.77.0.66"
#define NO_UUID "00000000-0000-0000-0000-000000000000"

/* A rig as forgers like it: without a UUID that would have to be known. */
static void add_victim(struct rig_lab *lab, const char *driver)
{
	json_t *manifest = rig_manifest("alpha", driver);

	json_object_del(manifest, "uuid");
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 201);
}

/* The script is fetched, the image is not. */
static bool gets_script(struct rig_lab *lab, struct agent *agent)
{
	struct answer answer = ask_from(lab, FORGER, "GET", "/boot/v1/script?mac=" MAC, NULL, NULL);
	const bool boots = strstr(answer.text, "/cas/sha256/") != NULL;
	const char *token = strstr(answer.text, "rigproof.token=");

	agent->token[0] = '\0';
	if (token)
		snprintf(agent->token, sizeof(agent->token), "%.64s", token + 15);
	answer_done(&answer);
	return boots;
}

static int says_hello(struct rig_lab *lab, struct agent *agent)
{
	json_t *body = hello_body(agent);

	json_object_set_new(body, "uuid", json_string(NO_UUID));
	return hello_from(lab, FORGER, agent, body);
}

/* One boot of the forger's; its action is in agent. */
static void forges_boot(struct rig_lab *lab, struct agent *agent)
{
	assert_true(gets_script(lab, agent));
	assert_int_equal(says_hello(lab, agent), 200);
}

static void assert_said(const json_t *list, const char *words)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (strstr(json_string_value(item), words))
			return;
	fail_msg("nothing says \"%s\"", words);
}

/* The evidence verifies, as what it is: a pass of which nothing ties it to the rig. */
static void verify_forged(struct rig_lab *lab, const char *job, const char *power)
{
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(json) json_t *words = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct answer answer;
	char path[96];

	snprintf(path, sizeof(path), "/api/v1/jobs/%s/evidence", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	lab_ok(rp_evidence_verify(
		answer.text, strlen(answer.text), lab->server.root_cert, &verified, &err));
	answer_done(&answer);
	assert_string_equal(verified.verdict, "pass");
	assert_string_equal(verified.assurance, "none");
	words = rp_evidence_explain_json(&verified);
	assert_said(json_object_get(words, "proven"), power);
	assert_said(json_object_get(words, "proven"), "nobody had the whole image");
	assert_said(json_object_get(words, "not_proven"), "image");
	assert_said(json_object_get(words, "not_proven"), "keys");
	assert_said(json_object_get(words, "not_proven"),
		"A machine on the rig's network that sends with its MAC could have been the rig");
	assert_said(json_object_get(words, "not_proven"),
		"Nothing ties this result to the rig or to the image");
}

/* Runs the job of the boot that it is in, and signs that all is well. */
static void forges_result(struct rig_lab *lab, struct agent *agent, const char *job)
{
	json_t *result;
	char path[96];
	struct answer answer;

	assert_string_equal(agent->action, "job");
	assert_string_equal(agent->assurance, "none");
	result = make_result(lab, agent, "pass");
	snprintf(path, sizeof(path), "/rig/v1/result/%s", job);
	answer = ask_from(lab, FORGER, "PUT", path, result, agent->cert);
	assert_int_equal(answer.status, 200);
	answer_done(&answer);
	json_decref(result);
}

/* A rig that nobody but a person switches on: enrolment, training, job, all of it forged. */
static void whole_life_of_a_forger(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	char job[27];

	add_victim(lab, "none");
	forges_boot(lab, &agent);
	assert_string_equal(agent.action, "poweroff"); /* not "enrol" */
	assert_int_equal(
		status_of(lab, "POST", "/rig/v1/enrolled",
			json_pack("{s:{s:b, s:b}}", "secure_boot", "enabled", 1, "setup_mode", 0),
			agent.cert),
		409);
	agent_done(&agent);
	for (int i = 0; i < 5; i++) { /* training */
		agent = (struct agent){.enabled = 1};
		lab_pass(lab, RP_JOB_SETTLE_S);
		if (!gets_script(lab, &agent))
			break;
		assert_int_equal(says_hello(lab, &agent), 200);
		agent_done(&agent);
	}
	assert_int_equal(rp_rigs_get(&lab->server, "alpha", &rig), 1);
	assert_int_equal(rig->state, RP_RIG_READY);
	assert_string_equal(rig->keys_enrolled, "");
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, -ENOTSUP, "none");
	agent = (struct agent){.enabled = 1};
	forges_boot(lab, &agent);
	forges_result(lab, &agent, job);
	assert_job(lab, job, "verdict", "pass");
	verify_forged(lab, job, "nobody that it knows of switched the rig on");
	agent_done(&agent);
}

/* A rig that is enrolled and has a driver: the server powers it, and the forger is first to ask. */
static void first_after_the_power(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.enabled = 1};
	char job[27];

	add_victim(lab, "qemu");
	force_state(lab, "alpha", RP_RIG_READY);
	assert_true(rp_store_run(lab->server.store, RP_SQL_RIG_SET_TRAINING, RP_TEXT("alpha"),
			    RP_INT(0)) >= 0);
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_false(gets_script(lab, &agent)); /* before its driver has answered */
	lab_power_answer(lab, 0, "running");
	forges_boot(lab, &agent);
	forges_result(lab, &agent, job);
	verify_forged(lab, job, "switched on for this boot by its power driver");
	agent_done(&agent);
}

/* The UUID of the manifest is asked for, however it is left out. */
static void without_the_uuid(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};

	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs", rig_manifest("alpha", "none"), NULL), 201);
	assert_false(gets_script(lab, &agent));
	assert_int_equal(says_hello(lab, &agent), 403);
	agent_done(&agent);
}

/* One that steps in between a rig's script and its hello ends that boot, and has nothing. */
static void in_between(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0}, forger = {0};
	struct rp_boot boot;

	add_victim(lab, "none");
	assert_true(script_boots(lab, &agent));
	assert_false(gets_script(lab, &forger));
	assert_int_equal(says_hello(lab, &forger), 403);
	assert_int_equal(hello(lab, &agent), 403);
	assert_int_equal(rp_boots_newest_of_rig(&lab->server, "alpha", &boot), 1);
	assert_int_equal(boot.state, RP_BOOT_FAILED);
	assert_non_null(strstr(boot.message, "contested: " PEER));
	assert_non_null(strstr(boot.message, FORGER));
	agent_done(&agent);
	agent_done(&forger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_life_of_a_forger, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(first_after_the_power, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(without_the_uuid, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(in_between, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
