/* SPDX-License-Identifier: Apache-2.0 */
/* Mutexes and conditions: one owner at a time, the right next one, and every way to end. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/sync.h"
#include "kmods/gaming/selftest/actors.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

struct counted {
	const struct gaming *g;
	struct gaming_lock lock;
	uint64_t count; /* by nobody but the owner */
	_Atomic uint64_t timeouts;
	_Atomic uint32_t inside;
};

static void *count_up(void *arg)
{
	struct counted *counted = arg;
	uint32_t state = (uint32_t)gettid();

	for (int i = 0; i < 3000;) {
		uint32_t class = random_next(&state) % GAMING_CLASS_COUNT;
		uint64_t until = random_next(&state) % 4 ? 0 : now_ns() + 50000;
		int ret = gaming_lock(counted->g, &counted->lock, class, until);

		if (ret == -ETIMEDOUT) {
			counted->timeouts++;
			continue;
		}
		if (ret || counted->inside++)
			return arg;
		counted->count++;
		if (i % 64 == 0)
			sched_yield(); /* so that others find it taken */
		counted->inside--;
		if (gaming_unlock(counted->g, &counted->lock))
			return arg;
		i++;
	}
	return NULL;
}

int test_mutex(void)
{
	struct counted counted = {0};
	pthread_t threads[4];
	struct gaming g;
	void *ret;

	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_unlock(&g, &counted.lock), -EPERM);
	EXPECT(gaming_lock(&g, &counted.lock, 0, 0), 0);
	EXPECT(counted.lock.word, gettid());
	EXPECT(gaming_trylock(&counted.lock), -EBUSY);
	EXPECT(gaming_lock(&g, &counted.lock, 0, 0), -EDEADLK);
	EXPECT(gaming_unlock(&g, &counted.lock), 0);
	EXPECT(counted.lock.word, 0);
	/* No thread of this process: init, one that cannot be. */
	counted.lock.word = 1;
	EXPECT(gaming_lock(&g, &counted.lock, 0, 0), -ESRCH);
	EXPECT(gaming_unlock(&g, &counted.lock), -EPERM);
	counted.lock.word = GAMING_MUTEX_TID;
	EXPECT(gaming_lock(&g, &counted.lock, 0, 0), -ESRCH);
	counted.lock.word = GAMING_MUTEX_WAITERS;
	EXPECT(gaming_lock(&g, &counted.lock, 0, 0), 0);
	EXPECT(gaming_unlock(&g, &counted.lock), 0);

	counted.g = &g;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count_up, &counted);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		REQUIRE(!ret, "two owners, or a call that failed");
	}
	EXPECT(counted.count, 12000);
	EXPECT(counted.lock.word & GAMING_MUTEX_TID, 0);
	gaming_close(&g);
	return 0;
}

int test_mutex_bad(void)
{
	static _Atomic uint32_t word;
	struct gaming_lock lock = {0};
	struct gaming_mutex bad[8];
	struct gaming_cond cond[8];
	struct gaming g;

	EXPECT(sizeof(struct gaming_mutex), 32);
	EXPECT(sizeof(struct gaming_cond), 48);
	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < 8; i++) {
		bad[i] = (struct gaming_mutex){.size = sizeof(*bad), .addr = (uintptr_t)&lock.word};
		cond[i] = (struct gaming_cond){.size = sizeof(*cond),
			.addr = (uintptr_t)&word,
			.mutex = (uintptr_t)&lock.word};
	}
	bad[0].size = 31;
	bad[1].flags = 3;
	bad[2].flags = GAMING_FUTEX_OF_CLASS;
	bad[3].addr += 1;
	bad[4].timeout_ns = 1;
	bad[5].class = GAMING_CLASS_COUNT;
	bad[6].resv = 1;
	bad[7].addr = 0;
	cond[0].size = 47;
	cond[1].flags = 4;
	cond[2].addr = cond[2].mutex;
	cond[3].mutex += 2;
	cond[4].timeout_ns = 1;
	cond[5].class = GAMING_CLASS_COUNT;
	cond[6].resv = 1;
	cond[7].addr = 0;
	for (int i = 0; i < 8; i++) {
		EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MUTEX_LOCK), &bad[i]), -EINVAL);
		EXPECT(gaming_ioctl(&g, GAMING_IOC_MUTEX_UNLOCK, &bad[i]), -EINVAL);
		EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_COND_WAIT), &cond[i]), -EINVAL);
		EXPECT(lock.word, 0);
	}
	bad[7].addr = 0x1000;
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MUTEX_LOCK), &bad[7]), -EFAULT);
	EXPECT(gaming_ioctl(&g, GAMING_IOC_MUTEX_UNLOCK, &bad[7]), -EFAULT);
	/* A mutex that is not the caller's is not let go. */
	cond[7].addr = (uintptr_t)&word;
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_COND_WAIT), &cond[7]), -EPERM);
	gaming_close(&g);
	return 0;
}

