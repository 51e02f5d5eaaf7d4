// SPDX-License-Identifier: Apache-2.0
/*
 * POSIX AIO: aio_read and so on, and lio_listio. What the ring cannot do is glibc's
 * from its begin to its end. aio_return and aio_init are glibc's own.
 */
#include <errno.h>
#include <stdlib.h>

#include "aio.h"
#include "plain.h"
#include "policy.h"

/* Both names of each are one function: off_t has 64 bits. */
_Static_assert(sizeof(struct aiocb) == sizeof(struct aiocb64), "two layouts of struct aiocb");
#define ALSO_64(name) __asm__(".globl " #name "64\n.set " #name "64, " #name "\n")

#define MAX_LIST 64

static int begin_one(struct aiocb64 *cb, int opcode)
{
	struct xp_turn turn = xp_turn_begin(XP_AIO);
	int ret = 0;

	turn.by_ring = turn.ring && xp_aio_can(cb, opcode) && xp_aio_begin(&cb, 1, &opcode);
	if (!turn.by_ring) {
		xp_aio_foreign(cb);
		ret = opcode == LIO_READ ? xp_plain_aio_read((struct aiocb *)cb)
					 : xp_plain_aio_write((struct aiocb *)cb);
	}
	return (int)xp_turn_end(&turn, ret);
}

XP_EXPORT int aio_read(struct aiocb *cb)
{
	return begin_one((struct aiocb64 *)cb, LIO_READ);
}

XP_EXPORT int aio_write(struct aiocb *cb)
{
	return begin_one((struct aiocb64 *)cb, LIO_WRITE);
}

/* Behind all that is under way here. A program that waits for nothing is rare. */
XP_EXPORT int aio_fsync(int how, struct aiocb *cb)
{
	while (xp_aio_busy(cb->aio_fildes))
		xp_aio_wait(NULL);
	xp_aio_foreign((struct aiocb64 *)cb);
	return xp_plain_aio_fsync(how, cb);
}

XP_EXPORT int aio_error(const struct aiocb *cb)
{
	if (__atomic_load_n(&cb->__error_code, __ATOMIC_ACQUIRE) == EINPROGRESS)
		xp_aio_reap();
	return xp_plain_aio_error(cb);
}

/* What is under way here goes on to its end. */
XP_EXPORT int aio_cancel(int fd, struct aiocb *cb)
{
	int ret;

	xp_aio_reap();
	if (!cb) {
		ret = xp_plain_aio_cancel(fd, NULL);
		return ret >= 0 && xp_aio_busy(fd) ? AIO_NOTCANCELED : ret;
	}
	if (!xp_aio_ours((struct aiocb64 *)cb) || cb->aio_fildes != fd)
		return xp_plain_aio_cancel(fd, cb);
	return aio_error(cb) == EINPROGRESS ? AIO_NOTCANCELED : AIO_ALLDONE;
}

static uint64_t end_of(const struct timespec *timeout)
{
	return xp_now_ns() + (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
}

static int failed(int err)
{
	errno = err;
	return -1;
}

/* Some may be glibc's: then it is asked, for a moment each time. */
XP_EXPORT int aio_suspend(
	const struct aiocb *const list[], int count, const struct timespec *timeout)
{
	static const struct timespec moment = {.tv_nsec = 1000000};
	uint64_t until = timeout ? end_of(timeout) : 0;
	bool ours = false, others = false;
	int err;

	for (int i = 0; i < count; i++)
		if (list[i])
			*(xp_aio_ours((const struct aiocb64 *)list[i]) ? &ours : &others) = true;
	if (!ours)
		return xp_plain_aio_suspend(list, count, timeout);
	for (;;) {
		for (int i = 0; i < count; i++)
			if (list[i] && aio_error(list[i]) != EINPROGRESS)
				return 0;
		if (timeout && xp_now_ns() >= until)
			return failed(EAGAIN);
		err = others && !xp_plain_aio_suspend(list, count, &moment)
			      ? 0
			      : xp_aio_wait(timeout ? &until : NULL);
		if (err)
			return failed(-err);
	}
}

/* 0, or -1 with EIO as one of them failed, or with EINTR. */
static int wait_for_all(struct aiocb *const list[], int count)
{
	bool bad = false;

	for (int i = 0; i < count; i++) {
		if (!list[i] || list[i]->aio_lio_opcode == LIO_NOP)
			continue;
		while (aio_error(list[i]) == EINPROGRESS)
			if (xp_aio_wait(NULL) == -EINTR)
				return failed(EINTR);
		bad |= aio_error(list[i]) != 0;
	}
	return bad ? failed(EIO) : 0;
}

XP_EXPORT int lio_listio(int mode, struct aiocb *const list[], int count, struct sigevent *event)
{
	struct xp_turn turn = xp_turn_begin(XP_AIO);
	int opcodes[MAX_LIST];
	bool ring = turn.ring && count > 0 && count <= MAX_LIST &&
		    (mode == LIO_WAIT ||
			    (mode == LIO_NOWAIT && (!event || event->sigev_notify == SIGEV_NONE)));

	for (int i = 0; ring && i < count; i++) {
		opcodes[i] = list[i] ? list[i]->aio_lio_opcode : LIO_NOP;
		ring = opcodes[i] == LIO_NOP || xp_aio_can((struct aiocb64 *)list[i], opcodes[i]);
	}
	turn.by_ring = ring && xp_aio_begin((struct aiocb64 *const *)list, count, opcodes);
	xp_turn_end(&turn, 0);
	if (turn.by_ring)
		return mode == LIO_WAIT ? wait_for_all(list, count) : 0;
	for (int i = 0; i < count; i++)
		if (list[i])
			xp_aio_foreign((struct aiocb64 *)list[i]);
	return xp_plain_lio_listio(mode, list, count, event);
}

ALSO_64(aio_read);
ALSO_64(aio_write);
ALSO_64(aio_fsync);
ALSO_64(aio_error);
ALSO_64(aio_cancel);
ALSO_64(aio_suspend);
ALSO_64(lio_listio);
