/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks as units: what systemd is asked for, and what is made of its answers. Systemd is a small
 * peer on a socket pair here; tests/lab has the real one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "agent/bus_cleanup.h"
#include "agent/systemd1.h"
#include "agent/unit.h"
#include "lib/cleanup.h"

static struct rp_error err;

static void test_cpus(void **state)
{
	static const struct {
		const char *text;
		int code;
		size_t len;
		uint8_t mask[2];
	} lists[] = {
		{"", 0, 0, {0, 0}},
		{"0", 0, 1, {1, 0}},
		{"0-1,3", 0, 1, {0x0b, 0}},
		{"7-8", 0, 2, {0x80, 1}},
		{"9,0", 0, 2, {1, 2}},
		{"16", -ERANGE, 0, {0, 0}},
		{"0-99999", -ERANGE, 0, {0, 0}},
		{"999999999999", -ERANGE, 0, {0, 0}},
		{"3-1", -EINVAL, 0, {0, 0}},
		{"1,", -EINVAL, 0, {0, 0}},
		{",1", -EINVAL, 0, {0, 0}},
		{"1-", -EINVAL, 0, {0, 0}},
		{"a", -EINVAL, 0, {0, 0}},
		{"0 1", -EINVAL, 0, {0, 0}},
		{"-1", -EINVAL, 0, {0, 0}},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		uint8_t mask[RP_UNIT_CPUS_MAX / 8] = {0};
		size_t len = 0;
		int r = rp_unit_parse_cpus(lists[i].text, 16, mask, &len);

		if (r != lists[i].code || len != lists[i].len ||
			memcmp(mask, lists[i].mask, 2) != 0)
			fail_msg("\"%s\": %d, length %zu, %02x %02x", lists[i].text, r, len,
				mask[0], mask[1]);
	}
}

/* ---- a peer that plays systemd ---- */

struct peer {
	sd_event *event;
	sd_bus *bus, *systemd;
	/* what it was asked */
	char properties[4096]; /* "Name=value;" of those with a simple value */
	int calls, stops, unrefs;
	int output; /* the check's end of its standard output */
	int errors;
	/* what it says */
	const char *result;
	int status;
	bool refuse, silent;
	bool active; /* it still is, at first */
	/* what came of it */
	struct rp_unit_end end;
	char output_text[256], words[256];
	int done;
};

static void note(struct peer *peer, const char *name, sd_bus_message *m)
{
	size_t len = strlen(peer->properties);
	const char *contents, *text;
	uint64_t number;
	int integer, fd;
	char type;

	assert_true(sd_bus_message_peek_type(m, &type, &contents) > 0);
	if (strcmp(contents, "s") == 0) {
		assert_true(sd_bus_message_read(m, "v", "s", &text) > 0);
		snprintf(peer->properties + len, sizeof(peer->properties) - len, "%s=%s;", name,
			text);
	} else if (strcmp(contents, "t") == 0) {
		assert_true(sd_bus_message_read(m, "v", "t", &number) > 0);
		snprintf(peer->properties + len, sizeof(peer->properties) - len, "%s=%llu;", name,
			(unsigned long long)number);
	} else if (strcmp(contents, "i") == 0 || strcmp(contents, "b") == 0) {
		assert_true(sd_bus_message_read(m, "v", contents, &integer) > 0);
		snprintf(peer->properties + len, sizeof(peer->properties) - len, "%s=%d;", name,
			integer);
	} else if (strcmp(contents, "h") == 0) {
		assert_true(sd_bus_message_read(m, "v", "h", &fd) > 0);
		*(strcmp(name, "StandardOutputFileDescriptor") == 0 ? &peer->output
								    : &peer->errors) =
			fcntl(fd, F_DUPFD_CLOEXEC, 3);
	} else {
		snprintf(peer->properties + len, sizeof(peer->properties) - len, "%s(%s);", name,
			contents);
		assert_true(sd_bus_message_skip(m, "v") > 0);
	}
}

/* With its sender, which a message bus would add. */
static int send_signal(struct peer *peer, const char *path, const char *interface,
	const char *member, const char *types, ...)
{
	rp_cleanup(bus_message) sd_bus_message *m = NULL;
	va_list args;
	int r = sd_bus_message_new_signal(peer->systemd, &m, path, interface, member);

	assert_true(r >= 0);
	va_start(args, types);
	r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	assert_true(r >= 0);
	assert_true(sd_bus_message_set_sender(m, RP_SYSTEMD) >= 0);
	return sd_bus_send(peer->systemd, m, NULL);
}

