/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * XSC: system calls through a ring in shared memory.
 *
 * How it works
 * ============
 *
 * A process opens /dev/xsc, sets a ring up, maps it, and lends one of its own
 * threads to the kernel with XSC_IOC_SERVE. That thread stays inside the kernel
 * and carries out what stands in the submission queue (SQ); results go to the
 * completion queue (CQ). As it *is* a thread of the process, its files, memory,
 * credentials, limits and namespaces are those of the process: nothing is
 * borrowed. While the ring is busy the other threads make no system call.
 *
 * Operations are carried out one by one, in order. An SQE gives exactly one
 * CQE. A CQ without room stops consumption until there is room, so that no
 * completion is ever lost, and there is no overflow counter.
 *
 * The mapping
 * ===========
 *
 * One mapping, at offset 0, MAP_SHARED, xsc_setup.mmap_size bytes. Where things
 * are in it is told by xsc_setup.off, and nothing else. It is not inherited by
 * fork. The four counters run freely over 32 bits; an entry's index is
 * counter & (entries - 1). All of them start at xsc_setup.first.
 *
 *   field     written by   read by      meaning
 *   --------  -----------  -----------  ----------------------------------------
 *   sqes[]    user         kernel       the kernel copies an entry once, before
 *                                       it looks at it
 *   sq_tail   user         kernel       submitted so far; fewer than sq_entries
 *                                       more than sq_head before each new one
 *   sq_head   kernel       user         taken so far: slots below are free again
 *   sq_flags  kernel       user         XSC_SQ_NEED_WAKEUP
 *   cqes[]    kernel       user
 *   cq_tail   kernel       user         completed so far
 *   cq_head   user         kernel       reaped so far
 *
 * What user space writes into a field of the kernel's is never read back. A
 * counter of user space's that cannot be true (more queued than entries) ends
 * XSC_IOC_SERVE and XSC_IOC_WAIT with EOVERFLOW until it is put right.
 *
 * Ordering
 * ========
 *
 *   user space                          serving thread
 *   --------------------------------    --------------------------------------
 *   load-acquire   sq_head        (A)   load-acquire   sq_tail             (C)
 *   write          sqes[i]              read           sqes[i]
 *   store-release  sq_tail        (B)   carry it out
 *   full barrier                  (I)   write          cqes[j]
 *   load           sq_flags             store-release  sq_head             (D)
 *     NEED_WAKEUP: XSC_IOC_WAKE         store-release  cq_tail             (E)
 *
 *   load-acquire   cq_tail        (F)   load-acquire   cq_head             (H)
 *   read           cqes[j]                full: carry nothing out
 *   store-release  cq_head        (G)
 *                                       idle for idle_us:
 *                                       store          sq_flags NEED_WAKEUP
 *                                       full barrier                       (J)
 *                                       load sq_tail, cq_head: work? awake
 *                                       sleep
 *
 * B pairs with C: or an entry could be read before it was written.
 * D pairs with A: or an entry could be overwritten while it is read.
 * E pairs with F: or a completion could be read before it was written. As D
 *   comes before E, the slot of an SQE is free once its CQE can be seen.
 * G pairs with H: or a completion could be overwritten while it is read.
 * I pairs with J: each side stores, then loads what the other one stores. With
 *   anything weaker both may miss it: the thread sleeps on a queue with work.
 *
 * After G, user space does I and looks at sq_flags too if more than cq_entries
 * were outstanding (sq_tail - cq_head, before G): only then can the thread have
 * stopped for want of room. Who never has more than cq_entries outstanding
 * needs no barrier there.
 *
 * To wait for completions, spin on F, or sleep in XSC_IOC_WAIT or poll(2). There
 * is no flag to set: the serving thread looks for sleepers after each E, behind
 * a full barrier of its own.
 *
 * Rights
 * ======
 *
 * A ring belongs to the process that set it up. Its memory and thread group are
 * compared at each call, so a child that inherited the descriptor, a process
 * that was sent it, and the process itself after execve get EPERM. close(2) of
 * a descriptor of the ring by its process shuts the ring down.
 *
 * Operations do not pass through the entry code of the system calls that they
 * stand for, thus not through a seccomp filter. So a thread under seccomp can
 * neither set a ring up nor serve one (EACCES), and a filter that reaches a
 * serving thread ends its service before the next operation.
 *
 * Signals that an operation causes (SIGPIPE, SIGXFSZ) go to the serving thread.
 * libxsc's blocks them all: the result says EPIPE or EFBIG.
 *
 * Errors of the ioctls
 * ====================
 *
 *   E2BIG      the argument is larger than this module knows, and not zero there
 *   EACCES     the thread is under seccomp
 *   EBUSY      the ring is set up already; another thread serves it
 *   EFAULT     the argument is not readable or not writable
 *   EINTR      a signal came: call again
 *   EINVAL     size too small, unknown flag, reserved field not zero, bad value
 *   ENOMEM     no memory, or RLIMIT_MEMLOCK
 *   ENOTTY     no such ioctl
 *   ENXIO      the ring is not set up yet
 *   EOVERFLOW  a counter in the ring cannot be true
 *   EPERM      the ring belongs to another process
 *   ESHUTDOWN  the ring was shut down
 *   ETIME      the time to wait is over
 *
 * Errors of the operations are those of the system call of the same name, and
 *
 *   EINVAL     unknown SQE flag, or a field that the operation does not use is
 *              not zero
 *   EOPNOTSUPP the operation is not in xsc_setup.ops
 */
