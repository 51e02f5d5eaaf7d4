/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual rig, through QEMU's monitor (QMP) on a Unix socket. The lab runs QEMU with -S and
 * -no-shutdown: "off" is a stopped machine, and a guest that powers itself off stops in the state
 * "shutdown", from which only a reset leads out.
 *
 * One connection for one action: greeting, qmp_capabilities, the action's commands, each sent
 * after the answer to the one before, query-status at the end. Events come at any time between.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "server/power/power.h"

#define LINE_MAX_BYTES (64 << 10)
#define COMMANDS_MAX 5

/* What each action sends, and what must be true afterwards. */
static const struct {
	const char *commands[COMMANDS_MAX];
	enum rp_power_state wanted;
} actions[] = {
	[RP_POWER_ON] = {{"qmp_capabilities", "system_reset", "cont", "query-status"},
		RP_POWER_STATE_ON},
	[RP_POWER_OFF] = {{"qmp_capabilities", "stop", "query-status"}, RP_POWER_STATE_OFF},
	[RP_POWER_CYCLE] = {{"qmp_capabilities", "stop", "system_reset", "cont", "query-status"},
		RP_POWER_STATE_ON},
	[RP_POWER_STATUS] = {{"qmp_capabilities", "query-status"}, RP_POWER_STATE_UNKNOWN},
};

struct operation {
	struct bufferevent *bev;
	char *address;
	enum rp_power_action action;
	rp_power_done done;
	void *context;
	int step; /* index of the command in flight, its id is step + 1; -1: before the greeting */
	/* system_reset only asks for a reset: `cont` before the RESET event would be refused. */
	bool reset_returned, reset_seen;
};

int rp_qmp_parse(const char *line, size_t len, struct rp_qmp_message *ret)
{
	rp_cleanup(json) json_t *json = NULL;
	struct rp_qmp_message message = {.id = -1, .running = -1};
	const json_t *part;
	const char *text = "";

	if (rp_json_parse(line, len, &json, NULL) < 0 || !json_is_object(json))
		return -EPROTO;
	if (json_is_object(json_object_get(json, "QMP"))) {
		message.kind = RP_QMP_GREETING;
	} else if ((part = json_object_get(json, "return"))) {
		message.kind = RP_QMP_RETURN;
		text = rp_json_string_or(part, "status", "");
		if (json_is_boolean(json_object_get(part, "running")))
			message.running = json_is_true(json_object_get(part, "running"));
	} else if ((part = json_object_get(json, "error"))) {
		message.kind = RP_QMP_ERROR;
		text = rp_json_string_or(part, "desc", "no reason given");
	} else if (json_is_string(json_object_get(json, "event"))) {
		message.kind = RP_QMP_EVENT;
		text = json_string_value(json_object_get(json, "event"));
	} else {
		return -EPROTO;
	}
	part = json_object_get(json, "id");
	if (json_is_integer(part) && json_integer_value(part) >= 0 &&
		json_integer_value(part) <= COMMANDS_MAX)
		message.id = (int)json_integer_value(part);
	snprintf(message.text, sizeof(message.text), "%s", text);
	rp_printable(message.text);
	*ret = message;
	return 0;
}

static void operation_free(struct operation *operation)
{
	if (operation->bev)
		bufferevent_free(operation->bev);
	free(operation->address);
	free(operation);
}

static void qemu_cancel(void *operation)
{
	operation_free(operation);
}

static void finish(
	struct operation *operation, int result, enum rp_power_state state, const char *text)
{
	rp_power_done done = operation->done;
	void *context = operation->context;

	operation_free(operation);
	done(context, result, state, text);
}

static void fail(struct operation *operation, int result, const char *what)
{
	char text[320];

	snprintf(text, sizeof(text), "QEMU at %.120s: %.160s", operation->address, what);
	finish(operation, result, RP_POWER_STATE_UNKNOWN, text);
}

static const char *current(const struct operation *operation)
{
	return operation->step < 0 ? "greeting"
				   : actions[operation->action].commands[operation->step];
}

static void send_next(struct operation *operation)
{
	operation->step++;
	operation->reset_returned = operation->reset_seen = false;
	evbuffer_add_printf(bufferevent_get_output(operation->bev),
		"{\"execute\":\"%s\",\"id\":%d}\r\n", current(operation), operation->step + 1);
}