/* Handed to the strongest, then by age; a timeout and a signal leave the queue right. */
int test_mutex_order(void)
{
	static const uint32_t come[] = {GAMING_CLASS_NORMAL, GAMING_CLASS_AUDIO, GAMING_CLASS_FRAME,
		GAMING_CLASS_NORMAL, GAMING_CLASS_AUDIO, GAMING_CLASS_INPUT};
	static const int expected[] = {2, 1, 4, 5, 0, 3};
	enum { N = ARRAY_LEN(come) };
	const struct sigaction action = {.sa_handler = do_nothing};
	struct gaming_lock lock = {0};
	struct actor actors[N] = {0}, late, hit;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	sigaction(SIGUSR1, &action, NULL);
	EXPECT(gaming_lock(&g, &lock, 0, 0), 0);
	for (int i = 0; i < N; i++) {
		actors[i] =
			(struct actor){.g = &g, .act = actor_lock, .lock = &lock, .class = come[i]};
		actor_start_asleep(&actors[i]);
		EXPECT(actors[i].done, 0);
	}
	late = hit = (struct actor){
		.g = &g, .act = actor_lock, .lock = &lock, .class = GAMING_CLASS_FRAME};
	late.deadline_ns = now_ns() + 30000000;
	actor_start_asleep(&late);
	actor_start_asleep(&hit);
	EXPECT(actor_finish(&late), -ETIMEDOUT);
	pthread_kill(hit.thread, SIGUSR1);
	EXPECT(actor_finish(&hit), -EINTR);
	EXPECT(lock.word, (long)((uint32_t)gettid() | GAMING_MUTEX_WAITERS));

	actor_sections = 0;
	EXPECT(gaming_unlock(&g, &lock), 0);
	for (int i = 0; i < N; i++)
		EXPECT(actor_finish(&actors[i]), 0);
	for (int i = 0; i < N; i++)
		EXPECT(actors[expected[i]].stage, i + 1);
	EXPECT(lock.word, 0);
	gaming_close(&g);
	return 0;
}

int test_mutex_deadlock(void)
{
	struct gaming_lock locks[3] = {0};
	struct actor a = {.act = actor_hold, .lock = &locks[1], .lock2 = &locks[0]};
	struct actor b = {.act = actor_hold, .lock = &locks[2], .lock2 = &locks[1]};
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	a.g = b.g = &g;
	EXPECT(gaming_lock(&g, &locks[0], 0, 0), 0);
	actor_start_asleep(&a);
	actor_start_asleep(&b);
	/* This thread has 0; a has 1 and wants 0; b has 2 and wants 1. */
	EXPECT(gaming_lock(&g, &locks[1], 0, 0), -EDEADLK);
	EXPECT(gaming_lock(&g, &locks[2], 0, 0), -EDEADLK);
	EXPECT(gaming_unlock(&g, &locks[0]), 0);
	a.go = b.go = 3;
	EXPECT(actor_finish(&a), 0);
	EXPECT(actor_finish(&b), 0);
	EXPECT(gaming_lock(&g, &locks[2], 0, 0), 0);
	gaming_close(&g);
	return 0;
}

static long lock_and_end(struct actor *actor)
{
	long ret = gaming_lock(actor->g, actor->lock, 0, 0);

	actor->stage = 1;
	while (!actor->go)
		sched_yield();
	return ret; /* its owner still */
}

int test_mutex_owner_ends(void)
{
	struct gaming_lock lock = {0};
	struct actor owner = {.act = lock_and_end, .lock = &lock};
	struct actor waiter = {.act = actor_lock, .lock = &lock};
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	owner.g = waiter.g = &g;
	actor_start(&owner);
	actor_wait_stage(&owner, 1);
	actor_start_asleep(&waiter);
	owner.go = 1;
	EXPECT(actor_finish(&owner), 0);
	EXPECT(actor_finish(&waiter), -ESRCH);
	EXPECT(gaming_lock(&g, &lock, 0, 0), -ESRCH);
	lock.word = 0;
	EXPECT(gaming_lock(&g, &lock, 0, 0), 0);
	gaming_close(&g);
	return 0;
}

struct hostile {
	struct gaming g;
	struct gaming_lock lock;
	_Atomic uint32_t stop, self, served;
};

static void *scribble_word(void *arg)
{
	struct hostile *hostile = arg;
	uint32_t state = 815;

	while (!hostile->stop) {
		const uint32_t values[] = {0, GAMING_MUTEX_WAITERS, (uint32_t)getpid(), 1,
			hostile->self, hostile->self | GAMING_MUTEX_WAITERS, random_next(&state)};

		hostile->lock.word = values[random_next(&state) % ARRAY_LEN(values)];
		if (random_next(&state) % 16 == 0)
			sched_yield();
	}
	return NULL;
}

