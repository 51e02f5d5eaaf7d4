/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/bench/traps.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRAP_OPS 1280
#define MARK_BEGIN 0x5eed0001
#define MARK_END 0x5eed0002

/* Voluntary switches of all threads of the process: each is a sleep that was ended. */
static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* Of all threads of the process, io_uring's poller and workers among them: microseconds. */
static double cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void counted_child(
	struct bench *b, enum side side, enum work work, int batch, struct counted *shared)
{
	long faults_before, sleeps_before;
	double time_before;

	if (bench_open(b, side, 1000))
		_exit(1);
	bench_run(b, side, work, batch, 2 * MAX_BATCH);
	bench_pin();
	time_before = cpu_time();
	faults_before = faults();
	sleeps_before = sleeps();
	bench_run(b, side, work, batch, TRAP_OPS);
	shared->wakes = (double)(sleeps() - sleeps_before) / TRAP_OPS;
	shared->cpu_us = (cpu_time() - time_before) / TRAP_OPS;
	shared->faults = (double)(faults() - faults_before) / TRAP_OPS;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	raise(SIGSTOP);
	bench_run(b, side, work, batch, 2 * MAX_BATCH);
	syscall(SYS_getpgid, MARK_BEGIN);
	bench_run(b, side, work, batch, TRAP_OPS);
	syscall(SYS_getpgid, MARK_END);
	_exit(0);
}

int count_side(struct bench *b, enum side side, enum work work, int batch, struct counted *ret)
{
	struct counted *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	bool counting = false;
	long count = 0;
	int status;

	if (!child)
		counted_child(b, side, work, batch, shared);
	if (waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status))
		return -1;
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (!ptrace(PTRACE_SYSCALL, child, NULL, 0) &&
		waitpid(child, &status, __WALL) == child && WIFSTOPPED(status)) {
		struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

		if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
			ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 ||
			info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK_BEGIN)
			counting = true;
		else if (info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK_END)
			counting = false;
		else
			count += counting;
	}
	*ret = *shared;
	ret->traps = (double)count / TRAP_OPS;
	munmap(shared, 4096);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}
