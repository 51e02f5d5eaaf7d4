/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What owners inherit, and boosts: the nice values that /proc tells, before, during and
 * after. The threads make themselves less important (5 to 19), which anyone may.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/boost.h"
#include "kmods/gaming/libgaming/sync.h"
#include "kmods/gaming/selftest/actors.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

#include <linux/gaming_boost.h>

static struct actor holder(const struct gaming *g, int nice, struct gaming_lock *lock)
{
	return (struct actor){.g = g, .act = actor_hold, .nice = nice, .lock = lock};
}

static struct actor waiter(const struct gaming *g, int nice, struct gaming_lock *lock)
{
	return (struct actor){.g = g, .act = actor_lock, .nice = nice, .lock = lock};
}

/* What RLIMIT_NICE forbids is not lent. */
static bool may_inherit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NICE, &limit);
	return !geteuid() || limit.rlim_cur >= 20;
}

/* @actor has @nice now; what has just happened to it has been done under a lock. */
#define NICE(actor, nice) EXPECT(nice_of((actor).tid), nice)

int test_inherit(void)
{
	const struct sigaction action = {.sa_handler = do_nothing};
	struct gaming_lock lock = {0};
	struct actor owner, first, second, third;
	struct gaming g;

	if (!may_inherit())
		return skip("no right to what is to be inherited");
	EXPECT(gaming_open(&g), 0);
	sigaction(SIGUSR1, &action, NULL);
	owner = holder(&g, 15, &lock);
	first = waiter(&g, 9, &lock);
	second = waiter(&g, 5, &lock);
	third = waiter(&g, 18, &lock);
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	NICE(owner, 15);
	/* The holder is raised, by the best of them; the waiters are as they were. */
	actor_start_asleep(&third);
	NICE(owner, 15);
	actor_start_asleep(&first);
	NICE(owner, 9);
	second.deadline_ns = in_ms(300);
	actor_start_asleep(&second);
	NICE(owner, 5);
	NICE(second, 5);
	NICE(first, 9);
	/* A timeout, then a signal. */
	EXPECT(actor_finish(&second), -ETIMEDOUT);
	NICE(owner, 9);
	pthread_kill(first.thread, SIGUSR1);
	EXPECT(actor_finish(&first), -EINTR);
	NICE(owner, 15);
	/* The handover takes it from the one and gives it to the other. */
	first = waiter(&g, 9, &lock);
	actor_start_asleep(&first);
	NICE(owner, 9);
	owner.go = 2;
	actor_wait_stage(&owner, 3);
	NICE(owner, 15);
	owner.go = 3;
	EXPECT(actor_finish(&owner), 0);
	EXPECT(actor_finish(&third), 0);
	EXPECT(actor_finish(&first), 0);
	EXPECT(lock.word, 0);
	gaming_close(&g);
	return 0;
}

/* The next owner inherits from those that are still there. */
int test_inherit_handover(void)
{
	struct gaming_lock lock = {0};
	struct actor owner, next, best;
	struct gaming g;

	if (!may_inherit())
		return skip("no right to what is to be inherited");
	EXPECT(gaming_open(&g), 0);
	owner = holder(&g, 19, &lock);
	next = holder(&g, 15, &lock);
	next.class = GAMING_CLASS_FRAME;
	best = waiter(&g, 3, &lock);
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	actor_start_asleep(&next);
	actor_start_asleep(&best);
	NICE(owner, 3);
	owner.go = 2;
	actor_wait_stage(&owner, 3);
	actor_wait_stage(&next, 1);
	NICE(owner, 19);
	NICE(next, 3);
	next.go = 2;
	actor_wait_stage(&next, 3);
	NICE(next, 15);
	owner.go = next.go = 3;
	EXPECT(actor_finish(&owner), 0);
	EXPECT(actor_finish(&next), 0);
	EXPECT(actor_finish(&best), 0);
	gaming_close(&g);
	return 0;
}

