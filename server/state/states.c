/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/states.h"

#include <errno.h>
#include <string.h>

static const char *const rig_words[RP_RIG_STATES] = {
	[RP_RIG_UNKNOWN] = "unknown",
	[RP_RIG_PENDING] = "pending",
	[RP_RIG_ENROLLED] = "enrolled",
	[RP_RIG_TRAINING] = "training",
	[RP_RIG_READY] = "ready",
	[RP_RIG_BUSY] = "busy",
	[RP_RIG_QUARANTINED] = "quarantined",
	[RP_RIG_RETIRED] = "retired",
};

static const char *const boot_words[RP_BOOT_STATES] = {
	[RP_BOOT_NONE] = "none",
	[RP_BOOT_OPEN] = "open",
	[RP_BOOT_DONE] = "done",
	[RP_BOOT_FAILED] = "failed",
	[RP_BOOT_CANCELLED] = "cancelled",
};

static const char *const purpose_words[RP_BOOT_PURPOSES] = {
	[RP_BOOT_FOR_JOB] = "job",
	[RP_BOOT_FOR_TRAINING] = "training",
	[RP_BOOT_FOR_ENROL] = "enrol",
	[RP_BOOT_FOR_INVENTORY] = "inventory",
};

static const char *const power_words[RP_BOOT_POWERS] = {
	[RP_BOOT_POWER_UNKNOWN] = "",
	[RP_BOOT_POWER_ASKED] = "asked",
	[RP_BOOT_POWER_DRIVER] = "driver",
};

static const char *const job_words[RP_JOB_STATES] = {
	[RP_JOB_NONE] = "none",
	[RP_JOB_QUEUED] = "queued",
	[RP_JOB_RUNNING] = "running",
	[RP_JOB_DONE] = "done",
	[RP_JOB_CANCELLED] = "cancelled",
};

#define RIG(from, to, function, cause)                                                             \
	{                                                                                          \
		RP_MACHINE_RIG, RP_RIG_##from, RP_RIG_##to, function, cause                        \
	}
#define BOOT(from, to, function, cause)                                                            \
	{                                                                                          \
		RP_MACHINE_BOOT, RP_BOOT_##from, RP_BOOT_##to, function, cause                     \
	}
#define JOB(from, to, function, cause)                                                             \
	{                                                                                          \
		RP_MACHINE_JOB, RP_JOB_##from, RP_JOB_##to, function, cause                        \
	}

const struct rp_arrow rp_arrows[] = {
	RIG(UNKNOWN, PENDING, "rp_rigs_register", "a machine nobody knows asks to boot"),
	RIG(UNKNOWN, ENROLLED, "rp_rigs_put", "an operator adds it"),
	RIG(PENDING, ENROLLED, "rp_rigs_approve", "an operator or the site's rule"),
	RIG(ENROLLED, TRAINING, "rp_hello_enrolled", "the keys are written"),
	RIG(ENROLLED, READY, "rp_hello_enrolled", "the keys are written, nothing to train"),
	RIG(TRAINING, READY, "rp_hello_answer", "the last clean boot"),
	RIG(READY, BUSY, "rp_jobs_begin", "an attempt of a job begins"),
	RIG(ENROLLED, BUSY, "rp_jobs_begin", "back in service with its keys and its training"),
	RIG(BUSY, READY, "rp_jobs_finish", "the job ended, or its attempt: another follows"),
	RIG(ENROLLED, QUARANTINED, "rp_jobs_attempt_failed", "errors in a row, or an operator"),
	RIG(TRAINING, QUARANTINED, "rp_jobs_attempt_failed", "errors in a row, or an operator"),
	RIG(READY, QUARANTINED, "rp_jobs_attempt_failed", "errors in a row, or an operator"),
	RIG(PENDING, QUARANTINED, "set_state", "an operator"),
	RIG(RETIRED, QUARANTINED, "set_state", "an operator"),
	RIG(PENDING, RETIRED, "set_state", "an operator"),
	RIG(ENROLLED, RETIRED, "set_state", "an operator"),
	RIG(TRAINING, RETIRED, "set_state", "an operator"),
	RIG(READY, RETIRED, "set_state", "an operator"),
	RIG(QUARANTINED, RETIRED, "set_state", "an operator"),
	RIG(QUARANTINED, ENROLLED, "set_state", "back in service: its keys are still to write"),
	RIG(QUARANTINED, TRAINING, "set_state", "back in service: clean boots are missing"),
	RIG(QUARANTINED, READY, "set_state", "back in service"),
	RIG(RETIRED, ENROLLED, "set_state", "back in service: its keys are still to write"),
	RIG(RETIRED, TRAINING, "set_state", "back in service: clean boots are missing"),
	RIG(RETIRED, READY, "set_state", "back in service"),

	BOOT(NONE, OPEN, "rp_boots_open", "the server starts a rig, or one starts by itself"),
	BOOT(OPEN, DONE, "rp_boots_close", "its agent was told to end it, or gave its result"),
	BOOT(OPEN, FAILED, "rp_boots_close", "a stage timed out, power failed, the rig restarted"),
	BOOT(OPEN, CANCELLED, "rp_boots_close", "its job was cancelled"),

	JOB(NONE, QUEUED, "rp_jobs_submit", "an operator submits it"),
	JOB(QUEUED, RUNNING, "rp_jobs_begin", "its rig is free: an attempt begins"),
	JOB(RUNNING, QUEUED, "rp_jobs_attempt_failed", "an attempt ended in error, more are left"),
	JOB(RUNNING, DONE, "rp_jobs_finish", "its result, or its last attempt's error"),
	JOB(QUEUED, DONE, "rp_jobs_end_waiting", "it waited in vain: error"),
	JOB(QUEUED, CANCELLED, "rp_jobs_cancel", "an operator"),
	JOB(RUNNING, CANCELLED, "rp_jobs_cancel", "an operator"),
};
const size_t rp_arrow_count = sizeof(rp_arrows) / sizeof(rp_arrows[0]);

static int parse(const char *const *words, int count, const char *text)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
	}
	return -EINVAL;
}

#define WORDS(type, name, words, count)                                                            \
	const char *rp_##name##_text(enum type value)                                              \
	{                                                                                          \
		return words[value];                                                               \
	}                                                                                          \
	int rp_##name##_parse(const char *text, enum type *ret)                                    \
	{                                                                                          \
		int i = parse(words, count, text);                                                 \
                                                                                                   \
		if (i >= 0)                                                                        \
			*ret = (enum type)i;                                                       \
		return i < 0 ? i : 0;                                                              \
	}

WORDS(rp_rig_state, rig_state, rig_words, RP_RIG_STATES)
WORDS(rp_boot_state, boot_state, boot_words, RP_BOOT_STATES)
WORDS(rp_boot_purpose, boot_purpose, purpose_words, RP_BOOT_PURPOSES)
WORDS(rp_boot_power, boot_power, power_words, RP_BOOT_POWERS)
WORDS(rp_job_state, job_state, job_words, RP_JOB_STATES)

bool rp_arrow_exists(enum rp_machine machine, int from, int to)
{
	if (from == to)
		return true;
	for (size_t i = 0; i < rp_arrow_count; i++) {
		if (rp_arrows[i].machine == machine && rp_arrows[i].from == from &&
			rp_arrows[i].to == to)
			return true;
	}
	return false;
}
