/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxsc: a ring of /dev/xsc, the threads lent to it, and both of its queues.
 *
 * Functions that can fail return 0 or a positive number, or a negative errno:
 * those of <linux/xsc.h> for what the module refuses, -ENOENT when there is no
 * /dev/xsc, -EAGAIN when no thread can be made.
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
	bool no_thread;	     /* the caller lends threads itself: xsc_serve_loop() */
	/*
	 * Threads at most; 0: cq_entries + 1, with which nothing ever holds the ring
	 * up. There are two, and one more for each operation that sleeps meanwhile.
	 */
	uint32_t max_threads;
};

/* Members are read-only for users of the library. */
struct xsc_ring {
	pid_t owner; /* the process that set it up */
	int fd;
	void *map;
	size_t map_size;
	struct xsc_pool *pool; /* the threads, or NULL */
	bool one_cpu;	       /* set up on one CPU only: waiting never polls */
	uint64_t features;     /* XSC_FEAT_* */
	uint64_t ops;	       /* 1 << XSC_OP_* */
	uint64_t ops_user;     /* those of them that a lent thread does in user space */

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
 * Open the device, set a ring up, map it, and lend it threads. @params may be NULL.
 * @ret_ring is untouched on failure. The first call in a process takes a real-time
 * signal, the highest that has no handler, to break off system calls of the threads.
 */
int xsc_setup(struct xsc_ring *ret_ring, const struct xsc_params *params);

/*
 * End the service, wait for the threads, unmap, close. An operation that sleeps
 * is broken off; what was not completed has no completion. Takes NULL and a ring
 * that was torn down. In a child after fork it closes the descriptor, no more.
 */
void xsc_teardown(struct xsc_ring *ring);

/*
 * Lend the calling thread until the service is over. Signals that the thread has
 * not blocked are handled meanwhile. Returns why: -ESHUTDOWN, -EACCES,
 * -EOVERFLOW, -EPERM.
 */
int xsc_serve_loop(int fd);

/* End the service; no call of the ring is valid after but xsc_teardown. */
int xsc_shutdown(struct xsc_ring *ring);

/*
 * Hold @count descriptors (-1: none) open for XSC_SQE_FIXED_FILE, whose fd is then an
 * index. Regular files, block devices, pipes and IP sockets.
 */
int xsc_register_files(struct xsc_ring *ring, const int *fds, uint32_t count);
int xsc_unregister_files(struct xsc_ring *ring);

/*
 * The next free SQE, or NULL when the SQ is full: submit, and reap. It is the caller's
 * until xsc_submit. Its flags, user_data and arg are zero; the other fields are those of
 * an SQE long past until xsc_prep() or a function of its kind has written them all.
 */
static inline struct xsc_sqe *xsc_get_sqe(struct xsc_ring *ring);

/*
 * Hand over all SQEs got since the last time. No system call unless all lent
 * threads sleep. Returns how many.
 */
static inline int xsc_submit(struct xsc_ring *ring);

/*
 * The oldest completion, copied, and reaped: 1, or 0 if there is none. No system
 * call, but one: if more than cq_entries were outstanding and all threads sleep for
 * want of room.
 */
static inline int xsc_peek_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe);

/*
 * Look at the CQ for about as long as it takes to go to sleep and be woken: is there
 * something to reap? To look longer takes a CPU from others, who may be who completes. On
 * one CPU it looks once.
 */
static inline bool xsc_poll_cq(const struct xsc_ring *ring);

/* xsc_peek_cqe(), but polls so, then sleeps in the kernel, till there is one. */
int xsc_wait_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe);

/* The same, but only polls: never a system call, and never back without one. */
static inline void xsc_spin_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe);

/*
 * xsc_submit() and xsc_wait() in one system call, which carries the operations out if it can
 * (XSC_WAIT_LEAD): one wake-up for each event, and no other CPU. For threads that come back
 * for more with this, xsc_wait or xsc_wait_cqe; xsc_spin_cqe and xsc_peek_cqe alone may see
 * nothing until then. Returns as xsc_wait.
 */
int xsc_submit_and_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns);

/*
 * Sleep until @min are there to be reaped. @timeout_ns: absolute, of
 * CLOCK_MONOTONIC, or NULL. 0, -ETIME, -EINTR, -ESHUTDOWN, -EACCES, -EOVERFLOW.
 */
int xsc_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns);

#include "queue.h"

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

static inline void xsc_prep_readv(struct xsc_sqe *sqe, int fd, const void *iov, uint32_t count)
{
	xsc_prep(sqe, XSC_OP_READV, fd, iov, count, 0, 0);
}

static inline void xsc_prep_writev(struct xsc_sqe *sqe, int fd, const void *iov, uint32_t count)
{
	xsc_prep(sqe, XSC_OP_WRITEV, fd, iov, count, 0, 0);
}

/* @st: a struct stat */
static inline void xsc_prep_stat(struct xsc_sqe *sqe, const char *path, void *st)
{
	xsc_prep(sqe, XSC_OP_STAT, 0, path, 0, (uint64_t)(uintptr_t)st, 0);
}

static inline void xsc_prep_lstat(struct xsc_sqe *sqe, const char *path, void *st)
{
	xsc_prep(sqe, XSC_OP_LSTAT, 0, path, 0, (uint64_t)(uintptr_t)st, 0);
}

