/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/jobs.h"

#include <errno.h>
#include <string.h>

#include "keys/dsse.h"
#include "keys/record.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/state/refused.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

/* A row of JOB_COLUMNS. */
static void read_row(sqlite3_stmt *row, struct rp_job *ret)
{
	*ret = (struct rp_job){0};
	rp_column_copy(row, 0, ret->id);
	rp_column_copy(row, 1, ret->rig);
	rp_column_copy(row, 2, ret->plan);
	rp_column_copy(row, 3, ret->image);
	rp_column_copy(row, 4, ret->image_sha256);
	ret->spec = rp_column_json(row, 5);
	if (rp_job_state_parse(rp_column_text(row, 6), &ret->state) < 0)
		rp_log_error("job %s: its row has a state that is not ours", ret->id);
	rp_column_copy(row, 7, ret->verdict);
	rp_column_copy(row, 8, ret->error_stage);
	rp_column_copy(row, 9, ret->error_message);
	ret->attempt = (int)rp_column_int(row, 10);
	ret->attempts_max = (int)rp_column_int(row, 11);
	rp_column_copy(row, 12, ret->boot);
	ret->created = rp_column_int(row, 13);
	ret->started = rp_column_int(row, 14);
	ret->finished = rp_column_int(row, 15);
	ret->deadline = rp_column_int(row, 16);
}

static int get(struct rp_server *server, enum rp_sql statement, const char *key, struct rp_job *ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, statement, RP_TEXT(key));

	if (r > 0)
		read_row(row, ret);
	return r;
}

int rp_jobs_get(struct rp_server *server, const char *id, struct rp_job *ret)
{
	return get(server, RP_SQL_JOB_BY_ID, id, ret);
}

int rp_jobs_queued_of_rig(struct rp_server *server, const char *rig, struct rp_job *ret)
{
	return get(server, RP_SQL_JOB_QUEUED_OF_RIG, rig, ret);
}

void rp_job_done(struct rp_job *job)
{
	json_decref(job->spec);
	*job = (struct rp_job){0};
}

/* The limits of all stages of one attempt, and the pause before it. */
static int64_t attempt_limit(struct rp_server *server)
{
	int64_t seconds = RP_JOB_SETTLE_S;

	for (int stage = 0; stage < RP_STAGES; stage++)
		seconds += rp_site_stage_limit(server->site, rp_stage_text(stage));
	/* For a person to switch it on: see schedule.c. */
	seconds += 9 * server->site->stages.power_s;
	return seconds * RP_SECOND;
}

int rp_jobs_allow_for_absence(struct rp_server *server)
{
	int r = rp_store_run(server->store, RP_SQL_JOB_EXTEND, RP_INT(rp_store_now(server->store)),
		RP_INT(attempt_limit(server)));

	return r < 0 ? r : 0;
}

static int sign_job(struct rp_server *server, const struct rp_job *job, const struct rp_boot *boot,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *payload = json_deep_copy(job->spec);
	rp_cleanup(json) json_t *envelope = NULL;
	rp_cleanup(free) char *text = NULL;
	char created[RP_TIME_TEXT];
	int r;

	rp_clock_format(rp_store_wall(server->store), created);
	if (!payload || json_object_set_new(payload, "version", json_integer(1)) < 0 ||
		json_object_set_new(payload, "job", json_string(job->id)) < 0 ||
		json_object_set_new(payload, "rig", json_string(job->rig)) < 0 ||
		json_object_set_new(payload, "boot", json_string(boot->id)) < 0 ||
		json_object_set_new(payload, "nonce", json_string(boot->nonce)) < 0 ||
		json_object_set_new(payload, "created", json_string(created)) < 0)
		return rp_error_memory(err);
	r = rp_record_check_job(payload, err);
	if (r == 0)
		r = rp_dsse_sign_json(server->job_key, RP_TYPE_JOB, payload, &envelope, err);
	if (r < 0)
		return r;
	text = rp_json_canonical(envelope);
	if (!text)
		return rp_error_memory(err);
	r = rp_store_run(server->store, RP_SQL_BOOT_SET_ENVELOPE, RP_TEXT(boot->id), RP_TEXT(text));
	return r < 0 ? rp_error_set(err, r, "%s", rp_store_reason(server->store)) : 0;
}

