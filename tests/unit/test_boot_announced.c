/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may say that a rig is in Setup Mode, or has the lab's keys: a boot that the server powered, or
 * that a person announced. And what becomes of a stranger who says so.
 */
#include "tests/unit/server_lab.h"

static void operator_token(struct rig_lab *lab)
{
	static char token[RP_SHA256_HEX];
	rp_cleanup(free) char *path = rp_path("%s/operator.token", lab->dir);
	rp_cleanup(free) char *text = NULL;
	struct rp_error err = RP_ERROR_NONE;

	lab_ok(rp_file_read(path, 4096, &text, NULL, &err));
	snprintf(token, sizeof(token), "%.64s", text);
	lab->bearer = token;
}

static int announce(struct rig_lab *lab, const char *rig, json_t *body)
{
	char path[96];

	snprintf(path, sizeof(path), "/api/v1/rigs/%s/announce", rig);
	return status_of(lab, "POST", path, body, NULL);
}

static int enrolled(struct rig_lab *lab, struct agent *agent)
{
	return status_of(lab, "POST", "/rig/v1/enrolled",
		json_pack("{s:{s:b, s:b}}", "secure_boot", "enabled", 1, "setup_mode", 0),
		agent->cert);
}

static bool has_keys(struct rig_lab *lab)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;

	assert_int_equal(rp_rigs_get(&lab->server, "alpha", &rig), 1);
	return rig->keys_enrolled[0] != '\0';
}

static void assert_rig(struct rig_lab *lab, const char *state)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;

	assert_int_equal(rp_rigs_get(&lab->server, "alpha", &rig), 1);
	assert_string_equal(rp_rig_state_text(rig->state), state);
}

static void add_rig(struct rig_lab *lab, const char *driver)
{
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs", rig_manifest("alpha", driver), NULL), 201);
}

/* Boot with this hello; the action that it gets. */
static void boots(struct rig_lab *lab, struct agent *agent, const char *action)
{
	assert_true(script_boots(lab, agent));
	assert_int_equal(hello(lab, agent), 200);
	assert_string_equal(agent->action, action);
}

/* The signed record of the rig's newest boot. */
static json_t *newest_record(struct rig_lab *lab)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(json) json_t *envelope = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_boot boot;
	json_t *record = NULL;
	const char *text;

	assert_int_equal(rp_boots_newest_of_rig(&lab->server, "alpha", &boot), 1);
	assert_int_equal(
		rp_store_first(lab->server.store, &row, RP_SQL_BOOT_PAPERS, RP_TEXT(boot.id)), 1);
	text = rp_column_text(row, 1);
	lab_ok(rp_json_parse(text, strlen(text), &envelope, &err));
	lab_ok(rp_dsse_verify_json(envelope, lab->server.job_key, RP_TYPE_BOOT, &record, &err));
	return record;
}

static const char *seen(const json_t *record, const char *key)
{
	return rp_json_string_or(json_object_get(record, "seen"), key, "");
}

/* A machine that nobody announced says that it takes keys, and that it has them. */
static void stranger_is_not_enrolled(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};

	add_rig(lab, "none");
	boots(lab, &agent, "poweroff");
	assert_int_equal(enrolled(lab, &agent), 409);
	assert_false(has_keys(lab));
	assert_rig(lab, "enrolled");
	agent_done(&agent);
	/* as often as it likes */
	agent = (struct agent){.setup_mode = 1};
	lab_pass(lab, RP_JOB_SETTLE_S);
	boots(lab, &agent, "poweroff");
	assert_rig(lab, "enrolled");
	assert_int_equal(lab->cycles, 0);
	agent_done(&agent);
}

/* With a driver the server brings about a boot of its own, and believes that one. */
static void powered_boot_is_enrolled(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};

	add_rig(lab, "qemu");
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 0); /* nobody said that there is something to do */
	boots(lab, &agent, "poweroff");
	assert_int_equal(enrolled(lab, &agent), 409);
	agent_done(&agent);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 1);
	lab_power_answer(lab, 0, "running");
	agent = (struct agent){.setup_mode = 1};
	boots(lab, &agent, "enrol");
	assert_int_equal(enrolled(lab, &agent), 200);
	assert_true(has_keys(lab));
	agent_done(&agent);
}

/* Powered by us, and then somebody says hello who never had the image. */
static void powered_boot_without_the_image(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};
	struct answer answer;

	add_rig(lab, "qemu");
	boots(lab, &agent, "poweroff");
	agent_done(&agent);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, 0, "running");
	agent = (struct agent){.setup_mode = 1};
	answer = fetch_script(lab, &agent);
	answer_done(&answer);
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "poweroff");
	assert_int_equal(enrolled(lab, &agent), 409);
	assert_false(has_keys(lab));
	agent_done(&agent);
}