/* Two mutexes held; and owners that wait for owners. */
int test_inherit_nested(void)
{
	struct gaming_lock locks[3] = {0};
	struct actor owner, low, high, middle, stranger;
	struct gaming g;

	if (!may_inherit())
		return skip("no right to what is to be inherited");
	EXPECT(gaming_open(&g), 0);
	owner = holder(&g, 19, &locks[0]);
	owner.lock2 = &locks[1];
	low = waiter(&g, 12, &locks[0]);
	high = waiter(&g, 4, &locks[1]);
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	actor_start_asleep(&low);
	NICE(owner, 12);
	actor_start_asleep(&high);
	NICE(owner, 4);
	owner.go = 1;
	actor_wait_stage(&owner, 2);
	NICE(owner, 12);
	EXPECT(actor_finish(&high), 0);
	owner.go = 2;
	actor_wait_stage(&owner, 3);
	NICE(owner, 19);
	owner.go = 3;
	EXPECT(actor_finish(&owner), 0);
	EXPECT(actor_finish(&low), 0);

	/* high waits for 1, whose owner waits for 0, whose owner runs. */
	owner = holder(&g, 19, &locks[0]);
	middle = holder(&g, 16, &locks[1]);
	middle.lock2 = &locks[0];
	stranger = waiter(&g, 17, &locks[0]);
	stranger.class = GAMING_CLASS_GPU;
	high = waiter(&g, 2, &locks[1]);
	high.class = GAMING_CLASS_FRAME;
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	actor_start_asleep(&stranger);
	actor_start_asleep(&middle);
	NICE(owner, 16);
	actor_start_asleep(&high);
	NICE(middle, 2);
	NICE(owner, 2);
	/* middle is before the stranger now, for the one who waits for it. */
	owner.go = 2;
	actor_wait_stage(&middle, 1);
	actor_wait_stage(&owner, 3);
	NICE(owner, 19);
	EXPECT(stranger.done, 0);
	NICE(middle, 2);
	middle.go = 2;
	actor_wait_stage(&middle, 3);
	NICE(middle, 16);
	EXPECT(actor_finish(&high), 0);
	EXPECT(actor_finish(&stranger), 0);
	middle.go = owner.go = 3;
	EXPECT(actor_finish(&middle), 0);
	EXPECT(actor_finish(&owner), 0);
	gaming_close(&g);
	return 0;
}

/* What somebody sets meanwhile stays; a chain comes down when its end gives up. */
int test_inherit_undo(void)
{
	struct gaming_lock locks[2] = {0};
	struct actor owner, middle, high;
	struct gaming g;

	if (!may_inherit())
		return skip("no right to what is to be inherited");
	EXPECT(gaming_open(&g), 0);
	owner = holder(&g, 15, &locks[0]);
	high = waiter(&g, 6, &locks[0]);
	high.deadline_ns = in_ms(200);
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	actor_start_asleep(&high);
	NICE(owner, 6);
	EXPECT(sys(setpriority(PRIO_PROCESS, (id_t)owner.tid, 17)), 0);
	EXPECT(actor_finish(&high), -ETIMEDOUT);
	NICE(owner, 17);

	/* A waiter that gets less gives less. */
	high = waiter(&g, 6, &locks[0]);
	high.deadline_ns = in_ms(3000);
	actor_start_asleep(&high);
	NICE(owner, 6);
	EXPECT(sys(setpriority(PRIO_PROCESS, (id_t)high.tid, 11)), 0);
	REQUIRE(has_nice_soon(owner.tid, 11), "more than the waiter has");
	EXPECT(actor_finish(&high), -ETIMEDOUT);
	NICE(owner, 17);

	middle = holder(&g, 14, &locks[1]);
	middle.lock2 = &locks[0];
	high = waiter(&g, 6, &locks[1]);
	high.deadline_ns = in_ms(200);
	actor_start_asleep(&middle);
	NICE(owner, 14);
	actor_start_asleep(&high);
	NICE(owner, 6);
	NICE(middle, 6);
	EXPECT(actor_finish(&high), -ETIMEDOUT);
	NICE(owner, 14);
	NICE(middle, 14);
	owner.go = middle.go = 3;
	EXPECT(actor_finish(&owner), 0);
	EXPECT(actor_finish(&middle), 0);
	gaming_close(&g);
	return 0;
}

