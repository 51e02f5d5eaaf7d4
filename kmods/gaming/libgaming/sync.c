/* SPDX-License-Identifier: Apache-2.0 */
#include "sync.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local uint32_t own_tid;

static void forget_tid(void)
{
	own_tid = 0;
}

static void at_fork(void)
{
	pthread_atfork(NULL, NULL, forget_tid);
}

static uint32_t tid(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!own_tid) {
		pthread_once(&once, at_fork);
		own_tid = (uint32_t)gettid();
	}
	return own_tid;
}

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	uint64_t count;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count;
#endif
}

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield");
#endif
}

/* GAMING_SPIN_MAX_US in ticks, or 0 where spinning would only be in the way. */
static uint32_t spin_max;

static void measure_ticks(void)
{
	struct timespec start, now;
	uint64_t first, passed_ns, passed;

	/* Of the machine: the mask of the thread that comes first says nothing of the others. */
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	clock_gettime(CLOCK_MONOTONIC, &start);
	first = ticks();
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = ticks() - first;
		passed_ns = (uint64_t)(now.tv_sec - start.tv_sec) * 1000000000u +
			    (uint64_t)now.tv_nsec - (uint64_t)start.tv_nsec;
	} while (passed_ns < 200000);
	spin_max = (uint32_t)(passed * GAMING_SPIN_MAX_US * 1000 / passed_ns);
}

/*
 * What spinning was good for. Shorter after each time that it was not: down to next to
 * nothing, as the other thread may need the very CPU that spins (two CPUs of a VM can be
 * one of its host's), but for every 128th time, which tries whether that has changed.
 */
static void spin_learn(struct gaming_spin *spin, uint32_t less, bool seen)
{
	uint32_t most = spin_max - spin_max / 64;
	uint32_t in_vain = atomic_load_explicit(&spin->in_vain, memory_order_relaxed);

	less = seen ? less / 2 : less + (most - less) / 4 + 1;
	atomic_store_explicit(&spin->less, less < most ? less : most, memory_order_relaxed);
	atomic_store_explicit(&spin->in_vain, seen ? 0 : in_vain + 1, memory_order_relaxed);
}

/* Spins until @word is not @value any more. False: it still is. */
static bool spin_while(struct gaming_spin *spin, _Atomic uint32_t *word, uint32_t value)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t less = atomic_load_explicit(&spin->less, memory_order_relaxed);
	uint64_t start;

	pthread_once(&once, measure_ticks);
	if (!spin_max)
		return false;
	if (atomic_load_explicit(&spin->in_vain, memory_order_relaxed) % 128 == 127)
		less = 0;
	start = ticks();
	do {
		pause_cpu();
		if (atomic_load_explicit(word, memory_order_relaxed) != value) {
			spin_learn(spin, less, true);
			return true;
		}
	} while (ticks() - start < spin_max - less);
	spin_learn(spin, atomic_load_explicit(&spin->less, memory_order_relaxed), false);
	return false;
}

long gaming_futex_wait(const struct gaming *g, const _Atomic uint32_t *word, uint32_t value,
	uint32_t class, uint64_t deadline_ns)
{
	struct gaming_futex arg = {
		.size = sizeof(arg),
		.op = GAMING_FUTEX_WAIT,
		.addr = (uintptr_t)word,
		.value = value,
		.class = class,
		.flags = deadline_ns ? GAMING_SYNC_ABSOLUTE : 0,
		.timeout_ns = deadline_ns,
	};

	return gaming_ioctl(g, GAMING_IOC(GAMING_CALL_FUTEX), &arg);
}

static long wake(const struct gaming *g, const _Atomic uint32_t *word, uint32_t count,
	uint32_t flags, uint32_t class)
{
	struct gaming_futex arg = {
		.size = sizeof(arg),
		.op = GAMING_FUTEX_WAKE,
		.addr = (uintptr_t)word,
		.count = count,
		.flags = flags,
		.class = class,
	};

	return gaming_ioctl(g, GAMING_IOC(GAMING_CALL_FUTEX), &arg);
}

long gaming_futex_wake(const struct gaming *g, const _Atomic uint32_t *word, uint32_t count)
{
	return wake(g, word, count, 0, 0);
}

long gaming_futex_wake_class(
	const struct gaming *g, const _Atomic uint32_t *word, uint32_t count, uint32_t class)
{
	return wake(g, word, count, GAMING_FUTEX_OF_CLASS, class);
}

long gaming_futex_requeue(const struct gaming *g, const _Atomic uint32_t *word, uint32_t value,
	uint32_t wake_count, const _Atomic uint32_t *to, uint32_t move)
{
	struct gaming_futex arg = {
		.size = sizeof(arg),
		.op = GAMING_FUTEX_REQUEUE,
		.addr = (uintptr_t)word,
		.value = value,
		.count = wake_count,
		.addr2 = (uintptr_t)to,
		.count2 = move,
	};

	return gaming_ioctl(g, GAMING_IOC(GAMING_CALL_FUTEX), &arg);
}