#ifndef _UAPI_LINUX_XSC_H
#define _UAPI_LINUX_XSC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define XSC_DEVICE		"/dev/xsc"

#define XSC_MAX_ENTRIES		4096
#define XSC_DEFAULT_SQ_ENTRIES	128
#define XSC_DEFAULT_CQ_ENTRIES	256
#define XSC_DEFAULT_IDLE_US	1000
#define XSC_MAX_IDLE_US		1000000

/*
 * What an SQE asks for, and the fields that it then uses:
 *
 *   NOP     nothing; the result is 0
 *   READ    read(2): fd, addr, len
 *   WRITE   write(2): fd, addr, len
 *   OPEN    open(2): fd is AT_FDCWD, addr the path, len the mode, op_flags the
 *           flags
 *   CLOSE   close(2): fd. Completed after the file is released
 *   FSYNC   fsync(2): fd; op_flags may hold XSC_FSYNC_DATASYNC
 *   PREAD   pread(2): fd, addr, len, off
 *   PWRITE  pwrite(2): fd, addr, len, off
 *
 * The other numbers are those of the published list, kept for what they say
 * there. Whether an operation is there is told by its bit (1 << opcode) in
 * xsc_setup.ops.
 */
enum xsc_opcode {
	XSC_OP_NOP = 0,
	XSC_OP_READ = 1,
	XSC_OP_WRITE = 2,
	XSC_OP_OPEN = 3,
	XSC_OP_CLOSE = 4,
	XSC_OP_FSYNC = 5,
	XSC_OP_READV = 6,
	XSC_OP_WRITEV = 7,
	XSC_OP_PREAD = 8,
	XSC_OP_PWRITE = 9,
	XSC_OP_SENDTO = 10,
	XSC_OP_RECVFROM = 11,
	XSC_OP_ACCEPT = 12,
	XSC_OP_CONNECT = 13,
	XSC_OP_POLL = 14,
	XSC_OP_EPOLL_WAIT = 15,
	XSC_OP_SELECT = 16,
	XSC_OP_NANOSLEEP = 17,
	XSC_OP_CLOCK_NANOSLEEP = 18,
	XSC_OP_FUTEX_WAIT = 19,
	XSC_OP_FUTEX_WAKE = 20,
	XSC_OP_FORK = 21,
	XSC_OP_VFORK = 22,
	XSC_OP_CLONE = 23,
	XSC_OP_EXECVE = 24,
	XSC_OP_EXECVEAT = 25,
	XSC_OP_STAT = 26,
	XSC_OP_FSTAT = 27,
	XSC_OP_LSTAT = 28,
	XSC_OP_SOCKET = 29,
	XSC_OP_BIND = 30,
	XSC_OP_LISTEN = 31,
	XSC_OP_COUNT
};

/* xsc_sqe.op_flags of XSC_OP_FSYNC: fdatasync(2) */
#define XSC_FSYNC_DATASYNC	(1U << 0)

/**
 * struct xsc_sqe - one submission, 64 bytes
 * @opcode: enum xsc_opcode
 * @flags: none is defined yet: zero
 * @resv: zero
 * @fd: the file
 * @off: position in the file
 * @addr: user address
 * @len: length in bytes, or a mode
 * @op_flags: flags of the operation
 * @user_data: handed back in the CQE, not looked at
 * @arg: zero
 *
 * A field that the operation does not use is zero.
 */
struct xsc_sqe {
	__u8	opcode;
	__u8	flags;
	__u16	resv;
	__s32	fd;
	__u64	off;
	__u64	addr;
	__u32	len;
	__u32	op_flags;
	__u64	user_data;
	__u64	arg[3];
};

/**
 * struct xsc_cqe - one completion, 16 bytes
 * @user_data: that of the SQE
 * @res: what the system call of the same name returns, or a negative errno
 * @flags: zero for now
 */
struct xsc_cqe {
	__u64	user_data;
	__s32	res;
	__u32	flags;
};

/* sq_flags: the serving thread sleeps, XSC_IOC_WAKE after new work */
#define XSC_SQ_NEED_WAKEUP	(1U << 0)