/* Nobody outside of the process is raised, whatever the word says. */
int test_inherit_others(void)
{
	struct gaming_lock lock = {0};
	struct actor owner, high;
	struct gaming g;
	pid_t child = fork();

	if (!child) {
		setpriority(PRIO_PROCESS, 0, 19);
		for (;;)
			pause();
	}
	EXPECT(gaming_open(&g), 0);
	lock.word = (uint32_t)child;
	EXPECT(gaming_lock(&g, &lock, 0, in_ms(100)), -ESRCH);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	/* The idle stay idle: nice would not help them. */
	lock.word = 0;
	owner = holder(&g, 15, &lock);
	high = waiter(&g, 1, &lock);
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	EXPECT(sys(sched_setscheduler(owner.tid, SCHED_IDLE, &(struct sched_param){0})), 0);
	actor_start_asleep(&high);
	NICE(owner, 15);
	owner.go = 3;
	EXPECT(actor_finish(&owner), 0);
	EXPECT(actor_finish(&high), 0);
	gaming_close(&g);
	return 0;
}

static long lock_as_fifo(struct actor *actor)
{
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10}))
		return -errno;
	return actor_lock(actor);
}

/* What a real-time waiter gives: the best nice value here, its own class with a PI futex. */
int test_inherit_real_time(void)
{
	struct gaming_lock locks[2] = {{0}, {.real_time = true}};
	struct actor owner, high;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1}))
		return skip("no right to real-time threads");
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	for (int i = 0; i < 2; i++) {
		owner = holder(&g, 15, &locks[i]);
		high = waiter(&g, 0, &locks[i]);
		high.act = lock_as_fifo;
		high.deadline_ns = in_ms(2000);
		actor_start(&owner);
		actor_wait_stage(&owner, 1);
		actor_start_asleep(&high);
		NICE(owner, i ? 15 : -20);
		EXPECT(priority_of(owner.tid), i ? -11 : 0);
		EXPECT(actor_finish(&high), -ETIMEDOUT);
		NICE(owner, 15);
		EXPECT(priority_of(owner.tid), 35);
		high.deadline_ns = 0;
		high.tid = high.done = 0;
		actor_start_asleep(&high);
		EXPECT(priority_of(owner.tid), i ? -11 : 0);
		owner.go = 2;
		actor_wait_stage(&owner, 3);
		NICE(owner, 15);
		EXPECT(priority_of(owner.tid), 35);
		owner.go = 3;
		EXPECT(actor_finish(&owner), 0);
		EXPECT(actor_finish(&high), 0);
		EXPECT(locks[i].word, 0);
	}
	EXPECT(gaming_lock(&g, &locks[1], 0, 0), 0);
	EXPECT(gaming_lock(&g, &locks[1], 0, 0), -EDEADLK);
	EXPECT(gaming_unlock(&g, &locks[1]), 0);
	EXPECT(gaming_unlock(&g, &locks[1]), -EPERM);
	gaming_close(&g);
	return 0;
}

