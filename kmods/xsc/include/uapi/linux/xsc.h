/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * XSC: system calls through a ring in shared memory.
 *
 * How it works
 * ============
 *
 * A process opens /dev/xsc, sets a ring up, maps it, and lends some of its own
 * threads to the kernel with XSC_IOC_SERVE. They stay inside the kernel and
 * carry out what stands in the submission queue (SQ); results go to the
 * completion queue (CQ). As they *are* threads of the process, their files,
 * memory, credentials, limits and namespaces are those of the process: nothing
 * is borrowed. While the ring is busy the other threads make no system call.
 *
 * An SQE gives exactly one CQE. Operations begin in order. One of the threads,
 * the leader, consumes the SQ; as long as its operations do not sleep they also
 * end in order. When one sleeps, another thread leads, and what comes behind is
 * carried out meanwhile: see "Several threads". XSC_SQE_LINK and XSC_SQE_DRAIN
 * are for those who need an order.
 *
 * There can be no more operations begun, completed and not yet reaped than the
 * CQ has entries. At that point consumption stops, so that no completion is ever
 * lost, and there is no overflow counter.
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
 *   user space                          leader
 *   --------------------------------    --------------------------------------
 *   load-acquire   sq_head        (A)   load-acquire   sq_tail             (C)
 *   write          sqes[i]              load-acquire   cq_head             (H)
 *   store-release  sq_tail        (B)     no room: take nothing
 *   full barrier                  (I)   read           sqes[i]
 *   load           sq_flags             carry it out
 *     NEED_WAKEUP: XSC_IOC_WAKE         write          cqes[j]
 *                                       and so on, then publish, for all at once:
 *                                       store-release  sq_head             (D)
 *   load-acquire   cq_tail        (F)   store-release  cq_tail             (E)
 *   read           cqes[j]
 *   store-release  cq_head        (G)   idle for idle_us:
 *                                       store          sq_flags NEED_WAKEUP
 *                                       full barrier, nobody leads         (J)
 *                                       load sq_tail, cq_head: work? lead
 *                                       sleep
 *
 * B pairs with C: or an entry could be read before it was written.
 * D pairs with A: or an entry could be overwritten while it is read.
 * E pairs with F: or a completion could be read before it was written. As D
 *   comes before E, the slot of an SQE is free once its CQE can be seen.
 * G pairs with H: or a completion could be overwritten while it is read.
 * I pairs with J: each side stores, then loads what the other one stores. With
 *   anything weaker both may miss it: all threads sleep on a queue with work.
 *
 * After G, user space does I and looks at sq_flags too if more than cq_entries
 * were outstanding (sq_tail - cq_head, before G): only then can the leader have
 * stopped for want of room. Who never has more than cq_entries outstanding
 * needs no barrier there.
 *
 * The leader takes up to 16 entries by one look at sq_tail and cq_head, each copied,
 * checked and carried out before the next. It publishes when there is nothing more to
 * take, after 16 operations at most, before it moves more than 16 KiB, and when it is put
 * to sleep. Any other
 * thread publishes what it completes at once.
 *
 * To wait for completions, spin on F, or sleep in XSC_IOC_WAIT or poll(2). There
 * is no flag to set: who completes looks for sleepers after each E, behind a full
 * barrier of its own.
 *
 * Several threads
 * ===============
 *
 *   leader                      another lent thread         user space
 *   ------------------------    ------------------------    -----------------
 *   take an SQE                 sleeps
 *   carry it out: it sleeps
 *   lead = nobody         (K)
 *     (the scheduler tells) ->  wakes
 *                               lead = me             (L)
 *                               takes what comes behind
 *   the operation wakes
 *   completes it (E)
 *   somebody leads: sleep
 *   nobody leads: lead = me
 *                               no thread is left asleep:
 *                               return XSC_SERVE_LEND   ->  one more thread
 *
 * K pairs with L: the leader's words (sq_head, the last cq_head seen) pass from
 *   one to the next by a compare-and-exchange of "lead", which is a full barrier.
 *
 * A thread that found no leader leads; one that stops leading for want of work, or
 * to run a signal's handler, stores NEED_WAKEUP first (J). One that leaves the
 * kernel wakes another one if there is work. So there is always a leader, or a
 * thread on its way to lead, or NEED_WAKEUP. What has others overtake it is an
 * operation that sleeps, or whose thread passes through user mode to end it
 * (CLOSE, and what is done in user space); one that is preempted does not.
 *
 * A thread that begins to lead with no other one asleep first comes back with
 * XSC_SERVE_LEND, if it said XSC_SERVE_MAY_LEND. As no more operations can have
 * begun than the CQ has entries, cq_entries + 1 threads are enough for any load;
 * with fewer, the ring stands still when all of them sleep in operations. A ring
 * with one thread is right, too: there an operation that sleeps holds up the rest.
 *
 * Waiting without a thread
 * ========================
 *
 * A RECVFROM or READ that finds nothing on a socket of TCP or UDP, and an ACCEPT
 * without a connection, wait in the ring: what wakes the socket has the leader begin
 * them anew. They wait for that socket, whatever its descriptor means by then (an
 * ACCEPT gets EBADF if it has come to mean another one), and are let go when the
 * ring is shut down. This is so where the call would sleep as long as it takes: one
 * with O_NONBLOCK, MSG_DONTWAIT, MSG_OOB, MSG_ERRQUEUE or SO_RCVTIMEO, and the
 * members of a chain, are carried out by a thread from the start.
 *
 *   whoever wakes the socket    leader
 *   ------------------------    --------------------------------
 *   put it into a list    (M)   nobody leads                 (J)
 *   full barrier                full barrier
 *   nobody leads: wake one      look at the list
 *
 * M pairs with J, as I does: or both may miss it.
 *
 * Waiting and leading
 * ===================
 *
 * Who waits and who carries out are two threads, so an event wakes two, on two CPUs.
 * With XSC_WAIT_LEAD the one that waits leads, unless a lent thread is at work; from one
 * that polls it takes the lead away. It carries out NOP, and SENDTO and RECVFROM on
 * sockets of TCP and UDP where that does not sleep: as itself, thus with its own
 * credentials where those of threads differ, but without SIGPIPE. With anything else at
 * the head of the SQ a lent thread leads, and this one only waits. What it submits
 * before it waits needs no XSC_IOC_WAKE.
 *
 * When its completions are there it goes back to user space as one that will call
 * again: what becomes ready on a socket then waits for that call, and no lent thread is
 * woken for it. XSC_IOC_WAKE, XSC_IOC_WAIT without the flag, and poll(2) end that, and
 * NEED_WAKEUP stands. Who only looks at the CQ afterwards would look for ever.
 *
 * Operations in user space
 * ========================
 *
 * What a module cannot do correctly (xsc_setup.ops_user) is done by the lent
 * thread by the system call itself: XSC_IOC_SERVE returns XSC_SERVE_CALL and the
 * kernel's copy of the SQE, another thread leads, and the thread's next
 * XSC_IOC_SERVE brings the result, which goes to the CQ. The submitter sees no
 * difference: it traps as often as before, not at all. XSC_IOC_SHUTDOWN cannot
 * break such a call off: libxsc does, with a real-time signal.
 *
 * Why they are there: bind, listen, accept and connect ask the security modules
 * by hooks that modules cannot call (the exported kernel_bind() and so on ask
 * nobody), futexes and epoll export nothing, and a process cannot be made from a
 * module. FORK, VFORK, CLONE, EXECVE and EXECVEAT keep their numbers and are
 * never there: they would give the *lent* thread a copy, or replace the program
 * under all others. XSC_OP_SPAWN is what is wanted of them.
 *
 * Links, drains, registered files
 * ===============================
 *
 * XSC_SQE_LINK: the next SQE begins when this one has succeeded, else it and all
 * that are linked behind it complete with ECANCELED. A transfer of less than was
 * asked for is no success either. The SQEs of a chain are made visible by one
 * store of sq_tail (B), are carried out by one thread, and are XSC_MAX_LINK at
 * most and no more than either queue has entries: else the first of them gets
 * EINVAL.
 * XSC_SQE_DRAIN: begins when all before it have completed; what comes behind
 * begins when it has completed. Only the first of a chain may have it, for the
 * whole chain.
 * XSC_SQE_FIXED_FILE: fd is an index into the registered files. Those are held
 * open by the ring until they are unregistered or the ring is shut down. Only
 * regular files, block devices, pipes and IP sockets: a file that could hold the
 * ring's own file in turn (a Unix socket with a descriptor in flight, another
 * ring) would keep both for ever.
 *
 * Rights
 * ======
 *
 * Who may open the device is told by its mode (0660, root's, until udev says
 * otherwise), and by two parameters of the module, as by io_uring_disabled and
 * io_uring_group: "disabled" is 0 (all who may by the mode), 1 (of these CAP_SYS_ADMIN
 * and members of the group whose number is in "group") or 2 (nobody). open(2) then
 * says EPERM; who has it open keeps it.
 *
 * A ring belongs to the process that set it up. Its memory and thread group are
 * compared at each call, so a child that inherited the descriptor, a process
 * that was sent it, and the process itself after execve get EPERM. close(2) of
 * a descriptor of the ring by its process shuts the ring down.
 *
 * Operations do not pass through the entry code of the system calls that they
 * stand for, thus not through a seccomp filter. So a thread under seccomp can
 * neither set a ring up nor serve one (EACCES), and a filter that reaches a
 * serving thread ends its service before the next operation that begins after a sleep,
 * and after 15 more at most that do not sleep. A thread under seccomp that waits does not
 * lead.
 *
 * Signals that an operation causes (SIGPIPE, SIGXFSZ) go to the serving thread.
 * libxsc's blocks them all: the result says EPIPE or EFBIG.
 *
 * Errors of the ioctls
 * ====================
 *
 *   E2BIG      the argument is larger than this module knows, and not zero there
 *   EACCES     the thread is under seccomp
 *   EBADF      a descriptor to register is not open
 *   EBUSY      the ring is set up already; files are registered already
 *   EFAULT     the argument is not readable or not writable
 *   EINTR      a signal came: call again
 *   EINVAL     size too small, unknown flag, reserved field not zero, bad value,
 *              a file that cannot be registered, a result that nobody waits for
 *   EMFILE     more files to register than RLIMIT_NOFILE
 *   ENOMEM     no memory, or RLIMIT_MEMLOCK. Never of SERVE: see below
 *   ENOTTY     no such ioctl
 *   ENXIO      the ring is not set up yet; no files are registered
 *   EOVERFLOW  a counter in the ring cannot be true
 *   EPERM      the ring belongs to another process
 *   ESHUTDOWN  the ring was shut down
 *   ETIME      the time to wait is over
 *
 * Errors of the operations are those of the system call of the same name, and
 *
 *   EBADF      with XSC_SQE_FIXED_FILE: no file is registered there
 *   ECANCELED  a linked operation before it did not succeed
 *   EINVAL     unknown SQE flag, one that the operation cannot have, or a field
 *              that the operation does not use is not zero
 *   ENOMEM     no memory for it, or for the chain that it is the first of; the lent
 *              thread stays
 *   EOPNOTSUPP the operation is not in xsc_setup.ops, or is in xsc_setup.ops_user
 *              and the thread did not say XSC_SERVE_MAY_CALL
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
 *   READV, WRITEV
 *           readv(2), writev(2): fd, addr the iovecs, len their number
 *   STAT, LSTAT
 *           stat(2), lstat(2): addr the path, off where the struct stat goes
 *   FSTAT   fstat(2): fd, off
 *   SOCKET  socket(2): fd is the family, op_flags the type, len the protocol
 *   SENDTO  sendto(2): fd, addr, len, op_flags the flags, off the address or 0,
 *           arg[0] its size
 *   RECVFROM recvfrom(2): fd, addr, len, op_flags the flags, off where the
 *           address goes or 0, arg[0] where its size (a __s32) is and goes
 *   BIND, CONNECT
 *           bind(2), connect(2): fd, addr, len
 *   LISTEN  listen(2): fd, len the backlog
 *   ACCEPT  accept4(2): fd, addr, off where the size of the address is,
 *           op_flags
 *   POLL    poll(2): addr, len the number of pollfds, op_flags milliseconds
 *   EPOLL_WAIT
 *           epoll_wait(2): fd, addr, len the number of events, op_flags
 *           milliseconds
 *   SELECT  select(2): len is nfds; addr, off, arg[0] the three sets, arg[1] the
 *           struct timeval
 *   FUTEX_WAIT, FUTEX_WAKE
 *           futex(2): addr, len the value or the number of waiters, op_flags
 *           0 or FUTEX_PRIVATE_FLAG; FUTEX_WAIT: off the struct timespec or 0
 *   NANOSLEEP nanosleep(2): addr. Goes on after a signal, so there is no remainder
 *   CLOCK_NANOSLEEP
 *           clock_nanosleep(2): fd is the clock, addr, op_flags 0 or
 *           TIMER_ABSTIME
 *   SPAWN   posix_spawn(3): addr the path, off argv, arg[0] envp or 0 for the
 *           environment of the process; the result is the process id
 *
 * The stat operations fill the struct stat of the architecture, byte for byte as
 * the system calls do. A struct statx has a mount id, which a module cannot know.
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
	XSC_OP_SPAWN = 32,
	XSC_OP_COUNT
};

