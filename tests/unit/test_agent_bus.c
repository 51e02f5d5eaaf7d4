/* SPDX-License-Identifier: Apache-2.0 */
/* io.rigproof.Agent1 as others see it, on a message bus of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/bus.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/unit/folder_lab.h"

static const char config[] =
	"<busconfig><type>session</type><listen>unix:path=%s/bus</listen>"
	"<policy context='default'><allow send_destination='*' eavesdrop='true'/>"
	"<allow eavesdrop='true'/><allow own='*'/></policy></busconfig>";

static char dir[FOLDER_LAB_TEXT];
static pid_t daemon_pid;
static struct rp_agent_status status = {.state = "checks",
	.job = "01JD0000000000000000000J00",
	.check = "ring",
	.done = 1,
	.total = 3};
static sd_event *event;
static sd_bus *agent, *other;
static int signals;
static char last[256];

/* The daemon has its socket open when it has written its address. */
static int start_daemon(void)
{
	rp_cleanup(free) char *path = rp_path("%s/bus.conf", dir);
	rp_cleanup(free) char *text = rp_path(config, dir);
	rp_cleanup(free) char *argument = rp_path("--config-file=%s", path);
	char *arguments[] = {(char *)"dbus-daemon", argument, (char *)"--nofork",
		(char *)"--print-address", NULL};
	posix_spawn_file_actions_t actions;
	char address[256];
	int ends[2], r;

	if (rp_file_write(path, 0600, text, strlen(text), NULL) < 0 || pipe(ends) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	r = posix_spawnp(&daemon_pid, arguments[0], &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (r == 0 && read(ends[0], address, sizeof(address)) <= 0)
		r = -1;
	close(ends[0]);
	return r ? -1 : 0;
}

static sd_bus *connect_to_daemon(void)
{
	rp_cleanup(free) char *address = rp_path("unix:path=%s/bus", dir);
	sd_bus *bus = NULL;

	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_address(bus, address) >= 0);
	assert_true(sd_bus_set_bus_client(bus, 1) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	assert_true(sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL) >= 0);
	return bus;
}

static int on_signal(sd_bus_message *m, void *context, sd_bus_error *error)
{
	snprintf(last, sizeof(last), "%s", sd_bus_message_get_member(m));
	if (strcmp(last, "CheckFinished") == 0) {
		const char *name, *verdict;

		assert_true(sd_bus_message_read(m, "ss", &name, &verdict) > 0);
		snprintf(last, sizeof(last), "%s %s", name, verdict);
	}
	signals++;
	return 0;
}

static int ready; /* replies to calls that were made to wait for what is before them */

static int on_reply(sd_bus_message *m, void *context, sd_bus_error *error)
{
	int *ok = context;

	*ok = !sd_bus_message_is_method_error(m, NULL);
	ready++;
	return 0;
}

static void run_until(const int *counter, int wanted)
{
	uint64_t start, now;

	sd_event_now(event, CLOCK_MONOTONIC, &start);
	while (*counter < wanted) {
		assert_true(sd_event_run(event, 100000) >= 0);
		sd_event_now(event, CLOCK_MONOTONIC, &now);
		assert_true(now - start < 10000000);
	}
}

static int set_up(void **state)
{
	folder_lab_make(dir);
	if (sd_event_new(&event) < 0 || start_daemon() < 0)
		return -1;
	agent = connect_to_daemon();
	other = connect_to_daemon();
	return rp_agent_bus_show(agent, &status) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	sd_bus_close_unref(agent);
	sd_bus_close_unref(other);
	sd_event_unref(event);
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGTERM);
		waitpid(daemon_pid, NULL, 0);
	}
	folder_lab_remove(dir);
	return 0;
}

static sd_bus_message *answer;

static int on_property(sd_bus_message *m, void *context, sd_bus_error *error)
{
	answer = sd_bus_message_ref(m);
	return 0;
}

static sd_bus_message *get(const char *property)
{
	int got = 0;

	answer = sd_bus_message_unref(answer);
	assert_true(sd_bus_call_method_async(other, NULL, RP_AGENT_BUS_NAME, RP_AGENT_BUS_PATH,
			    "org.freedesktop.DBus.Properties", "Get", on_property, &got, "ss",
			    RP_AGENT_BUS_NAME, property) >= 0);
	for (int i = 0; i < 100 && !answer; i++)
		assert_true(sd_event_run(event, 100000) >= 0);
	assert_non_null(answer);
	assert_false(sd_bus_message_is_method_error(answer, NULL));
	return answer;
}

static void assert_text(const char *property, const char *expected)
{
	const char *text;

	assert_true(sd_bus_message_read(get(property), "v", "s", &text) > 0);
	assert_string_equal(text, expected);
}

static void test_properties(void **state)
{
	uint32_t done, total;

	assert_text("State", "checks");
	assert_text("Job", "01JD0000000000000000000J00");
	assert_text("CurrentCheck", "ring");
	assert_true(sd_bus_message_read(get("Progress"), "v", "(uu)", &done, &total) > 0);
	assert_int_equal(done, 1);
	assert_int_equal(total, 3);
	status.check[0] = '\0';
	assert_text("CurrentCheck", "");
	answer = sd_bus_message_unref(answer);
}

/* It may be read and watched, and that is all. */
static void test_nothing_can_be_set(void **state)
{
	int ok = 1, before = ready;

	assert_true(sd_bus_call_method_async(other, NULL, RP_AGENT_BUS_NAME, RP_AGENT_BUS_PATH,
			    "org.freedesktop.DBus.Properties", "Set", on_reply, &ok, "ssv",
			    RP_AGENT_BUS_NAME, "State", "s", "end") >= 0);
	run_until(&ready, before + 1);
	assert_false(ok);
	assert_text("State", "checks");
	answer = sd_bus_message_unref(answer);
}

static void test_signals(void **state)
{
	int ok = 0, before = ready;

	assert_true(sd_bus_match_signal_async(other, NULL, NULL, RP_AGENT_BUS_PATH, NULL, NULL,
			    on_signal, on_reply, &ok) >= 0);
	run_until(&ready, before + 1);
	assert_true(ok);
	rp_agent_bus_changed(agent);
	run_until(&signals, 1);
	assert_string_equal(last, "PropertiesChanged");
	rp_agent_bus_check_finished(agent, "ring", "pass");
	run_until(&signals, 2);
	assert_string_equal(last, "ring pass");
}

/* Without a bus there is nobody to tell. */
static void test_no_bus(void **state)
{
	rp_agent_bus_changed(NULL);
	rp_agent_bus_check_finished(NULL, "ring", "pass");
	assert_int_equal(signals, 2);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_nothing_can_be_set),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_no_bus),
	};

	return cmocka_run_group_tests_name("agent/bus", all, set_up, tear_down);
}