static inline void xsc_prep_fstat(struct xsc_sqe *sqe, int fd, void *st)
{
	xsc_prep(sqe, XSC_OP_FSTAT, fd, NULL, 0, (uint64_t)(uintptr_t)st, 0);
}

static inline void xsc_prep_socket(struct xsc_sqe *sqe, int family, int type, int protocol)
{
	xsc_prep(sqe, XSC_OP_SOCKET, family, NULL, (uint32_t)protocol, 0, (uint32_t)type);
}

static inline void xsc_prep_bind(struct xsc_sqe *sqe, int fd, const void *addr, uint32_t size)
{
	xsc_prep(sqe, XSC_OP_BIND, fd, addr, size, 0, 0);
}

static inline void xsc_prep_listen(struct xsc_sqe *sqe, int fd, int backlog)
{
	xsc_prep(sqe, XSC_OP_LISTEN, fd, NULL, (uint32_t)backlog, 0, 0);
}

/* @size: a socklen_t, or NULL with @addr */
static inline void xsc_prep_accept(
	struct xsc_sqe *sqe, int fd, void *addr, void *size, uint32_t flags)
{
	xsc_prep(sqe, XSC_OP_ACCEPT, fd, addr, 0, (uint64_t)(uintptr_t)size, flags);
}

static inline void xsc_prep_connect(struct xsc_sqe *sqe, int fd, const void *addr, uint32_t size)
{
	xsc_prep(sqe, XSC_OP_CONNECT, fd, addr, size, 0, 0);
}

static inline void xsc_prep_sendto(struct xsc_sqe *sqe, int fd, const void *buf, uint32_t len,
	int flags, const void *addr, uint32_t size)
{
	xsc_prep(sqe, XSC_OP_SENDTO, fd, buf, len, (uint64_t)(uintptr_t)addr, (uint32_t)flags);
	sqe->arg[0] = size;
}

/* @size: a socklen_t, or NULL with @addr */
static inline void xsc_prep_recvfrom(
	struct xsc_sqe *sqe, int fd, void *buf, uint32_t len, int flags, void *addr, void *size)
{
	xsc_prep(sqe, XSC_OP_RECVFROM, fd, buf, len, (uint64_t)(uintptr_t)addr, (uint32_t)flags);
	sqe->arg[0] = (uint64_t)(uintptr_t)size;
}

/* @fds: struct pollfd[] */
static inline void xsc_prep_poll(struct xsc_sqe *sqe, void *fds, uint32_t count, int timeout_ms)
{
	xsc_prep(sqe, XSC_OP_POLL, 0, fds, count, 0, (uint32_t)timeout_ms);
}

/* @events: struct epoll_event[] */
static inline void xsc_prep_epoll_wait(
	struct xsc_sqe *sqe, int fd, void *events, uint32_t count, int timeout_ms)
{
	xsc_prep(sqe, XSC_OP_EPOLL_WAIT, fd, events, count, 0, (uint32_t)timeout_ms);
}

/* Three fd_set and a struct timeval, each may be NULL */
static inline void xsc_prep_select(
	struct xsc_sqe *sqe, int count, void *reads, void *writes, void *others, void *timeout)
{
	xsc_prep(sqe, XSC_OP_SELECT, 0, reads, (uint32_t)count, (uint64_t)(uintptr_t)writes, 0);
	sqe->arg[0] = (uint64_t)(uintptr_t)others;
	sqe->arg[1] = (uint64_t)(uintptr_t)timeout;
}

/* @timeout: a struct timespec, relative, or NULL. @flags: 0 or FUTEX_PRIVATE_FLAG */
static inline void xsc_prep_futex_wait(
	struct xsc_sqe *sqe, const void *word, uint32_t value, const void *timeout, uint32_t flags)
{
	xsc_prep(sqe, XSC_OP_FUTEX_WAIT, 0, word, value, (uint64_t)(uintptr_t)timeout, flags);
}

static inline void xsc_prep_futex_wake(
	struct xsc_sqe *sqe, const void *word, uint32_t count, uint32_t flags)
{
	xsc_prep(sqe, XSC_OP_FUTEX_WAKE, 0, word, count, 0, flags);
}

/* @time: a struct timespec */
static inline void xsc_prep_nanosleep(struct xsc_sqe *sqe, const void *time)
{
	xsc_prep(sqe, XSC_OP_NANOSLEEP, 0, time, 0, 0, 0);
}

static inline void xsc_prep_clock_nanosleep(
	struct xsc_sqe *sqe, int clock, uint32_t flags, const void *time)
{
	xsc_prep(sqe, XSC_OP_CLOCK_NANOSLEEP, clock, time, 0, 0, flags);
}

/* As posix_spawn, with no signal blocked; @envp may be NULL. The result is the process. */
static inline void xsc_prep_spawn(
	struct xsc_sqe *sqe, const char *path, char *const argv[], char *const envp[])
{
	xsc_prep(sqe, XSC_OP_SPAWN, 0, path, 0, (uint64_t)(uintptr_t)argv, 0);
	sqe->arg[0] = (uint64_t)(uintptr_t)envp;
}

#endif