/*
 * xsc_sqe.flags. Bit 2 is ASYNC in the published list: it has no meaning here, as
 * whatever sleeps is carried out beside the rest, and is refused.
 */
#define XSC_SQE_LINK		(1U << 0)
#define XSC_SQE_DRAIN		(1U << 1)
#define XSC_SQE_FIXED_FILE	(1U << 3)

#define XSC_MAX_LINK		64
#define XSC_MAX_FILES		1024

/* xsc_sqe.op_flags of XSC_OP_FSYNC: fdatasync(2) */
#define XSC_FSYNC_DATASYNC	(1U << 0)

/**
 * struct xsc_sqe - one submission, 64 bytes
 * @opcode: enum xsc_opcode
 * @flags: XSC_SQE_*
 * @resv: zero
 * @fd: the file
 * @off: position in the file
 * @addr: user address
 * @len: length in bytes, or a mode
 * @op_flags: flags of the operation
 * @user_data: handed back in the CQE, not looked at
 * @arg: more of the operation's
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

/* sq_flags: all lent threads sleep, XSC_IOC_WAKE after new work */
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

/*
 * xsc_setup.flags: idle_us counts; without it the default is taken, and less where
 * others want the CPU for longer than a kernel thread does now and then
 */
#define XSC_SETUP_IDLE		(1U << 0)

