/* SPDX-License-Identifier: Apache-2.0 */
/* What a rig does next, as a table: facts, occasion, answer. A failing row is named by its number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/boot/next.h"

#define KEYS .keys_ours = true, .keys_written = true

static const struct {
	enum rp_occasion at;
	struct rp_facts facts;
	enum rp_next next;
	enum rp_boot_purpose purpose; /* looked at where next is PREPARE */
	enum rp_rig_state rig;	      /* looked at for HELLO and ENROLLED */
	bool clean_boot;
} rows[] = {
	/* the schedule: a job on a rig that can serve, else what the rig lacks */
	{RP_AT_TICK, {RP_RIG_READY, .job_waits = true}, RP_NEXT_BEGIN_JOB},
	{RP_AT_TICK, {RP_RIG_READY, .powered = true, .image = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_READY, .job_waits = true, .open = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_READY, .job_waits = true, .ignored = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_ENROLLED, KEYS, .job_waits = true}, RP_NEXT_BEGIN_JOB},
	{RP_AT_TICK, {RP_RIG_ENROLLED, .powered = true, .image = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_ENROLLED, .powered = true, .image = true, .job_waits = true},
		RP_NEXT_PREPARE, RP_BOOT_FOR_ENROL},
	{RP_AT_TICK, {RP_RIG_ENROLLED, .powered = true, .job_waits = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_ENROLLED, .powered = true, .image = true, .setup_mode = true},
		RP_NEXT_PREPARE, RP_BOOT_FOR_ENROL},
	{RP_AT_TICK, {RP_RIG_ENROLLED, .image = true, .setup_mode = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_ENROLLED, KEYS, .powered = true, .image = true, .setup_mode = true},
		RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_ENROLLED, .image = true, .job_waits = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK,
		{RP_RIG_ENROLLED, KEYS, .training_left = 1, .powered = true, .image = true,
			.job_waits = true},
		RP_NEXT_PREPARE, RP_BOOT_FOR_ENROL},
	{RP_AT_TICK, {RP_RIG_TRAINING, KEYS, .training_left = 2, .powered = true, .image = true},
		RP_NEXT_PREPARE, RP_BOOT_FOR_TRAINING},
	{RP_AT_TICK, {RP_RIG_TRAINING, KEYS, .training_left = 2, .image = true}, RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_QUARANTINED, .powered = true, .image = true, .job_waits = true},
		RP_NEXT_NOTHING},
	{RP_AT_TICK, {RP_RIG_PENDING, .powered = true, .image = true}, RP_NEXT_NOTHING},
	/* its firmware asks: answered where there is a reason to boot it */
	{RP_AT_FIRMWARE, {RP_RIG_PENDING}, RP_NEXT_GO_ON},
	{RP_AT_FIRMWARE, {RP_RIG_ENROLLED}, RP_NEXT_GO_ON},
	{RP_AT_FIRMWARE, {RP_RIG_TRAINING}, RP_NEXT_GO_ON},
	{RP_AT_FIRMWARE, {RP_RIG_READY}, RP_NEXT_NOTHING},
	{RP_AT_FIRMWARE, {RP_RIG_READY, .open = true}, RP_NEXT_GO_ON},
	{RP_AT_FIRMWARE, {RP_RIG_READY, .job_waits = true}, RP_NEXT_GO_ON},
	{RP_AT_FIRMWARE, {RP_RIG_BUSY, .open = true}, RP_NEXT_GO_ON},
	{RP_AT_FIRMWARE, {RP_RIG_READY, .job_waits = true, .ignored = true}, RP_NEXT_TURN_AWAY},
	{RP_AT_FIRMWARE, {RP_RIG_QUARANTINED, .open = true}, RP_NEXT_TURN_AWAY},
	{RP_AT_FIRMWARE, {RP_RIG_RETIRED}, RP_NEXT_TURN_AWAY},
	/* its loader asks for a script */
	{RP_AT_SCRIPT, {RP_RIG_PENDING, .image = true}, RP_NEXT_PREPARE, RP_BOOT_FOR_INVENTORY},
	{RP_AT_SCRIPT, {RP_RIG_PENDING}, RP_NEXT_NOTHING},
	{RP_AT_SCRIPT, {RP_RIG_ENROLLED, .image = true}, RP_NEXT_PREPARE, RP_BOOT_FOR_ENROL},
	{RP_AT_SCRIPT, {RP_RIG_TRAINING, .image = true}, RP_NEXT_PREPARE, RP_BOOT_FOR_TRAINING},
	{RP_AT_SCRIPT, {RP_RIG_READY, .image = true}, RP_NEXT_NOTHING},
	{RP_AT_SCRIPT, {RP_RIG_READY, .job_waits = true}, RP_NEXT_BEGIN_JOB},
	{RP_AT_SCRIPT, {RP_RIG_READY, .job_waits = true, .settling = true}, RP_NEXT_BEGIN_JOB},
	{RP_AT_SCRIPT, {RP_RIG_READY, .job_waits = true, .settling = true, .powered = true},
		RP_NEXT_WAIT},
	{RP_AT_SCRIPT, {RP_RIG_BUSY, .open = true}, RP_NEXT_GO_ON},
	{RP_AT_SCRIPT, {RP_RIG_BUSY, .open = true, .settling = true, .powered = true},
		RP_NEXT_GO_ON},
	{RP_AT_SCRIPT, {RP_RIG_QUARANTINED, .image = true}, RP_NEXT_TURN_AWAY},
	{RP_AT_SCRIPT, {RP_RIG_READY, .open = true, .ignored = true}, RP_NEXT_TURN_AWAY},
	/* its agent is there */
	{RP_AT_HELLO, {RP_RIG_RETIRED, .job_here = true}, RP_NEXT_TURN_AWAY, 0, RP_RIG_RETIRED},
	{RP_AT_HELLO, {RP_RIG_PENDING}, RP_NEXT_APPROVAL, 0, RP_RIG_PENDING},
	{RP_AT_HELLO, {RP_RIG_PENDING, .by_rule = true, .setup_mode = true, .ours = true},
		RP_NEXT_ENROL, 0, RP_RIG_ENROLLED},
	{RP_AT_HELLO, {RP_RIG_PENDING, .by_rule = true, .setup_mode = true}, RP_NEXT_POWEROFF, 0,
		RP_RIG_ENROLLED},
	{RP_AT_HELLO, {RP_RIG_PENDING, .by_rule = true, .training_left = 2, .powered = true},
		RP_NEXT_POWEROFF, 0, RP_RIG_TRAINING, true},
	{RP_AT_HELLO, {RP_RIG_BUSY, .job_here = true, .powered = true}, RP_NEXT_JOB, 0,
		RP_RIG_BUSY},
	{RP_AT_HELLO, {RP_RIG_ENROLLED, .setup_mode = true, .ours = true}, RP_NEXT_ENROL, 0,
		RP_RIG_ENROLLED},
	{RP_AT_HELLO, {RP_RIG_ENROLLED, .setup_mode = true}, RP_NEXT_POWEROFF, 0, RP_RIG_ENROLLED},
	{RP_AT_HELLO, {RP_RIG_ENROLLED, .setup_mode = true, .powered = true, .training_left = 1},
		RP_NEXT_POWEROFF, 0, RP_RIG_ENROLLED},
	{RP_AT_HELLO, {RP_RIG_ENROLLED, KEYS, .setup_mode = true, .powered = true},
		RP_NEXT_POWEROFF, 0, RP_RIG_READY, true},
	{RP_AT_HELLO, {RP_RIG_TRAINING, KEYS, .training_left = 1, .powered = true},
		RP_NEXT_POWEROFF, 0, RP_RIG_READY, true},
	{RP_AT_HELLO, {RP_RIG_TRAINING, KEYS, .training_left = 2}, RP_NEXT_REBOOT, 0,
		RP_RIG_TRAINING, true},
	{RP_AT_HELLO, {RP_RIG_TRAINING, .training_left = 1, .job_waits = true}, RP_NEXT_REBOOT, 0,
		RP_RIG_READY, true},
	{RP_AT_HELLO,
		{RP_RIG_TRAINING, .training_left = 1, .job_waits = true, .job_same_image = true},
		RP_NEXT_BEGIN_JOB, 0, RP_RIG_READY, true},
	{RP_AT_HELLO,
		{RP_RIG_TRAINING, .training_left = 1, .job_waits = true, .job_same_image = true,
			.powered = true},
		RP_NEXT_POWEROFF, 0, RP_RIG_READY, true},
	{RP_AT_HELLO, {RP_RIG_READY}, RP_NEXT_POWEROFF, 0, RP_RIG_READY},
	/* it has written the keys */
	{RP_AT_ENROLLED, {RP_RIG_ENROLLED, .training_left = 2, .powered = true}, RP_NEXT_POWEROFF,
		0, RP_RIG_TRAINING},
	{RP_AT_ENROLLED, {RP_RIG_ENROLLED, .training_left = 2}, RP_NEXT_REBOOT, 0, RP_RIG_TRAINING},
	{RP_AT_ENROLLED, {RP_RIG_ENROLLED}, RP_NEXT_POWEROFF, 0, RP_RIG_READY},
	{RP_AT_ENROLLED, {RP_RIG_ENROLLED, .job_waits = true}, RP_NEXT_REBOOT, 0, RP_RIG_READY},
	/* its result was taken */
	{RP_AT_RESULT, {RP_RIG_READY, .job_waits = true}, RP_NEXT_REBOOT},
	{RP_AT_RESULT, {RP_RIG_READY, .job_waits = true, .powered = true}, RP_NEXT_POWEROFF},
	{RP_AT_RESULT, {RP_RIG_READY}, RP_NEXT_POWEROFF},
};

