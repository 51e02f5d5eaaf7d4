/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/server_lab.h"

static void assert_state(struct rig_lab *lab, const char *name, const char *expected)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;

	assert_int_equal(rp_rigs_get(&lab->server, name, &rig), 1);
	assert_string_equal(rp_rig_state_text(rig->state), expected);
}

static void registered_and_approved_under_a_name(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(rig) struct rp_rig *by_mac = NULL;
	rp_cleanup(json) json_t *manifest = rig_manifest("alpha", "qemu");
	char name[RP_RIG_TEXT];
	int created;

	lab_ok(rp_rigs_register(&lab->server, MAC, "", "", &rig, &err));
	assert_string_equal(rig->name, "rig-525400123456");
	assert_int_equal(rig->state, RP_RIG_PENDING);
	/* its MAC is taken: the remedy names it */
	assert_int_equal(
		rp_rigs_put(&lab->server, manifest, RP_RIG_ENROLLED, &created, &err), -EEXIST);
	assert_non_null(strstr(err.text, "rig-525400123456"));
	lab_ok(rp_rigs_approve(&lab->server, rig->name, manifest, name, &err));
	assert_string_equal(name, "alpha");
	assert_state(lab, "alpha", "enrolled");
	assert_int_equal(rp_rigs_get_by_mac(&lab->server, MAC, &by_mac), 1);
	assert_string_equal(by_mac->name, "alpha");
	assert_int_equal(by_mac->manifest->rig->power.driver, RP_POWER_QEMU);
	assert_int_equal(rp_rigs_approve(&lab->server, "alpha", NULL, name, &err), -ENOTSUP);
	assert_int_equal(rp_rigs_approve(&lab->server, "beta", NULL, name, &err), -ENOENT);
}

/* A machine with the MAC that a rig had once, and is still named after, does not become that rig.
 */
static void registering_takes_nobodys_name(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(rig) struct rp_rig *stranger = NULL;
	rp_cleanup(rig) struct rp_rig *by_mac = NULL;
	json_t *manifest = rig_manifest("rig-525400123456", "qemu");

	json_object_set_new(manifest, "mac", json_pack("[s]", "52:54:00:00:00:02"));
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 201);
	force_state(lab, "rig-525400123456", RP_RIG_READY);
	assert_int_equal(rp_rigs_register(&lab->server, MAC, "", "", &stranger, &err), -EEXIST);
	assert_int_equal(rp_rigs_get_by_mac(&lab->server, MAC, &by_mac), 0);
	assert_int_equal(rp_rigs_get(&lab->server, "rig-525400123456", &rig), 1);
	assert_string_equal(rig->manifest->rig->mac[0], "52:54:00:00:00:02");
	assert_int_equal(rig->manifest->rig->power.driver, RP_POWER_QEMU);
}

/* "ready" after a repair is no short cut around approval and training. */
static void ready_goes_on_where_it_was(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	static const char path[] = "/api/v1/rigs/rig-525400123456/state";
	char name[RP_RIG_TEXT];

	lab_ok(rp_rigs_register(&lab->server, MAC, "", "", &rig, &err));
	assert_int_equal(
		status_of(lab, "POST", path, json_pack("{s:s}", "state", "ready"), NULL), 409);
	assert_state(lab, rig->name, "pending");
	lab_ok(rp_rigs_approve(&lab->server, rig->name, NULL, name, &err));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			status_of(lab, "POST", path,
				json_pack("{s:s}", "state", i ? "quarantined" : "ready"), NULL),
			200);
		assert_int_equal(
			status_of(lab, "POST", path, json_pack("{s:s}", "state", "ready"), NULL),
			200);
		assert_state(lab, rig->name, "enrolled");
	}
	assert_true(rp_store_run(lab->server.store, RP_SQL_RIG_SET_TRAINING, RP_TEXT(rig->name),
			    RP_INT(0)) >= 0);
	assert_int_equal(
		status_of(lab, "POST", path, json_pack("{s:s}", "state", "ready"), NULL), 200);
	assert_state(lab, rig->name, "ready");
}

#define MAC2 "52:54:00:12:34:57"

static json_t *both_macs(void)
{
	return json_pack("{s:s, s:s, s:[s, s], s:s}", "kind", "rig", "name", "alpha", "mac", MAC,
		MAC2, "uuid", UUID);
}

/* One machine that registered by two interfaces, approved as what it is. */
static void two_interfaces_are_one_rig(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(rig) struct rp_rig *first = NULL;
	rp_cleanup(rig) struct rp_rig *second = NULL;
	rp_cleanup(rig) struct rp_rig *found = NULL;
	rp_cleanup(rig) struct rp_rig *left = NULL;
	rp_cleanup(json) json_t *manifest = both_macs();
	struct rp_error err = RP_ERROR_NONE;
	char name[RP_RIG_TEXT];

	lab_ok(rp_rigs_register(&lab->server, MAC, UUID, "", &first, &err));
	lab_ok(rp_rigs_register(&lab->server, MAC2, UUID, "", &second, &err));
	lab_ok(rp_rigs_approve(&lab->server, first->name, manifest, name, &err));
	assert_string_equal(name, "alpha");
	assert_int_equal(rp_rigs_get_by_mac(&lab->server, MAC2, &found), 1);
	assert_string_equal(found->name, "alpha");
	assert_int_equal(rp_rigs_get(&lab->server, second->name, &left), 1);
	assert_int_equal(left->state, RP_RIG_RETIRED);
	assert_non_null(strstr(left->reason, "it is rig alpha"));
}

