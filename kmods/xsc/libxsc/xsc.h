/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxsc: a ring of /dev/xsc, its serving thread, and both of its queues.
 *
 * Functions that can fail return 0 or a positive number, or a negative errno:
 * those of <linux/xsc.h> for what the module refuses, -ENOENT when there is no
 * /dev/xsc, -EAGAIN when the serving thread cannot be made.
 *
 * One thread at a time may call the functions of one ring; two rings have
 * nothing in common. A ring does not survive fork or execve: in a child its queues
 * are not mapped, and all that it may be given to is xsc_teardown.
 *
 *	struct xsc_ring ring;
 *	int err = xsc_setup(&ring, NULL);
 *
 *	struct xsc_sqe *sqe = xsc_get_sqe(&ring);
 *	xsc_prep_pread(sqe, fd, buf, sizeof(buf), 0);
 *	sqe->user_data = 1;
 *	xsc_submit(&ring);
 *
 *	struct xsc_cqe cqe;
 *	err = xsc_wait_cqe(&ring, &cqe);	cqe.res is what pread(2) returns,
 *						or a negative errno
 *	xsc_teardown(&ring);
 */
#ifndef XSC_H
#define XSC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <linux/xsc.h>

#include "barrier.h"

/* What to ask for; all of it 0 (or a NULL pointer) is the default. */
struct xsc_params {
	uint32_t sq_entries; /* 0: XSC_DEFAULT_SQ_ENTRIES */
	uint32_t cq_entries; /* 0: twice sq_entries, as far as there are so many */
	bool idle_given;     /* idle_us counts, 0 included */
	uint32_t idle_us;    /* how long the thread polls before it sleeps */
	uint32_t first;	     /* where the counters start */
	bool no_thread;	     /* the caller lends a thread itself: xsc_serve_loop() */
};

/* Members are read-only for users of the library. */
struct xsc_ring {
	pid_t owner; /* the process that set it up */
	int fd;
	void *map;
	size_t map_size;
	pthread_t thread;
	bool has_thread;
	bool one_cpu;	   /* set up on one CPU only: waiting never polls */
	uint64_t features; /* XSC_FEAT_* */
	uint64_t ops;	   /* 1 << XSC_OP_* */

	uint32_t *sq_head, *sq_tail, *sq_flags;
	uint32_t *cq_head, *cq_tail;
	struct xsc_sqe *sqes;
	struct xsc_cqe *cqes;
	uint32_t sq_entries, cq_entries;

	uint32_t prepared;  /* handed out by xsc_get_sqe: the next sq_tail */
	uint32_t submitted; /* = *sq_tail */
	uint32_t taken;	    /* the last sq_head seen */
	uint32_t reaped;    /* = *cq_head */
	uint32_t completed; /* the last cq_tail seen */
};

/*
 * Open the device, set a ring up, map it, and lend it a thread. @params may be
 * NULL. @ret_ring is untouched on failure.
 */
int xsc_setup(struct xsc_ring *ret_ring, const struct xsc_params *params);

/*
 * End the service, wait for the thread, unmap, close. An operation that sleeps
 * is broken off; what was not completed has no completion. Takes NULL and a ring
 * that was torn down. In a child after fork it closes the descriptor, no more.
 */
void xsc_teardown(struct xsc_ring *ring);

/*
 * Lend the calling thread until the service is over. Signals that the thread has
 * not blocked are handled meanwhile. Returns why: -ESHUTDOWN, -EACCES,
 * -EOVERFLOW, -EBUSY, -EPERM.
 */
int xsc_serve_loop(int fd);

/* End the service; no call of the ring is valid after but xsc_teardown. */
int xsc_shutdown(struct xsc_ring *ring);

/*
 * The next free SQE, all zero, or NULL when the SQ is full: submit, and reap. It
 * is the caller's until xsc_submit.
 */
struct xsc_sqe *xsc_get_sqe(struct xsc_ring *ring);

/*
 * Hand over all SQEs got since the last time. No system call unless the serving
 * thread sleeps. Returns how many.
 */
int xsc_submit(struct xsc_ring *ring);

/*
 * The oldest completion, copied, and reaped: 1, or 0 if there is none. No system
 * call, but one: if more than cq_entries were outstanding and the thread sleeps
 * for want of room.
 */
int xsc_peek_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe);

/* The same, but polls for a while, then sleeps in the kernel, till there is one. */
int xsc_wait_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe);

/* The same, but only polls: never a system call, and never back without one. */
void xsc_spin_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe);

/*
 * Sleep until @min are there to be reaped. @timeout_ns: absolute, of
 * CLOCK_MONOTONIC, or NULL. 0, -ETIME, -EINTR, -ESHUTDOWN, -EACCES, -EOVERFLOW.
 */
int xsc_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns);

static inline void xsc_prep(struct xsc_sqe *sqe, uint8_t opcode, int fd, const void *addr,
	uint32_t len, uint64_t off, uint32_t op_flags)
{
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (uint64_t)(uintptr_t)addr;
	sqe->len = len;
	sqe->off = off;
	sqe->op_flags = op_flags;
}

static inline void xsc_prep_nop(struct xsc_sqe *sqe)
{
	xsc_prep(sqe, XSC_OP_NOP, 0, NULL, 0, 0, 0);
}

static inline void xsc_prep_read(struct xsc_sqe *sqe, int fd, void *buf, uint32_t len)
{
	xsc_prep(sqe, XSC_OP_READ, fd, buf, len, 0, 0);
}

static inline void xsc_prep_write(struct xsc_sqe *sqe, int fd, const void *buf, uint32_t len)
{
	xsc_prep(sqe, XSC_OP_WRITE, fd, buf, len, 0, 0);
}

static inline void xsc_prep_pread(
	struct xsc_sqe *sqe, int fd, void *buf, uint32_t len, uint64_t off)
{
	xsc_prep(sqe, XSC_OP_PREAD, fd, buf, len, off, 0);
}

static inline void xsc_prep_pwrite(
	struct xsc_sqe *sqe, int fd, const void *buf, uint32_t len, uint64_t off)
{
	xsc_prep(sqe, XSC_OP_PWRITE, fd, buf, len, off, 0);
}

/* @path must stay as it is until the completion. Relative to the working directory. */
static inline void xsc_prep_open(struct xsc_sqe *sqe, const char *path, int flags, uint32_t mode)
{
	xsc_prep(sqe, XSC_OP_OPEN, -100 /* AT_FDCWD */, path, mode, 0, (uint32_t)flags);
}

static inline void xsc_prep_close(struct xsc_sqe *sqe, int fd)
{
	xsc_prep(sqe, XSC_OP_CLOSE, fd, NULL, 0, 0, 0);
}

static inline void xsc_prep_fsync(struct xsc_sqe *sqe, int fd, uint32_t flags)
{
	xsc_prep(sqe, XSC_OP_FSYNC, fd, NULL, 0, 0, flags);
}

#endif
