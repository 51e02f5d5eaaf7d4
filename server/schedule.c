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
#include "server/jobs.h"
#include "server/rigs.h"
#include "server/server.h"
#include "server/store.h"

#define HEARTBEAT_MISSING (60 * RP_SECOND)
#define RESTART_GRACE_S 60 /* agents could not reach us while we were away */
#define PERSON_FACTOR 10   /* driver none: somebody has to walk there */

struct rp_jobs {
	struct rp_server *server;
	struct event *tick; /* NULL without an event loop (unit tests) */
	rp_power_function power;
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

/* What the driver said about a boot that still waits for it. */
static int power_answered(
	struct rp_server *server, struct rp_boot *boot, int result, const char *text)
{
	char message[RP_BOOT_MESSAGE_MAX];
	int r;

	if (result == 0) {
		r = rp_boots_event(server, boot, "powered on: %s", text);
		return r < 0 ? r : rp_boots_reach(server, boot, RP_STAGE_DHCP);
	}
	if (result == -ENOTSUP) {
		r = rp_boots_event(
			server, boot, "switch it on: rig %s has no power driver", boot->rig);
		return r < 0 ? r
			     : rp_boots_extend(
				       server, boot, PERSON_FACTOR * server->site->stages.power_s);
	}
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
	if (r > 0 && strcmp(boot.state, "open") == 0 && boot.stage == RP_STAGE_POWER)
		r = power_answered(server, &boot, result, text);
	warn(server, "boot", request->boot, r);
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
	server->jobs->power(server, rig->manifest->rig, action, power_done, request);
	return 0;
}

/* ids or names of a statement's first column, bound to the time now */
static int collect(struct rp_server *server, enum rp_sql statement, json_t **ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(json) json_t *list = json_array();
	int r = rp_store_first(server->store, &row, statement, RP_INT(rp_store_now(server->store)));

	while (r > 0) {
		json_array_append_new(list, json_string(rp_column_text(row, 0)));
		r = rp_store_next(server->store, row);
	}
	if (r < 0)
		return r;
	*ret = rp_steal(list);
	return 0;
}

static int switch_off(struct rp_server *server, const char *rig)
{
	int r = rp_store_run(
		server->store, RP_SQL_RIG_SET_SETTLE, RP_TEXT(rig), RP_INT(0), RP_INT(0));

	return r < 0 ? r : request_power(server, rig, "", RP_POWER_OFF);
}

static int end_overdue(struct rp_server *server, const char *id)
{
	rp_cleanup(job) struct rp_job job = {0};
	char message[RP_BOOT_MESSAGE_MAX];
	struct rp_boot boot;
	int r = rp_jobs_get(server, id, &job);

	if (r <= 0)
		return r;
	r = rp_boots_get(server, job.boot, &boot);
	if (r <= 0)
		return r;
	snprintf(message, sizeof(message), "the whole job took more than %lld s, in stage %s",
		(long long)((job.deadline - job.started) / RP_SECOND),
		rp_boot_stage_text(boot.stage));
	r = rp_boots_close(server, &boot, "failed", message);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_JOB_SET_ERROR, RP_TEXT(id),
			RP_TEXT(rp_boot_stage_text(boot.stage)), RP_TEXT(message));
	return r < 0 ? r : rp_jobs_finish(server, &job, "done", "error");
}

static int start_job(struct rp_server *server, const char *id)
{
	rp_cleanup(job) struct rp_job job = {0};
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_boot boot;
	int r = rp_jobs_get(server, id, &job);

	if (r > 0)
		r = rp_rigs_get(server, job.rig, &rig);
	if (r <= 0)
		return r;
	if (rig->manifest->rig->ignore)
		return rp_jobs_end_queue(server, job.rig,
			"the manifest of this rig says ignore: true, so it is never booted");
	r = rp_jobs_begin(server, &job, NULL, &boot, &err);
	if (r < 0) {
		rp_log_warning("job %s: not started: %s", id, err.text);
		return 0;
	}
	return request_power(server, job.rig, boot.id, RP_POWER_CYCLE);
}

/* Boots that a rig needs before it serves. Without a power driver it boots when somebody wants. */
static int prepare_rig(struct rp_server *server, const char *name)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(image) struct rp_image image = {0};
	struct rp_boot boot;
	int r = rp_rigs_get(server, name, &rig);

	if (r <= 0 || rig->manifest->rig->power.driver == RP_POWER_NONE ||
		rig->manifest->rig->ignore)
		return r;
	r = rp_images_get(server, "", &image);
	if (r <= 0)
		return r;
	r = rp_boots_open(server,
		&(struct rp_boot_new){.rig = name,
			.purpose = rig->state == RP_RIG_TRAINING ? "training" : "enrol",
			.mac = rig->manifest->rig->mac[0],
			.uuid = rig->manifest->rig->uuid,
			.image = image.name,
			.image_sha256 = image.sha256,
			.stage = RP_STAGE_POWER},
		&boot);
	return r < 0 ? r : request_power(server, name, boot.id, RP_POWER_CYCLE);
}