static bool take_event(struct gaming_event *event)
{
	uint32_t set = 1;

	return atomic_compare_exchange_strong_explicit(
		&event->state, &set, 0, memory_order_acquire, memory_order_relaxed);
}

/*
 * Who goes to sleep has counted himself before he looks for the last time; who sets has
 * set before he looks whether anybody sleeps. Both orders are seq_cst: one of the two sees
 * the other.
 */
int gaming_event_wait(
	const struct gaming *g, struct gaming_event *event, uint32_t class, uint64_t deadline_ns)
{
	long err = 0;

	for (;;) {
		if (take_event(event))
			return 0;
		if (err && err != -EAGAIN)
			return (int)err;
		if (spin_while(&event->spin, &event->state, 0))
			continue;
		atomic_fetch_add(&event->sleepers, 1);
		err = gaming_futex_wait(g, &event->state, 0, class, deadline_ns);
		atomic_fetch_sub(&event->sleepers, 1);
	}
}

long gaming_event_set(const struct gaming *g, struct gaming_event *event)
{
	atomic_store(&event->state, 1);
	if (!atomic_load(&event->sleepers))
		return 0;
	return gaming_futex_wake(g, &event->state, 1);
}

static int call_mutex(const struct gaming *g, unsigned long cmd, struct gaming_lock *lock,
	uint32_t class, uint64_t deadline_ns)
{
	struct gaming_mutex arg = {
		.size = sizeof(arg),
		.addr = (uintptr_t)&lock->word,
		.class = class,
		.flags = deadline_ns ? GAMING_SYNC_ABSOLUTE : 0,
		.timeout_ns = deadline_ns,
	};

	return (int)gaming_ioctl(g, cmd, &arg);
}

static int call_pi(struct gaming_lock *lock, int op, uint64_t deadline_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	long ret = syscall(SYS_futex, &lock->word, op | FUTEX_PRIVATE_FLAG, 0,
		deadline_ns ? &until : NULL, NULL, 0);

	return ret ? -errno : 0;
}

int gaming_trylock(struct gaming_lock *lock)
{
	uint32_t nobody = 0;

	return atomic_compare_exchange_strong_explicit(
		       &lock->word, &nobody, tid(), memory_order_acquire, memory_order_relaxed)
		       ? 0
		       : -EBUSY;
}

int gaming_lock(
	const struct gaming *g, struct gaming_lock *lock, uint32_t class, uint64_t deadline_ns)
{
	uint32_t seen;

	if (!gaming_trylock(lock))
		return 0;
	seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
	/* Where others sleep they are first: it will be handed to one of them. */
	if (seen && !(seen & GAMING_MUTEX_WAITERS) && (seen & GAMING_MUTEX_TID) != tid() &&
		!lock->real_time && spin_while(&lock->spin, &lock->word, seen) &&
		!gaming_trylock(lock))
		return 0;
	if (lock->real_time)
		return call_pi(lock, FUTEX_LOCK_PI2, deadline_ns);
	return call_mutex(g, GAMING_IOC(GAMING_CALL_MUTEX_LOCK), lock, class, deadline_ns);
}

int gaming_unlock(const struct gaming *g, struct gaming_lock *lock)
{
	uint32_t own = tid();

	if (atomic_compare_exchange_strong_explicit(
		    &lock->word, &own, 0, memory_order_release, memory_order_relaxed))
		return 0;
	if (lock->real_time)
		return call_pi(lock, FUTEX_UNLOCK_PI, 0);
	return call_mutex(g, GAMING_IOC_MUTEX_UNLOCK, lock, 0, 0);
}

int gaming_condition_wait(const struct gaming *g, struct gaming_condition *condition,
	struct gaming_lock *lock, uint32_t class, uint64_t deadline_ns)
{
	struct gaming_cond arg = {
		.size = sizeof(arg),
		.addr = (uintptr_t)&condition->signals,
		.mutex = (uintptr_t)&lock->word,
		.value = atomic_load(&condition->signals),
		.class = class,
		.flags = deadline_ns ? GAMING_SYNC_ABSOLUTE : 0,
		.timeout_ns = deadline_ns,
	};
	long err = gaming_ioctl(g, GAMING_IOC(GAMING_CALL_COND_WAIT), &arg);

	/* Signalled in between: as good as woken. */
	return err == -EAGAIN ? 0 : (int)err;
}

long gaming_condition_signal(
	const struct gaming *g, struct gaming_condition *condition, uint32_t count)
{
	atomic_fetch_add(&condition->signals, 1);
	return gaming_futex_wake(g, &condition->signals, count);
}

int gaming_barrier(const struct gaming *g, const void *barrier, uint32_t parties, uint32_t class,
	uint64_t deadline_ns)
{
	struct gaming_barrier arg = {
		.size = sizeof(arg),
		.addr = (uintptr_t)barrier,
		.parties = parties,
		.class = class,
		.flags = deadline_ns ? GAMING_SYNC_ABSOLUTE : 0,
		.timeout_ns = deadline_ns,
	};

	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_BARRIER_WAIT), &arg);
}
