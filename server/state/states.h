/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three state machines: rigs, boots and jobs. One table of words each, which are what the store,
 * the API and people see; one table of arrows. README.md of this folder draws them.
 */
#ifndef RP_SERVER_STATE_STATES_H
#define RP_SERVER_STATE_STATES_H

#include <stdbool.h>
#include <stddef.h>

enum rp_rig_state {
	RP_RIG_UNKNOWN,	 /* no row: nobody has it in the store */
	RP_RIG_PENDING,	 /* registered by itself; a person or a rule approves it */
	RP_RIG_ENROLLED, /* approved; its first certified boot decides what is next */
	RP_RIG_TRAINING, /* training_left clean boots before it serves */
	RP_RIG_READY,
	RP_RIG_BUSY,	    /* a job runs on it */
	RP_RIG_QUARANTINED, /* too many errors in a row, or an operator's word */
	RP_RIG_RETIRED,
	RP_RIG_STATES,
};

enum rp_boot_state {
	RP_BOOT_NONE, /* no row */
	RP_BOOT_OPEN,
	RP_BOOT_DONE,
	RP_BOOT_FAILED,
	RP_BOOT_CANCELLED,
	RP_BOOT_STATES,
};

/* Why a rig is booted. */
enum rp_boot_purpose {
	RP_BOOT_FOR_JOB,
	RP_BOOT_FOR_TRAINING,
	RP_BOOT_FOR_ENROL,     /* to write the lab's keys into its firmware */
	RP_BOOT_FOR_INVENTORY, /* a pending machine shows what it is */
	RP_BOOT_PURPOSES,
};

/* Who switched a rig on for a boot. */
enum rp_boot_power {
	RP_BOOT_POWER_UNKNOWN, /* nobody that the server knows of: it came by itself */
	RP_BOOT_POWER_ASKED,   /* its driver was asked and has not answered yet */
	RP_BOOT_POWER_DRIVER,  /* its driver did, and said that it is on */
	RP_BOOT_POWERS,
};

enum rp_job_state {
	RP_JOB_NONE, /* no row */
	RP_JOB_QUEUED,
	RP_JOB_RUNNING,
	RP_JOB_DONE,
	RP_JOB_CANCELLED,
	RP_JOB_STATES,
};

const char *rp_rig_state_text(enum rp_rig_state state);
const char *rp_boot_state_text(enum rp_boot_state state);
const char *rp_boot_purpose_text(enum rp_boot_purpose purpose);
const char *rp_boot_power_text(enum rp_boot_power power);
const char *rp_job_state_text(enum rp_job_state state);

/* -EINVAL: no such word. */
int rp_rig_state_parse(const char *text, enum rp_rig_state *ret)
	__attribute__((warn_unused_result));
int rp_boot_state_parse(const char *text, enum rp_boot_state *ret)
	__attribute__((warn_unused_result));
int rp_boot_purpose_parse(const char *text, enum rp_boot_purpose *ret)
	__attribute__((warn_unused_result));
int rp_boot_power_parse(const char *text, enum rp_boot_power *ret)
	__attribute__((warn_unused_result));
int rp_job_state_parse(const char *text, enum rp_job_state *ret)
	__attribute__((warn_unused_result));

enum rp_machine { RP_MACHINE_RIG, RP_MACHINE_BOOT, RP_MACHINE_JOB };

/* One arrow: from and to are states of that machine. */
struct rp_arrow {
	enum rp_machine machine;
	int from, to;
	const char *function; /* that goes along it */
	const char *cause;
};

/* All of them, in the README's order. */
extern const struct rp_arrow rp_arrows[];
extern const size_t rp_arrow_count;

/* 1 where there is such an arrow, or where it stays as it is. */
bool rp_arrow_exists(enum rp_machine machine, int from, int to);

#endif