/* query-status answered: the end. */
static void conclude(struct operation *operation, const struct rp_qmp_message *message)
{
	enum rp_power_state state = message->running ? RP_POWER_STATE_ON : RP_POWER_STATE_OFF;
	enum rp_power_state wanted = actions[operation->action].wanted;
	char text[256];

	if (message->running < 0) {
		fail(operation, -EPROTO, "query-status did not tell whether the machine runs");
		return;
	}
	if (wanted == RP_POWER_STATE_UNKNOWN || wanted == state) {
		snprintf(text, sizeof(text), "%s (QEMU: %s)", rp_power_state_text(state),
			message->text);
		finish(operation, 0, state, text);
		return;
	}
	snprintf(text, sizeof(text), "power %s was accepted, yet the machine is %s (QEMU: %s)",
		rp_power_action_text(operation->action), rp_power_state_text(state), message->text);
	finish(operation, -EIO, state, text);
}

/* 1 while the operation lives. */
static int take(struct operation *operation, const struct rp_qmp_message *message)
{
	bool resets = !strcmp(current(operation), "system_reset");
	char text[192];

	switch (message->kind) {
	case RP_QMP_GREETING:
		if (operation->step < 0)
			send_next(operation);
		return 1;
	case RP_QMP_EVENT:
		if (!resets || strcmp(message->text, "RESET") != 0)
			return 1;
		operation->reset_seen = true;
		break;
	case RP_QMP_ERROR:
		if (message->id != operation->step + 1 && message->id != -1)
			return 1;
		snprintf(text, sizeof(text), "%s: %s", current(operation), message->text);
		fail(operation, -EPROTO, text);
		return 0;
	case RP_QMP_RETURN:
		if (operation->step < 0 || message->id != operation->step + 1)
			return 1; /* not ours */
		if (!strcmp(current(operation), "query-status")) {
			conclude(operation, message);
			return 0;
		}
		if (resets)
			operation->reset_returned = true;
		break;
	}
	if (!resets || (operation->reset_returned && operation->reset_seen))
		send_next(operation);
	return 1;
}

static void readable(struct bufferevent *bev, void *context)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	struct operation *operation = context;

	for (;;) {
		rp_cleanup(free) char *line = NULL;
		struct rp_qmp_message message;
		size_t len;

		line = evbuffer_readln(input, &len, EVBUFFER_EOL_CRLF);
		if (!line)
			break;
		if (!len)
			continue;
		if (rp_qmp_parse(line, len, &message) < 0) {
			fail(operation, -EPROTO, "what answers there is not QEMU's monitor (QMP)");
			return;
		}
		if (!take(operation, &message))
			return;
	}
	if (evbuffer_get_length(input) > LINE_MAX_BYTES)
		fail(operation, -EPROTO, "a line without end came from there");
}

static void ended(struct bufferevent *bev, short what, void *context)
{
	fail(context, -ECONNRESET, "closed the connection before it answered: did it end?");
}

static int connect_unix(const char *path, int *ret_fd, struct rp_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	rp_cleanup(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return rp_error_set(err, -EINVAL, "QMP socket \"%s\": a path of 1 to %zu bytes",
			path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return rp_error_set(err, errno == EAGAIN ? -EBUSY : -errno,
			"%s: %s: is QEMU running with -qmp unix:%s,server=on,wait=off?", path,
			strerror(errno), path);
	*ret_fd = rp_steal_fd(fd);
	return 0;
}

static void *qemu_start(struct event_base *base, const char *address, enum rp_power_action action,
	rp_power_done done, void *context, struct rp_error *err)
{
	struct operation *operation;
	int fd = -1;

	if (connect_unix(address, &fd, err) < 0)
		return NULL;
	operation = calloc(1, sizeof(*operation));
	if (operation) {
		operation->address = strdup(address);
		operation->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	}
	if (!operation || !operation->address || !operation->bev) {
		if (!operation || !operation->bev)
			close(fd);
		if (operation)
			operation_free(operation);
		rp_error_memory(err);
		return NULL;
	}
	operation->action = action;
	operation->done = done;
	operation->context = context;
	operation->step = -1;
	bufferevent_setcb(operation->bev, readable, NULL, ended, operation);
	bufferevent_enable(operation->bev, EV_READ | EV_WRITE);
	return operation;
}

const struct rp_power_driver rp_power_qemu = {"qemu", qemu_start, qemu_cancel};