/* What one session's waiters lend, another's must not take for the thread's own. */
int test_inherit_sessions(void)
{
	struct gaming_lock locks[2] = {{0}};
	struct actor first, second;
	struct gaming g, other;

	if (!may_inherit())
		return skip("no right to what is to be inherited");
	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_open(&other), 0);
	EXPECT(sys(setpriority(PRIO_PROCESS, 0, 15)), 0);
	EXPECT(gaming_lock(&g, &locks[0], 0, 0), 0);
	EXPECT(gaming_lock(&other, &locks[1], 0, 0), 0);
	for (int round = 0; round < 2; round++) {
		first = waiter(&g, 9, &locks[0]);
		second = waiter(&other, 5, &locks[1]);
		first.deadline_ns = in_ms(round ? 1200 : 600);
		second.deadline_ns = in_ms(round ? 600 : 1200);
		actor_start_asleep(&first);
		EXPECT(nice_of(gettid()), 9);
		actor_start_asleep(&second);
		EXPECT(nice_of(gettid()), 5);
		EXPECT(actor_finish(round ? &second : &first), -ETIMEDOUT);
		EXPECT(nice_of(gettid()), round ? 9 : 5);
		EXPECT(actor_finish(round ? &first : &second), -ETIMEDOUT);
		EXPECT(nice_of(gettid()), 15);
	}
	gaming_close(&other);
	gaming_close(&g);
	return 0;
}

/* With a nice value from before the limits; a child of its own would not have it. */
static long lock_when_told(struct actor *actor)
{
	sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &(struct sched_param){0});
	actor->stage = 1;
	while (actor->go < 1)
		sched_yield();
	return gaming_lock(actor->g, actor->lock, 0, actor->deadline_ns);
}

/* The nice value of a child; 99 if that cannot be told. */
static int nice_of_child(void)
{
	int status = 0;
	pid_t child = fork();

	if (!child)
		_exit(getpriority(PRIO_PROCESS, 0) + 40);
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) - 40
									: 99;
}

/* Beside a waiter of nice -10: the best that RLIMIT_NICE @most allows is @lent. */
static int lent_within(rlim_t most, int lent)
{
	struct gaming_lock lock = {0};
	struct actor high;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	high = waiter(&g, -10, &lock);
	high.act = lock_when_told;
	high.deadline_ns = in_ms(1500);
	actor_start(&high);
	actor_wait_stage(&high, 1);
	NICE(high, -10);
	EXPECT(sys(setrlimit(RLIMIT_NICE, &(struct rlimit){most, most})), 0);
	EXPECT(become_nobody(), 0);
	EXPECT(gaming_lock(&g, &lock, 0, 0), 0);
	high.go = 1;
	while (thread_state(high.tid, NULL) != 'S' && !high.done)
		sched_yield();
	EXPECT(nice_of(gettid()), lent);
	EXPECT(nice_of_child(), lent);
	if (!lent) {
		EXPECT(sys(setpriority(PRIO_PROCESS, 0, -9)), -EACCES);
	} else {
		/* A step back from a loan gives no right to the rest of it. */
		EXPECT(sys(setrlimit(RLIMIT_NICE, &(struct rlimit){0, 0})), 0);
		EXPECT(sys(setpriority(PRIO_PROCESS, 0, lent + 1)), 0);
	}
	EXPECT(actor_finish(&high), -ETIMEDOUT);
	EXPECT(nice_of(gettid()), 0);
	EXPECT(nice_of_child(), 0);
	gaming_close(&g);
	return 0;
}

int test_inherit_limits(void)
{
	static const struct {
		rlim_t most;
		int lent;
	} cases[] = {{0, 0}, {25, -5}, {20, 0}};

	if (geteuid())
		return skip("not root");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status;
		pid_t child = fork();

		if (!child)
			_exit(lent_within(cases[i].most, cases[i].lent));
		EXPECT(waitpid(child, &status, 0), child);
		EXPECT(status, 0);
	}
	return 0;
}

static long boosted(struct actor *actor)
{
	long ret = gaming_boost(actor->g, actor->nice - (int)actor->class, actor->deadline_ns);

	actor->stage = 1;
	while (actor->go < 1)
		sched_yield();
	return ret;
}

/* Rights are the system call's: root's here, nobody's there. */
static int boost_rights(void)
{
	struct gaming g;
	int err;

	EXPECT(gaming_open(&g), 0);
	if (setuid(65534))
		return skip("not root");
	EXPECT(sys(setpriority(PRIO_PROCESS, 0, 10)), 0);
	err = gaming_boost(&g, 5, 1000000000);
	EXPECT(err, -EACCES);
	EXPECT(nice_of(gettid()), 10);
	EXPECT(gaming_unboost(&g), -ENOENT);
	gaming_close(&g);
	return 0;
}

