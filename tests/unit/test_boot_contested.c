/* SPDX-License-Identifier: Apache-2.0 */
/* Two addresses that ask for one rig's script: neither gets what the other has. */
#include "tests/unit/server_lab.h"

#define OTHER "10.77.0.99"
#define SCRIPT "/boot/v1/script?mac=" MAC "&uuid=" UUID "&arch=x86_64"
#define MESSAGE "contested: " PEER " had this boot's script, " OTHER " asked for it too"

static bool boots_for(struct rig_lab *lab, const char *peer)
{
	struct answer answer = ask_from(lab, peer, "GET", SCRIPT, NULL, NULL);
	bool boots = strstr(answer.text, "/cas/sha256/") != NULL;

	answer_done(&answer);
	return boots;
}

/* The newest boot of rig alpha. */
static struct rp_boot newest(struct rig_lab *lab)
{
	struct rp_boot boot;

	assert_int_equal(rp_boots_newest_of_rig(&lab->server, "alpha", &boot), 1);
	return boot;
}

static int errors_of_rig(struct rig_lab *lab)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;

	assert_int_equal(rp_rigs_get(&lab->server, "alpha", &rig), 1);
	return rig->errors;
}

static void begin_job(struct rig_lab *lab, char job[27])
{
	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, 0, "running");
}

static void second_address_takes_nothing_over(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct rp_boot boot;
	struct answer answer;
	char job[27], path[96];

	begin_job(lab, job);
	assert_true(boots_for(lab, PEER));
	assert_true(boots_for(lab, PEER)); /* the same one may ask again */
	assert_false(boots_for(lab, OTHER));
	boot = newest(lab);
	assert_int_equal(boot.state, RP_BOOT_FAILED);
	assert_string_equal(boot.message, MESSAGE);
	assert_string_equal(boot.address, PEER);
	assert_int_equal(refusals(lab), 1);
	snprintf(path, sizeof(path), "/api/v1/jobs/%s", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_string_equal(
		rp_json_string_or(json_object_get(answer.json, "error"), "message", ""), MESSAGE);
	answer_done(&answer);
	answer = ask(lab, "GET", "/metrics", NULL, NULL);
	assert_non_null(strstr(answer.text, "boots_contested_total 1"));
	answer_done(&answer);
	/* the one that was first has lost it too: neither is believed */
	assert_int_equal(hello(lab, &agent), 403);
	agent_done(&agent);
}

static void is_tried_again_and_counts_against_nobody(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	json_t *result;
	char job[27], path[96];

	begin_job(lab, job);
	for (int i = 0; i < 5; i++) { /* more often than it has attempts, or the rig has errors */
		assert_true(boots_for(lab, PEER));
		assert_false(boots_for(lab, OTHER));
		assert_job(lab, job, "state", "queued");
		assert_int_equal(errors_of_rig(lab), 0);
		lab_pass(lab, RP_JOB_SETTLE_S);
		assert_job(lab, job, "state", "running");
		lab_power_answer(lab, 0, "running");
	}
	assert_int_equal(lab->cycles, 6);
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	result = make_result(lab, &agent, "pass");
	assert_int_equal(put_result(lab, &agent, job, result, NULL), 200);
	assert_job(lab, job, "verdict", "pass");
	snprintf(path, sizeof(path), "/api/v1/jobs/%s", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "attempt")), 1);
	answer_done(&answer);
	json_decref(result);
	agent_done(&agent);
}

/* Where it goes on, the whole job's limit ends it, and says what to look for. */
static void ends_with_the_whole_jobs_limit(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(job) struct rp_job row = {0};
	char job[27];

	begin_job(lab, job);
	assert_int_equal(rp_jobs_get(&lab->server, job, &row), 1);
	assert_true(boots_for(lab, PEER));
	assert_false(boots_for(lab, OTHER));
	/* to have waited long before it began is not to wait in vain now */
	lab->server.site->queue_s = 1;
	lab_pass(lab, RP_JOB_SETTLE_S - 1);
	assert_job(lab, job, "state", "queued");
	lab->now = row.deadline;
	lab_pass(lab, 0);
	assert_job(lab, job, "verdict", "error");
	rp_job_done(&row);
	assert_int_equal(rp_jobs_get(&lab->server, job, &row), 1);
	assert_non_null(strstr(row.error_message, "the whole job took more than"));
	assert_non_null(strstr(row.error_message, PEER));
	assert_non_null(strstr(row.error_message, OTHER));
	assert_non_null(strstr(row.error_message, "look for a machine that sends with this rig's "
						  "MAC"));
}