/**
 * struct xsc_offsets - where the parts of the ring are, in bytes from the
 * start of the mapping
 * @sq_head: a __u32
 * @sq_tail: a __u32
 * @sq_flags: a __u32, XSC_SQ_*
 * @sqes: struct xsc_sqe [sq_entries]
 * @cq_head: a __u32
 * @cq_tail: a __u32
 * @cqes: struct xsc_cqe [cq_entries]
 * @resv: spare, zero
 */
struct xsc_offsets {
	__u32	sq_head;
	__u32	sq_tail;
	__u32	sq_flags;
	__u32	sqes;
	__u32	cq_head;
	__u32	cq_tail;
	__u32	cqes;
	__u32	resv[9];
};

/* xsc_setup.flags: idle_us counts; without it the default is taken */
#define XSC_SETUP_IDLE		(1U << 0)

/* xsc_setup.features */
#define XSC_FEAT_LENT_THREAD	(1ULL << 0)	/* XSC_IOC_SERVE */
#define XSC_FEAT_NO_LOSS	(1ULL << 1)	/* a full CQ stops consumption */
#define XSC_FEAT_WAIT		(1ULL << 2)	/* XSC_IOC_WAIT and poll(2) */

/**
 * struct xsc_setup - argument of XSC_IOC_SETUP
 * @size: in: size of this struct
 * @flags: in: XSC_SETUP_*
 * @sq_entries: in: 1 to XSC_MAX_ENTRIES; out: rounded up to a power of two
 * @cq_entries: likewise; it may be smaller than @sq_entries
 * @idle_us: in: how long the serving thread polls before it sleeps, in
 *	microseconds, up to XSC_MAX_IDLE_US, with XSC_SETUP_IDLE, else zero;
 *	out: the value taken. A machine with one CPU online never polls
 * @first: in: where the four counters start. A test of their wrap-around sets it
 * @features: out: XSC_FEAT_*; in: zero
 * @ops: out: one bit for each operation that can be submitted; in: zero
 * @mmap_size: out: bytes to map; in: zero
 * @off: out: where things are; in: zero
 * @resv: zero
 */
struct xsc_setup {
	__u32	size;
	__u32	flags;
	__u32	sq_entries;
	__u32	cq_entries;
	__u32	idle_us;
	__u32	first;
	__u64	features;
	__u64	ops;
	__u64	mmap_size;
	struct xsc_offsets off;
	__u64	resv[4];
};

/**
 * struct xsc_serve - argument of XSC_IOC_SERVE
 * @size: size of this struct
 * @flags: none is defined yet: zero
 * @resv: zero
 */
struct xsc_serve {
	__u32	size;
	__u32	flags;
	__u64	resv[3];
};

/* xsc_wait.flags: timeout_ns counts; without it there is none */
#define XSC_WAIT_TIMEOUT	(1U << 0)

/**
 * struct xsc_wait - argument of XSC_IOC_WAIT
 * @size: size of this struct
 * @flags: XSC_WAIT_*
 * @min_complete: how many unreaped completions to wait for, 1 to cq_entries
 * @resv: zero
 * @timeout_ns: absolute, CLOCK_MONOTONIC, in nanoseconds
 * @resv2: zero
 */
struct xsc_wait {
	__u32	size;
	__u32	flags;
	__u32	min_complete;
	__u32	resv;
	__u64	timeout_ns;
	__u64	resv2;
};

/*
 * XSC_IOC_SETUP     makes the ring; once for each open file.
 * XSC_IOC_SERVE     lends the calling thread. It never returns 0. EINTR means
 *                   that the thread has to pass through user space (a signal, a
 *                   file to release, an audit record to close): call again. Any
 *                   other error is the end. One thread at a time.
 * XSC_IOC_WAKE      wakes the serving thread; no argument.
 * XSC_IOC_WAIT      wakes the serving thread if it sleeps, then sleeps until
 *                   min_complete are there, time is over, or nobody will serve
 *                   the ring any more.
 * XSC_IOC_SHUTDOWN  ends the service, also in the middle of an operation that
 *                   sleeps; such an operation has no completion. No argument.
 *
 * 1 and 2 are those of the published list for registered files.
 */
#define XSC_IOC_MAGIC		'x'
#define XSC_IOC_SETUP		_IO(XSC_IOC_MAGIC, 0)
#define XSC_IOC_SERVE		_IO(XSC_IOC_MAGIC, 3)
#define XSC_IOC_WAKE		_IO(XSC_IOC_MAGIC, 4)
#define XSC_IOC_WAIT		_IO(XSC_IOC_MAGIC, 5)
#define XSC_IOC_SHUTDOWN	_IO(XSC_IOC_MAGIC, 6)

#endif /* _UAPI_LINUX_XSC_H */
