/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rig does next. Everything that decides it is here, in a function of facts: no store, no
 * clock, no network. Who asks gathers the facts and carries out the answer:
 *
 *   TICK      schedule.c       may a boot begin that the server powers?
 *   FIRMWARE  policy.c         its firmware asks by DHCP: is it answered?
 *   SCRIPT    policy_script.c  its loader asks for a script: which?
 *   HELLO     hello.c          its agent is there: what shall it do?
 *   ENROLLED  hello.c          its agent has written the lab's keys
 *   RESULT    rig_api.c        its result was accepted
 */
#ifndef RP_SERVER_BOOT_NEXT_H
#define RP_SERVER_BOOT_NEXT_H

#include <stdbool.h>

#include "server/state/states.h"

enum rp_occasion {
	RP_AT_TICK,
	RP_AT_FIRMWARE,
	RP_AT_SCRIPT,
	RP_AT_HELLO,
	RP_AT_ENROLLED,
	RP_AT_RESULT,
	RP_OCCASIONS,
};

/* What is not asked at an occasion may be left false. */
struct rp_facts {
	enum rp_rig_state rig;
	bool ignored;	     /* its manifest says so */
	bool powered;	     /* it has a power driver: the server can call it back */
	bool keys_ours;	     /* the keys that we wrote into it are today's */
	bool keys_written;   /* we wrote keys into it, whichever */
	int training_left;   /* clean boots that it lacks, this one included */
	bool open;	     /* TICK, FIRMWARE, SCRIPT: it has an open boot */
	bool job_here;	     /* HELLO: this boot is one of a job */
	bool job_waits;	     /* a job is queued for it that it may run */
	bool job_same_image; /* HELLO: that job's image is the one that was booted */
	bool setup_mode;     /* HELLO: its firmware takes keys; TICK: it said so last */
	bool ours;     /* HELLO: this boot was powered by us, or announced, and had the image */
	bool by_rule;  /* HELLO: the site approves without a person */
	bool settling; /* SCRIPT: the server starts it itself in a moment */
	bool image;    /* SCRIPT, TICK: there is an image to prepare it with */
};

enum rp_next {
	RP_NEXT_NOTHING,   /* leave it alone; to a script: on to its own disk */
	RP_NEXT_TURN_AWAY, /* the same, because it is out of service or told to be left alone */
	RP_NEXT_GO_ON,	   /* with the boot that is open */
	RP_NEXT_BEGIN_JOB, /* an attempt of the job that waits: in a new boot; at HELLO in this */
	RP_NEXT_PREPARE,   /* a boot of step.purpose */
	RP_NEXT_WAIT,	   /* ask again in a moment */
	RP_NEXT_APPROVAL,  /* a person has to say yes */
	RP_NEXT_JOB,	   /* run the job of this boot */
	RP_NEXT_ENROL,	   /* write the lab's keys */
	RP_NEXT_REBOOT,	   /* this boot is over, another begins by itself */
	RP_NEXT_POWEROFF,  /* this boot is over */
	RP_NEXTS,
};

struct rp_step {
	enum rp_next next;
	enum rp_boot_purpose purpose; /* of PREPARE */
	/* HELLO and ENROLLED: where that leaves the rig; clean_boot: its training is one less */
	enum rp_rig_state rig;
	bool clean_boot;
};

struct rp_step rp_next(enum rp_occasion occasion, const struct rp_facts *facts);

/* Where a rig that an operator puts back into service goes on. */
enum rp_rig_state rp_next_back_in_service(int training_left, bool keys_enrolled);

/* "go-on", "poweroff"...: for tests and logs. */
const char *rp_next_text(enum rp_next next);

#endif
