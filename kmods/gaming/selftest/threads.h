/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that sleep in calls, and what /proc says of them. */
#ifndef GAMING_SELFTEST_THREADS_H
#define GAMING_SELFTEST_THREADS_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kmods/gaming/selftest/session.h"

/* The state letter and the nice value of a thread of this process. */
static char thread_state(pid_t tid, int *ret_nice)
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

static int nice_of(pid_t tid)
{
	int nice = 99;

	thread_state(tid, &nice);
	return nice;
}

/* Its priority as the scheduler has it, inherited or not: below -1 it is a real-time one. */
static int priority_of(pid_t tid)
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

/* Waits for @tid to have @nice: it may still be on its way out of a call. */
static bool has_nice_soon(pid_t tid, int nice)
{
	uint64_t end = now_ns() + 2000000000u * (uint64_t)slowness();

	while (nice_of(tid) != nice)
		if (now_ns() > end)
			return false;
		else
			sched_yield();
	return true;
}

struct actor {
	pthread_t thread;
	const struct gaming *g;
	/* What it does, once it has given itself @nice. */
	long (*act)(struct actor *actor);
	int nice; /* 0: as it is */
	uint32_t class;
	uint64_t deadline_ns;
	struct gaming_lock *lock, *lock2;
	_Atomic uint32_t *word;
	_Atomic pid_t tid; /* set when it is about to act */
	_Atomic uint32_t stage, go;
	_Atomic int done;
	long result;
	int order; /* among those that came back */
};

static _Atomic int actors_ordered, actors_back;

static void *actor_main(void *arg)
{
	struct actor *actor = arg;

	if (actor->nice)
		setpriority(PRIO_PROCESS, 0, actor->nice);
	actor->tid = gettid();
	actor->result = actor->act(actor);
	actor->order = actors_ordered++;
	actor->done = 1;
	actors_back++; /* last: who has counted it looks at the rest */
	return NULL;
}

static void start(struct actor *actor)
{
	if (pthread_create(&actor->thread, NULL, actor_main, actor))
		abort();
	while (!actor->tid)
		sched_yield();
}

static long finish(struct actor *actor)
{
	pthread_join(actor->thread, NULL);
	return actor->result;
}

/* Starts it, and waits until it sleeps: it does nothing else that does. */
static void start_asleep(struct actor *actor)
{
	start(actor);
	while (thread_state(actor->tid, NULL) != 'S' && !actor->done)
		sched_yield();
}

static void wait_stage(struct actor *actor, uint32_t stage)
{
	while (actor->stage < stage)
		sched_yield();
}

static uint64_t in_ms(unsigned int ms)
{
	return now_ns() + (uint64_t)ms * 1000000u * (uint64_t)slowness();
}

#endif
