/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time brings to boots and jobs. All times are rows of the store; this only reads them and
 * acts, so that a restart loses nothing. Rows are collected before anything is done with them,
 * since a statement that is being read cannot be used again.
 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/boot/facts.h"
#include "server/boot/schedule.h"
#include "server/jobs/jobs.h"
#include "server/state/rigs.h"
#include "server/state/time_of_day.h"
#include "server/server.h"
#include "server/store/store.h"

#define HEARTBEAT_MISSING (60 * RP_SECOND)
#define RESTART_GRACE_S 60 /* agents could not reach us while we were away */
#define PERSON_FACTOR 10   /* driver none: somebody has to walk there */

struct rp_schedule {
	struct rp_server *server;
	rp_schedule_power power;
	bool resumed;
};

/* A power action under way; the boot may have ended before the answer comes. */
struct power_request {
	struct rp_server *server;
	char rig[RP_RIG_TEXT];
	char boot[RP_ID_TEXT]; /* "": to switch it off, no boot waits for it */
};

static void warn(struct rp_server *server, const char *what, const char *who, int r)
{
	if (r < 0)
		rp_log_warning(
			"%s %s: %s (%s)", what, who, strerror(-r), rp_store_reason(server->store));
}

static int set_power(struct rp_server *server, struct rp_boot *boot, enum rp_boot_power power)
{
	int r = rp_store_run(server->store, RP_SQL_BOOT_SET_POWER, RP_TEXT(boot->id),
		RP_TEXT(rp_boot_power_text(power)));

	boot->power = power;
	return r;
}

/* What the driver said about a boot that still waits for it. */
static int power_answered(
	struct rp_server *server, struct rp_boot *boot, int result, const char *text)
{
	char message[RP_BOOT_MESSAGE_MAX];
	int r;

	if (result == 0) {
		r = set_power(server, boot, RP_BOOT_POWER_DRIVER);
		if (r >= 0)
			r = rp_boots_event(server, boot, "powered on: %s", text);
		return r < 0 ? r : rp_boots_reach(server, boot, RP_STAGE_DHCP);
	}
	if (result == -ENOTSUP) {
		r = set_power(server, boot, RP_BOOT_POWER_UNKNOWN);
		rp_log_warning("press the button of rig %s now: it has no power driver", boot->rig);
		if (r >= 0)
			r = rp_boots_event(server, boot,
				"press the button of rig %s now: it has no power driver (after "
				"`rigproof rig announce %s` its boot proves more)",
				boot->rig, boot->rig);
		if (r >= 0)
			r = rp_boots_detail(server, boot, RP_STAGE_POWER,
				"press the button of rig %s now", boot->rig);
		return r < 0 || boot->stage > RP_STAGE_POWER
			       ? r
			       : rp_boots_extend(server, boot,
					 PERSON_FACTOR * server->site->stages.power_s);
	}
	if (boot->stage > RP_STAGE_POWER) /* somebody was heard with its MAC meanwhile */
		return rp_boots_event(server, boot, "power: %s", text);
	snprintf(message, sizeof(message), "power: %s", text);
	return rp_jobs_attempt_failed(server, boot, message);
}

static void power_done(void *context, int result, enum rp_power_state state, const char *text)
{
	rp_cleanup(free) struct power_request *request = context;
	struct rp_server *server = request->server;
	struct rp_boot boot;
	int r;

	(void)state;
	if (result == -ECANCELED)
		return; /* the server is stopping: nothing of it may be used */
	if (!request->boot[0]) {
		if (result < 0 && result != -ENOTSUP)
			rp_log_warning("rig %s: not switched off: %s", request->rig, text);
		return;
	}
	r = rp_boots_get(server, request->boot, &boot);
	if (r > 0 && boot.state == RP_BOOT_OPEN && boot.power == RP_BOOT_POWER_ASKED)
		r = power_answered(server, &boot, result, text);
	warn(server, "boot", request->boot, r);
}