static void table(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rp_step step = rp_next(rows[i].at, &rows[i].facts);

		if (step.next != rows[i].next)
			fail_msg("row %zu: %s, not %s", i, rp_next_text(step.next),
				rp_next_text(rows[i].next));
		if (step.next == RP_NEXT_PREPARE && step.purpose != rows[i].purpose)
			fail_msg("row %zu: for %s, not %s", i, rp_boot_purpose_text(step.purpose),
				rp_boot_purpose_text(rows[i].purpose));
		if (rows[i].at != RP_AT_HELLO && rows[i].at != RP_AT_ENROLLED)
			continue;
		if (step.rig != rows[i].rig || step.clean_boot != rows[i].clean_boot)
			fail_msg("row %zu: leaves the rig %s", i, rp_rig_state_text(step.rig));
	}
}

/* Whatever the facts are, a step leads along an arrow, and a rig out of service does nothing. */
static void every_combination(void **state)
{
	for (unsigned bits = 0; bits < 1u << 12; bits++) {
		for (int rig = RP_RIG_PENDING; rig < RP_RIG_STATES; rig++) {
			const struct rp_facts facts = {rig, bits & 1, bits & 2, bits & 4, bits & 4,
				(int)(bits >> 9 & 3), bits & 8, bits & 16, bits & 32, bits & 64,
				bits & 128, bits & 2048, bits & 256, bits & 2, bits & 1};

			for (int at = 0; at < RP_OCCASIONS; at++) {
				struct rp_step step = rp_next(at, &facts);
				bool out = rig == RP_RIG_QUARANTINED || rig == RP_RIG_RETIRED;

				assert_in_range(step.next, 0, RP_NEXTS - 1);
				if (at == RP_AT_HELLO && !(rig == RP_RIG_PENDING && facts.by_rule))
					assert_true(rp_arrow_exists(
						RP_MACHINE_RIG, rig, (int)step.rig));
				if (out && at <= RP_AT_HELLO)
					assert_true(step.next == RP_NEXT_TURN_AWAY ||
						    step.next == RP_NEXT_NOTHING);
				if (step.next == RP_NEXT_BEGIN_JOB)
					assert_true(facts.job_waits && !out);
				if (step.next == RP_NEXT_ENROL)
					assert_true(
						facts.setup_mode && !facts.keys_ours && facts.ours);
			}
		}
	}
}

static void back_in_service(void **state)
{
	assert_int_equal(rp_next_back_in_service(0, false), RP_RIG_READY);
	assert_int_equal(rp_next_back_in_service(2, true), RP_RIG_TRAINING);
	assert_int_equal(rp_next_back_in_service(2, false), RP_RIG_ENROLLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(every_combination),
		cmocka_unit_test(back_in_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
