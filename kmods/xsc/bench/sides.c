/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/bench/sides.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void batch_xsc(struct bench *b, enum work work, int batch)
{
	struct xsc_cqe cqe;

	for (int i = 0; i < batch; i++) {
		struct xsc_sqe *sqe = xsc_get_sqe(&b->xsc);

		if (work == NOP)
			xsc_prep_nop(sqe);
		else
			xsc_prep_pread(sqe, b->fd, b->buf + i * BLOCK, BLOCK, 0);
	}
	if (xsc_submit(&b->xsc) < 0)
		abort();
	for (int i = 0; i < batch; i++) {
		xsc_spin_cqe(&b->xsc, &cqe);
		if (cqe.res != (work == NOP ? 0 : BLOCK))
			abort();
	}
}

static void batch_uring(struct bench *b, enum work work, int batch)
{
	for (int i = 0; i < batch; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&b->uring);

		if (work == NOP)
			io_uring_prep_nop(sqe);
		else
			io_uring_prep_read(sqe, b->fd, b->buf + i * BLOCK, BLOCK, 0);
	}
	if (io_uring_submit(&b->uring) < 0)
		abort();
	for (int i = 0; i < batch; i++) {
		struct io_uring_cqe *cqe;

		while (io_uring_peek_cqe(&b->uring, &cqe))
			xsc_relax();
		if (cqe->res != (work == NOP ? 0 : BLOCK))
			abort();
		io_uring_cqe_seen(&b->uring, cqe);
	}
}

/* The cheapest system call stands for NOP. */
static void batch_plain(struct bench *b, enum work work, int batch)
{
	for (int i = 0; i < batch; i++) {
		if (work == NOP)
			syscall(SYS_getppid);
		else if (pread(b->fd, b->buf + i * BLOCK, BLOCK, 0) != BLOCK)
			abort();
	}
}

static void (*const batches[SIDES])(struct bench *, enum work, int) = {
	batch_xsc, batch_uring, batch_plain};

int bench_open(struct bench *b, enum side side, unsigned int idle_ms)
{
	struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = idle_ms};
	struct xsc_params xsc = {.sq_entries = 2 * MAX_BATCH,
		.cq_entries = 4 * MAX_BATCH,
		.idle_given = true,
		.idle_us = idle_ms * 1000};
	int err = 0;

	if (side == XSC || side == SIDES)
		err = xsc_setup(&b->xsc, &xsc);
	if (!err && (side == URING || side == SIDES))
		err = io_uring_queue_init_params(2 * MAX_BATCH, &b->uring, &params);
	return err;
}

void bench_quiet(struct bench *b)
{
	while (!(xsc_load_relaxed(b->xsc.sq_flags) & XSC_SQ_NEED_WAKEUP) ||
		!(__atomic_load_n(b->uring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP))
		usleep(500);
}

void bench_run(struct bench *b, enum side side, enum work work, int batch, int ops)
{
	for (int done = 0; done < ops; done += batch)
		batches[side](b, work, batch);
}