/* Others keep their MACs: another UUID, one that names no board, a rig that is not pending. */
static void other_machines_keep_their_macs(void **state)
{
	static const struct {
		const char *first, *second;
		enum rp_rig_state state;
	} cases[] = {
		{UUID, "11111111-2222-3333-4444-666666666666", RP_RIG_PENDING},
		{"", "", RP_RIG_PENDING},
		{"03000200-0400-0500-0006-000700080009", "03000200-0400-0500-0006-000700080009",
			RP_RIG_PENDING},
		{UUID, UUID, RP_RIG_READY},
	};
	struct rig_lab *lab = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(rig) struct rp_rig *first = NULL;
		rp_cleanup(rig) struct rp_rig *second = NULL;
		rp_cleanup(rig) struct rp_rig *found = NULL;
		rp_cleanup(json) json_t *manifest = both_macs();
		struct rp_error err = RP_ERROR_NONE;
		char name[RP_RIG_TEXT];

		lab_ok(rp_rigs_register(&lab->server, MAC, cases[i].first, "", &first, &err));
		lab_ok(rp_rigs_register(&lab->server, MAC2, cases[i].second, "", &second, &err));
		force_state(lab, second->name, cases[i].state);
		assert_int_equal(
			rp_rigs_approve(&lab->server, first->name, manifest, name, &err), -EEXIST);
		assert_non_null(strstr(err.text, MAC2));
		assert_int_equal(rp_rigs_get_by_mac(&lab->server, MAC2, &found), 1);
		assert_string_equal(found->name, second->name);
		lab_end(lab);
		lab_begin(lab);
	}
}

static size_t count_rigs(struct rig_lab *lab)
{
	struct answer answer = ask(lab, "GET", "/api/v1/rigs?limit=1000", NULL, NULL);
	size_t count = json_array_size(json_object_get(answer.json, "rigs"));

	answer_done(&answer);
	return count;
}

static int register_nth(struct rig_lab *lab, int n, const char *from)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char mac[18];

	lab->now += RP_SECOND;
	snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", n >> 8, n & 255);
	return rp_rigs_register(&lab->server, mac, "", from, &rig, &err);
}

static bool is_known(struct rig_lab *lab, int n)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	char mac[18];

	snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", n >> 8, n & 255);
	return rp_rigs_get_by_mac(&lab->server, mac, &rig) > 0;
}

/* A network full of machines cannot fill the store; who makes many pushes out his own. */
static void pending_is_bounded(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	char from[32];

	lab_ok(rp_store_begin(lab->server.store));
	assert_int_equal(register_nth(lab, 0, "10.77.0.9"), 0);
	for (int n = 1; n < 200; n++)
		assert_int_equal(register_nth(lab, n, "10.77.0.66"), 0);
	assert_true(is_known(lab, 0));
	assert_false(is_known(lab, 1));
	assert_true(is_known(lab, 199));
	for (int n = 200; n < 600; n++)
		assert_int_equal(register_nth(lab, n, ""), 0);
	assert_true(is_known(lab, 0) && is_known(lab, 199));
	for (int n = 600; n < 900; n++) {
		snprintf(from, sizeof(from), "10.77.1.%d", n & 63);
		assert_int_equal(register_nth(lab, n, from), 0);
	}
	assert_int_equal(count_rigs(lab), RP_RIG_PENDING_MAX);
	assert_true(is_known(lab, 0));
	lab_ok(rp_store_end(lab->server.store, 0));
}

/* One that said hello makes no room for one that only asked. */
static void hello_keeps_its_place(void **state)
{
	struct rig_lab *lab = *state;

	for (int n = 0; n < RP_RIG_PENDING_PEER; n++) {
		char name[32];

		assert_int_equal(register_nth(lab, n, PEER), 0);
		snprintf(name, sizeof(name), "rig-525400000%03x", n);
		assert_int_equal(
			rp_store_run(lab->server.store, RP_SQL_RIG_SET_INVENTORY, RP_TEXT(name),
				RP_TEXT("{}"), RP_TEXT("{}"), RP_INT(lab->now)),
			1);
	}
	assert_int_equal(register_nth(lab, 100, PEER), -EMFILE);
	assert_int_equal(register_nth(lab, 100, "10.77.0.51"), 0);
}

