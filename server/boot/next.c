/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/next.h"

static bool out_of_service(const struct rp_facts *facts)
{
	return facts->rig == RP_RIG_QUARANTINED || facts->rig == RP_RIG_RETIRED;
}

/* Approved, but what serving needs is still missing: the keys, or clean boots. */
static bool in_preparation(const struct rp_facts *facts)
{
	return facts->rig == RP_RIG_ENROLLED || facts->rig == RP_RIG_TRAINING;
}

static enum rp_boot_purpose preparation(const struct rp_facts *facts)
{
	if (facts->rig == RP_RIG_PENDING)
		return RP_BOOT_FOR_INVENTORY;
	return facts->rig == RP_RIG_TRAINING ? RP_BOOT_FOR_TRAINING : RP_BOOT_FOR_ENROL;
}

/* A rig that was back in service has its keys and its training, and is still called enrolled. */
static bool can_serve(const struct rp_facts *facts)
{
	return facts->rig == RP_RIG_READY ||
	       (facts->rig == RP_RIG_ENROLLED && facts->keys_written && !facts->training_left);
}

static struct rp_step at_tick(const struct rp_facts *facts)
{
	struct rp_step step = {.next = RP_NEXT_NOTHING, .rig = facts->rig};

	if (facts->open || facts->ignored)
		return step;
	if (can_serve(facts) && facts->job_waits) {
		step.next = RP_NEXT_BEGIN_JOB;
		return step;
	}
	/* Without a driver it boots when somebody wants; one that trains does so without a job. */
	if (facts->powered && facts->image &&
		(facts->rig == RP_RIG_TRAINING ||
			(facts->rig == RP_RIG_ENROLLED &&
				(facts->job_waits || (facts->setup_mode && !facts->keys_ours))))) {
		step.next = RP_NEXT_PREPARE;
		step.purpose = preparation(facts);
	}
	return step;
}

static struct rp_step at_firmware(const struct rp_facts *facts)
{
	struct rp_step step = {.next = RP_NEXT_GO_ON, .rig = facts->rig};

	if (facts->ignored || out_of_service(facts))
		step.next = RP_NEXT_TURN_AWAY;
	else if (facts->rig != RP_RIG_PENDING && !in_preparation(facts) && !facts->open &&
		 !facts->job_waits)
		step.next = RP_NEXT_NOTHING;
	return step;
}

static struct rp_step at_script(const struct rp_facts *facts)
{
	struct rp_step step = {.next = RP_NEXT_NOTHING, .rig = facts->rig};

	if (facts->ignored || out_of_service(facts))
		step.next = RP_NEXT_TURN_AWAY;
	else if (facts->open)
		step.next = RP_NEXT_GO_ON;
	else if (facts->settling && facts->powered)
		step.next = RP_NEXT_WAIT; /* do not begin what the server would cut off */
	else if (facts->rig == RP_RIG_READY)
		step.next = facts->job_waits ? RP_NEXT_BEGIN_JOB : RP_NEXT_NOTHING;
	else if (facts->image)
		step = (struct rp_step){RP_NEXT_PREPARE, preparation(facts), facts->rig, false};
	return step;
}

/*
 * Without a power driver the rig is here now and nobody can call it back: it goes on by itself, in
 * this boot where that is one of the job's image, since a boot's record names what was booted.
 */
static enum rp_next goes_on(const struct rp_facts *facts, int training_left)
{
	if (facts->powered)
		return RP_NEXT_POWEROFF;
	if (training_left)
		return RP_NEXT_REBOOT;
	if (!facts->job_waits)
		return RP_NEXT_POWEROFF;
	return facts->job_same_image ? RP_NEXT_BEGIN_JOB : RP_NEXT_REBOOT;
}

static struct rp_step at_hello(const struct rp_facts *facts)
{
	struct rp_step step = {.rig = facts->rig};
	int left = facts->training_left > 0 ? facts->training_left - 1 : 0;

	if (out_of_service(facts)) {
		step.next = RP_NEXT_TURN_AWAY;
		return step;
	}
	if (facts->rig == RP_RIG_PENDING && !facts->by_rule) {
		step.next = RP_NEXT_APPROVAL;
		return step;
	}
	if (step.rig == RP_RIG_PENDING)
		step.rig = RP_RIG_ENROLLED;
	if (facts->job_here) {
		step.next = RP_NEXT_JOB;
		return step;
	}
	if (step.rig == RP_RIG_ENROLLED && facts->setup_mode && !facts->keys_ours) {
		/*
		 * Anybody can say so with its MAC, and go through the enrolment in its place. It is
		 * believed in a boot that we, or a person, have brought about: with a driver the
		 * next one is (at_tick), without one somebody announces it.
		 */
		step.next = facts->ours ? RP_NEXT_ENROL : RP_NEXT_POWEROFF;
		return step;
	}
	if (step.rig == RP_RIG_ENROLLED || step.rig == RP_RIG_TRAINING) {
		step.clean_boot = true;
		step.rig = left ? RP_RIG_TRAINING : RP_RIG_READY;
	} else {
		left = 0;
	}
	step.next = goes_on(facts, left);
	return step;
}

static struct rp_step at_enrolled(const struct rp_facts *facts)
{
	const bool more = facts->training_left || facts->job_waits;

	return (struct rp_step){
		.next = !facts->powered && more ? RP_NEXT_REBOOT : RP_NEXT_POWEROFF,
		.rig = facts->training_left ? RP_RIG_TRAINING : RP_RIG_READY,
	};
}

static struct rp_step at_result(const struct rp_facts *facts)
{
	return (struct rp_step){
		.next = !facts->powered && facts->job_waits ? RP_NEXT_REBOOT : RP_NEXT_POWEROFF,
		.rig = facts->rig,
	};
}

struct rp_step rp_next(enum rp_occasion occasion, const struct rp_facts *facts)
{
	static struct rp_step (*const at[RP_OCCASIONS])(const struct rp_facts *) = {
		[RP_AT_TICK] = at_tick,
		[RP_AT_FIRMWARE] = at_firmware,
		[RP_AT_SCRIPT] = at_script,
		[RP_AT_HELLO] = at_hello,
		[RP_AT_ENROLLED] = at_enrolled,
		[RP_AT_RESULT] = at_result,
	};

	return at[occasion](facts);
}

enum rp_rig_state rp_next_back_in_service(int training_left, bool keys_enrolled)
{
	if (!training_left)
		return RP_RIG_READY;
	return keys_enrolled ? RP_RIG_TRAINING : RP_RIG_ENROLLED;
}

const char *rp_next_text(enum rp_next next)
{
	static const char *const words[RP_NEXTS] = {
		[RP_NEXT_NOTHING] = "nothing",
		[RP_NEXT_TURN_AWAY] = "turn-away",
		[RP_NEXT_GO_ON] = "go-on",
		[RP_NEXT_BEGIN_JOB] = "begin-job",
		[RP_NEXT_PREPARE] = "prepare",
		[RP_NEXT_WAIT] = "wait",
		[RP_NEXT_APPROVAL] = "approval",
		[RP_NEXT_JOB] = "job",
		[RP_NEXT_ENROL] = "enrol",
		[RP_NEXT_REBOOT] = "reboot",
		[RP_NEXT_POWEROFF] = "poweroff",
	};

	return words[next];
}
