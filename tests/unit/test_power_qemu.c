/* SPDX-License-Identifier: Apache-2.0 */
/* Power against a peer that we script, and against QEMU itself where it is installed. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "lib/metrics.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "manifests/manifest.h"
#include "server/power/power.h"
#include "server/server.h"
#include "tests/unit/folder_lab.h"

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n"

/* A peer that answers commands from a table, with events thrown in. */
struct answer {
	const char *command; /* substring of the line */
	const char *reply;   /* "%d" gets the id */
};

static struct fixture {
	char folder[FOLDER_LAB_TEXT];
	char *path;
	struct rp_server server;
	struct evconnlistener *listener;
	const struct answer *answers;
	const char *greeting;
	char commands[1024]; /* all that was asked */
	struct bufferevent *peers[8];
	int peers_count;
	int done, result;
	enum rp_power_state state;
	char text[512];
	char order[64];
} f;

static void peer_readable(struct bufferevent *bev, void *context)
{
	for (;;) {
		size_t len;
		rp_cleanup(free) char *line =
			evbuffer_readln(bufferevent_get_input(bev), &len, EVBUFFER_EOL_CRLF);
		const char *id;

		if (!line)
			return;
		id = strstr(line, "\"id\":");
		assert_non_null(id);
		for (const struct answer *a = f.answers; a && a->command; a++)
			if (strstr(line, a->command)) {
				size_t used = strlen(f.commands);

				snprintf(f.commands + used, sizeof(f.commands) - used, "%s ",
					a->command);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
				if (a->reply)
					evbuffer_add_printf(bufferevent_get_output(bev), a->reply,
						atoi(id + 5));
#pragma GCC diagnostic pop
				break;
			}
	}
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int len, void *context)
{
	struct bufferevent *bev = bufferevent_socket_new(f.server.base, fd, BEV_OPT_CLOSE_ON_FREE);

	assert_true(f.peers_count < 8);
	f.peers[f.peers_count++] = bev;
	bufferevent_setcb(bev, peer_readable, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	if (f.greeting)
		evbuffer_add_printf(bufferevent_get_output(bev), "%s", f.greeting);
}

static int setup(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(&f, 0, sizeof(f));
	folder_lab_make(f.folder);
	f.path = rp_path("%s/qmp", f.folder);
	f.greeting = GREETING;
	f.server.base = event_base_new();
	f.server.metrics = rp_metrics_new();
	f.server.power = rp_power_new(f.server.base, f.server.metrics);
	strcpy(address.sun_path, f.path);
	f.listener = evconnlistener_new_bind(f.server.base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE,
		8, (struct sockaddr *)&address, sizeof(address));
	assert_non_null(f.listener);
	return 0;
}

static int teardown(void **state)
{
	rp_power_free(f.server.power);
	while (f.peers_count)
		bufferevent_free(f.peers[--f.peers_count]);
	if (f.listener)
		evconnlistener_free(f.listener);
	event_base_free(f.server.base);
	rp_metrics_free(f.server.metrics);
	free(f.path);
	folder_lab_remove(f.folder);
	return 0;
}

static void done(void *context, int result, enum rp_power_state state, const char *text)
{
	const char *mark = context;

	f.done++;
	f.result = result;
	f.state = state;
	snprintf(f.text, sizeof(f.text), "%s", text);
	if (mark)
		strcat(f.order, mark);
}

static void ask(
	enum rp_power_kind driver, const char *name, enum rp_power_action action, char *mark)
{
	const struct rp_rig_manifest rig = {
		.name = (char *)name, .power = {.driver = driver, .qmp = f.path}};

	rp_power_request(f.server.power, &rig, action, done, mark);
}

/* Runs the loop until so many are done, at most ten seconds. */
static void wait_done(int count)
{
	int64_t end = rp_clock_monotonic() + 10 * RP_SECOND;

	while (f.done < count) {
		if (rp_clock_monotonic() > end)
			fail_msg("not done; asked so far: %s", f.commands);
		event_base_loopexit(f.server.base, &(struct timeval){0, 100000});
		event_base_loop(f.server.base, EVLOOP_ONCE);
	}
}

static int act(enum rp_power_action action)
{
	int before = f.done;

	ask(RP_POWER_QEMU, "rig-1", action, NULL);
	assert_int_equal(f.done, before); /* never from within the call */
	wait_done(before + 1);
	return f.result;
}

#define OK "{\"return\": {}, \"id\": %d}\r\n"
#define EVENT(name)                                                                                \
	"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"" name                \
	"\", \"data\": {}}\r\n"
#define STATUS(text, running)                                                                      \
	"{\"return\": {\"status\": \"" text "\", \"running\": " running "}, \"id\": %d}\r\n"

static void test_actions(void **state)
{
	static const struct answer running[] = {
		{"qmp_capabilities", EVENT("NIC_RX_FILTER_CHANGED") OK},
		{"stop", EVENT("STOP") OK},
		{"system_reset",
			EVENT("RESET") OK EVENT("OTHER")}, /* the event before the answer */
		{"cont", EVENT("RESUME") OK},
		{"query-status", STATUS("running", "true")},
		{NULL},
	};
	static const struct answer paused[] = {
		{"qmp_capabilities", OK},
		{"stop", OK},
		{"query-status", STATUS("shutdown", "false")},
		{NULL},
	};

	f.answers = running;
	assert_int_equal(act(RP_POWER_ON), 0);
	assert_int_equal(f.state, RP_POWER_STATE_ON);
	assert_string_equal(f.commands, "qmp_capabilities system_reset cont query-status ");
	f.commands[0] = '\0';
	assert_int_equal(act(RP_POWER_CYCLE), 0);
	assert_string_equal(f.commands, "qmp_capabilities stop system_reset cont query-status ");
	assert_int_equal(act(RP_POWER_STATUS), 0);
	assert_int_equal(f.state, RP_POWER_STATE_ON);
	assert_int_equal(act(RP_POWER_OFF), -EIO); /* it still runs: not assumed, seen */
	assert_int_equal(f.state, RP_POWER_STATE_ON);
	f.answers = paused;
	assert_int_equal(act(RP_POWER_OFF), 0);
	assert_int_equal(f.state, RP_POWER_STATE_OFF);
	assert_non_null(strstr(f.text, "shutdown"));
	assert_int_equal(rp_metrics_get(f.server.metrics,
				 "power_requests_total{driver=\"qemu\",result=\"ok\"}"),
		4);
}

/* `cont` must wait for the RESET event, which may come long after the answer. */
static void test_cont_waits_for_reset(void **state)
{
	static const struct answer silent[] = {
		{"qmp_capabilities", OK},
		{"system_reset", OK},
		{"cont", OK},
		{"query-status", STATUS("running", "true")},
		{NULL},
	};

	f.answers = silent;
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_ON, NULL);
	for (int i = 0; i < 20 && !strstr(f.commands, "system_reset"); i++)
		event_base_loop(f.server.base, EVLOOP_ONCE);
	for (int i = 0; i < 5; i++)
		event_base_loop(f.server.base, EVLOOP_NONBLOCK);
	assert_null(strstr(f.commands, "cont"));
	evbuffer_add_printf(bufferevent_get_output(f.peers[0]), EVENT("RESET"));
	wait_done(1);
	assert_int_equal(f.result, 0);
}