/* Without a job nobody's deadline ends it: it is left alone after as long as a job would be. */
static void is_left_alone_in_the_end(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct answer answer;
	int cycles, contested = 0;

	ready_rig(lab, "alpha", "qemu");
	force_state(lab, "alpha", RP_RIG_TRAINING);
	lab->server.site->retries = 0;
	do {
		cycles = lab->cycles;
		lab_pass(lab, 10 * RP_JOB_SETTLE_S);
		if (lab->cycles == cycles)
			break;
		lab_power_answer(lab, 0, "running");
		assert_true(boots_for(lab, PEER));
		lab->now += 60 * RP_SECOND;
		assert_false(boots_for(lab, OTHER));
		assert_int_equal(errors_of_rig(lab), 0);
	} while (++contested < 1000);
	assert_in_range(contested, 2, 100);
	assert_int_equal(rp_rigs_get(&lab->server, "alpha", &rig), 1);
	assert_int_equal(rig->state, RP_RIG_TRAINING);
	assert_non_null(strstr(rig->reason, "look for a machine that sends with this rig's MAC"));
	assert_non_null(strstr(rig->reason, "rigproof rig state alpha ready"));
	lab_pass(lab, 365 * 86400);
	assert_int_equal(lab->cycles, cycles);
	/* a person has looked */
	answer = ask(lab, "POST", "/api/v1/rigs/alpha/state", json_pack("{s:s}", "state", "ready"),
		NULL);
	assert_int_equal(answer.status, 200);
	answer_done(&answer);
	force_state(lab, "alpha", RP_RIG_TRAINING);
	lab_pass(lab, 1);
	assert_int_equal(lab->cycles, cycles + 1);
}

/* Firmware's address (TFTP) is nobody's business: only the script's counts. */
static void firmware_may_have_had_another_address(void **state)
{
	const struct rp_pxe_client client = {
		.mac = MAC, .uuid = UUID, .arch = 7, .kind = RP_PXE_UEFI};
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	char job[27];

	begin_job(lab, job);
	rp_policy_pxe_event(&lab->server, &client, RP_PXE_DISCOVER_SEEN, "");
	rp_policy_pxe_event(&lab->server, &client, RP_PXE_OFFERED, "ipxe.efi");
	rp_policy_artefact_fetched(
		&lab->server, &(struct rp_fetched){.peer = OTHER, .sha256 = "00"});
	assert_string_equal(newest(lab).address, "");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(newest(lab).address, PEER);
	agent_done(&agent);
}

/* Whatever anybody says of a rig: no boot of it ends, and nothing counts against it. */
static void noise_is_not_the_rigs_fault(void **state)
{
	struct rig_lab *lab = *state;
	struct answer answer;
	char job[27], path[128];

	lab->server.site->retries = 0;
	lab->server.site->quarantine_after = 1;
	begin_job(lab, job);
	for (int i = 0; i < 3; i++) {
		answer = ask_from(lab, OTHER, "GET",
			"/boot/v1/script?mac=" MAC "&uuid=" UUID "&arch=i386", NULL, NULL);

		assert_null(strstr(answer.text, "/cas/"));
		answer_done(&answer);
		assert_job(lab, job, "state", "running");
	}
	assert_int_equal(newest(lab).state, RP_BOOT_OPEN);
	assert_string_equal(newest(lab).address, "");
	assert_int_equal(errors_of_rig(lab), 0);
	assert_int_equal(refusals(lab), 3);
	assert_true(boots_for(lab, PEER)); /* the rig itself goes on */
	snprintf(path, sizeof(path), "/boot/v1/failed?boot=%s&step=image&error=1", newest(lab).id);
	answer = ask_from(lab, OTHER, "GET", path, NULL, NULL);
	answer_done(&answer);
	assert_job(lab, job, "state", "running");
	assert_int_equal(errors_of_rig(lab), 0);
}