static void pending_is_forgotten(void **state)
{
	struct rig_lab *lab = *state;
	char job[27];

	/* registered, with a boot, its stages and events */
	assert_int_equal(status_of(lab, "GET", "/boot/v1/script?mac=52:54:00:00:00:02&arch=x86_64",
				 NULL, NULL),
		200);
	assert_int_equal(register_nth(lab, 1, ""), 0);
	ready_rig(lab, "alpha", "none");
	assert_int_equal(count_rigs(lab), 3);
	/* an operator's word */
	assert_int_equal(status_of(lab, "DELETE", "/api/v1/rigs/alpha", NULL, NULL), 409);
	assert_int_equal(status_of(lab, "DELETE", "/api/v1/rigs/nobody", NULL, NULL), 404);
	assert_int_equal(
		status_of(lab, "DELETE", "/api/v1/rigs/rig-525400000001", NULL, NULL), 204);
	assert_int_equal(count_rigs(lab), 2);
	/* and time's */
	lab_pass(lab, RP_RIG_PENDING_DAYS * 24 * 3600 - 3600);
	assert_int_equal(count_rigs(lab), 2);
	lab_pass(lab, 7200);
	lab_pass(lab, 1);
	assert_int_equal(count_rigs(lab), 1);
	/* what had jobs stays */
	submit_job(lab, "alpha", job);
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs/alpha/state",
				 json_pack("{s:s}", "state", "retired"), NULL),
		200);
	assert_int_equal(status_of(lab, "DELETE", "/api/v1/rigs/alpha", NULL, NULL), 409);
	assert_int_equal(count_rigs(lab), 1);
}

static void manifests_are_checked(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *manifest = rig_manifest("alpha", "none");
	rp_cleanup(json) json_t *plan = plan_manifest();
	rp_cleanup(json) json_t *other = rig_manifest("beta", "none");
	int created;

	assert_int_equal(rp_rigs_put(&lab->server, plan, RP_RIG_ENROLLED, &created, &err), -EINVAL);
	lab_ok(rp_rigs_put(&lab->server, manifest, RP_RIG_ENROLLED, &created, &err));
	assert_int_equal(created, 1);
	lab_ok(rp_rigs_put(&lab->server, manifest, RP_RIG_ENROLLED, &created, &err));
	assert_int_equal(created, 0);
	assert_int_equal(
		rp_rigs_put(&lab->server, other, RP_RIG_ENROLLED, &created, &err), -EEXIST);
	json_object_set_new(manifest, "surprise", json_true());
	assert_int_equal(
		rp_rigs_put(&lab->server, manifest, RP_RIG_ENROLLED, &created, &err), -EINVAL);
}

/* N clean boots, and an enrolled rig that has none to do serves at once. */
static void trains(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};

	lab->server.site->training_boots = 2;
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs", rig_manifest("alpha", "qemu"), NULL), 201);
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "poweroff");
	assert_state(lab, "alpha", "training");
	agent_done(&agent);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 1);
	lab_power_answer(lab, 0, "running");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_state(lab, "alpha", "ready");
	agent_done(&agent);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 1);
	assert_int_equal(lab->offs, 1);
}

/* A rig that never gets through its training is not switched on for ever. */
static void training_gives_up(void **state)
{
	struct rig_lab *lab = *state;

	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs", rig_manifest("alpha", "qemu"), NULL), 201);
	force_state(lab, "alpha", RP_RIG_TRAINING);
	for (int i = 0; i < 3; i++) {
		lab_pass(lab, 60);
		lab_power_answer(lab, -ECONNREFUSED, "nobody listens");
	}
	assert_state(lab, "alpha", "quarantined");
	lab_pass(lab, 600);
	assert_int_equal(lab->cycles, 3);
}

static void images(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(image) struct rp_image image = {0};
	rp_cleanup(json) json_t *bad = json_pack("{s:s, s:s, s:s, s:[]}", "name", "other", "sha256",
		"0000000000000000000000000000000000000000000000000000000000000000", "command_line",
		"", "modules");

	assert_int_equal(rp_images_put(&lab->server, bad, &err), -ENOENT);
	/* also where another builder than ours made the image: a rig would find out */
	json_object_set_new(bad, "command_line", json_string("quiet # note"));
	assert_int_equal(rp_images_put(&lab->server, bad, &err), -EINVAL);
	assert_string_equal(err.text,
		"command_line: found the word \"#\", which would end the line in iPXE, expected it "
		"inside of another word or not at all");
	json_object_set_new(bad, "command_line", json_string(""));
	json_object_set_new(bad, "name", json_string("../x"));
	assert_int_equal(rp_images_put(&lab->server, bad, &err), -EINVAL);
	assert_int_equal(rp_images_get(&lab->server, "other", &image), 0);
	assert_int_equal(rp_images_get(&lab->server, "", &image), 1);
	assert_string_equal(image.name, "node");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			registered_and_approved_under_a_name, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			two_interfaces_are_one_rig, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			other_machines_keep_their_macs, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			registering_takes_nobodys_name, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			ready_goes_on_where_it_was, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(pending_is_bounded, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(hello_keeps_its_place, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(pending_is_forgotten, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(manifests_are_checked, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(trains, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(training_gives_up, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(images, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