static void ask_driver(struct rp_server *server, const struct rp_rig_manifest *rig,
	enum rp_power_action action, rp_power_done done, void *context)
{
	rp_power_request(server->power, rig, action, done, context);
}

static int request_power(struct rp_server *server, const char *rig_name, const char *boot,
	enum rp_power_action action)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct power_request *request;
	int r = rp_rigs_get(server, rig_name, &rig);

	if (r <= 0 || rig->manifest->rig->ignore) /* it may have been told so meanwhile */
		return r;
	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	request->server = server;
	snprintf(request->rig, sizeof(request->rig), "%s", rig_name);
	snprintf(request->boot, sizeof(request->boot), "%s", boot);
	server->schedule->power(server, rig->manifest->rig, action, power_done, request);
	return 0;
}

static int switch_off(struct rp_server *server, const char *rig)
{
	int r = rp_store_run(server->store, RP_SQL_RIG_CLEAR_OFF, RP_TEXT(rig));

	return r < 0 ? r : request_power(server, rig, "", RP_POWER_OFF);
}

/* What to look for where a boot of this job was contested; "" where none was. */
static int explain_contested(
	struct rp_server *server, const struct rp_job *job, char *ret_text, size_t size)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_BOOT_CONTESTED_OF_JOB, RP_TEXT(job->id));

	*ret_text = '\0';
	if (r > 0)
		snprintf(ret_text, size,
			"; contested: %s had a boot's script, %s asked for it too: look for a "
			"machine that sends with this rig's MAC, or a second DHCP server",
			rp_column_text(row, 0), rp_column_text(row, 1));
	return r;
}

static int end_overdue_boot(struct rp_server *server, const struct rp_job *job)
{
	char message[RP_BOOT_MESSAGE_MAX], more[RP_BOOT_MESSAGE_MAX - 80];
	struct rp_boot boot;
	int r = rp_boots_get(server, job->boot, &boot);

	if (r > 0 && explain_contested(server, job, more, sizeof(more)) < 0)
		r = -EIO;
	if (r <= 0)
		return r;
	snprintf(message, sizeof(message), "the whole job took more than %lld s, in stage %s%s",
		(long long)((job->deadline - job->started) / RP_SECOND), rp_stage_text(boot.stage),
		more);
	if (boot.state == RP_BOOT_OPEN)
		r = rp_boots_close(server, &boot, RP_BOOT_FAILED, message);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_JOB_SET_ERROR, RP_TEXT(job->id),
			RP_TEXT(rp_stage_text(boot.stage)), RP_TEXT(message));
	return r < 0 ? r : rp_jobs_finish(server, job, RP_JOB_DONE, "error");
}

static int end_overdue(struct rp_server *server, const char *id)
{
	rp_cleanup(job) struct rp_job job = {0};
	int r = rp_jobs_get(server, id, &job);

	if (r <= 0)
		return r;
	r = rp_store_begin(server->store);
	return r < 0 ? r : rp_store_end(server->store, end_overdue_boot(server, &job));
}

static int end_in_vain(struct rp_server *server, const char *id)
{
	rp_cleanup(job) struct rp_job job = {0};
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	char reason[RP_BOOT_MESSAGE_MAX], seen[RP_TIME_TEXT] = "never";
	int r = rp_jobs_get(server, id, &job);

	if (r > 0)
		r = rp_rigs_get(server, job.rig, &rig);
	if (r <= 0)
		return r;
	if (rig->last_seen)
		rp_clock_format(rig->last_seen, seen);
	snprintf(reason, sizeof(reason), "waited %d s in vain: rig %s is %s%s%s; last seen: %s",
		server->site->queue_s, rig->name, rp_rig_state_text(rig->state),
		rig->reason[0] ? ": " : "", rig->reason, seen);
	return rp_jobs_end_waiting(server, &job, reason);
}

