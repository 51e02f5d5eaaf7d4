/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XSC ring, checked: every operation against the system call of the same
 * name, rights, bad input, full and wrapped queues, sleeping and waking, owners
 * killed, writers hostile, and traps per operation, counted.
 *
 * Each test is a child process with a deadline of its own, so that it may change
 * its limits and its user, close everything, or crash. What it has to say comes
 * back through a page shared with the parent, which alone prints TAP.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmods/xsc/selftest/report.h"
#include "kmods/xsc/selftest/test_ends.h"
#include "kmods/xsc/selftest/test_files.h"
#include "kmods/xsc/selftest/test_guard.h"
#include "kmods/xsc/selftest/test_hostile.h"
#include "kmods/xsc/selftest/test_measure.h"
#include "kmods/xsc/selftest/test_net.h"
#include "kmods/xsc/selftest/test_order.h"
#include "kmods/xsc/selftest/test_queues.h"
#include "kmods/xsc/selftest/test_setup.h"
#include "kmods/xsc/selftest/test_stat.h"
#include "kmods/xsc/selftest/test_waits.h"

static const struct test {
	const char *name;
	int (*run)(void);
	const char *what;
	int seconds;
} tests[] = {
	{"setup", test_setup, "sizes, offsets, capabilities, all ring sizes", 30},
	{"setup-bad-input", test_setup_bad, "each bad input alone, with its errno", 10},
	{"ioctl-bad-input", test_ioctl_bad, "each bad input alone, with its errno", 10},
	{"mmap-bad-input", test_mmap_bad, "nothing outside of the ring can be mapped", 10},
	{"sqe-bad-input", test_sqe_bad, "unknown operations, flags and fields", 10},
	{"read-write", test_read_write, "bytes, counts and positions as by system call", 30},
	{"errors", test_errors, "errno for errno as by system call", 10},
	{"open-close", test_open_close, "modes, flags, numbers, release as by system call", 20},
	{"vectors", test_vectors, "READV and WRITEV as by system call", 10},
	{"stat", test_stat, "STAT, LSTAT, FSTAT: byte for byte as by system call", 10},
	{"sockets", test_sockets, "SOCKET as by system call", 10},
	{"tcp", test_tcp, "a server and its client on one ring, byte for byte", 20},
	{"datagrams", test_datagrams, "SENDTO and RECVFROM with addresses", 10},
	{"poll", test_poll, "POLL as by system call, in time and out of time", 20},
	{"epoll-select", test_epoll_select, "EPOLL_WAIT and SELECT as by system call", 10},
	{"futex", test_futex, "FUTEX_WAIT and FUTEX_WAKE against futex(2)", 20},
	{"sleep", test_sleep, "NANOSLEEP and CLOCK_NANOSLEEP on five clocks", 20},
	{"spawn", test_spawn, "SPAWN: a new process, with no signal blocked", 10},
	{"blocking", test_blocking, "40 operations sleep, and hold nothing up", 30},
	{"one-thread", test_one_thread, "a ring of one thread waits, and goes on", 10},
	{"handover", test_handover, "6000 operations race for the lead, each ends once", 30},
	{"calls", test_calls, "operations given to user space, results brought and made up", 20},
	{"links", test_links, "in order, cancelled, too long", 20},
	{"drain", test_drain, "after all before, before all after", 20},
	{"fixed-files", test_fixed, "registered files, and what cannot be one", 10},
	{"guard", test_guard, "the trap guard counts, allows, kills, and only here", 20},
	{"limits", test_limits, "RLIMIT_FSIZE and RLIMIT_NOFILE of the owner", 10},
	{"rights", test_rights, "exactly those of the process, also after setuid", 10},
	{"memory-limit", test_memlock, "a ring counts against RLIMIT_MEMLOCK", 20},
	{"wrap-around", test_wrap, "100000 operations through small rings, over 2^32", 60},
	{"full-sq", test_full_sq, "a full SQ takes no more", 10},
	{"full-cq", test_full_cq, "a full CQ stops consumption, nothing is lost", 20},
	{"sleep-wake", test_sleep_wake, "12000 submissions race the thread's sleep", 60},
	{"wait", test_wait, "WAIT and poll: woken in time, and out of time", 20},
	{"shutdown-blocked", test_shutdown_blocked, "ends an operation that sleeps", 20},
	{"signal", test_signal, "handled in the middle of an operation", 20},
	{"fork", test_fork, "a child cannot use the parent's ring", 10},
	{"exec", test_exec, "another program cannot use the ring", 10},
	{"close", test_close, "from another thread, and through the ring", 20},
	{"seccomp", test_seccomp, "a confined thread is not served", 10},
	{"counters", test_counters, "impossible counters are refused, and mended", 10},
	{"killed", test_killed, "60 owners killed in the middle of operations", 60},
	{"hostile", test_hostile, "both rings scribbled over from a second thread", 60},
	{"traps", test_traps, "0 per operation in steady state, counted by ptrace", 120},
	{"time", test_time, "ring against system call, interleaved (never fails)", 120},
};

