/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/gaming, for the fuzzer. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/gaming.h>
#include <linux/gaming_boost.h>
#include <linux/gaming_sync.h>

#include "tests/kmods/fuzz_ioctl.h"

/* Words on which the process's threads meet; anything is written into them. */
static volatile uint32_t words[8];
static struct gaming_batch_entry entries[16];

static uint64_t soon(struct fuzz_session *session)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
	       fuzz_below(&session->random, 2000000);
}

static uint64_t some_word(struct fuzz_session *session)
{
	return (uintptr_t)&words[fuzz_below(&session->random, 8)];
}

static uint32_t some_class(struct fuzz_session *session)
{
	return fuzz_below(&session->random, GAMING_CLASS_COUNT);
}

static void fill_info(struct fuzz_session *session, void *arg)
{
	(void)session;
	((struct gaming_info *)arg)->size = sizeof(struct gaming_info);
}

/* Calls with arguments of zeros: the sizes are wrong, the batch is not. */
static void fill_batch(struct fuzz_session *session, void *arg)
{
	struct gaming_batch *batch = arg;

	batch->size = sizeof(*batch);
	batch->flags = fuzz_below(&session->random, 2);
	batch->count = 1 + fuzz_below(&session->random, 16);
	batch->entries = (uintptr_t)entries;
	for (uint32_t i = 0; i < batch->count; i++)
		entries[i] = (struct gaming_batch_entry){
			.call = GAMING_CALL_FIRST + fuzz_below(&session->random, 70),
			.arg = fuzz_below(&session->random, 2) ? fuzz_value(&session->random)
							       : (uintptr_t)words};
}

static void fill_futex(struct fuzz_session *session, void *arg)
{
	struct gaming_futex *futex = arg;
	uint32_t what = fuzz_below(&session->random, 4);

	futex->size = sizeof(*futex);
	futex->addr = some_word(session);
	if (what <= 1) {
		futex->value = *(volatile uint32_t *)(uintptr_t)futex->addr;
		futex->class = some_class(session);
		futex->flags = GAMING_SYNC_ABSOLUTE;
		futex->timeout_ns = soon(session);
	} else if (what == 2) {
		futex->op = GAMING_FUTEX_WAKE;
		futex->count = fuzz_below(&session->random, 4);
		futex->flags = fuzz_below(&session->random, 2) ? GAMING_FUTEX_OF_CLASS : 0;
		futex->class = futex->flags ? some_class(session) : 0;
	} else {
		futex->op = GAMING_FUTEX_REQUEUE;
		futex->value = *(volatile uint32_t *)(uintptr_t)futex->addr;
		futex->count = fuzz_below(&session->random, 3);
		futex->count2 = fuzz_below(&session->random, 9);
		futex->addr2 = some_word(session);
	}
}

/* Who owns it: nobody, this thread, its process, someone, who does not exist. */
static void own_word(struct fuzz_session *session, uint64_t addr)
{
	volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)addr;

	switch (fuzz_below(&session->random, 8)) {
	case 0:
		*word = 0;
		break;
	case 1:
		*word = (uint32_t)gettid();
		break;
	case 2:
		*word = (uint32_t)getpid() | GAMING_MUTEX_WAITERS;
		break;
	case 3:
		*word = (uint32_t)fuzz_value(&session->random);
		break;
	default:
		break;
	}
}

static void fill_lock(struct fuzz_session *session, void *arg)
{
	struct gaming_mutex *mutex = arg;

	mutex->size = sizeof(*mutex);
	mutex->addr = some_word(session);
	mutex->class = some_class(session);
	mutex->flags = GAMING_SYNC_ABSOLUTE;
	mutex->timeout_ns = soon(session);
	own_word(session, mutex->addr);
}

static void fill_unlock(struct fuzz_session *session, void *arg)
{
	struct gaming_mutex *mutex = arg;

	mutex->size = sizeof(*mutex);
	mutex->addr = some_word(session);
	if (fuzz_below(&session->random, 2))
		*(volatile uint32_t *)(uintptr_t)mutex->addr =
			(uint32_t)gettid() | GAMING_MUTEX_WAITERS;
}