/* What may go better next time: the disk, memory, a boot that is still open. */
static bool passes(int r)
{
	return r == -ENOSPC || r == -EIO || r == -ENOMEM || r == -EEXIST;
}

static int start_job(struct rp_server *server, const struct rp_job *job)
{
	struct rp_error err = RP_ERROR_NONE;
	char reason[RP_BOOT_MESSAGE_MAX];
	struct rp_boot boot;
	int r = rp_jobs_begin(server, job, NULL, &boot, &err);

	if (r == 0)
		return request_power(server, job->rig, boot.id, RP_POWER_CYCLE);
	rp_log_warning("job %s: not started: %s", job->id, err.text);
	snprintf(reason, sizeof(reason), "it cannot be started: %.300s", err.text);
	return passes(r) ? 0 : rp_jobs_end_waiting(server, job, reason);
}

/* A boot that a rig needs before it serves. */
static int prepare(struct rp_server *server, const struct rp_rig *rig, enum rp_boot_purpose purpose)
{
	rp_cleanup(image) struct rp_image image = {0};
	struct rp_boot boot;
	int r = rp_images_get(server, "", &image);

	if (r <= 0)
		return r;
	r = rp_boots_open(server,
		&(struct rp_boot_new){.rig = rig->name,
			.purpose = purpose,
			.mac = rig->manifest->rig->mac[0],
			.uuid = rig->manifest->rig->uuid,
			.image = image.name,
			.image_sha256 = image.sha256,
			.stage = RP_STAGE_POWER},
		&boot);
	return r < 0 ? r : request_power(server, rig->name, boot.id, RP_POWER_CYCLE);
}

static int next_boot(struct rp_server *server, const char *name)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(job) struct rp_job job = {0};
	struct rp_facts facts;
	struct rp_step step;
	int r = rp_rigs_get(server, name, &rig);

	if (r > 0)
		r = rp_facts_gather(server, rig, &facts, &job);
	if (r < 0 || !rig)
		return r;
	step = rp_next(RP_AT_TICK, &facts);
	if (step.next == RP_NEXT_BEGIN_JOB)
		return start_job(server, &job);
	return step.next == RP_NEXT_PREPARE ? prepare(server, rig, step.purpose) : 0;
}

static int64_t now(const struct rp_server *server)
{
	return rp_store_now(server->store);
}

static int64_t queue_began(const struct rp_server *server)
{
	return now(server) - server->site->queue_s * RP_SECOND;
}

static int64_t pending_began(const struct rp_server *server)
{
	return now(server) - RP_RIG_PENDING_DAYS * 24 * 3600 * RP_SECOND;
}

static int forget_stale(struct rp_server *server, const char *name)
{
	int r = rp_rigs_forget(server, name, NULL);

	if (r == 0)
		rp_metrics_add(server->metrics, "rigs_forgotten_total{why=\"stale\"}", 1);
	return r;
}

static const struct {
	enum rp_sql statement;
	int64_t (*time)(const struct rp_server *server);
	int (*act)(struct rp_server *server, const char *key);
	const char *what;
} turns[] = {
	{RP_SQL_JOB_OVERDUE, now, end_overdue, "overdue job"},
	{RP_SQL_JOB_IN_VAIN, queue_began, end_in_vain, "job in vain"},
	{RP_SQL_RIG_DUE, now, next_boot, "next boot of rig"},
	{RP_SQL_RIG_TO_SWITCH_OFF, now, switch_off, "switching off of rig"},
	{RP_SQL_RIG_STALE, pending_began, forget_stale, "forgetting of rig"},
};

static int end_due_boot(struct rp_server *server, struct rp_boot *boot)
{
	char message[RP_BOOT_MESSAGE_MAX];

	rp_boots_explain_timeout(server, boot, message, sizeof(message));
	return rp_jobs_attempt_failed(server, boot, message);
}