/* xsc_setup.features */
#define XSC_FEAT_LENT_THREAD	(1ULL << 0)	/* XSC_IOC_SERVE */
#define XSC_FEAT_NO_LOSS	(1ULL << 1)	/* a full CQ stops consumption */
#define XSC_FEAT_WAIT		(1ULL << 2)	/* XSC_IOC_WAIT and poll(2) */
#define XSC_FEAT_HANDOVER	(1ULL << 3)	/* what sleeps holds nothing up */
#define XSC_FEAT_CALLS		(1ULL << 4)	/* XSC_SERVE_CALL, ops_user */
#define XSC_FEAT_ORDER		(1ULL << 5)	/* XSC_SQE_LINK, XSC_SQE_DRAIN */
#define XSC_FEAT_FILES		(1ULL << 6)	/* XSC_SQE_FIXED_FILE */
#define XSC_FEAT_WAIT_LEADS	(1ULL << 7)	/* XSC_WAIT_LEAD */

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
 * @ops_user: out: those of @ops that may come back as XSC_SERVE_CALL; in: zero
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
	__u64	ops_user;
	__u64	resv[3];
};

/*
 * xsc_serve.flags
 *
 * MAY_LEND  the caller can lend one more thread: XSC_SERVE_LEND may be returned
 * MAY_CALL  it can carry operations out itself: XSC_SERVE_CALL may be returned
 * RESULT    it did: token and res count
 * ARRIVED   it is the thread that XSC_SERVE_LEND asked for, or it knows that there
 *           will be none: the kernel may ask again
 */
