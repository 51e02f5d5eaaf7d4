/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/policy.h"
#include "tests/unit/server_lab.h"

static int setup(void **state)
{
	lab_setup(state);
	ready_rig(*state, "alpha", "none");
	return 0;
}

static struct rp_boot begin(struct rig_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_boot boot;

	lab_ok(rp_boots_open(&lab->server,
		&(struct rp_boot_new){.rig = "alpha",
			.purpose = RP_BOOT_FOR_TRAINING,
			.mac = MAC,
			.uuid = UUID,
			.image = "node",
			.image_sha256 = lab->module_sha256,
			.stage = RP_STAGE_POWER},
		&boot));
	return boot;
}

static void stages_go_forward_only(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_boot boot = begin(lab), other;
	rp_cleanup(json) json_t *timeline = NULL;
	const json_t *stages, *stage;
	size_t i;

	assert_int_equal(rp_boots_open(&lab->server,
				 &(struct rp_boot_new){.rig = "alpha",
					 .purpose = RP_BOOT_FOR_TRAINING,
					 .mac = MAC,
					 .uuid = "",
					 .image = "node",
					 .image_sha256 = "",
					 .stage = RP_STAGE_SCRIPT},
				 &other),
		-EEXIST);
	lab->now += 2 * RP_SECOND;
	lab_ok(rp_boots_reach(&lab->server, &boot, RP_STAGE_DHCP));
	lab->now += 3 * RP_SECOND;
	lab_ok(rp_boots_reach(&lab->server, &boot, RP_STAGE_KERNEL));
	assert_int_equal(
		boot.stage_deadline, lab->now + lab->server.site->stages.kernel_s * RP_SECOND);
	lab_ok(rp_boots_reach(&lab->server, &boot, RP_STAGE_LOADER));
	assert_int_equal(boot.stage, RP_STAGE_KERNEL);
	lab->now += RP_SECOND;
	lab_ok(rp_boots_close(&lab->server, &boot, RP_BOOT_FAILED, "it broke \x01\xff"));
	lab_ok(rp_boots_timeline(&lab->server, &boot, &timeline));
	stages = json_object_get(timeline, "stages");
	assert_int_equal(json_array_size(stages), 5);
	json_array_foreach (stages, i, stage) {
		static const int durations[] = {2000, 3000, 0, 0, 1000};

		assert_int_equal(
			json_integer_value(json_object_get(stage, "duration_ms")), durations[i]);
		assert_string_equal(
			rp_json_string_or(stage, "state", ""), i < 4 ? "done" : "failed");
	}
	assert_string_equal(boot.message, "it broke ??");
	/* closed: the rig may boot again */
	boot = begin(lab);
}

static void history_is_bounded(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_boot boot = begin(lab);
	rp_cleanup(json) json_t *timeline = NULL;
	const json_t *events;

	lab_ok(rp_store_begin(lab->server.store)); /* one sync for all of them */
	for (int i = 0; i < RP_BOOT_EVENTS_MAX + 20; i++)
		lab_ok(rp_boots_event(&lab->server, &boot, "event %d", i));
	for (int i = 0; i < 5; i++)
		lab_ok(rp_boots_event(&lab->server, &boot, "the same"));
	lab_ok(rp_store_end(lab->server.store, 0));
	lab_ok(rp_boots_timeline(&lab->server, &boot, &timeline));
	events = json_object_get(timeline, "events");
	assert_int_equal(json_array_size(events), RP_BOOT_EVENTS_MAX);
	assert_string_equal(
		rp_json_string_or(json_array_get(events, 0), "message", ""), "event 21");
	assert_string_equal(
		rp_json_string_or(json_array_get(events, RP_BOOT_EVENTS_MAX - 1), "message", ""),
		"the same");
}

static void image_download_is_seen(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct rp_boot boot;
	char job[27], text[RP_BOOT_MESSAGE_MAX];

	submit_job(lab, "alpha", job);
	assert_true(script_boots(lab, &agent));
	assert_true(rp_boots_open_of_rig(&lab->server, "alpha", &boot) > 0);
	rp_policy_artefact_fetched(&lab->server,
		&(struct rp_fetched){.peer = "10.77.0.99", .sha256 = boot.image_sha256});
	rp_boots_explain_timeout(&lab->server, &boot, text, sizeof(text));
	assert_non_null(strstr(text, "the image was not fetched"));
	rp_policy_artefact_fetched(
		&lab->server, &(struct rp_fetched){.peer = PEER, .sha256 = boot.image_sha256});
	rp_boots_explain_timeout(&lab->server, &boot, text, sizeof(text));
	assert_non_null(strstr(text, "the image was fetched but no agent came"));
}

/* UEFI HTTP boot: no loader, no script; the download is what ties the address to the boot. */
static void http_boot(void **state)
{
	const struct rp_pxe_client client = {
		.mac = MAC, .uuid = UUID, .arch = 16, .kind = RP_PXE_HTTP};
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct rp_pxe_answer answer = {0};
	json_t *manifest = rig_manifest("alpha", "qemu");
	struct rp_boot boot;
	char job[27];

	json_object_set_new(manifest, "loader", json_string("http"));
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 200);
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	lab_power_answer(lab, 0, "running");
	rp_policy_pxe_event(&lab->server, &client, RP_PXE_DISCOVER_SEEN, "");
	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &answer), 0);
	assert_true(rp_boots_open_of_rig(&lab->server, "alpha", &boot) > 0);
	assert_non_null(strstr(answer.http_url, boot.image_sha256));
	rp_policy_pxe_event(&lab->server, &client, RP_PXE_HTTP_OFFERED, answer.http_url);
	assert_int_equal(hello(lab, &agent), 403);
	rp_policy_artefact_fetched(
		&lab->server, &(struct rp_fetched){.peer = PEER, .sha256 = boot.image_sha256});
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "job");
	agent_done(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stages_go_forward_only, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(history_is_bounded, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(image_download_is_seen, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(http_boot, setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
