/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "manifests/manifest.h"
#include "lib/metrics.h"
#include "server/power/power.h"

#define REQUEST_TIMEOUT_S 20

static const char *const action_names[] = {
	[RP_POWER_ON] = "on",
	[RP_POWER_OFF] = "off",
	[RP_POWER_CYCLE] = "cycle",
	[RP_POWER_STATUS] = "status",
};

static const char *const state_names[] = {
	[RP_POWER_STATE_UNKNOWN] = "unknown",
	[RP_POWER_STATE_OFF] = "off",
	[RP_POWER_STATE_ON] = "on",
};

static const struct rp_power_driver *const drivers[] = {
	[RP_POWER_NONE] = &rp_power_none,
	[RP_POWER_QEMU] = &rp_power_qemu,
};

struct request {
	TAILQ_ENTRY(request) entry;
	struct rp_power *power;
	const struct rp_power_driver *driver;
	char *rig, *address;
	enum rp_power_action action;
	rp_power_done done;
	void *context;
	void *operation; /* NULL: waits for its turn */
	struct event *deadline;
};

struct rp_power {
	struct event_base *base;
	struct rp_metrics *metrics;
	struct event *next; /* starts what may start; from the loop, so that done never is early */
	TAILQ_HEAD(, request) requests;
};

const char *rp_power_action_text(enum rp_power_action action)
{
	return action_names[action];
}

int rp_power_action_parse(const char *text, enum rp_power_action *ret)
{
	for (size_t i = 0; i < sizeof(action_names) / sizeof(*action_names); i++)
		if (!strcmp(text, action_names[i])) {
			*ret = (enum rp_power_action)i;
			return 0;
		}
	return -EINVAL;
}

const char *rp_power_state_text(enum rp_power_state state)
{
	return state_names[state];
}

static void request_free(struct request *request)
{
	if (request->deadline)
		event_free(request->deadline);
	free(request->rig);
	free(request->address);
	free(request);
}

static void kick(struct rp_power *power)
{
	event_add(power->next, &(struct timeval){0, 0});
}

/* The operation is over already. */
static void request_done(
	struct request *request, int result, enum rp_power_state state, const char *text)
{
	struct rp_power *power = request->power;
	char name[96];

	snprintf(name, sizeof(name), "power_requests_total{driver=\"%s\",result=\"%s\"}",
		request->driver->name, result < 0 ? "error" : "ok");
	rp_metrics_add(request->power->metrics, name, 1);
	TAILQ_REMOVE(&power->requests, request, entry);
	kick(power);
	request->done(request->context, result, state, text);
	request_free(request);
}

static void operation_done(void *context, int result, enum rp_power_state state, const char *text)
{
	struct request *request = context;

	request->operation = NULL;
	request_done(request, result, state, text);
}

static void timed_out(evutil_socket_t fd, short what, void *context)
{
	struct request *request = context;
	char text[256];

	if (request->operation)
		request->driver->cancel(rp_steal(request->operation));
	snprintf(text, sizeof(text),
		"power %s: no answer within %d s: is the other end of %.160s alive?",
		action_names[request->action], REQUEST_TIMEOUT_S, request->address);
	request_done(request, -ETIMEDOUT, RP_POWER_STATE_UNKNOWN, text);
}

/* One at a time for a rig, in order. */
static bool is_its_turn(const struct request *request)
{
	const struct request *other;

	TAILQ_FOREACH (other, &request->power->requests, entry) {
		if (other == request)
			return true;
		if (!strcmp(other->rig, request->rig))
			return false;
	}
	return true;
}

static void start_next(evutil_socket_t fd, short what, void *context)
{
	struct rp_power *power = context;
	struct rp_error err = RP_ERROR_NONE;
	struct request *request;

	TAILQ_FOREACH (request, &power->requests, entry) {
		if (request->operation || !is_its_turn(request))
			continue;
		request->operation = request->driver->start(power->base, request->address,
			request->action, operation_done, request, &err);
		if (request->operation)
			continue;
		rp_error_prefix(&err, "power %s", action_names[request->action]);
		/* done may ask for more, or end all: look at the list anew, later. */
		request_done(request, err.code ? err.code : -EIO, RP_POWER_STATE_UNKNOWN, err.text);
		return;
	}
}

void rp_power_request(struct rp_power *power, const struct rp_rig_manifest *rig,
	enum rp_power_action action, rp_power_done done, void *context)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		abort(); /* done could not be promised */
	request->power = power;
	request->driver = drivers[rig->power.driver];
	request->action = action;
	request->done = done;
	request->context = context;
	request->rig = strdup(rig->name);
	request->address = strdup(rig->power.qmp);
	request->deadline = evtimer_new(power->base, timed_out, request);
	if (!request->rig || !request->address || !request->deadline)
		abort();
	event_add(request->deadline, &(struct timeval){REQUEST_TIMEOUT_S, 0});
	TAILQ_INSERT_TAIL(&power->requests, request, entry);
	kick(power);
}

struct rp_power *rp_power_new(struct event_base *base, struct rp_metrics *metrics)
{
	struct rp_power *power = calloc(1, sizeof(*power));

	if (!power)
		return NULL;
	power->base = base;
	power->metrics = metrics;
	TAILQ_INIT(&power->requests);
	power->next = evtimer_new(base, start_next, power);
	if (!power->next) {
		free(power);
		return NULL;
	}
	return power;
}

struct rp_power *rp_power_free(struct rp_power *power)
{
	struct request *request;

	if (!power)
		return NULL;
	while ((request = TAILQ_FIRST(&power->requests))) {
		if (request->operation)
			request->driver->cancel(rp_steal(request->operation));
		request_done(request, -ECANCELED, RP_POWER_STATE_UNKNOWN, "the server is stopping");
	}
	event_free(power->next);
	free(power);
	return NULL;
}