static int note_silence(struct rp_server *server, struct rp_boot *boot)
{
	char since[RP_TIME_TEXT];
	int r;

	rp_clock_format(boot->heartbeat_at, since);
	r = rp_boots_event(server, boot, "agent silent since %s", since);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_SILENT, RP_TEXT(boot->id));
	return r;
}

/* A boot that was open when the server ended: who waited for power asks again. */
static int resume(struct rp_server *server, struct rp_boot *boot)
{
	int64_t grace = now(server) + RESTART_GRACE_S * RP_SECOND;
	int r = rp_boots_event(server, boot, "the server was started again");

	if (r >= 0 && boot->stage_deadline > 0 && boot->stage_deadline < grace)
		r = rp_boots_extend(server, boot, RESTART_GRACE_S);
	if (r >= 0 && (boot->stage == RP_STAGE_POWER || boot->power == RP_BOOT_POWER_ASKED))
		r = request_power(server, boot->rig, boot->id, RP_POWER_CYCLE);
	return r;
}

/* Act on each boot of a statement; one that fails is no reason to leave the others. */
static void for_boots(struct rp_server *server, enum rp_sql statement, int64_t time,
	int (*act)(struct rp_server *server, struct rp_boot *boot), const char *what)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0;

	warn(server, what, "(list)",
		rp_boots_collect(server, statement, NULL, time, &boots, &count));
	for (size_t i = 0; i < count; i++)
		warn(server, what, boots[i].id, act(server, &boots[i]));
}

static void for_keys(struct rp_server *server, size_t turn)
{
	rp_cleanup(json) json_t *keys = NULL;
	const char *what = turns[turn].what;
	size_t i;
	json_t *key;

	warn(server, what, "(list)",
		rp_store_list(server->store, turns[turn].statement,
			RP_INT(turns[turn].time(server)), rp_column_first, NULL, &keys));
	json_array_foreach (keys, i, key)
		warn(server, what, json_string_value(key),
			turns[turn].act(server, json_string_value(key)));
}

void rp_schedule_tick(struct rp_server *server)
{
	warn(server, "the time of day", "of all rows", rp_follow_time_of_day(server));
	if (!server->schedule->resumed) {
		warn(server, "deadlines", "of jobs", rp_jobs_allow_for_absence(server));
		for_boots(server, RP_SQL_BOOT_OPEN_LIST, 0, resume, "resuming boot");
	}
	server->schedule->resumed = true;
	for_boots(server, RP_SQL_BOOT_DUE, now(server), end_due_boot, "deadline of boot");
	for_boots(server, RP_SQL_BOOT_SILENT, now(server) - HEARTBEAT_MISSING, note_silence,
		"silence of boot");
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
		for_keys(server, i);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	const struct timeval second = {.tv_sec = 1};
	struct rp_schedule *schedule = context;

	(void)fd;
	(void)what;
	rp_schedule_tick(schedule->server);
	event_add(schedule->server->kick, &second);
}

void rp_schedule_set_power(struct rp_server *server, rp_schedule_power power)
{
	server->schedule->power = power;
}

int rp_schedule_start(struct rp_server *server, struct rp_error *err)
{
	struct rp_schedule *schedule = calloc(1, sizeof(*schedule));

	if (!schedule)
		return rp_error_memory(err);
	schedule->server = server;
	schedule->power = ask_driver;
	server->schedule = schedule;
	if (server->base) {
		server->kick = event_new(server->base, -1, 0, on_tick, schedule);
		if (!server->kick) {
			rp_schedule_stop(server);
			return rp_error_memory(err);
		}
	}
	rp_jobs_kick(server);
	return 0;
}

void rp_schedule_stop(struct rp_server *server)
{
	if (!server->schedule)
		return;
	if (server->kick)
		event_free(server->kick);
	server->kick = NULL;
	free(server->schedule);
	server->schedule = NULL;
}