#define XSC_SERVE_MAY_LEND	(1U << 0)
#define XSC_SERVE_MAY_CALL	(1U << 1)
#define XSC_SERVE_RESULT	(1U << 2)
#define XSC_SERVE_ARRIVED	(1U << 3)

/* What XSC_IOC_SERVE returns when it does not fail */
#define XSC_SERVE_LEND		1	/* lend one more thread, call again */
#define XSC_SERVE_CALL		2	/* carry sqe out, call again with its result */

/**
 * struct xsc_serve - argument of XSC_IOC_SERVE
 * @size: size of this struct
 * @flags: XSC_SERVE_*
 * @token: out with XSC_SERVE_CALL, in with XSC_SERVE_RESULT, else zero
 * @res: in: the result, with XSC_SERVE_RESULT, else zero
 * @resv: zero
 * @resv2: zero
 * @sqe: out with XSC_SERVE_CALL: the operation
 */
struct xsc_serve {
	__u32	size;
	__u32	flags;
	__u64	token;
	__s32	res;
	__u32	resv;
	__u64	resv2;
	struct xsc_sqe sqe;
};

/**
 * struct xsc_files - argument of XSC_IOC_REGISTER_FILES
 * @size: size of this struct
 * @count: 1 to XSC_MAX_FILES, and not above RLIMIT_NOFILE
 * @addr: @count descriptors (__s32); -1 leaves a place empty
 * @resv: zero
 */
