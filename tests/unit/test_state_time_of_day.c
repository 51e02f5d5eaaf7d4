/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody sets the clock, far ahead and back again: nothing ends, nothing is revived. */
#include "server/state/time_of_day.h"
#include "tests/unit/server_lab.h"

#define DAYS (24 * 3600 * RP_SECOND)

static void set_clock(struct rig_lab *lab, int64_t by)
{
	lab->set_by = by;
	lab_pass(lab, 1);
}

/* A job under way and two that wait: 400 days ahead, and 800 back. */
static void jobs_go_on(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct rp_boot before, after;
	char job[3][27];

	ready_rig(lab, "alpha", "qemu");
	for (int i = 0; i < 3; i++)
		submit_job(lab, "alpha", job[i]);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, 0, "running");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_int_equal(rp_boots_get(&lab->server, agent.boot, &before), 1);
	for (int i = 0; i < 2; i++) {
		int64_t by = (i ? -400 : 400) * DAYS;
		int64_t shift = by - lab->set_by;

		set_clock(lab, by);
		assert_job(lab, job[0], "state", "running");
		assert_job(lab, job[1], "state", "queued");
		assert_job(lab, job[2], "state", "queued");
		assert_int_equal(rp_boots_get(&lab->server, agent.boot, &after), 1);
		assert_int_equal(after.state, RP_BOOT_OPEN);
		assert_int_equal(after.stage_deadline, before.stage_deadline + shift);
		assert_int_equal(after.started, before.started + shift);
		assert_int_equal(after.offered_at, 0);
		/* people see the time of day as it is now */
		assert_int_equal(rp_store_now(lab->server.store), lab->now + by);
		before = after;
	}
	/* and its deadline is where it was */
	lab_pass(lab, rp_site_stage_limit(lab->server.site, "agent") - 5);
	assert_int_equal(rp_boots_get(&lab->server, agent.boot, &after), 1);
	assert_int_equal(after.state, RP_BOOT_OPEN);
	lab_pass(lab, 10);
	assert_int_equal(rp_boots_get(&lab->server, agent.boot, &after), 1);
	assert_int_equal(after.state, RP_BOOT_FAILED);
	agent_done(&agent);
}

/* What was noted while the clock was ahead does not keep later refusals from being noted. */
static void refusals_are_noted(void **state)
{
	struct rig_lab *lab = *state;
	size_t before;

	set_clock(lab, 30 * DAYS);
	for (int i = 0; i < 25; i++)
		assert_int_equal(status_of(lab, "GET", "/boot/v1/script?mac=x", NULL, NULL), 200);
	before = refusals(lab);
	assert_int_equal(before, 20); /* a second has no more */
	set_clock(lab, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(status_of(lab, "GET", "/boot/v1/script?mac=x", NULL, NULL), 200);
	assert_int_equal(refusals(lab), before + 5);
}

/* A drift is no step: the boot clock goes on being right. */
static void a_drift_is_left_alone(void **state)
{
	struct rig_lab *lab = *state;

	lab->set_by = RP_SECOND / 2;
	assert_int_equal(rp_follow_time_of_day(&lab->server), 0);
	assert_int_equal(rp_store_now(lab->server.store), lab->now);
	lab->set_by = -RP_SECOND;
	assert_int_equal(rp_follow_time_of_day(&lab->server), 1);
	assert_int_equal(rp_follow_time_of_day(&lab->server), 0);
	assert_int_equal(rp_store_now(lab->server.store), lab->now - RP_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_go_on, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(refusals_are_noted, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(a_drift_is_left_alone, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