static void test_bad_peers(void **state)
{
	static const struct answer refuses[] = {
		{"qmp_capabilities", OK},
		{"stop", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\nway\"}, "
			 "\"id\": %d}\r\n"},
		{NULL},
	};
	static const struct answer stranger[] = {
		{"qmp_capabilities", "{\"return\": {}, \"id\": 99}\r\n" OK},
		{"query-status", "{\"return\": {\"status\": 5}, \"id\": %d}\r\n"},
		{NULL},
	};
	static const struct answer garbage[] = {{"qmp_capabilities", "garbage %d\r\n"}, {NULL}};

	f.answers = refuses;
	assert_int_equal(act(RP_POWER_OFF), -EPROTO);
	assert_non_null(strstr(f.text, "stop: no?way"));
	f.answers = stranger;
	assert_int_equal(act(RP_POWER_STATUS), -EPROTO);
	f.answers = garbage;
	assert_int_equal(act(RP_POWER_STATUS), -EPROTO);
	f.greeting = "SSH-2.0-OpenSSH\r\n";
	assert_int_equal(act(RP_POWER_STATUS), -EPROTO);
	assert_non_null(strstr(f.text, f.path));
	evconnlistener_free(rp_steal(f.listener));
	assert_int_equal(act(RP_POWER_STATUS), -ECONNREFUSED);
	assert_non_null(strstr(f.text, "power status"));
	unlink(f.path);
	assert_int_equal(act(RP_POWER_STATUS), -ENOENT);
}