static int on_start_unit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct peer *peer = context;
	const char *unit, *mode, *name;

	peer->calls++;
	assert_true(sd_bus_message_read(m, "ss", &unit, &mode) > 0);
	assert_string_equal(unit, "rigproof-check-ring.service");
	assert_true(sd_bus_message_enter_container(m, 'a', "(sv)") > 0);
	while (sd_bus_message_enter_container(m, 'r', "sv") > 0) {
		assert_true(sd_bus_message_read(m, "s", &name) > 0);
		note(peer, name, m);
		sd_bus_message_exit_container(m);
	}
	if (peer->refuse)
		return sd_bus_error_set(
			error, "org.freedesktop.systemd1.UnitExists", "it is there");
	if (peer->silent)
		return sd_bus_reply_method_return(m, "o", "/job/1");
	dprintf(peer->output, "1..1\nok 1\n");
	dprintf(peer->errors, "a\nlast word\n");
	sd_bus_reply_method_return(m, "o", "/job/1");
	return send_signal(peer, RP_SYSTEMD_PATH, RP_SYSTEMD_MANAGER, "JobRemoved", "uoss", 1,
		"/job/1", unit, "done");
}

static int on_subscribe(sd_bus_message *m, void *context, sd_bus_error *error)
{
	return sd_bus_error_set(error, "org.freedesktop.systemd1.AlreadySubscribed", "again");
}

static int on_stop_unit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct peer *peer = context;

	peer->stops++;
	return sd_bus_reply_method_return(m, "o", "/job/2");
}

static int on_unref_unit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct peer *peer = context;

	peer->unrefs++;
	return sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", on_start_unit,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Subscribe", "", "", on_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StopUnit", "ss", "o", on_stop_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("UnrefUnit", "s", "", on_unref_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
	SD_BUS_VTABLE_END,
};

/* Active when it is first asked for, and a signal that says that something changed after that. */
static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct peer *peer = context;
	const char *text = peer->active ? "active" : "failed";

	if (peer->active) {
		peer->active = false;
		send_signal(peer, path, RP_DBUS_PROPERTIES, "PropertiesChanged", "sa{sv}as",
			interface, 0, 1, property);
	}
	return sd_bus_message_append(reply, "s", text);
}

static const sd_bus_vtable unit_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("ActiveState", "s", get_state, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable service_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Result", "s", NULL, offsetof(struct peer, result), 0),
	SD_BUS_PROPERTY("ExecMainStatus", "i", NULL, offsetof(struct peer, status), 0),
	SD_BUS_VTABLE_END,
};

static void open_peer(struct peer *peer)
{
	const char *path = RP_SYSTEMD_UNITS "/rigproof_2dcheck_2dring_2eservice";
	sd_id128_t id;
	int ends[2];

	*peer = (struct peer){.output = -1, .errors = -1, .result = "success", .active = true};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_true(sd_event_new(&peer->event) >= 0);
	assert_true(sd_id128_randomize(&id) >= 0);
	assert_true(sd_bus_new(&peer->systemd) >= 0);
	sd_bus_set_fd(peer->systemd, ends[0], ends[0]);
	sd_bus_set_server(peer->systemd, 1, id);
	sd_bus_negotiate_fds(peer->systemd, 1);
	assert_true(sd_bus_start(peer->systemd) >= 0);
	assert_true(sd_bus_new(&peer->bus) >= 0);
	sd_bus_set_fd(peer->bus, ends[1], ends[1]);
	sd_bus_negotiate_fds(peer->bus, 1);
	assert_true(sd_bus_start(peer->bus) >= 0);
	sd_bus_attach_event(peer->systemd, peer->event, 0);
	sd_bus_attach_event(peer->bus, peer->event, 0);
	sd_bus_add_object_vtable(
		peer->systemd, NULL, RP_SYSTEMD_PATH, RP_SYSTEMD_MANAGER, manager, peer);
	sd_bus_add_object_vtable(peer->systemd, NULL, path, RP_SYSTEMD_UNIT, unit_vtable, peer);
	sd_bus_add_object_vtable(
		peer->systemd, NULL, path, RP_SYSTEMD_SERVICE, service_vtable, peer);
	/* A message with descriptors waits for the end of the handshake: both sides are we. */
	while (sd_bus_is_ready(peer->bus) == 0)
		assert_true(sd_event_run(peer->event, 100000) >= 0);
}

static void close_peer(struct peer *peer)
{
	if (peer->output >= 0)
		close(peer->output);
	if (peer->errors >= 0)
		close(peer->errors);
	sd_bus_detach_event(peer->bus);
	sd_bus_detach_event(peer->systemd);
	sd_bus_close_unref(peer->bus);
	sd_bus_close_unref(peer->systemd);
	sd_event_unref(peer->event);
}

static void on_done(void *context, const struct rp_unit_end *end)
{
	struct peer *peer = context;

	peer->done++;
	peer->end = *end;
	snprintf(peer->output_text, sizeof(peer->output_text), "%.*s", (int)end->output_len,
		end->output);
	snprintf(peer->words, sizeof(peer->words), "%s", end->last_words);
}

/* Until *counter is reached, at most ten seconds. */
static void run_until(struct peer *peer, const int *counter, int wanted)
{
	uint64_t start, now;

	sd_event_now(peer->event, CLOCK_MONOTONIC, &start);
	while (*counter < wanted) {
		assert_true(sd_event_run(peer->event, 100000) >= 0);
		sd_event_now(peer->event, CLOCK_MONOTONIC, &now);
		assert_true(now - start < 10000000);
	}
}

