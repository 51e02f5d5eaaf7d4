/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/process.h"
#include "tests/unit/folder_lab.h"

static struct rp_error err;

static char *run(const struct rp_process *process)
{
	char *output = NULL;
	size_t len = 0;

	if (rp_process_run(process, &output, &len, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(strlen(output), len);
	return output;
}

static int run_badly(const struct rp_process *process)
{
	char *output = (char *)&err;
	size_t len = 77;
	int r;

	err = RP_ERROR_NONE;
	r = rp_process_run(process, &output, &len, &err);
	assert_ptr_equal(output, &err);
	assert_int_equal(len, 77);
	assert_int_equal(err.code, r);
	return r;
}

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})

static void output_and_arguments_pass(void **state)
{
	const char *const argv[] = {"printf", "%s|%s", "a b", "$HOME", NULL};
	rp_cleanup(free) char *output = run(&(struct rp_process){.argv = argv});

	assert_string_equal(output, "a b|$HOME");
}

static void no_output_is_an_empty_string(void **state)
{
	rp_cleanup(free) char *output = run(&(struct rp_process){.argv = SHELL("exit 0")});

	assert_string_equal(output, "");
}

static void outputs_may_be_unwanted(void **state)
{
	struct rp_process process = {.argv = SHELL("echo dropped")};

	assert_int_equal(rp_process_run(&process, NULL, NULL, NULL), 0);
	process.argv = SHELL("exit 1");
	assert_int_equal(rp_process_run(&process, NULL, NULL, NULL), -EIO);
}

/* More than all pipe buffers, both ways at once: the classic deadlock. */
static void much_input_and_output(void **state)
{
	const char *const argv[] = {"cat", NULL};
	size_t len = 4 << 20;
	rp_cleanup(free) char *input = malloc(len + 1);
	rp_cleanup(free) char *output = NULL;

	memset(input, 'x', len);
	input[len] = '\0';
	output = run(&(struct rp_process){
		.argv = argv, .input = input, .input_len = len, .timeout_s = 60});
	assert_int_equal(strlen(output), len);
	assert_memory_equal(output, input, len);
}

static void unread_input_does_no_harm(void **state)
{
	static char input[1 << 20];
	rp_cleanup(free) char *output = NULL;

	memset(input, 'x', sizeof(input));
	output = run(&(struct rp_process){
		.argv = SHELL("echo done"), .input = input, .input_len = sizeof(input)});
	assert_string_equal(output, "done\n");
}

static void standard_input_is_empty_without_input(void **state)
{
	rp_cleanup(free) char *output =
		run(&(struct rp_process){.argv = SHELL("cat; echo end"), .timeout_s = 60});

	assert_string_equal(output, "end\n");
}

static void environment_and_directory(void **state)
{
	const char *const env[] = {"RP_ONE=1", "HOME=/new", NULL};
	rp_cleanup(free) char *output = NULL;

	setenv("RP_KEPT", "kept", 1);
	setenv("HOME", "/old", 1);
	output = run(&(struct rp_process){
		.argv = SHELL("echo $RP_ONE $HOME $RP_KEPT $PWD; env | grep -c ^HOME="),
		.env = env,
		.directory = "/"});
	assert_string_equal(output, "1 /new kept /\n1\n");
}

static void no_descriptor_leaks(void **state)
{
	const char *const argv[] = {"ls", "/proc/self/fd", NULL};
	rp_cleanup(fd) int leaky = open("/dev/null", O_RDONLY);
	rp_cleanup(free) char *output = NULL;

	/* 3 is ls's own. */
	output = run(&(struct rp_process){.argv = argv});
	assert_true(leaky > 2);
	assert_string_equal(output, "0\n1\n2\n3\n");
}

static void signals_are_as_after_login(void **state)
{
	rp_cleanup(free) char *output = NULL;
	unsigned long long blocked, ignored;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	output = run(&(struct rp_process){.argv = SHELL("cat /proc/self/status")});
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(
		sscanf(strstr(output, "SigBlk:"), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored),
		2);
	assert_int_equal(blocked, 0);
	/* glibc itself leaves 32 and 33 ignored, its internal ones. */
	assert_int_equal(ignored & 0x7fffffff, 0);
}

