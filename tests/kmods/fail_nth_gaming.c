/* SPDX-License-Identifier: Apache-2.0 */
/* The sweeps over /dev/gaming. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "boost.h"
#include "sync.h"
#include "tests/kmods/fail_nth.h"

/* Not to be called with a failure to come: where the clock is a system call it may be what fails.
 */
static uint64_t soon(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + 1000000;
}

/* @expected is what the call says where nothing fails. */
static void allow(struct fail_run *run, const char *call, long result, long expected)
{
	if (result != expected)
		fail_allow(run, call, result >= 0 ? -EPROTO : result);
}

/* open, INFO, BATCH, close. */
static int sweep_session(struct fail_run *run)
{
	struct gaming_batch_entry entries[3] = {{.call = 1004}, {.call = 1005}, {.call = 1006}};
	int fail = fail_open(), err, done = 0;
	struct gaming g;

	fail_arm(fail, run);
	err = gaming_open(&g);
	if (!err) {
		done = gaming_batch(&g, entries, 3, 0);
		gaming_close(&g);
	}
	fail_disarm(fail, run);
	close(fail);
	if (!err)
		allow(run, "BATCH", done, 3);
	return fail_allow(run, "open", err);
}

/* Sleeps that end by themselves. */
static int sweep_futex(struct fail_run *run)
{
	_Atomic uint32_t words[2] = {0};
	int fail = fail_open();
	uint64_t until;
	long results[4];
	struct gaming g;

	if (gaming_open(&g))
		return fail_say(run, "open, which was not to fail");
	until = soon();
	fail_arm(fail, run);
	results[0] = gaming_futex_wait(&g, words, 0, GAMING_CLASS_AUDIO, until);
	results[1] = gaming_futex_wake(&g, words, 1);
	results[2] = gaming_futex_requeue(&g, words, 0, 1, words + 1, 1);
	results[3] = gaming_barrier(&g, words, 2, 0, until);
	fail_disarm(fail, run);
	allow(run, "WAIT", results[0], -ETIMEDOUT);
	allow(run, "WAKE", results[1], 0);
	allow(run, "REQUEUE", results[2], 0);
	allow(run, "BARRIER_WAIT", results[3], -ETIMEDOUT);
	gaming_close(&g);
	close(fail);
	return run->why[0] ? -1 : 0;
}

struct held {
	struct gaming g;
	struct gaming_lock lock;
	_Atomic int locked, end;
	int nice;
};

static void *hold(void *arg)
{
	struct held *held = arg;

	setpriority(PRIO_PROCESS, 0, 10);
	gaming_lock(&held->g, &held->lock, 0, 0);
	held->locked = 1;
	while (!held->end)
		sched_yield();
	gaming_unlock(&held->g, &held->lock);
	held->nice = getpriority(PRIO_PROCESS, 0);
	return NULL;
}

/* One that others hold, who inherit, and have nothing of it in the end; and one's own. */
static int sweep_mutex(struct fail_run *run)
{
	struct held held = {0};
	struct gaming_lock own = {0};
	struct gaming_condition condition = {0};
	int fail = fail_open(), waited, slept;
	uint64_t until;
	pthread_t thread;

	if (gaming_open(&held.g))
		return fail_say(run, "open, which was not to fail");
	pthread_create(&thread, NULL, hold, &held);
	while (!held.locked)
		sched_yield();
	gaming_trylock(&own);
	until = soon();
	fail_arm(fail, run);
	waited = gaming_lock(&held.g, &held.lock, GAMING_CLASS_FRAME, until);
	slept = gaming_condition_wait(&held.g, &condition, &own, 0, until);
	fail_disarm(fail, run);
	held.end = 1;
	pthread_join(thread, NULL);
	allow(run, "MUTEX_LOCK", waited, -ETIMEDOUT);
	allow(run, "COND_WAIT", slept, -ETIMEDOUT);
	if (held.nice != 10)
		fail_say(run, "the owner was left with nice %d", held.nice);
	if (held.lock.word)
		fail_say(run, "a mutex was left as %#x", held.lock.word);
	if (gaming_unlock(&held.g, &own))
		fail_say(run, "COND_WAIT came back without its mutex: %#x", own.word);
	gaming_close(&held.g);
	close(fail);
	return run->why[0] ? -1 : 0;
}

static int sweep_boost(struct fail_run *run)
{
	int fail = fail_open(), begun, ended, nice = getpriority(PRIO_PROCESS, 0);
	struct gaming g;

	if (gaming_open(&g))
		return fail_say(run, "open, which was not to fail");
	fail_arm(fail, run);
	begun = gaming_boost(&g, nice - 1, 1000000000);
	ended = gaming_unboost(&g);
	fail_disarm(fail, run);
	allow(run, "BOOST", begun, 0);
	if (begun)
		allow(run, "BOOST, its end", ended, -ENOENT);
	else
		allow(run, "BOOST, its end", ended, 0);
	gaming_close(&g);
	close(fail);
	if (getpriority(PRIO_PROCESS, 0) != nice)
		fail_say(run, "nice is %d, not %d", getpriority(PRIO_PROCESS, 0), nice);
	return run->why[0] ? -1 : 0;
}

static const struct sweep sweeps[] = {
	{"session", "open, INFO, BATCH, close", sweep_session},
	{"futex", "FUTEX and BARRIER_WAIT", sweep_futex},
	{"mutex", "MUTEX_LOCK against an owner, COND_WAIT", sweep_mutex},
	{"boost", "BOOST and its end", sweep_boost},
};

const struct sweep_set gaming_sweeps = {
	.device = GAMING_DEVICE,
	.module = "gaming",
	.sweeps = sweeps,
	.count = sizeof(sweeps) / sizeof(sweeps[0]),
};