static struct rp_unit_spec make_spec(const json_t *exec)
{
	return (struct rp_unit_spec){.name = "ring",
		.exec = exec,
		.timeout_us = 60000000,
		.cpus = "",
		.scheduler = "other",
		.user = ""};
}

static void test_life(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s, s]", "xsc_ring_test", "--cost=$5");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct peer peer;

	open_peer(&peer);
	peer.result = "exit-code";
	peer.status = 3;
	spec.memory_mb = 64;
	spec.cpus = "0";
	spec.scheduler = "fifo";
	spec.priority = 10;
	spec.user = "nobody";
	assert_int_equal(
		rp_unit_start(peer.bus, peer.event, &spec, on_done, &peer, &unit, &err), 0);
	run_until(&peer, &peer.done, 1);
	assert_int_equal(peer.end.error, 0);
	assert_string_equal(peer.end.result, "exit-code");
	assert_int_equal(peer.end.status, 3);
	assert_string_equal(peer.output_text, "1..1\nok 1\n");
	assert_string_equal(peer.words, "a last word");
	assert_string_equal(peer.properties,
		"Description=rigproof check ring;Type=exec;Slice=rigproof-checks.slice;"
		"CollectMode=inactive-or-failed;AddRef=1;ExecStartEx(a(sasas));"
		"RuntimeMaxUSec=60000000;TimeoutStopUSec=5000000;MemoryMax=67108864;"
		"MemorySwapMax=0;DevicePolicy=closed;DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"CPUSchedulingPolicy=1;CPUSchedulingPriority=10;AllowedCPUs(ay);User=nobody;");
	rp_unit_free(unit);
	run_until(&peer, &peer.unrefs, 1);
	close_peer(&peer);
}

/* Where the plan may write the disks, no device is forbidden. */
static void test_disks(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s]", "/bin/true");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct peer peer;

	open_peer(&peer);
	spec.disks = true;
	assert_int_equal(
		rp_unit_start(peer.bus, peer.event, &spec, on_done, &peer, &unit, &err), 0);
	run_until(&peer, &peer.done, 1);
	assert_null(strstr(peer.properties, "Device"));
	rp_unit_free(unit);
	close_peer(&peer);
}

static void test_refused(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s]", "/bin/true");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct peer peer;

	open_peer(&peer);
	peer.refuse = true;
	assert_int_equal(
		rp_unit_start(peer.bus, peer.event, &spec, on_done, &peer, &unit, &err), 0);
	run_until(&peer, &peer.done, 1);
	assert_int_equal(peer.end.error, -ENOEXEC);
	assert_non_null(strstr(peer.end.message, "it is there"));
	rp_unit_free(unit);
	close_peer(&peer);
}

static void test_stop(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s]", "/bin/true");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct peer peer;

	open_peer(&peer);
	peer.silent = true;
	assert_int_equal(
		rp_unit_start(peer.bus, peer.event, &spec, on_done, &peer, &unit, &err), 0);
	run_until(&peer, &peer.calls, 1);
	rp_unit_stop(unit);
	run_until(&peer, &peer.stops, 1);
	rp_unit_free(unit);
	assert_int_equal(peer.done, 0);
	close_peer(&peer);
}

static void test_bad_specs(void **state)
{
	rp_cleanup(json) json_t *good = json_pack("[s]", "/bin/true");
	rp_cleanup(json) json_t *relative = json_pack("[s]", "../bin/true");
	rp_cleanup(json) json_t *hidden = json_pack("[s]", "..");
	rp_cleanup(json) json_t *empty = json_pack("[s]", "");
	const struct {
		const char *name;
		struct rp_unit_spec spec;
	} bad[] = {
		{"program", {"ring", relative, 1, 0, "", "other", 0, "", false}},
		{"dots", {"ring", hidden, 1, 0, "", "other", 0, "", false}},
		{"no program", {"ring", empty, 1, 0, "", "other", 0, "", false}},
		{"name", {"../ring", good, 1, 0, "", "other", 0, "", false}},
		{"time", {"ring", good, 0, 0, "", "other", 0, "", false}},
		{"CPUs", {"ring", good, 1, 0, "1023", "other", 0, "", false}},
		{"CPU list", {"ring", good, 1, 0, "x", "other", 0, "", false}},
		{"priority", {"ring", good, 1, 0, "", "other", 5, "", false}},
		{"no priority", {"ring", good, 1, 0, "", "fifo", 0, "", false}},
	};
	struct rp_unit *unit = NULL;
	struct peer peer;

	open_peer(&peer);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = RP_ERROR_NONE;
		if (rp_unit_start(peer.bus, peer.event, &bad[i].spec, on_done, &peer, &unit,
			    &err) != -EINVAL ||
			!*err.text || unit)
			fail_msg("%s: not refused", bad[i].name);
	}
	close_peer(&peer);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_bad_specs),
	};

	return cmocka_run_group_tests_name("agent/unit", all, NULL, NULL);
}