static const struct {
	enum rp_sql statement;
	int (*act)(struct rp_server *server, const char *key);
	const char *what;
} turns[] = {
	{RP_SQL_JOB_OVERDUE, end_overdue, "overdue job"},
	{RP_SQL_JOB_STARTABLE, start_job, "start of job"},
	{RP_SQL_RIG_TO_PREPARE, prepare_rig, "preparation of rig"},
	{RP_SQL_RIG_TO_SWITCH_OFF, switch_off, "switching off of rig"},
};

static int end_due_boots(struct rp_server *server)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0;
	int r = rp_boots_collect(
		server, RP_SQL_BOOT_DUE, NULL, rp_store_now(server->store), &boots, &count);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		char message[RP_BOOT_MESSAGE_MAX];

		rp_boots_explain_timeout(server, &boots[i], message, sizeof(message));
		r = rp_jobs_attempt_failed(server, &boots[i], message);
	}
	return r;
}

static int note_silence(struct rp_server *server)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0;
	int r = rp_boots_collect(server, RP_SQL_BOOT_SILENT, NULL,
		rp_store_now(server->store) - HEARTBEAT_MISSING, &boots, &count);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		char since[RP_TIME_TEXT];

		rp_clock_format(boots[i].heartbeat_at, since);
		r = rp_boots_event(server, &boots[i], "agent silent since %s", since);
		if (r >= 0)
			r = rp_store_run(
				server->store, RP_SQL_BOOT_SET_SILENT, RP_TEXT(boots[i].id));
	}
	return r;
}

/* Boots that were open when the server ended: who waited for power asks again. */
static int resume(struct rp_server *server)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	int64_t now = rp_store_now(server->store);
	size_t count = 0;
	int r = rp_boots_collect(server, RP_SQL_BOOT_OPEN_LIST, NULL, 0, &boots, &count);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = rp_boots_event(server, &boots[i], "the server was started again");
		if (r >= 0 && boots[i].stage_deadline > 0 && boots[i].stage_deadline <= now)
			r = rp_boots_extend(server, &boots[i], RESTART_GRACE_S);
		if (r >= 0 && boots[i].stage == RP_STAGE_POWER)
			r = request_power(server, boots[i].rig, boots[i].id, RP_POWER_CYCLE);
	}
	return r;
}

void rp_jobs_tick(struct rp_server *server)
{
	if (!server->jobs->resumed)
		warn(server, "resuming", "boots", resume(server));
	server->jobs->resumed = true;
	warn(server, "deadlines", "of boots", end_due_boots(server));
	warn(server, "heartbeats", "of boots", note_silence(server));
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		rp_cleanup(json) json_t *keys = NULL;
		size_t n;
		json_t *key;
		int r = collect(server, turns[i].statement, &keys);

		warn(server, turns[i].what, "(list)", r);
		json_array_foreach (keys, n, key) {
			r = turns[i].act(server, json_string_value(key));
			warn(server, turns[i].what, json_string_value(key), r);
		}
	}
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	const struct timeval second = {.tv_sec = 1};
	struct rp_jobs *jobs = context;

	(void)fd;
	(void)what;
	rp_jobs_tick(jobs->server);
	event_add(jobs->tick, &second);
}

void rp_jobs_kick(struct rp_server *server)
{
	if (server->jobs && server->jobs->tick)
		event_active(server->jobs->tick, EV_TIMEOUT, 0);
}

void rp_jobs_set_power(struct rp_server *server, rp_power_function power)
{
	server->jobs->power = power;
}

int rp_jobs_start(struct rp_server *server, struct rp_error *err)
{
	struct rp_jobs *jobs = calloc(1, sizeof(*jobs));

	if (!jobs)
		return rp_error_set(err, -ENOMEM, "no memory");
	jobs->server = server;
	jobs->power = rp_power_request;
	server->jobs = jobs;
	if (server->base) {
		jobs->tick = event_new(server->base, -1, 0, on_tick, jobs);
		if (!jobs->tick) {
			rp_jobs_stop(server);
			return rp_error_set(err, -ENOMEM, "no memory");
		}
	}
	rp_jobs_kick(server);
	return 0;
}

void rp_jobs_stop(struct rp_server *server)
{
	if (!server->jobs)
		return;
	if (server->jobs->tick)
		event_free(server->jobs->tick);
	free(server->jobs);
	server->jobs = NULL;
}
