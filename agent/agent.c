/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/boot_key.h"
#include "agent/efivars.h"
#include "agent/session.h"
#include "agent/states.h"
#include "agent/unit.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/log.h"

#define HEARTBEAT_MS 10000
#define ACCURACY_US 1000 /* sd-event would let each step wait for a quarter of a second */

static int on_step(sd_event_source *source, uint64_t now, void *context)
{
	struct rp_agent *agent = context;
	int64_t delay = rp_agent_step(agent);

	if (delay == RP_AGENT_WAIT)
		return 0; /* one-shot: it is off now */
	sd_event_source_set_time_relative(source, (uint64_t)delay);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void send_heartbeat(struct rp_agent *agent)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *body = rp_heartbeat_write(&(struct rp_heartbeat){
		.stage = rp_agent_stage(agent->state),
		.check = agent->status.check,
		.done = (int)agent->status.done,
		.total = (int)agent->status.total,
	});
	enum rp_action action = RP_ACTION_CONTINUE;
	int r = rp_agent_server_call(
		agent->server, "POST", RP_RIG_PATH_HEARTBEAT, body, &answer, &err);

	if (r == 0 && answer.status == 200)
		r = rp_heartbeat_answer_read(answer.json, &action, &err);
	if (r < 0 || answer.status != 200)
		rp_log_debug("heartbeat: %s", r < 0 ? err.text : answer.reason);
	if (action == RP_ACTION_CANCEL)
		rp_agent_cancel(agent);
}

static int on_heartbeat(sd_event_source *source, uint64_t now, void *context)
{
	struct rp_agent *agent = context;

	/* While a step is due that talks to the server anyway, a beat would say no more. */
	if (agent->admitted && agent->state != RP_AGENT_HELLO && agent->state != RP_AGENT_END)
		send_heartbeat(agent);
	sd_event_source_set_time_relative(source, (uint64_t)rp_agent_jitter(HEARTBEAT_MS));
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- the machine we are on ---- */

static int on_kmsg(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct rp_agent *agent = context;

	if (rp_kmsg_read(agent->kmsg) < 0)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/*
 * The kernel's buffer is small beside what it can write while a call waits for the server. Failures
 * are in the log's own reports.
 */
static void read_kmsg(void *context)
{
	struct rp_agent *agent = context;

	rp_kmsg_read(agent->kmsg);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* ---- start and end ---- */

static int add_sources(struct rp_agent *agent)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = sd_event_new(&agent->event);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGTERM, on_signal, agent);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGINT, on_signal, agent);
	if (r >= 0)
		r = sd_event_add_time_relative(
			agent->event, &agent->step, CLOCK_BOOTTIME, 0, ACCURACY_US, on_step, agent);
	if (r >= 0)
		r = sd_event_add_time_relative(agent->event, &agent->heartbeat, CLOCK_BOOTTIME,
			HEARTBEAT_MS * 1000, 0, on_heartbeat, agent);
	if (r >= 0 && agent->kmsg)
		r = sd_event_add_io(agent->event, &agent->kmsg_source, rp_kmsg_fd(agent->kmsg),
			EPOLLIN, on_kmsg, agent);
	return r < 0 ? r : sd_event_set_watchdog(agent->event, true);
}

static int make_paths(struct rp_agent *agent, const struct rp_agent_options *options)
{
	agent->run_dir = strdup(options->run_dir);
	agent->modules_dir = strdup(options->modules_dir);
	agent->modules_cache = rp_path("%s/modules", options->run_dir);
	agent->nonces_dir = rp_path("%s/nonces", options->run_dir);
	agent->spool_dir = rp_path("%s/spool", options->run_dir);
	agent->root = strdup(options->root ? options->root : "");
	agent->efivars_dir = agent->root ? rp_path("%s" RP_EFIVARS_DIR, agent->root) : NULL;
	return agent->run_dir && agent->modules_dir && agent->modules_cache && agent->nonces_dir &&
			       agent->spool_dir && agent->efivars_dir
		       ? 0
		       : -ENOMEM;
}

/* Without it the agent still runs its jobs; their results are errors that say so. */
static void open_kmsg(struct rp_agent *agent)
{
	rp_cleanup(free) char *path = rp_path("%s/dev/kmsg", agent->root);
	struct rp_error err = RP_ERROR_NONE;

	if (path && rp_kmsg_open(path, &agent->kmsg, &err) < 0)
		rp_log_warning("%s: kernel reports will not be seen", err.text);
}

static int get_key(struct rp_agent *agent, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/boot.key", agent->run_dir);
	int r;

	if (!path)
		return rp_error_memory(err);
	r = rp_file_make_directories(agent->run_dir, 0700, err);
	return r < 0 ? r : rp_boot_key_get(path, &agent->key, err);
}

static json_t *make_stages(void)
{
	char now[RP_TIME_TEXT];

	rp_clock_format(rp_clock_realtime(), now);
	return json_pack("[{s:s, s:s, s:s}]", "stage", rp_stage_text(RP_STAGE_AGENT), "start", now,
		"end", "");
}

int rp_agent_new(
	const struct rp_agent_options *options, struct rp_agent **ret, struct rp_error *err)
{
	rp_cleanup(agent) struct rp_agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent || make_paths(agent, options) < 0 || !(agent->stages = make_stages()))
		return rp_error_memory(err);
	agent->began = rp_clock_monotonic();
	agent->status.state = rp_agent_state_text(RP_AGENT_HELLO);
	r = rp_agent_config_load(options->config_dir, &agent->config, err);
	if (r == 0)
		r = get_key(agent, err);
	if (r == 0)
		r = rp_agent_server_new(agent->config, read_kmsg, agent, &agent->server, err);
	if (r < 0)
		return r;
	open_kmsg(agent);
	r = add_sources(agent);
	if (r < 0)
		return rp_error_set(err, r, "no event loop: %s", strerror(-r));
	*ret = rp_steal(agent);
	return 0;
}

struct rp_agent *rp_agent_free(struct rp_agent *agent)
{
	if (!agent)
		return NULL;
	rp_run_free(agent->run);
	rp_agent_drop_bus(agent);
	sd_event_source_disable_unref(agent->step);
	sd_event_source_disable_unref(agent->heartbeat);
	sd_event_source_disable_unref(agent->kmsg_source);
	sd_event_unref(agent->event);
	rp_agent_server_free(agent->server);
	rp_kmsg_free(agent->kmsg);
	rp_identity_done(&agent->identity);
	rp_agent_config_free(agent->config);
	EVP_PKEY_free(agent->key);
	json_decref(agent->stages);
	free(agent->run_dir);
	free(agent->modules_dir);
	free(agent->modules_cache);
	free(agent->nonces_dir);
	free(agent->spool_dir);
	free(agent->root);
	free(agent->efivars_dir);
	free(agent);
	return NULL;
}

int rp_agent_run(struct rp_agent *agent, struct rp_error *err)
{
	int r;

	rp_agent_ensure_bus(agent);
	/* Checks of an agent before us that died belong to nobody. */
	if (agent->bus)
		rp_unit_stop_all(agent->bus);
	sd_notify(0, "READY=1\nSTATUS=hello");
	r = sd_event_loop(agent->event);
	sd_notify(0, "STOPPING=1");
	if (r < 0)
		return rp_error_set(err, r, "event loop: %s", strerror(-r));
	return 0;
}
