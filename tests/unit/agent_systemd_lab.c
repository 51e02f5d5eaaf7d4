/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/agent_systemd_lab.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/bus_cleanup.h"
#include "agent/systemd1.h"
#include "lib/cleanup.h"

static void systemd_note(struct systemd *sys, const char *name, sd_bus_message *m)
{
	size_t len = strlen(sys->properties);
	const char *contents, *text;
	uint64_t number;
	int integer, fd;
	char type;

	assert_true(sd_bus_message_peek_type(m, &type, &contents) > 0);
	if (strcmp(contents, "s") == 0) {
		assert_true(sd_bus_message_read(m, "v", "s", &text) > 0);
		snprintf(
			sys->properties + len, sizeof(sys->properties) - len, "%s=%s;", name, text);
	} else if (strcmp(contents, "t") == 0) {
		assert_true(sd_bus_message_read(m, "v", "t", &number) > 0);
		snprintf(sys->properties + len, sizeof(sys->properties) - len, "%s=%llu;", name,
			(unsigned long long)number);
	} else if (strcmp(contents, "i") == 0 || strcmp(contents, "b") == 0) {
		assert_true(sd_bus_message_read(m, "v", contents, &integer) > 0);
		snprintf(sys->properties + len, sizeof(sys->properties) - len, "%s=%d;", name,
			integer);
	} else if (strcmp(contents, "h") == 0) {
		assert_true(sd_bus_message_read(m, "v", "h", &fd) > 0);
		*(strcmp(name, "StandardOutputFileDescriptor") == 0 ? &sys->output : &sys->errors) =
			fcntl(fd, F_DUPFD_CLOEXEC, 3);
	} else {
		snprintf(sys->properties + len, sizeof(sys->properties) - len, "%s(%s);", name,
			contents);
		assert_true(sd_bus_message_skip(m, "v") > 0);
	}
}

/* With its sender, which a message bus would add. */
static int systemd_signal(struct systemd *sys, const char *path, const char *interface,
	const char *member, const char *types, ...)
{
	rp_cleanup(bus_message) sd_bus_message *m = NULL;
	va_list args;
	int r = sd_bus_message_new_signal(sys->systemd, &m, path, interface, member);

	assert_true(r >= 0);
	va_start(args, types);
	r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	assert_true(r >= 0);
	assert_true(sd_bus_message_set_sender(m, RP_SYSTEMD) >= 0);
	return sd_bus_send(sys->systemd, m, NULL);
}

static int systemd_start_unit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct systemd *sys = context;
	const char *unit, *mode, *name;

	sys->calls++;
	assert_true(sd_bus_message_read(m, "ss", &unit, &mode) > 0);
	assert_string_equal(unit, "rigproof-check-ring.service");
	assert_true(sd_bus_message_enter_container(m, 'a', "(sv)") > 0);
	while (sd_bus_message_enter_container(m, 'r', "sv") > 0) {
		assert_true(sd_bus_message_read(m, "s", &name) > 0);
		systemd_note(sys, name, m);
		sd_bus_message_exit_container(m);
	}
	if (sys->refuse)
		return sd_bus_error_set(
			error, "org.freedesktop.systemd1.UnitExists", "it is there");
	if (sys->silent)
		return sd_bus_reply_method_return(m, "o", "/job/1");
	dprintf(sys->output, "%s", sys->text);
	dprintf(sys->errors, "a\nlast word\n");
	sd_bus_reply_method_return(m, "o", "/job/1");
	return systemd_signal(sys, RP_SYSTEMD_PATH, RP_SYSTEMD_MANAGER, "JobRemoved", "uoss", 1,
		"/job/1", unit, "done");
}

static int systemd_subscribe(sd_bus_message *m, void *context, sd_bus_error *error)
{
	return sd_bus_error_set(error, "org.freedesktop.systemd1.AlreadySubscribed", "again");
}

