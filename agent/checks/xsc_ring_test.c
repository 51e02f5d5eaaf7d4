/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XSC ring, checked: every operation against the system call of the same
 * name, rights, bad input, full and wrapped queues, sleeping and waking, owners
 * killed, writers hostile, and traps per operation, counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmods/selftest/runner.h"
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

static const struct test tests[] = {
	{"setup", test_setup, "sizes, offsets, capabilities, all ring sizes", 30},
	{"access", test_access, "who may open the device: its mode, disabled, group", 10},
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
	{"waiting", test_arm, "32 receives and 32 accepts wait without a thread", 20},
	{"waiting-ends", test_arm_ends, "what ends and what limits such a wait, as by system call",
		20},
	{"waiting-files", test_arm_files, "for that socket, whatever its number means by then", 10},
	{"waiting-accepts", test_arm_accepts, "3000 connections, one after the other", 60},
	{"waiting-killed", test_arm_killed, "40 owners killed, their sockets let go", 60},
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
	{"burst", test_burst, "20000 entries of eight kinds: their order, their results", 60},
	{"burst-full", test_burst_full, "the CQ is full in the middle of a burst", 20},
	{"burst-broken", test_burst_broken, "by signals, SHUTDOWN and close", 20},
	{"burst-confined", test_burst_confined, "a filter that comes in the middle", 10},
	{"burst-raced", test_burst_raced, "entries that change while they are taken", 30},
	{"burst-files", test_burst_files, "what sleeps holds its own registered file only", 20},
	{"lead", test_lead, "who waits carries out what it waits for", 30},
	{"lead-others", test_lead_others, "what it cannot do, time-outs, signals, SIGPIPE", 30},
	{"lead-back", test_lead_back, "it led, and waits in another way", 20},
	{"lead-killed", test_lead_killed, "40 owners killed while they lead and wait", 60},
	{"guard", test_guard, "the trap guard counts, allows, kills, and only here", 20},
	{"limits", test_limits, "RLIMIT_FSIZE and RLIMIT_NOFILE of the owner", 10},
	{"rights", test_rights, "exactly those of the process, also after setuid", 10},
	{"memory-limit", test_memlock, "a ring counts against RLIMIT_MEMLOCK", 20},
	{"no-memory", test_no_memory, "a chain without memory: ENOMEM, and the thread stays", 20},
	{"wrap-around", test_wrap, "100000 operations through small rings, over 2^32", 60},
	{"full-sq", test_full_sq, "a full SQ takes no more", 10},
	{"full-cq", test_full_cq, "a full CQ stops consumption, nothing is lost", 20},
	{"sleep-wake", test_sleep_wake, "12000 submissions race the thread's sleep", 60},
	{"wait", test_wait, "WAIT and poll: woken in time, and out of time", 20},
	{"wait-namespace", test_wait_namespace, "WAIT's deadline in a time namespace", 20},
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

static struct stat node; /* as the device's was */

static void end(void)
{
	pid_t child = fork();

	if (node.st_ino && chown(XSC_DEVICE, node.st_uid, node.st_gid))
		printf("# the group of " XSC_DEVICE " stays changed: %m\n");
	if (!child) {
		execlp("rm", "rm", "-rf", dir, NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

/* Some tests become nobody: the device lets its group in. */
static int begin(void)
{
	if (!geteuid() && (stat(XSC_DEVICE, &node) || chown(XSC_DEVICE, node.st_uid, NOBODY)))
		return 1;
	snprintf(dir, sizeof(dir), "/tmp/xsc_ring_test.XXXXXX");
	return !mkdtemp(dir) || chmod(dir, 0755);
}

static const struct check check = {
	.name = "xsc_ring_test",
	.what = "Checks the ring of /dev/xsc.",
	.device = XSC_DEVICE,
	.module = "xsc",
	.tests = tests,
	.count = ARRAY_LEN(tests),
	.begin = begin,
	.end = end,
};

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
	if (argc == 3 && !strcmp(argv[1], "--exec-probe"))
		return exec_probe(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "--spawned"))
		return spawned();
	if (argc == 3 && !strcmp(argv[1], "--exec-gone"))
		return fcntl(atoi(argv[2]), F_GETFD) != -1;
	return run_check(&check, argc, argv);
}