static void print_metrics(void)
{
	if (!report->metric_count)
		return;
	printf("  ---\n  metrics:\n");
	for (int i = 0; i < report->metric_count; i++) {
		struct metric *m = &report->metrics[i];
		double value = median(m->samples, m->count);

		for (int s = 0; m->worst && s < m->count; s++)
			value = m->samples[s] > value ? m->samples[s] : value;
		printf("    - name: %s\n      value: %.6g\n      unit: %s\n      better: lower\n"
		       "      samples: [",
			m->name, value, m->unit);
		for (int s = 0; s < m->count; s++)
			printf("%s%.6g", s ? ", " : "", m->samples[s]);
		printf("]\n");
	}
	printf("  ...\n");
}

/* 0 if it passed or was skipped. */
static int run_test(int number, const struct test *test)
{
	sigset_t chld;
	struct timespec limit = {.tv_sec = test->seconds * slowness()};
	int status = 0;
	bool late;
	pid_t child;

	memset(report, 0, sizeof(*report));
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	fflush(stdout);
	child = fork();
	if (!child) {
		setpgid(0, 0);
		sigprocmask(SIG_UNBLOCK, &chld, NULL);
		_exit(test->run());
	}
	late = child > 0 && sigtimedwait(&chld, NULL, &limit) < 0;
	if (late)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	kill(-child, SIGKILL); /* what it may have left behind */
	while (sigtimedwait(&chld, NULL, &(struct timespec){0}) > 0)
		;

	if (late)
		FAIL("not done after %d s (%s)", (int)limit.tv_sec,
			report->why[0] ? report->why : "nothing was said");
	else if (WIFSIGNALED(status))
		FAIL("killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		FAIL("exit status %d", WEXITSTATUS(status));
	if (report->why[0])
		printf("# %s: %s\n", test->name, report->why);
	printf("%s %d - %s: %s%s%s\n", report->why[0] ? "not ok" : "ok", number, test->name,
		test->what, report->skip[0] ? " # SKIP " : "", report->skip);
	print_metrics();
	fflush(stdout);
	return report->why[0] != '\0';
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: xsc_ring_test [TEST...]\n"
		"       xsc_ring_test --list | --help\n\n"
		"Checks the ring of /dev/xsc and prints TAP 14, all tests or those named.\n"
		"Exit status: 0 all passed (or no /dev/xsc: skipped), 1 a test failed, 2 wrong "
		"use.\n");
	return status;
}

static const struct test *find_test(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

static void remove_dir(void)
{
	pid_t child = fork();

	if (!child) {
		execlp("rm", "rm", "-rf", dir, NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	int failed = 0, count = argc > 1 ? argc - 1 : (int)ARRAY_LEN(tests);

	self = "/proc/self/exe";
	if (argc == 3 && !strcmp(argv[1], "--exec-probe"))
		return exec_probe(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "--spawned"))
		return spawned();
	if (argc == 3 && !strcmp(argv[1], "--exec-gone"))
		return fcntl(atoi(argv[2]), F_GETFD) != -1;
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(0);
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < ARRAY_LEN(tests); i++)
			printf("%-18s%s\n", tests[i].name, tests[i].what);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (!find_test(argv[i])) {
			fprintf(stderr, "xsc_ring_test: no test '%s'; --list names them\n",
				argv[i]);
			return 2;
		}
	}

	printf("TAP version 14\n");
	if (access(XSC_DEVICE, F_OK)) {
		printf("1..0 # SKIP %s is not there: load xsc.ko\n", XSC_DEVICE);
		return 0;
	}
	report = mmap(
		NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(dir, sizeof(dir), "/tmp/xsc_ring_test.XXXXXX");
	if (report == MAP_FAILED || !mkdtemp(dir) || chmod(dir, 0755)) {
		printf("Bail out! no directory in /tmp: %m\n");
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++)
		failed += run_test(i + 1, argc > 1 ? find_test(argv[i + 1]) : &tests[i]);
	remove_dir();
	return failed ? 1 : 0;
}
