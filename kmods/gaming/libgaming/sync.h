/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgaming: events, mutexes, conditions and barriers of one process, on FUTEX,
 * MUTEX_LOCK, COND_WAIT and BARRIER_WAIT (linux/gaming_sync.h has their manual).
 *
 * What waits spins first, in user space, then sleeps: a handover between threads that
 * run on two CPUs at that moment is then no trap at all, for neither of them. How long
 * it spins is learned by each object from its own past: longer after each time that it
 * was of use, shorter after any other, never more than
 * GAMING_SPIN_MAX_US (0 on a machine with one CPU). The words and their orders are
 * C11 atomics; a wake is only asked for where somebody sleeps.
 *
 * Objects are zero at first (or {0}), and have no end: nothing of them is in the
 * kernel while nobody waits. Their memory must stay while anyone may still use them.
 *
 * Deadlines are of CLOCK_MONOTONIC in nanoseconds, 0: none. Classes: GAMING_CLASS_*.
 * Calls that wait return -ETIMEDOUT, and -EINTR where a signal handler without
 * SA_RESTART ran; -EPERM in a child: @g belongs to the process that opened it.
 */
#ifndef LIBGAMING_SYNC_H
#define LIBGAMING_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/gaming_sync.h>

#include "gaming.h"

/*
 * Longer than a sleep and its end take, in VMs too. Were it shorter, two threads that
 * had slept once would never again see each other by spinning: each would be asleep
 * before the other one is awake.
 */
#define GAMING_SPIN_MAX_US 200

/* What an object has learned: by how much less than the most. A hint, raced for freely. */
struct gaming_spin {
	_Atomic uint32_t less;	  /* ticks of the CPU's counter */
	_Atomic uint32_t in_vain; /* times, one after the other */
};

/* The calls as they are. WAIT: 0, -EAGAIN; WAKE and REQUEUE: how many. */
long gaming_futex_wait(const struct gaming *g, const _Atomic uint32_t *word, uint32_t value,
	uint32_t class, uint64_t deadline_ns);
long gaming_futex_wake(const struct gaming *g, const _Atomic uint32_t *word, uint32_t count);
long gaming_futex_wake_class(
	const struct gaming *g, const _Atomic uint32_t *word, uint32_t count, uint32_t class);
long gaming_futex_requeue(const struct gaming *g, const _Atomic uint32_t *word, uint32_t value,
	uint32_t wake, const _Atomic uint32_t *to, uint32_t move);

/* An event that lets one waiter through for each time it was set; set twice is once. */
struct gaming_event {
	_Atomic uint32_t state; /* 1: set */
	struct gaming_spin spin;
	_Atomic uint32_t sleepers;
};

int gaming_event_wait(
	const struct gaming *g, struct gaming_event *event, uint32_t class, uint64_t deadline_ns);
/* 0 or more; the number woken from sleep. */
long gaming_event_set(const struct gaming *g, struct gaming_event *event);

/*
 * A mutex whose owner is raised as long as others wait. Not recursive: -EDEADLK.
 *
 * With @real_time its word is a PI futex of the kernel's own (FUTEX_LOCK_PI2): for
 * owners and waiters among which are real-time threads. The owner is then raised into
 * their class; nice values are not inherited, and classes do not count.
 */
struct gaming_lock {
	_Atomic uint32_t word;
	struct gaming_spin spin;
	bool real_time;
};

int gaming_lock(
	const struct gaming *g, struct gaming_lock *lock, uint32_t class, uint64_t deadline_ns);
/* -EBUSY: it is taken. */
int gaming_trylock(struct gaming_lock *lock);
/* -EPERM: it is not the caller's. */
int gaming_unlock(const struct gaming *g, struct gaming_lock *lock);

/* A condition of a mutex that is not @real_time. Look at what is waited for in a loop. */
struct gaming_condition {
	_Atomic uint32_t signals;
};

/* With the mutex, which the caller has again afterwards: see COND_WAIT. */
int gaming_condition_wait(const struct gaming *g, struct gaming_condition *condition,
	struct gaming_lock *lock, uint32_t class, uint64_t deadline_ns);
/* Wakes up to @count, the strongest class first. With the mutex, or nobody may wait. */
long gaming_condition_signal(
	const struct gaming *g, struct gaming_condition *condition, uint32_t count);

/* 1 for the last that comes, 0 for the others. @barrier: any word. */
int gaming_barrier(const struct gaming *g, const void *barrier, uint32_t parties, uint32_t class,
	uint64_t deadline_ns);

#endif