static void test_closes(void **state)
{
	static const struct answer mute[] = {{"qmp_capabilities", NULL}, {NULL}};

	f.answers = mute;
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_STATUS, NULL);
	for (int i = 0; i < 20 && !*f.commands; i++)
		event_base_loop(f.server.base, EVLOOP_ONCE);
	bufferevent_free(f.peers[--f.peers_count]);
	wait_done(1);
	assert_int_equal(f.result, -ECONNRESET);
}

static void test_none(void **state)
{
	ask(RP_POWER_NONE, "rig-1", RP_POWER_ON, NULL);
	assert_int_equal(f.done, 0);
	wait_done(1);
	assert_int_equal(f.result, -ENOTSUP);
	assert_non_null(strstr(f.text, "press its button"));
}

/* Two for one rig run in order, one for another rig does not wait for them. */
static void test_order(void **state)
{
	static const struct answer answers[] = {
		{"qmp_capabilities", OK},
		{"query-status", STATUS("running", "true")},
		{NULL},
	};

	f.answers = answers;
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_STATUS, "a");
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_STATUS, "b");
	ask(RP_POWER_NONE, "rig-2", RP_POWER_STATUS, "c");
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_STATUS, "d");
	wait_done(4);
	assert_string_equal(f.order, "cabd");
}

static void test_stop(void **state)
{
	f.greeting = NULL;
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_STATUS, NULL);
	ask(RP_POWER_QEMU, "rig-1", RP_POWER_STATUS, NULL);
	event_base_loop(f.server.base, EVLOOP_NONBLOCK);
	f.server.power = rp_power_free(f.server.power);
	assert_int_equal(f.done, 2);
	assert_int_equal(f.result, -ECANCELED);
}

static void test_words(void **state)
{
	enum rp_power_action action;

	for (int i = RP_POWER_ON; i <= RP_POWER_STATUS; i++) {
		assert_int_equal(rp_power_action_parse(
					 rp_power_action_text((enum rp_power_action)i), &action),
			0);
		assert_int_equal(action, i);
	}
	assert_int_equal(rp_power_action_parse("explode", &action), -EINVAL);
	assert_string_equal(rp_power_state_text(RP_POWER_STATE_ON), "on");
}

extern char **environ;

static void test_qemu(void **state)
{
	rp_cleanup(free) char *qmp = rp_path("unix:%s,server=on,wait=off", f.path);
	char *argv[] = {"qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "64", "-S",
		"-no-shutdown", "-display", "none", "-nodefaults", "-qmp", qmp, NULL};
	int64_t end = rp_clock_monotonic() + 30 * RP_SECOND;
	pid_t pid;

	evconnlistener_free(rp_steal(f.listener));
	unlink(f.path);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		skip();
	while (access(f.path, F_OK) < 0) {
		if (rp_clock_monotonic() > end || waitpid(pid, NULL, WNOHANG) != 0)
			fail_msg("QEMU did not make its socket");
		poll(NULL, 0, 20);
	}
	do /* between bind and listen it still refuses */
		act(RP_POWER_STATUS);
	while (f.result == -ECONNREFUSED && rp_clock_monotonic() < end);
	assert_int_equal(f.result, 0);
	assert_int_equal(f.state, RP_POWER_STATE_OFF); /* -S: prelaunch */
	if (act(RP_POWER_ON) != 0)
		fail_msg("%s", f.text);
	assert_int_equal(f.state, RP_POWER_STATE_ON);
	if (act(RP_POWER_CYCLE) != 0)
		fail_msg("%s", f.text);
	assert_int_equal(f.state, RP_POWER_STATE_ON);
	if (act(RP_POWER_OFF) != 0)
		fail_msg("%s", f.text);
	assert_int_equal(f.state, RP_POWER_STATE_OFF);
	if (act(RP_POWER_CYCLE) != 0)
		fail_msg("%s", f.text);
	assert_int_equal(f.state, RP_POWER_STATE_ON);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(act(RP_POWER_STATUS), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_actions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cont_waits_for_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test(test_words),
		cmocka_unit_test_setup_teardown(test_qemu, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
