/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job, run: its modules are loaded in turn, then its checks run in turn, each until it has
 * ended, within the time of the job. What happened is kept as facts for the result. The caller
 * steps it from its event loop:
 *
 *   AGAIN  call rp_run_step again soon (a step is bounded, the loop has its turn between)
 *   WAIT   a check is running; wake() will be called
 *   DONE   all is over: rp_run_sign
 */
#ifndef RP_AGENT_RUN_H
#define RP_AGENT_RUN_H

#include <jansson.h>
#include <openssl/evp.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/bus.h"
#include "agent/job.h"
#include "agent/kmsg.h"
#include "agent/module.h"
#include "keys/rig_protocol.h"
#include "lib/error.h"

enum rp_run_state { RP_RUN_AGAIN, RP_RUN_WAIT, RP_RUN_DONE };

struct rp_run_config {
	sd_event *event;
	const char *root; /* "" or a folder with proc/ (tests) */
	struct rp_kmsg *kmsg;
	struct rp_agent_status *status; /* kept up to date */
	json_t *stages;			/* [{"stage","start","end"}] before this; borrowed */
	/* a check has ended; the run can be stepped again */
	void (*wake)(void *context);
	/* *status has changed; check is the name of one that ended, or NULL */
	void (*progress)(void *context, const char *check, const char *verdict);
	void *context;
};

struct rp_run;

/* Takes job over (and leaves it empty), but on failure: -ENOMEM. config is copied. */
int rp_run_new(const struct rp_run_config *config, struct rp_signed_job *job, struct rp_run **ret,
	struct rp_error *err) __attribute__((warn_unused_result));

/* Ends a check that is running. */
struct rp_run *rp_run_free(struct rp_run *run);

/* Run nothing (more): the result is an error of the lab in this stage. */
void rp_run_abandon(struct rp_run *run, enum rp_stage stage, const char *message);

/* What comes next. bus may be NULL (then checks cannot be run); both are for this step alone. */
enum rp_run_state rp_run_step(
	struct rp_run *run, sd_bus *bus, const struct rp_module_place *modules);

const char *rp_run_job(const struct rp_run *run);

/*
 * The signed result of what happened: *ret_envelope is a new reference, ret_verdict its word. May
 * be called again where the first try failed. -ENOMEM, -EIO.
 */
int rp_run_sign(struct rp_run *run, EVP_PKEY *boot_key, json_t **ret_envelope, char ret_verdict[8],
	struct rp_error *err) __attribute__((warn_unused_result));

static inline void rp_cleanup_run(struct rp_run **run)
{
	rp_run_free(*run);
}

#endif