/* A boot that the server did not power: who fetched its script may be anybody. */
static void unpowered_boots_blame_nobody(void **state)
{
	struct rig_lab *lab = *state;
	struct answer answer;
	char job[27], path[128];

	lab->server.site->retries = 0;
	lab->server.site->quarantine_after = 1;
	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, -ENOTSUP, "none");
	for (int i = 0; i < 3; i++) {
		assert_true(boots_for(lab, OTHER));
		if (i == 0)
			lab_pass(lab, lab->server.site->stages.kernel_s);
		snprintf(path, sizeof(path), "/boot/v1/failed?boot=%s&step=image&error=1",
			newest(lab).id);
		answer = ask_from(lab, OTHER, "GET", path, NULL, NULL);
		answer_done(&answer);
		assert_int_equal(newest(lab).state, RP_BOOT_FAILED);
		assert_job(lab, job, "state", "queued");
		assert_int_equal(errors_of_rig(lab), 0);
		lab_pass(lab, RP_JOB_SETTLE_S);
		lab_power_answer(lab, -ENOTSUP, "none");
	}
}

static void powered_boots_are_the_rigs_own(void **state)
{
	struct rig_lab *lab = *state;
	char job[27];

	lab->server.site->retries = 0;
	begin_job(lab, job);
	assert_int_equal(newest(lab).power, RP_BOOT_POWER_DRIVER);
	assert_true(boots_for(lab, PEER));
	lab_pass(lab, lab->server.site->stages.kernel_s);
	assert_job(lab, job, "verdict", "error");
	assert_int_equal(errors_of_rig(lab), 1);
}

/* Before its power driver answered, nobody can be the rig; a DISCOVER with its MAC changes nothing. */
static void no_script_before_the_power(void **state)
{
	const struct rp_pxe_client client = {
		.mac = MAC, .uuid = UUID, .arch = 7, .kind = RP_PXE_UEFI};
	struct rig_lab *lab = *state;
	char job[27];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_false(boots_for(lab, OTHER));
	rp_policy_pxe_event(&lab->server, &client, RP_PXE_DISCOVER_SEEN, "");
	assert_false(boots_for(lab, OTHER));
	assert_string_equal(newest(lab).address, "");
	lab_power_answer(lab, 0, "running");
	assert_int_equal(newest(lab).power, RP_BOOT_POWER_DRIVER);
	assert_true(boots_for(lab, PEER));
}

/* What the rig's manifest has must be said: leaving it out is no way around it. */
static void uuid_is_not_optional(void **state)
{
	static const char *const uuids[] = {"", "00000000-0000-0000-0000-000000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "11111111-2222-3333-4444-666666666666"};
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	char job[27], path[128];

	begin_job(lab, job);
	for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
		snprintf(path, sizeof(path), "/boot/v1/script?mac=" MAC "&uuid=%s", uuids[i]);
		answer = ask_from(lab, OTHER, "GET", path, NULL, NULL);
		assert_null(strstr(answer.text, "/cas/"));
		answer_done(&answer);
		assert_string_equal(newest(lab).address, "");
	}
	assert_true(script_boots(lab, &agent));
	/* in a boot whose script had none (UEFI HTTP boot) the agent must say it */
	assert_true(rp_store_run(lab->server.store, RP_SQL_BOOT_SET_SCRIPT, RP_TEXT(newest(lab).id),
			    RP_TEXT(MAC), RP_TEXT(""), RP_TEXT(PEER), RP_INT(lab->now)) >= 0);
	for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
		json_t *body = hello_body(&agent);

		json_object_set_new(body, "uuid", json_string(uuids[i]));
		assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 403);
	}
	assert_int_equal(hello(lab, &agent), 200);
	agent_done(&agent);
}

static int script_with_serial(struct rig_lab *lab, const char *serial)
{
	char path[256];
	struct answer answer;
	int boots;

	snprintf(path, sizeof(path), SCRIPT "&serial=%s", serial);
	answer = ask_from(lab, PEER, "GET", path, NULL, NULL);
	boots = strstr(answer.text, "/cas/sha256/") != NULL;
	answer_done(&answer);
	return boots;
}

static int hello_with_serial(struct rig_lab *lab, struct agent *agent, const char *serial)
{
	json_t *body = hello_body(agent);

	json_object_set_new(json_object_get(body, "inventory"), "serial", json_string(serial));
	return status_of(lab, "POST", "/rig/v1/hello", body, NULL);
}

