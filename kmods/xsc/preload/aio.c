// SPDX-License-Identifier: Apache-2.0
/* POSIX AIO's ring. The state of a transfer is in its aiocb, where glibc has it. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "aio.h"
#include "fd_class.h"
#include "preload.h"
#include "ring.h"
#include "state.h"

#define ADDR(p) ((uint64_t)(uintptr_t)(p))
#define MAX_LEN 0x7ffff000u
#define ENTRIES 64
#define UNDER_WAY 128
/* Another thread may take the completion that this one waits for. */
#define SLICE_NS 5000000u
/* In the spare bytes of an aiocb. */
#define OURS 0x7873632d61696f21u /* "!oia-csx" */

static struct {
	struct xsc_ring ring;
	pthread_mutex_t lock;
	unsigned int generation; /* of the process that made the ring; 0: there is none */
	bool failed;
	struct aiocb64 *under_way[UNDER_WAY];
	unsigned int count; /* of under_way, read without the lock */
} aio = {.lock = PTHREAD_MUTEX_INITIALIZER};

static XP_THREAD bool inside; /* this thread holds the lock: a handler must not take it */

bool xp_aio_ours(const struct aiocb64 *cb)
{
	uint64_t mark;

	memcpy(&mark, cb->__glibc_reserved, sizeof(mark));
	return mark == OURS;
}

static void set_mark(struct aiocb64 *cb, uint64_t mark)
{
	memcpy(cb->__glibc_reserved, &mark, sizeof(mark));
}

void xp_aio_foreign(struct aiocb64 *cb)
{
	set_mark(cb, 0);
}

/* In a forked child neither the ring nor what is under way is its own. */
static bool mine(void)
{
	return aio.generation && aio.generation == xp_ring_generation();
}

static bool enter(void)
{
	if (inside)
		return false;
	inside = true;
	pthread_mutex_lock(&aio.lock);
	return true;
}

static void leave(void)
{
	pthread_mutex_unlock(&aio.lock);
	inside = false;
}

/* With the lock held. */
static bool have_ring(void)
{
	static const struct xsc_params params = {
		.sq_entries = ENTRIES, .cq_entries = UNDER_WAY, .max_threads = 8};

	if (mine())
		return true;
	if (aio.failed || !xp_ring_shared(&aio.ring, &params)) {
		aio.failed = true;
		return false;
	}
	aio.generation = xp_ring_generation();
	aio.count = 0;
	memset(aio.under_way, 0, sizeof(aio.under_way));
	return true;
}

/* O_APPEND promises an order; the ring may change it, where a transfer sleeps. */
bool xp_aio_can(const struct aiocb64 *cb, int opcode)
{
	return xp_mode != XP_OFF && cb->aio_sigevent.sigev_notify == SIGEV_NONE &&
	       !cb->aio_reqprio && cb->aio_offset >= 0 && cb->aio_nbytes <= MAX_LEN &&
	       (opcode == LIO_READ || opcode == LIO_WRITE) &&
	       xp_fd_class(cb->aio_fildes) == XP_FILE &&
	       !(opcode == LIO_WRITE && xp_fd_appends(cb->aio_fildes));
}

static void reap(void)
{
	struct xsc_cqe cqe;

	while (xsc_peek_cqe(&aio.ring, &cqe)) {
		struct aiocb64 *cb = (struct aiocb64 *)(uintptr_t)cqe.user_data;

		for (unsigned int i = 0; i < UNDER_WAY; i++)
			if (aio.under_way[i] == cb)
				aio.under_way[i] = NULL;
		__atomic_fetch_sub(&aio.count, 1, __ATOMIC_RELAXED);
		cb->__return_value = cqe.res < 0 ? -1 : cqe.res;
		/* The last word: the block may be anything from here on. */
		__atomic_store_n(&cb->__error_code, cqe.res < 0 ? -cqe.res : 0, __ATOMIC_RELEASE);
	}
}

static void prepare(struct aiocb64 *cb, int opcode)
{
	struct xsc_sqe *sqe = xsc_get_sqe(&aio.ring);
	unsigned int place = 0;

	while (aio.under_way[place])
		place++;
	aio.under_way[place] = cb;
	__atomic_fetch_add(&aio.count, 1, __ATOMIC_RELAXED);
	cb->__error_code = EINPROGRESS;
	cb->__return_value = 0;
	set_mark(cb, OURS);
	xsc_prep(sqe, opcode == LIO_READ ? XSC_OP_PREAD : XSC_OP_PWRITE, cb->aio_fildes,
		(void *)cb->aio_buf, (uint32_t)cb->aio_nbytes, (uint64_t)cb->aio_offset, 0);
	sqe->user_data = ADDR(cb);
}

/* Room for all of them, in both queues: the CQ's is counted, the SQ's is what is not taken. */
static bool has_room(unsigned int count)
{
	reap();
	if (aio.count + count > UNDER_WAY)
		return false;
	aio.ring.taken = xsc_load_acquire(aio.ring.sq_head);
	return aio.ring.prepared - aio.ring.taken + count <= aio.ring.sq_entries;
}

/* Served no more: what was not taken has ended, and it cannot be known what else. */
static void give_up(void)
{
	for (unsigned int i = 0; i < UNDER_WAY; i++)
		if (aio.under_way[i]) {
			aio.under_way[i]->__return_value = -1;
			__atomic_store_n(&aio.under_way[i]->__error_code, EIO, __ATOMIC_RELEASE);
		}
	aio.failed = true;
	aio.generation = 0;
}

bool xp_aio_begin(struct aiocb64 *const list[], int count, const int *opcode)
{
	bool begun = false;

	if (count <= 0 || count > ENTRIES || !xp_ring_usable() || !enter())
		return false;
	if (have_ring() && has_room((unsigned int)count)) {
		for (int i = 0; i < count; i++)
			if (opcode[i] != LIO_NOP)
				prepare(list[i], opcode[i]);
		if (xsc_submit(&aio.ring) < 0)
			give_up();
		begun = true;
	}
	leave();
	return begun;
}

void xp_aio_reap(void)
{
	int saved = errno;

	if (!__atomic_load_n(&aio.count, __ATOMIC_RELAXED) || !mine() || !enter())
		return;
	reap();
	leave();
	errno = saved;
}

int xp_aio_wait(const uint64_t *until_ns)
{
	uint64_t now = xp_now_ns(), slice = now + SLICE_NS;
	int err;

	if (!mine())
		return -EINTR; /* a forked child waits for what its parent began */
	if (until_ns && now >= *until_ns)
		return -EAGAIN;
	if (until_ns && *until_ns < slice)
		slice = *until_ns;
	if (xsc_poll_cq(&aio.ring))
		return 0;
	err = xsc_wait(&aio.ring, 1, &slice);
	return err == -EINTR ? err : 0;
}

bool xp_aio_busy(int fd)
{
	bool busy = false;

	if (!mine() || !enter())
		return false;
	reap();
	for (unsigned int i = 0; i < UNDER_WAY; i++)
		busy |= aio.under_way[i] && (fd < 0 || aio.under_way[i]->aio_fildes == fd);
	leave();
	return busy;
}
