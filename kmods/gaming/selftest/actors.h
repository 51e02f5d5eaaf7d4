/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that sleep in calls, each by a script of its own. */
#ifndef GAMING_SELFTEST_ACTORS_H
#define GAMING_SELFTEST_ACTORS_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "kmods/gaming/libgaming/sync.h"

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

extern _Atomic int actors_ordered, actors_back;

/* Starts it: it has its @nice and @tid, and is about to act. */
void actor_start(struct actor *actor);
/* Waits for its end: what it acted came to. */
long actor_finish(struct actor *actor);

/* Starts it, and waits until it sleeps: it does nothing else that does. */
void actor_start_asleep(struct actor *actor);
/* Until it has come to @stage. */
void actor_wait_stage(struct actor *actor, uint32_t stage);
/* A deadline, on a slow machine later. */
uint64_t in_ms(unsigned int ms);
/* Counted by who owns the mutex: the order in which it was handed on. */
extern uint32_t actor_sections;

/* Locks @lock, counts its section into @stage, and unlocks it. */
long actor_lock(struct actor *actor);

/* Holds @lock (and @lock2) until it is told to go on, each in turn. */
long actor_hold(struct actor *actor);

#endif
