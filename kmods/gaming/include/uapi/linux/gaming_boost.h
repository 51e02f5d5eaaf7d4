/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, group scheduling: BOOST, and what a thread that holds a mutex inherits.
 *
 * BOOST
 * =====
 *
 * A boost that is sure to end. The thread says what nice value it is going to give
 * itself, for how long at most, and does so with setpriority(2), which asks RLIMIT_NICE,
 * CAP_SYS_NICE and the security modules as ever; gaming_boost() of libgaming is both.
 * The module gives nobody a better nice value: it is what takes the boost back, to the
 * value that the thread had when it called,
 *
 *   - when @timeout_ns is over,
 *   - with GAMING_BOOST_END,
 *   - when the session is closed, however its owner ends,
 *
 * whichever is first. What somebody else has set meanwhile is not undone: only a thread
 * that still has @nice is put back. A thread has one boost at a time (EBUSY).
 *
 *   EPERM   not of SCHED_OTHER or SCHED_BATCH: nice means nothing to the others
 *   ENOENT  END: there is no boost, or it is over
 *   EDQUOT  GAMING_BOOST_MAX threads of the session have one
 *
 * Inheritance
 * ===========
 *
 * While threads wait in MUTEX_LOCK for a mutex (or in COND_WAIT, signalled), its owner
 * has the best nice value among theirs and its own: CFS gives it their share of a CPU.
 * A waiter of a real-time or deadline policy counts as nice -20, which is less than it
 * has. The owner is a thread of the same process, and never gets more than one of its
 * threads has; nor more than it could give itself, by its RLIMIT_NICE or CAP_SYS_NICE.
 * For it can keep what it has inherited: a child of fork(2) has it, and setpriority(2)
 * lets anyone go from it to a worse value. (A thread without any such right is not raised
 * at all: FUTEX_LOCK_PI asks for none, and keeps what it lends out of fork's reach.) What
 * is lent in several sessions to one thread is one loan, the best of them. If the owner itself waits for a mutex, it
 * hands on what it has inherited, and its place in the queue there is that of the
 * strongest class that waits for it: along 32 owners, then no further.
 *
 * At each unlock, handover, timeout, signal and death of a waiter it is worked out anew:
 * who holds two mutexes keeps what the second one's waiters need. A waiter whose own nice
 * value changes while it waits is noticed within a second. A value that somebody
 * else sets meanwhile is the owner's own from then on, and stays; but not one between its
 * own and what it has inherited, if it has lost the right to that. (Somebody who sets it
 * in the very microsecond in which the module does may be written over.)
 *
 * Not raised is an owner of another policy than SCHED_OTHER or SCHED_BATCH. What real-time
 * threads need among themselves FUTEX_LOCK_PI does, and better: it raises the owner into
 * the real-time class. libgaming's mutexes can be of that kind.
 */
#ifndef _UAPI_LINUX_GAMING_BOOST_H
#define _UAPI_LINUX_GAMING_BOOST_H

#include <linux/gaming.h>

#define GAMING_BOOST_MAX_NS	5000000000ULL
#define GAMING_BOOST_MAX	1024

#define GAMING_BOOST_END	(1U << 0)

/**
 * struct gaming_boost - argument of GAMING_CALL_BOOST
 * @size:	of this struct
 * @flags:	GAMING_BOOST_END: all else is 0
 * @nice:	that the caller is about to give itself, -20 to 19, below its present one
 * @resv:	0
 * @timeout_ns:	from now, 1 to GAMING_BOOST_MAX_NS
 */
struct gaming_boost {
	__u32 size;
	__u32 flags;
	__s32 nice;
	__u32 resv;
	__u64 timeout_ns;
};

#endif /* _UAPI_LINUX_GAMING_BOOST_H */