static void failure_quotes_the_last_line(void **state)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
		{"echo first >&2; echo 'bad key' >&2; exit 3", "sh: exit status 3: bad key"},
		{"printf 'no newline' >&2; exit 1", "sh: exit status 1: no newline"},
		{"echo out; exit 1", "sh: exit status 1"},
		{"printf '\\n\\n' >&2; exit 1", "sh: exit status 1"},
		{"kill -9 $$", "sh: killed by signal 9 (Killed)"},
		{"i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1",
			"sh: exit status 1: line 2999"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_process process = {.argv = SHELL(cases[i].script)};

		if (run_badly(&process) != -EIO)
			fail_msg("%s: %d", cases[i].script, err.code);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void a_missing_program_is_named(void **state)
{
	const char *const argv[] = {"no-such-tool", NULL};

	assert_int_equal(run_badly(&(struct rp_process){.argv = argv}), -ENOENT);
	assert_non_null(strstr(err.text, "no-such-tool"));
	assert_non_null(strstr(err.text, "install the package"));
}

static void a_missing_directory_is_not_a_missing_program(void **state)
{
	struct rp_process process = {.argv = SHELL("exit 0"), .directory = "/nonexistent"};

	assert_int_equal(run_badly(&process), -EIO);
	assert_non_null(strstr(err.text, "/nonexistent"));
}

/* The grandchild holds the FIFO: only its death ends the read. */
static void a_timeout_kills_the_whole_group(void **state)
{
	char folder[FOLDER_LAB_TEXT], fifo[64], script[128], byte;
	struct rp_process process = {.timeout_s = 1};
	rp_cleanup(fd) int fd = -1;

	folder_lab_make(folder);
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	snprintf(script, sizeof(script), "sleep 300 >%s & wait", fifo);
	process.argv = SHELL(script);
	assert_int_equal(run_badly(&process), -ETIMEDOUT);
	assert_string_equal(err.text, "sh: killed after 1 s");
	fcntl(fd, F_SETFL, 0);
	assert_int_equal(read(fd, &byte, 1), 0);
	folder_lab_remove(folder);
}

/* It ends when the process ends, though a child still holds the pipes. */
static void a_daemon_it_leaves_is_not_waited_for(void **state)
{
	rp_cleanup(free) char *output = NULL;
	int64_t before = rp_clock_monotonic();
	char *end;
	long child;

	output = run(&(struct rp_process){.argv = SHELL("sleep 300 & echo $!"), .timeout_s = 100});
	assert_true(rp_clock_monotonic() - before < 60 * RP_SECOND);
	child = strtol(output, &end, 10);
	assert_true(child > 1 && *end == '\n');
	assert_int_equal(kill((pid_t)child, SIGKILL), 0);
}

static void output_has_its_bound(void **state)
{
	struct rp_process process = {.argv = SHELL("head -c 16777217 /dev/zero"), .timeout_s = 100};

	assert_int_equal(run_badly(&process), -EIO);
	assert_string_equal(err.text, "sh: more than 16777216 bytes of output");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_arguments_pass),
		cmocka_unit_test(no_output_is_an_empty_string),
		cmocka_unit_test(outputs_may_be_unwanted),
		cmocka_unit_test(much_input_and_output),
		cmocka_unit_test(unread_input_does_no_harm),
		cmocka_unit_test(standard_input_is_empty_without_input),
		cmocka_unit_test(environment_and_directory),
		cmocka_unit_test(no_descriptor_leaks),
		cmocka_unit_test(signals_are_as_after_login),
		cmocka_unit_test(failure_quotes_the_last_line),
		cmocka_unit_test(a_missing_program_is_named),
		cmocka_unit_test(a_missing_directory_is_not_a_missing_program),
		cmocka_unit_test(a_timeout_kills_the_whole_group),
		cmocka_unit_test(a_daemon_it_leaves_is_not_waited_for),
		cmocka_unit_test(output_has_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
