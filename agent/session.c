/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>

#include "agent/bus_cleanup.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/printable.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 60000

static const struct {
	const char *text;
	enum rp_stage stage;
} states[] = {
	[RP_AGENT_HELLO] = {"hello", RP_STAGE_AGENT},
	[RP_AGENT_ENROL] = {"enrol", RP_STAGE_AGENT},
	[RP_AGENT_JOB] = {"job", RP_STAGE_AGENT},
	[RP_AGENT_CHECKS] = {"checks", RP_STAGE_CHECKS},
	[RP_AGENT_REPORT] = {"report", RP_STAGE_REPORT},
	[RP_AGENT_END] = {"end", RP_STAGE_REPORT},
};

const char *rp_agent_state_text(enum rp_agent_state state)
{
	return states[state].text;
}

enum rp_stage rp_agent_stage(enum rp_agent_state state)
{
	return states[state].stage;
}

int64_t rp_agent_jitter(int64_t ms)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)rp_clock_monotonic();
	return ms * 1000 * 3 / 4 + random % (ms * 500 + 1);
}

int64_t rp_agent_backoff(struct rp_agent *agent)
{
	int64_t ms = BACKOFF_FIRST_MS;

	for (int i = 0; i < agent->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	agent->failures++;
	return rp_agent_jitter(ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ms);
}

void rp_agent_enter(struct rp_agent *agent, enum rp_agent_state state)
{
	if (state != RP_AGENT_HELLO && state != agent->state)
		agent->failures = 0;
	agent->state = state;
	agent->status.state = states[state].text;
	rp_agent_bus_changed(agent->bus);
	sd_notifyf(0, "STATUS=%s %s", states[state].text, agent->status.job);
}

void rp_agent_wake(struct rp_agent *agent)
{
	sd_event_source_set_time_relative(agent->step, 0);
	sd_event_source_set_enabled(agent->step, SD_EVENT_ONESHOT);
}

void rp_agent_event(struct rp_agent *agent, enum rp_stage stage, const char *format, ...)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	rp_cleanup(json) json_t *body = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char message[384], text[sizeof(message)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	/* It may quote foreign bytes, and be cut within a character. */
	rp_printable_copy(text, sizeof(text), message, strlen(message));
	body = rp_event_write(&(struct rp_event){.stage = stage, .message = text});
	if (body && rp_agent_server_call(
			    agent->server, "POST", RP_RIG_PATH_EVENT, body, &answer, &err) < 0)
		rp_log_warning("event: %s", err.text);
	else if (answer.status >= 400)
		rp_log_warning("event: %s", answer.reason);
}

static int connect_bus(struct rp_agent *agent)
{
	rp_cleanup(bus) sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = sd_bus_attach_event(bus, agent->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = rp_agent_bus_show(bus, &agent->status);
	if (r < 0)
		return r;
	agent->bus = rp_steal(bus);
	return 0;
}

void rp_agent_drop_bus(struct rp_agent *agent)
{
	if (!agent->bus)
		return;
	sd_bus_detach_event(agent->bus);
	agent->bus = sd_bus_flush_close_unref(agent->bus);
}

void rp_agent_ensure_bus(struct rp_agent *agent)
{
	int r;

	if (agent->bus && sd_bus_is_open(agent->bus) > 0)
		return;
	rp_agent_drop_bus(agent);
	r = connect_bus(agent);
	if (r < 0)
		rp_log_warning("no system bus: %s", strerror(-r));
}