/* NULL, or why the rig's owner does not let it run; he may have changed his mind since. */
static const char *forbidden(const struct rp_job *job, const struct rp_rig *rig)
{
	if (rig->manifest->rig->ignore)
		return "the manifest of this rig says ignore: true, so it is never booted";
	if (strcmp(rp_json_string_or(job->spec, "disks", "never"), "write") == 0 &&
		rig->manifest->rig->disks != RP_DISKS_WRITE)
		return "the job writes disks, and the manifest of this rig does not allow it any "
		       "more (disks: write)";
	return NULL;
}

static int begin(struct rp_server *server, const struct rp_job *job, const struct rp_boot *old,
	struct rp_boot *ret, struct rp_error *err)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	int64_t now = rp_store_now(server->store);
	int r = rp_rigs_get(server, job->rig, &rig);

	if (r <= 0)
		return rp_error_set(err, r ? r : -ENOENT, "%s: no such rig", job->rig);
	if (forbidden(job, rig))
		return rp_error_set(err, -EPERM, "%s", forbidden(job, rig));
	if (old) {
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_JOB, RP_TEXT(old->id),
			RP_TEXT(job->id), RP_TEXT(job->image), RP_TEXT(job->image_sha256));
		if (r >= 0)
			r = rp_boots_get(server, old->id, ret);
	} else {
		struct rp_boot_new new = {.rig = job->rig,
			.job = job->id,
			.purpose = RP_BOOT_FOR_JOB,
			.mac = rig->manifest->rig->mac[0],
			.uuid = rig->manifest->rig->uuid,
			.image = job->image,
			.image_sha256 = job->image_sha256,
			.stage = RP_STAGE_POWER};

		r = rp_boots_open(server, &new, ret);
	}
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	r = sign_job(server, job, ret, err);
	if (r < 0)
		return r;
	r = rp_store_run(
		server->store, RP_SQL_JOB_SET_ERROR, RP_TEXT(job->id), RP_TEXT(""), RP_TEXT(""));
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_JOB_SET_RUNNING, RP_TEXT(job->id),
			RP_INT(job->attempt + 1), RP_TEXT(ret->id), RP_INT(now),
			RP_INT(now + job->attempts_max * attempt_limit(server)));
	if (r >= 0)
		r = rp_rigs_set_state(server, job->rig, RP_RIG_BUSY, "");
	if (r >= 0)
		r = rp_boots_event(server, ret, "job %s, attempt %d of %d", job->id,
			job->attempt + 1, job->attempts_max);
	return r < 0 ? rp_error_set(err, r, "%s", rp_store_reason(server->store)) : 0;
}

int rp_jobs_begin(struct rp_server *server, const struct rp_job *job, const struct rp_boot *boot,
	struct rp_boot *ret, struct rp_error *err)
{
	int r = rp_store_begin(server->store);

	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	return rp_store_end(server->store, begin(server, job, boot, ret, err));
}

int rp_jobs_end_waiting(struct rp_server *server, const struct rp_job *job, const char *reason)
{
	int r = rp_store_begin(server->store);

	if (r < 0)
		return r;
	r = rp_store_run(server->store, RP_SQL_JOB_SET_ERROR, RP_TEXT(job->id), RP_TEXT("power"),
		RP_TEXT(reason));
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_JOB_FINISH, RP_TEXT(job->id),
			RP_TEXT(rp_job_state_text(RP_JOB_DONE)), RP_TEXT("error"),
			RP_INT(rp_store_now(server->store)));
	r = rp_store_end(server->store, r);
	if (r == 0)
		rp_metrics_add(server->metrics, "jobs_total{verdict=\"error\"}", 1);
	return r;
}