/* Nor is a serial number that the manifest has; spaces at its ends are firmware's. */
static void serial_is_not_optional(void **state)
{
	static const char *const others[] = {"", "To be filled by O.E.M.", "sn-1", "SN-1 2", "SN-"};
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	json_t *manifest = rig_manifest("alpha", "qemu");
	struct answer answer;

	json_object_set_new(manifest, "serial", json_string("SN-1"));
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 201);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(script_with_serial(lab, others[i]));
	assert_false(boots_for(lab, PEER)); /* left out */
	answer = ask(lab, "GET", "/api/v1/refused", NULL, NULL);
	rp_cleanup(free) char *refused = rp_json_canonical(answer.json);
	answer_done(&answer);
	assert_non_null(strstr(refused, "the rig's manifest has SN-1"));
	assert_true(script_with_serial(lab, "SN-1  "));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(hello_with_serial(lab, &agent, others[i]), 403);
	assert_int_equal(hello(lab, &agent), 403);
	assert_int_equal(hello_with_serial(lab, &agent, " SN-1"), 200);
	agent_done(&agent);
}

static void image_part(struct rig_lab *lab, const char *peer, int first, int sent)
{
	const struct rp_boot boot = newest(lab);

	rp_policy_artefact_fetched(&lab->server, &(struct rp_fetched){.peer = peer,
							 .sha256 = boot.image_sha256,
							 .first = first,
							 .sent = sent,
							 .size = 100});
}

/* UEFI HTTP boot has no script: who loads its image first has the boot, where its manifest says so. */
static void http_boot_is_tied_by_its_first_load(void **state)
{
	static const char *const loaders[] = {"ipxe", "http"};
	const struct rp_pxe_client client = {
		.mac = MAC, .uuid = UUID, .arch = 16, .kind = RP_PXE_HTTP};
	struct rig_lab *lab = *state;
	char job[27];

	for (int http = 0; http < 2; http++) {
		json_t *manifest = rig_manifest("alpha", "qemu");

		begin_job(lab, job);
		json_object_set_new(manifest, "loader", json_string(loaders[http]));
		assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 200);
		rp_policy_pxe_event(&lab->server, &client, RP_PXE_DISCOVER_SEEN, "");
		rp_policy_pxe_event(&lab->server, &client, RP_PXE_HTTP_OFFERED, "image");
		image_part(lab, OTHER, 50, 0); /* not from its beginning */
		assert_string_equal(newest(lab).address, "");
		image_part(lab, OTHER, 0, 0);
		assert_string_equal(newest(lab).address, http ? OTHER : "");
		image_part(lab, PEER, 0, 100); /* another one's image is not its own */
		assert_int_equal(newest(lab).image_at, 0);
		image_part(lab, OTHER, 0, 100);
		assert_int_equal(newest(lab).image_at, http ? lab->now : 0);
		if (http) /* a script besides: two that ask */
			assert_false(boots_for(lab, PEER));
		lab_end(lab);
		lab_begin(lab);
	}
}

/* All bytes, from the beginning on, by the address that has the script, after it. */
static void the_whole_image(void **state)
{
	struct rig_lab *lab = *state;
	char job[27];

	begin_job(lab, job);
	image_part(lab, PEER, 0, 100);
	assert_int_equal(newest(lab).image_at, 0); /* before the script */
	assert_true(boots_for(lab, PEER));
	image_part(lab, OTHER, 0, 100);
	assert_int_equal(newest(lab).image_at, 0);
	image_part(lab, PEER, 0, 40);
	image_part(lab, PEER, 60, 40);
	assert_int_equal(newest(lab).image_at, 0);
	assert_int_equal(newest(lab).image_bytes, 40);
	image_part(lab, PEER, 40, 60);
	assert_int_equal(newest(lab).image_at, lab->now);
	lab->now += RP_SECOND;
	assert_true(boots_for(lab, PEER)); /* started over: so does its image */
	assert_int_equal(newest(lab).image_at, 0);
}

/* Who never had the image cannot run it, whatever he says of himself. */
static void hello_without_the_image(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.enabled = 1};
	struct answer answer;
	char job[27];

	begin_job(lab, job);
	answer = fetch_script(lab, &agent);
	answer_done(&answer);
	assert_true(agent.token[0]);
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.assurance, "none");
	agent_done(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			second_address_takes_nothing_over, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			is_tried_again_and_counts_against_nobody, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			ends_with_the_whole_jobs_limit, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(is_left_alone_in_the_end, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			firmware_may_have_had_another_address, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			noise_is_not_the_rigs_fault, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			unpowered_boots_blame_nobody, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			powered_boots_are_the_rigs_own, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			no_script_before_the_power, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(uuid_is_not_optional, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(serial_is_not_optional, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			http_boot_is_tied_by_its_first_load, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(the_whole_image, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(hello_without_the_image, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
