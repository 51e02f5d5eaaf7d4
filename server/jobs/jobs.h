/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: queued -> running -> done, or cancelled. Each attempt is a boot of its own with its own
 * nonce and signed job envelope, made once and stored.
 *
 * An attempt that ends in error (a stage timed out, power failed, the rig started again by itself,
 * or its signed result says error) is tried again until attempts_max; pass, fail and skip are
 * final. quarantine_after jobs in a row that ended in error quarantine the rig.
 */
#ifndef RP_SERVER_JOBS_JOBS_H
#define RP_SERVER_JOBS_JOBS_H

#include <jansson.h>
#include <stdint.h>

#include "server/state/boots.h"
#include "server/state/selection.h"

struct rp_rig;

#define RP_JOB_SETTLE_S 3 /* between a rig's boots: its agent is still reading our last answer */

struct rp_job {
	char id[RP_ID_TEXT], rig[RP_RIG_TEXT];
	char plan[RP_RIG_TEXT], image[RP_RIG_TEXT], image_sha256[RP_SHA256_HEX];
	json_t *spec; /* the part of the payload that every attempt shares; owned */
	enum rp_job_state state;
	char verdict[16]; /* "" until it ended */
	char error_stage[16], error_message[RP_BOOT_MESSAGE_MAX];
	int attempt, attempts_max;
	char boot[RP_ID_TEXT]; /* of the newest attempt, "" none */
	int64_t created, started, finished;
	int64_t deadline; /* of the whole job, all attempts; 0 until started */
};

/*
 * {"plan": manifest, "image": name or absent, "rig": name, "module_sha256": {name: hex}}.
 * -EINVAL; -ENOENT (rig, image, module, artefact); -EPERM (disks); -ENOTSUP (the rig is retired or
 * quarantined).
 */
int rp_jobs_submit(struct rp_server *server, const json_t *request, char ret_id[RP_ID_TEXT],
	struct rp_error *err);

/* 1 with *ret (rp_job_done), 0 where there is none, or negative errno. */
int rp_jobs_get(struct rp_server *server, const char *id, struct rp_job *ret);
int rp_jobs_queued_of_rig(struct rp_server *server, const char *rig, struct rp_job *ret);

/*
 * The first job that waits for a rig and may run on it as its manifest is now; those before it that
 * may not end as error.
 */
int rp_jobs_next(struct rp_server *server, const struct rp_rig *rig, struct rp_job *ret);
void rp_job_done(struct rp_job *job);

/* -ENOENT; -EALREADY: it ended before. */
int rp_jobs_cancel(struct rp_server *server, const char *id, struct rp_error *err);

/* As the API shows it, with "attempts": [{"boot","state","message","started","ended"}]. */
int rp_job_to_json(struct rp_server *server, const struct rp_job *job, json_t **ret);

/* Newest first. *ret is a new reference; ret_total may be NULL. */
int rp_jobs_list(struct rp_server *server, const struct rp_selection *selection, json_t **ret,
	int64_t *ret_total);

/*
 * Begin an attempt of a job of rp_jobs_next: in a new boot that waits for power, or, where boot is
 * not NULL, in that open, uncertified one. *boot_ret is what became of it.
 */
int rp_jobs_begin(struct rp_server *server, const struct rp_job *job, const struct rp_boot *boot,
	struct rp_boot *ret, struct rp_error *err);

/*
 * An attempt ended without a result: its boot is closed as failed; the job is queued again, or ends
 * with error. Boots without a job are closed, and count against rigs in training.
 *
 * What anybody on the rigs' network can bring about is not the rig's fault: the end of a boot that
 * the server did not power and that was heard of counts against no rig, and before its key was
 * certified it is no attempt of its job either.
 */
int rp_jobs_attempt_failed(struct rp_server *server, struct rp_boot *boot, const char *message);

/*
 * A second address, other, asked for the script of a boot. Which of the two is the rig cannot be
 * told, so the boot is closed as failed ("contested: ..."), and it is tried again: it counts neither
 * as an attempt of its job nor as an error of its rig. The job's own deadline ends what goes on; a rig
 * that was contested for as long without a job is left alone until an operator says `ready`.
 */
int rp_jobs_contested(struct rp_server *server, struct rp_boot *boot, const char *other);

/* An attempt ended with this result, inside of the transaction that stores it. */
int rp_jobs_attempt_done(struct rp_server *server, struct rp_boot *boot, const char *verdict,
	const char *error_stage, const char *error_message);

/* End a job here and now, and what that means for its rig. */
int rp_jobs_finish(struct rp_server *server, const struct rp_job *job, enum rp_job_state state,
	const char *verdict);

/* A job that waits for its turn ends as error of stage power, with the reason. */
int rp_jobs_end_waiting(struct rp_server *server, const struct rp_job *job, const char *reason);

/*
 * All that waits for a rig which will not come back by itself ends so.
 */
int rp_jobs_end_queue(struct rp_server *server, const char *rig, const char *reason);

/* After an absence of the server: what is under way may take as long again as it has attempts. */
int rp_jobs_allow_for_absence(struct rp_server *server);

/* Have the schedule (server/boot/schedule.h) look again as soon as the present event is done. */
void rp_jobs_kick(struct rp_server *server);

static inline void rp_cleanup_job(struct rp_job *job)
{
	rp_job_done(job);
}

#endif