static void fill_cond(struct fuzz_session *session, void *arg)
{
	struct gaming_cond *cond = arg;

	cond->size = sizeof(*cond);
	cond->addr = some_word(session);
	cond->mutex = some_word(session);
	cond->value = *(volatile uint32_t *)(uintptr_t)cond->addr;
	cond->class = some_class(session);
	cond->flags = GAMING_SYNC_ABSOLUTE;
	cond->timeout_ns = soon(session);
	if (fuzz_below(&session->random, 2) && cond->mutex != cond->addr)
		*(volatile uint32_t *)(uintptr_t)cond->mutex = (uint32_t)gettid();
}

static void fill_barrier(struct fuzz_session *session, void *arg)
{
	struct gaming_barrier *barrier = arg;

	barrier->size = sizeof(*barrier);
	barrier->addr = some_word(session);
	barrier->parties = 1 + fuzz_below(&session->random, 3);
	barrier->class = some_class(session);
	barrier->flags = GAMING_SYNC_ABSOLUTE;
	barrier->timeout_ns = soon(session);
}

static void fill_boost(struct fuzz_session *session, void *arg)
{
	struct gaming_boost *boost = arg;

	boost->size = sizeof(*boost);
	if (fuzz_below(&session->random, 3) == 0) {
		boost->flags = GAMING_BOOST_END;
		return;
	}
	boost->nice = -1 - (int)fuzz_below(&session->random, 20);
	boost->timeout_ns = 1 + fuzz_below(&session->random, 20000000);
}

static void scribble(struct fuzz_session *session)
{
	own_word(session, some_word(session));
}

static const int futex_reached[] = {EAGAIN, ETIMEDOUT, EINTR, 0};
static const int lock_reached[] = {ETIMEDOUT, EDEADLK, ESRCH, EINTR, 0};
static const int unlock_reached[] = {EPERM, 0};
static const int cond_reached[] = {EAGAIN, EPERM, ETIMEDOUT, ESRCH, EINTR, 0};
static const int barrier_reached[] = {ETIMEDOUT, EINTR, 0};
static const int boost_reached[] = {EBUSY, ENOENT, 0};

static const struct fuzz_call calls[] = {
	{"INFO", GAMING_IOC_INFO, sizeof(struct gaming_info), false, fill_info},
	{"BATCH", GAMING_IOC_BATCH, sizeof(struct gaming_batch), true, fill_batch},
	{"FUTEX", GAMING_IOC(GAMING_CALL_FUTEX), sizeof(struct gaming_futex), true, fill_futex,
		NULL, futex_reached},
	{"MUTEX_LOCK", GAMING_IOC(GAMING_CALL_MUTEX_LOCK), sizeof(struct gaming_mutex), true,
		fill_lock, NULL, lock_reached},
	{"MUTEX_UNLOCK", GAMING_IOC_MUTEX_UNLOCK, sizeof(struct gaming_mutex), false, fill_unlock,
		NULL, unlock_reached},
	{"COND_WAIT", GAMING_IOC(GAMING_CALL_COND_WAIT), sizeof(struct gaming_cond), true,
		fill_cond, NULL, cond_reached},
	{"BARRIER_WAIT", GAMING_IOC(GAMING_CALL_BARRIER_WAIT), sizeof(struct gaming_barrier), true,
		fill_barrier, NULL, barrier_reached},
	{"BOOST", GAMING_IOC(GAMING_CALL_BOOST), sizeof(struct gaming_boost), false, fill_boost,
		NULL, boost_reached},
};

const struct fuzz_device gaming_fuzz = {
	.path = GAMING_DEVICE,
	.magic = GAMING_IOC_MAGIC,
	.calls = calls,
	.count = sizeof(calls) / sizeof(calls[0]),
	.other = scribble,
};
