/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

char thread_state(pid_t tid, int *ret_nice)
{
	char path[64], line[512], *at, state = 0;
	int fd, n;
	long nice = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = (int)read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	at = strrchr(line, ')');
	if (at) {
		state = at[2];
		/* state is field 3, nice is field 19 */
		at += 2;
		for (int field = 3; field < 19 && at; field++)
			at = strchr(at + 1, ' ');
		nice = at ? strtol(at, NULL, 10) : 99;
	}
	if (ret_nice)
		*ret_nice = (int)nice;
	return state;
}

int nice_of(pid_t tid)
{
	int nice = 99;

	thread_state(tid, &nice);
	return nice;
}

int priority_of(pid_t tid)
{
	char path[64], line[512];
	int fd, n, priority = 99;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = (int)read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	if (strrchr(line, ')'))
		sscanf(strrchr(line, ')'),
			") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
			"%*d %*d %d",
			&priority);
	return priority;
}

bool has_nice_soon(pid_t tid, int nice)
{
	uint64_t end = now_ns() + 2000000000u * (uint64_t)slowness();

	while (nice_of(tid) != nice)
		if (now_ns() > end)
			return false;
		else
			sched_yield();
	return true;
}

void do_nothing(int signal)
{
}

void run_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}