static int systemd_stop_unit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct systemd *sys = context;

	sys->stops++;
	return sd_bus_reply_method_return(m, "o", "/job/2");
}

static int systemd_unref_unit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct systemd *sys = context;

	sys->unrefs++;
	return sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable systemd_manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", systemd_start_unit,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Subscribe", "", "", systemd_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StopUnit", "ss", "o", systemd_stop_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("UnrefUnit", "s", "", systemd_unref_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
	SD_BUS_VTABLE_END,
};

/* Active when it is first asked for, and a signal that says that something changed after that. */
static int systemd_get_state(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct systemd *sys = context;
	const char *text = sys->active ? "active" : "failed";

	if (sys->active) {
		sys->active = false;
		systemd_signal(sys, path, RP_DBUS_PROPERTIES, "PropertiesChanged", "sa{sv}as",
			interface, 0, 1, property);
	}
	return sd_bus_message_append(reply, "s", text);
}

static const sd_bus_vtable systemd_unit[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("ActiveState", "s", systemd_get_state, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable systemd_service[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Result", "s", NULL, offsetof(struct systemd, result), 0),
	SD_BUS_PROPERTY("ExecMainStatus", "i", NULL, offsetof(struct systemd, status), 0),
	SD_BUS_VTABLE_END,
};

void systemd_open(struct systemd *sys)
{
	const char *path = RP_SYSTEMD_UNITS "/rigproof_2dcheck_2dring_2eservice";
	sd_id128_t id;
	int ends[2];

	*sys = (struct systemd){.output = -1,
		.errors = -1,
		.text = "1..1\nok 1\n",
		.result = "success",
		.active = true};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_true(sd_event_new(&sys->event) >= 0);
	assert_true(sd_id128_randomize(&id) >= 0);
	assert_true(sd_bus_new(&sys->systemd) >= 0);
	sd_bus_set_fd(sys->systemd, ends[0], ends[0]);
	sd_bus_set_server(sys->systemd, 1, id);
	sd_bus_negotiate_fds(sys->systemd, 1);
	assert_true(sd_bus_start(sys->systemd) >= 0);
	assert_true(sd_bus_new(&sys->bus) >= 0);
	sd_bus_set_fd(sys->bus, ends[1], ends[1]);
	sd_bus_negotiate_fds(sys->bus, 1);
	assert_true(sd_bus_start(sys->bus) >= 0);
	sd_bus_attach_event(sys->systemd, sys->event, 0);
	sd_bus_attach_event(sys->bus, sys->event, 0);
	sd_bus_add_object_vtable(
		sys->systemd, NULL, RP_SYSTEMD_PATH, RP_SYSTEMD_MANAGER, systemd_manager, sys);
	sd_bus_add_object_vtable(sys->systemd, NULL, path, RP_SYSTEMD_UNIT, systemd_unit, sys);
	sd_bus_add_object_vtable(
		sys->systemd, NULL, path, RP_SYSTEMD_SERVICE, systemd_service, sys);
	/* A message with descriptors waits for the end of the handshake: both sides are we. */
	while (sd_bus_is_ready(sys->bus) == 0)
		assert_true(sd_event_run(sys->event, 100000) >= 0);
}

void systemd_close(struct systemd *sys)
{
	if (sys->output >= 0)
		close(sys->output);
	if (sys->errors >= 0)
		close(sys->errors);
	sd_bus_detach_event(sys->bus);
	sd_bus_detach_event(sys->systemd);
	sd_bus_close_unref(sys->bus);
	sd_bus_close_unref(sys->systemd);
	sd_event_unref(sys->event);
}

void systemd_until(struct systemd *sys, const int *counter, int wanted)
{
	uint64_t start, now;

	sd_event_now(sys->event, CLOCK_MONOTONIC, &start);
	while (*counter < wanted) {
		assert_true(sd_event_run(sys->event, 100000) >= 0);
		sd_event_now(sys->event, CLOCK_MONOTONIC, &now);
		assert_true(now - start < 10000000);
	}
}