int rp_jobs_end_queue(struct rp_server *server, const char *rig, const char *reason)
{
	for (;;) {
		rp_cleanup(job) struct rp_job job = {0};
		int r = rp_jobs_queued_of_rig(server, rig, &job);

		if (r > 0)
			r = rp_jobs_end_waiting(server, &job, reason);
		if (r < 0 || !job.id[0])
			return r;
	}
}

int rp_jobs_next(struct rp_server *server, const struct rp_rig *rig, struct rp_job *ret)
{
	for (;;) {
		rp_cleanup(job) struct rp_job job = {0};
		const char *why;
		int r = rp_jobs_queued_of_rig(server, rig->name, &job);

		if (r <= 0)
			return r;
		why = forbidden(&job, rig);
		if (!why) {
			*ret = job;
			job = (struct rp_job){0};
			return 1;
		}
		r = rp_jobs_end_waiting(server, &job, why);
		if (r < 0)
			return r;
	}
}

/* Nobody but the rig, or the server, can have caused this boot's end. */
static bool is_rigs_own(const struct rp_boot *boot)
{
	return boot->power == RP_BOOT_POWER_DRIVER || boot->stage == RP_STAGE_POWER;
}

/* One more error in a row, or none any more. */
static int count_error(struct rp_server *server, const struct rp_rig *rig, bool error)
{
	int errors = error ? rig->errors + 1 : 0, limit = server->site->quarantine_after;
	char reason[192];
	int r;

	r = rp_store_run(server->store, RP_SQL_RIG_SET_ERRORS, RP_TEXT(rig->name), RP_INT(errors));
	if (r < 0 || limit == 0 || errors < limit)
		return r;
	snprintf(reason, sizeof(reason),
		"quarantined after %d errors in a row: repair it, then `rigproof rig state %s "
		"ready`",
		errors, rig->name);
	r = rp_rigs_set_state(server, rig->name, RP_RIG_QUARANTINED, reason);
	if (r >= 0)
		r = rp_jobs_end_queue(server, rig->name, reason);
	rp_metrics_add(server->metrics, "rigs_quarantined_total", 1);
	return r;
}

static int finish(struct rp_server *server, const struct rp_job *job, enum rp_job_state state,
	const char *verdict, bool blames_rig)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	char name[64];
	int r;

	r = rp_store_run(server->store, RP_SQL_JOB_FINISH, RP_TEXT(job->id),
		RP_TEXT(rp_job_state_text(state)), RP_TEXT(verdict),
		RP_INT(rp_store_now(server->store)));
	if (r >= 0)
		r = rp_rigs_get(server, job->rig, &rig);
	if (r <= 0)
		return r < 0 ? r : -ESTALE;
	snprintf(name, sizeof(name), "jobs_total{verdict=\"%s\"}", verdict);
	rp_metrics_add(server->metrics, name, 1);
	/* A queued job that is cancelled leaves a rig that is busy with another one alone. */
	if (job->state == RP_JOB_RUNNING && rig->state == RP_RIG_BUSY) {
		r = rp_rigs_set_state(server, rig->name, RP_RIG_READY, "");
		if (r >= 0)
			r = rp_rigs_settle(server, rig->name, RP_JOB_SETTLE_S, true);
	}
	if (r >= 0 && state == RP_JOB_DONE && (blames_rig || strcmp(verdict, "error") != 0))
		r = count_error(server, rig, strcmp(verdict, "error") == 0);
	return r;
}

int rp_jobs_finish(struct rp_server *server, const struct rp_job *job, enum rp_job_state state,
	const char *verdict)
{
	struct rp_boot boot;
	bool own = rp_boots_get(server, job->boot, &boot) > 0 && is_rigs_own(&boot);
	int r = rp_store_begin(server->store);

	if (r < 0)
		return r;
	r = rp_store_end(server->store, finish(server, job, state, verdict, own));
	rp_jobs_kick(server);
	return r;
}

static int try_again(struct rp_server *server, const struct rp_job *job, enum rp_sql how)
{
	int r = rp_store_run(server->store, how, RP_TEXT(job->id));

	if (r >= 0)
		r = rp_rigs_set_state(server, job->rig, RP_RIG_READY, "");
	if (r >= 0)
		r = rp_rigs_settle(server, job->rig, RP_JOB_SETTLE_S, false);
	rp_metrics_add(server->metrics, "job_retries_total", 1);
	return r;
}