static int boost_bad(const struct gaming *g)
{
	struct gaming_boost bad[8];

	EXPECT(sizeof(struct gaming_boost), 24);
	for (int i = 0; i < 8; i++)
		bad[i] = (struct gaming_boost){
			.size = sizeof(*bad), .nice = -1, .timeout_ns = 1000000000};
	bad[0].size = 20;
	bad[1].flags = 2;
	bad[2].nice = -21;
	bad[3].nice = 0; /* no better */
	bad[4].timeout_ns = 0;
	bad[5].timeout_ns = GAMING_BOOST_MAX_NS + 1;
	bad[6].resv = 1;
	bad[7].flags = GAMING_BOOST_END;
	for (int i = 0; i < 8; i++) {
		long got = gaming_ioctl(g, GAMING_IOC(GAMING_CALL_BOOST), &bad[i]);

		REQUIRE(got == -EINVAL, "bad input %d: %ld", i, got);
	}
	EXPECT(gaming_unboost(g), -ENOENT);
	return 0;
}

int test_boost(void)
{
	struct gaming_lock lock = {0};
	struct actor actor, high;
	struct gaming g, other;
	int status;
	pid_t child;

	EXPECT(gaming_open(&g), 0);
	if (boost_bad(&g))
		return 1;
	child = fork();
	if (!child)
		_exit(boost_rights());
	EXPECT(waitpid(child, &status, 0), child);
	EXPECT(status, 0);
	if (geteuid() || report->skip[0])
		return skip("boosts need CAP_SYS_NICE here");

	EXPECT(gaming_boost(&g, GAMING_NICE_MISSED, 1000000000), 0);
	EXPECT(nice_of(gettid()), -18);
	EXPECT(gaming_boost(&g, -20, 1000000000), -EBUSY);
	EXPECT(gaming_unboost(&g), 0);
	EXPECT(nice_of(gettid()), 0);
	/* It ends by itself. */
	EXPECT(gaming_boost(&g, -5, 50000000), 0);
	REQUIRE(has_nice_soon(gettid(), 0), "still boosted");
	EXPECT(gaming_unboost(&g), -ENOENT);
	/* What somebody sets meanwhile stays. */
	EXPECT(gaming_boost(&g, -5, 5000000000), 0);
	EXPECT(sys(setpriority(PRIO_PROCESS, 0, -7)), 0);
	EXPECT(gaming_unboost(&g), 0);
	EXPECT(nice_of(gettid()), -7);
	EXPECT(sys(setpriority(PRIO_PROCESS, 0, 0)), 0);
	/* The session ends it. */
	EXPECT(gaming_open(&other), 0);
	actor = (struct actor){
		.g = &other, .act = boosted, .nice = 10, .class = 15, .deadline_ns = 5000000000};
	actor_start(&actor);
	actor_wait_stage(&actor, 1);
	NICE(actor, -5);
	gaming_close(&other);
	REQUIRE(has_nice_soon(actor.tid, 10), "boosted by a session that is closed");
	actor.go = 1;
	EXPECT(actor_finish(&actor), 0);

	/* It ends while its thread has inherited something better, and is not forgotten then. */
	EXPECT(gaming_boost(&g, -5, 5000000000), 0);
	EXPECT(gaming_lock(&g, &lock, 0, 0), 0);
	high = waiter(&g, -10, &lock);
	actor_start_asleep(&high);
	EXPECT(nice_of(gettid()), -10);
	EXPECT(gaming_unboost(&g), 0);
	EXPECT(nice_of(gettid()), -10);
	EXPECT(gaming_unlock(&g, &lock), 0);
	EXPECT(nice_of(gettid()), 0);
	EXPECT(actor_finish(&high), 0);
	gaming_close(&g);
	return 0;
}