/* A job on a rig that nobody but a person can switch on: what to do, and what it proves. */
static void announced_job_is_secure_boot(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};
	json_t *record;
	struct answer answer;
	char job[27], path[96];

	operator_token(lab);
	add_rig(lab, "none");
	assert_int_equal(announce(lab, "alpha", NULL), 200);
	boots(lab, &agent, "enrol");
	assert_int_equal(enrolled(lab, &agent), 200);
	assert_true(has_keys(lab));
	agent_done(&agent);
	force_state(lab, "alpha", RP_RIG_READY);

	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, -ENOTSUP, "none");
	snprintf(path, sizeof(path), "/api/v1/jobs/%s/timeline", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	rp_cleanup(free) char *timeline = rp_json_canonical(answer.json);
	answer_done(&answer);
	assert_non_null(strstr(timeline, "rigproof rig announce alpha"));
	assert_int_equal(announce(lab, "alpha", json_pack("{s:i}", "for_s", 60)), 200);
	lab->now += 59 * RP_SECOND;
	agent = (struct agent){.enabled = 1};
	boots(lab, &agent, "job");
	assert_string_equal(agent.assurance, "secure-boot");
	record = newest_record(lab);
	assert_string_equal(seen(record, "power"), "announced");
	assert_string_equal(
		rp_json_string_or(
			json_object_get(json_object_get(record, "seen"), "announced"), "by", ""),
		"operator.token");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(record, "seen"), "missing")), 1);
	json_decref(record);
	agent_done(&agent);
}

/* Once: the boot after it is nobody's. And not for ever. */
static void holds_once_and_not_for_ever(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};
	json_t *record;

	operator_token(lab);
	add_rig(lab, "none");
	assert_int_equal(announce(lab, "alpha", json_pack("{s:i}", "for_s", 60)), 200);
	lab->now += 60 * RP_SECOND;
	boots(lab, &agent, "poweroff");
	record = newest_record(lab);
	assert_string_equal(seen(record, "power"), "none");
	json_decref(record);
	agent_done(&agent);

	assert_int_equal(announce(lab, "alpha", NULL), 200);
	agent = (struct agent){0};
	boots(lab, &agent, "poweroff");
	record = newest_record(lab);
	assert_string_equal(seen(record, "power"), "announced");
	json_decref(record);
	agent_done(&agent);
	force_state(lab, "alpha", RP_RIG_ENROLLED);
	agent = (struct agent){.setup_mode = 1};
	boots(lab, &agent, "poweroff");
	record = newest_record(lab);
	assert_string_equal(seen(record, "power"), "none");
	json_decref(record);
	agent_done(&agent);
}

/* The boot that has its script already is not the one that was meant. */
static void not_for_a_boot_under_way(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};

	operator_token(lab);
	add_rig(lab, "none");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(announce(lab, "alpha", NULL), 200);
	assert_true(script_boots(lab, &agent)); /* asks again */
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "poweroff");
	agent_done(&agent);
	agent = (struct agent){.setup_mode = 1};
	boots(lab, &agent, "enrol");
	agent_done(&agent);
}

static void refusals_of_an_announcement(void **state)
{
	struct rig_lab *lab = *state;

	assert_int_equal(announce(lab, "alpha", NULL), 404);
	add_rig(lab, "none");
	assert_int_equal(announce(lab, "alpha", json_pack("{s:i}", "for_s", 0)), 400);
	assert_int_equal(announce(lab, "alpha", json_pack("{s:i}", "for_s", 86401)), 400);
	assert_int_equal(announce(lab, "alpha", json_pack("{s:i}", "for", 60)), 400);
	assert_int_equal(announce(lab, "alpha", json_pack("{s:i}", "for_s", 86400)), 200);
	force_state(lab, "alpha", RP_RIG_RETIRED);
	assert_int_equal(announce(lab, "alpha", NULL), 409);
}

/* Other rigs' announcements stay, and a restart forgets them all. */
static void of_several_rigs(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_announcement said;

	assert_int_equal(rp_announced_get(&lab->server, "alpha", &said), 0);
	assert_int_equal(rp_announced_add(&lab->server, "alpha", "one", 10), 0);
	assert_int_equal(rp_announced_add(&lab->server, "beta", "two", 20), 0);
	assert_int_equal(rp_announced_add(&lab->server, "alpha", "three", 30), 0);
	assert_int_equal(rp_announced_get(&lab->server, "alpha", &said), 1);
	assert_string_equal(said.by, "three");
	assert_int_equal(said.at, lab->now);
	rp_announced_drop(&lab->server, "alpha");
	assert_int_equal(rp_announced_get(&lab->server, "alpha", &said), 0);
	assert_int_equal(rp_announced_get(&lab->server, "beta", &said), 1);
	lab->now += 20 * RP_SECOND;
	assert_int_equal(rp_announced_get(&lab->server, "beta", &said), 0);
	assert_int_equal(rp_announced_add(&lab->server, "beta", "two", 20), 0);
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(rp_announced_get(&lab->server, "beta", &said), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stranger_is_not_enrolled, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(powered_boot_is_enrolled, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			powered_boot_without_the_image, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			announced_job_is_secure_boot, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			holds_once_and_not_for_ever, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(not_for_a_boot_under_way, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			refusals_of_an_announcement, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(of_several_rigs, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