/* Error: once more, or the end. */
static int attempt_error(struct rp_server *server, const struct rp_boot *boot, const char *stage,
	const char *message)
{
	rp_cleanup(job) struct rp_job job = {0};
	int r = rp_jobs_get(server, boot->job, &job);

	if (r <= 0)
		return r;
	r = rp_store_run(server->store, RP_SQL_JOB_SET_ERROR, RP_TEXT(job.id), RP_TEXT(stage),
		RP_TEXT(message));
	if (r < 0)
		return r;
	if (!is_rigs_own(boot) && !boot->certified_at)
		return try_again(server, &job, RP_SQL_JOB_SET_UNTRIED);
	if (job.attempt >= job.attempts_max)
		return finish(server, &job, RP_JOB_DONE, "error", is_rigs_own(boot));
	return try_again(server, &job, RP_SQL_JOB_SET_QUEUED);
}

/* Boots that prepare a rig have no job to end in error, but must not go on for ever. */
static int preparation_failed(struct rp_server *server, const struct rp_boot *boot)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	int r;

	if (boot->purpose == RP_BOOT_FOR_INVENTORY)
		return 0;
	r = rp_rigs_get(server, boot->rig, &rig);
	if (r <= 0)
		return r;
	r = rp_rigs_settle(server, rig->name, 10 * RP_JOB_SETTLE_S, true);
	return r < 0 || !is_rigs_own(boot) ? r : count_error(server, rig, true);
}

int rp_jobs_attempt_failed(struct rp_server *server, struct rp_boot *boot, const char *message)
{
	int r = rp_store_begin(server->store);

	if (r < 0)
		return r;
	r = rp_boots_close(server, boot, RP_BOOT_FAILED, message);
	if (r >= 0)
		r = boot->job[0]
			    ? attempt_error(server, boot, rp_stage_text(boot->stage), boot->message)
			    : preparation_failed(server, boot);
	r = rp_store_end(server->store, r);
	rp_metrics_add(server->metrics, "boots_failed_total", 1);
	rp_jobs_kick(server);
	return r;
}

#define UNTIL_A_PERSON_SAYS (100 * 365 * 86400LL) /* seconds */

/*
 * A boot without a job was contested. It may be so for as long as one with a job might; then the rig
 * is left alone, in the state in which it is, until a person has looked.
 */
static int contested_without_job(struct rp_server *server, const struct rp_boot *boot)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	int64_t now = rp_store_now(server->store), since;
	int64_t limit = (server->site->retries + 1) * attempt_limit(server);
	char reason[256];
	int r = rp_store_first(
		server->store, &row, RP_SQL_BOOT_CONTESTED_SINCE, RP_TEXT(boot->rig));

	since = r > 0 ? rp_column_int(row, 0) : now;
	if (r > 0)
		r = rp_rigs_get(server, boot->rig, &rig);
	if (r <= 0)
		return r;
	if (now - since < limit)
		return rp_rigs_settle(server, boot->rig, 10 * RP_JOB_SETTLE_S, true);
	snprintf(reason, sizeof(reason),
		"contested for %lld s: look for a machine that sends with this rig's MAC, or a "
		"second DHCP server, then `rigproof rig state %s ready`",
		(long long)((now - since) / RP_SECOND), rig->name);
	rp_log_warning("rig %s: %s", rig->name, reason);
	r = rp_rigs_set_state(server, rig->name, rig->state, reason);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_RIG_SET_SETTLE, RP_TEXT(rig->name),
			RP_INT(now + UNTIL_A_PERSON_SAYS * RP_SECOND),
			RP_INT(now + RP_JOB_SETTLE_S * RP_SECOND));
	return r;
}