struct xsc_files {
	__u32	size;
	__u32	count;
	__u64	addr;
	__u64	resv[2];
};

/*
 * xsc_wait.flags
 *
 * TIMEOUT   timeout_ns counts; without it there is none
 * LEAD      the caller carries out what it can meanwhile, and comes back: see "Waiting
 *           and leading"
 */
#define XSC_WAIT_TIMEOUT	(1U << 0)
#define XSC_WAIT_LEAD		(1U << 1)

/**
 * struct xsc_wait - argument of XSC_IOC_WAIT
 * @size: size of this struct
 * @flags: XSC_WAIT_*
 * @min_complete: how many unreaped completions to wait for, 1 to cq_entries
 * @resv: zero
 * @timeout_ns: absolute, CLOCK_MONOTONIC of the caller's time namespace, in
 *	nanoseconds
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
 * XSC_IOC_REGISTER_FILES, XSC_IOC_UNREGISTER_FILES
 *                   the table for XSC_SQE_FIXED_FILE; the second has no argument.
 * XSC_IOC_SERVE     lends the calling thread. It never returns 0. EINTR means
 *                   that the thread has to pass through user space (a signal, a
 *                   file to release, an audit record to close): call again. What
 *                   it had begun is gone on with by whoever calls first. A
 *                   positive number is XSC_SERVE_*: do that, and call again. Any
 *                   other error is the end.
 * XSC_IOC_WAKE      wakes a lent thread if nobody leads; no argument.
 * XSC_IOC_WAIT      does the same, then sleeps until min_complete are there, time
 *                   is over, or nobody will serve the ring any more.
 * XSC_IOC_SHUTDOWN  ends the service, also in the middle of operations that
 *                   sleep; such an operation has no completion. No argument.
 */
#define XSC_IOC_MAGIC		'x'
#define XSC_IOC_SETUP		_IO(XSC_IOC_MAGIC, 0)
#define XSC_IOC_REGISTER_FILES	_IO(XSC_IOC_MAGIC, 1)
#define XSC_IOC_UNREGISTER_FILES _IO(XSC_IOC_MAGIC, 2)
#define XSC_IOC_SERVE		_IO(XSC_IOC_MAGIC, 3)
#define XSC_IOC_WAKE		_IO(XSC_IOC_MAGIC, 4)
#define XSC_IOC_WAIT		_IO(XSC_IOC_MAGIC, 5)
#define XSC_IOC_SHUTDOWN	_IO(XSC_IOC_MAGIC, 6)

#endif /* _UAPI_LINUX_XSC_H */