static void *suffer(void *arg)
{
	struct hostile *hostile = arg;

	while (!hostile->stop) {
		hostile->self = (uint32_t)gettid();
		if (!gaming_lock(&hostile->g, &hostile->lock, 0, now_ns() + 200000))
			gaming_unlock(&hostile->g, &hostile->lock);
		hostile->served++;
	}
	return NULL;
}

/* Whoever writes into the word of its own mutex harms itself, and ends all the same. */
int test_mutex_hostile(void)
{
	static struct hostile hostile;
	pthread_t threads[4];
	uint64_t end = now_ns() + 1500000000u;

	EXPECT(gaming_open(&hostile.g), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i ? suffer : scribble_word, &hostile);
	/* The words make this one an owner, again and again: it is raised for others. */
	EXPECT(sys(setpriority(PRIO_PROCESS, 0, 5)), 0);
	while (now_ns() < end || hostile.served < 200)
		sched_yield();
	hostile.stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT(nice_of(gettid()), 5);
	gaming_close(&hostile.g);
	return 0;
}

struct queue {
	const struct gaming *g;
	struct gaming_lock lock;
	struct gaming_condition filled;
	int things, taken;
	bool closed;
};

static void *take_things(void *arg)
{
	struct queue *queue = arg;

	if (gaming_lock(queue->g, &queue->lock, 0, 0))
		return arg;
	for (;;) {
		while (!queue->things && !queue->closed) {
			int err = gaming_condition_wait(queue->g, &queue->filled, &queue->lock,
				(uint32_t)gettid() % GAMING_CLASS_COUNT, now_ns() + 300000);

			if ((err && err != -ETIMEDOUT) ||
				(queue->lock.word & GAMING_MUTEX_TID) != (uint32_t)gettid())
				return arg;
		}
		if (!queue->things)
			break;
		queue->things--;
		queue->taken++;
	}
	return gaming_unlock(queue->g, &queue->lock) ? arg : NULL;
}

static long wait_condition(struct actor *actor)
{
	struct gaming_condition *condition = (void *)actor->word;
	long ret = gaming_lock(actor->g, actor->lock, 0, 0);

	if (ret)
		return ret;
	ret = gaming_condition_wait(
		actor->g, condition, actor->lock, actor->class, actor->deadline_ns);
	if ((actor->lock->word & GAMING_MUTEX_TID) != (uint32_t)gettid())
		return -EPERM;
	actor->stage = ++actor_sections;
	gaming_unlock(actor->g, actor->lock);
	return ret;
}

int test_condition(void)
{
	const struct sigaction action = {.sa_handler = do_nothing};
	struct queue queue = {0};
	struct actor actors[4], hit;
	pthread_t threads[3];
	struct gaming g;
	void *ret;

	EXPECT(gaming_open(&g), 0);
	queue.g = &g;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, take_things, &queue);
	for (int i = 0; i < 2000; i++) {
		EXPECT(gaming_lock(&g, &queue.lock, 0, 0), 0);
		queue.things++;
		gaming_condition_signal(&g, &queue.filled, 1);
		EXPECT(gaming_unlock(&g, &queue.lock), 0);
	}
	EXPECT(gaming_lock(&g, &queue.lock, 0, 0), 0);
	queue.closed = true;
	gaming_condition_signal(&g, &queue.filled, INT32_MAX);
	EXPECT(gaming_unlock(&g, &queue.lock), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &ret);
		REQUIRE(!ret, "a wait failed, or came back without the mutex");
	}
	EXPECT(queue.taken, 2000);

	/* All at once: they get the mutex by class, one after the other, asleep till then. */
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 4; i++) {
		actors[i] = (struct actor){.g = &g,
			.act = wait_condition,
			.word = &queue.filled.signals,
			.lock = &queue.lock,
			.class = i == 2 ? GAMING_CLASS_FRAME : 0};
		actor_start_asleep(&actors[i]);
	}
	hit = actors[0];
	hit.tid = hit.done = 0;
	actor_start_asleep(&hit);
	pthread_kill(hit.thread, SIGUSR1);
	EXPECT(actor_finish(&hit), -EINTR);
	EXPECT(gaming_lock(&g, &queue.lock, 0, 0), 0);
	actor_sections = 0;
	EXPECT(gaming_condition_signal(&g, &queue.filled, INT32_MAX), 4);
	for (int i = 0; i < 4; i++)
		EXPECT(actors[i].done, 0);
	EXPECT(queue.lock.word, (long)((uint32_t)gettid() | GAMING_MUTEX_WAITERS));
	EXPECT(gaming_unlock(&g, &queue.lock), 0);
	for (int i = 0; i < 4; i++)
		EXPECT(actor_finish(&actors[i]), 0);
	EXPECT(actors[2].stage, 1);
	EXPECT(queue.lock.word, 0);
	gaming_close(&g);
	return 0;
}