static int contested(struct rp_server *server, struct rp_boot *boot, const char *other)
{
	char message[RP_BOOT_MESSAGE_MAX];
	int r;

	snprintf(message, sizeof(message),
		"contested: %s had this boot's script, %s asked for it too", boot->address, other);
	rp_log_warning("boot %s of rig %s: %s", boot->id, boot->rig, message);
	rp_refused_add(server, "script", boot->job, boot->id, other, NULL, 0, message);
	r = rp_store_run(
		server->store, RP_SQL_BOOT_SET_CONTESTED, RP_TEXT(boot->id), RP_TEXT(other));
	if (r >= 0)
		r = rp_boots_close(server, boot, RP_BOOT_FAILED, message);
	if (r >= 0 && boot->job[0]) {
		r = rp_store_run(server->store, RP_SQL_JOB_SET_ERROR, RP_TEXT(boot->job),
			RP_TEXT(rp_stage_text(boot->stage)), RP_TEXT(message));
		if (r >= 0)
			r = rp_store_run(server->store, RP_SQL_JOB_SET_UNTRIED, RP_TEXT(boot->job));
		if (r >= 0)
			r = rp_rigs_set_state(server, boot->rig, RP_RIG_READY, "");
	}
	if (r < 0 || boot->purpose == RP_BOOT_FOR_INVENTORY)
		return r;
	return boot->job[0] ? rp_rigs_settle(server, boot->rig, RP_JOB_SETTLE_S, false)
			    : contested_without_job(server, boot);
}

int rp_jobs_contested(struct rp_server *server, struct rp_boot *boot, const char *other)
{
	int r = rp_store_begin(server->store);

	if (r < 0)
		return r;
	r = rp_store_end(server->store, contested(server, boot, other));
	rp_metrics_add(server->metrics, "boots_contested_total", 1);
	rp_jobs_kick(server);
	return r;
}

int rp_jobs_attempt_done(struct rp_server *server, struct rp_boot *boot, const char *verdict,
	const char *error_stage, const char *error_message)
{
	rp_cleanup(job) struct rp_job job = {0};
	bool error = strcmp(verdict, "error") == 0;
	char message[RP_BOOT_MESSAGE_MAX];
	int r = rp_boots_reach(server, boot, RP_STAGE_REPORT);

	snprintf(message, sizeof(message), "%s", error_message);
	rp_text_ascii(message);
	if (r >= 0)
		r = rp_boots_close(
			server, boot, error ? RP_BOOT_FAILED : RP_BOOT_DONE, error ? message : "");
	if (r >= 0)
		r = rp_jobs_get(server, boot->job, &job);
	if (r < 0)
		return r;
	if (error)
		return attempt_error(server, boot, error_stage, message);
	return finish(server, &job, RP_JOB_DONE, verdict, true);
}

static int cancel(struct rp_server *server, const struct rp_job *job)
{
	struct rp_boot boot;
	int r = 0;

	if (job->state == RP_JOB_RUNNING) {
		r = rp_boots_get(server, job->boot, &boot);
		if (r > 0)
			r = rp_boots_close(
				server, &boot, RP_BOOT_CANCELLED, "the job was cancelled");
	}
	return r < 0 ? r : finish(server, job, RP_JOB_CANCELLED, "skip", false);
}

int rp_jobs_cancel(struct rp_server *server, const char *id, struct rp_error *err)
{
	rp_cleanup(job) struct rp_job job = {0};
	int r = rp_jobs_get(server, id, &job);

	if (r == 0)
		return rp_error_set(err, -ENOENT, "%s: no such job", id);
	if (r > 0 && job.state != RP_JOB_QUEUED && job.state != RP_JOB_RUNNING)
		return rp_error_set(err, -EALREADY, "%s: has ended already (%s)", id, job.verdict);
	if (r > 0)
		r = rp_store_begin(server->store);
	if (r >= 0)
		r = rp_store_end(server->store, cancel(server, &job));
	rp_jobs_kick(server);
	return r < 0 ? rp_error_set(err, r, "%s", rp_store_reason(server->store)) : 0;
}

void rp_jobs_kick(struct rp_server *server)
{
	if (server->kick)
		event_active(server->kick, EV_TIMEOUT, 0);
}
