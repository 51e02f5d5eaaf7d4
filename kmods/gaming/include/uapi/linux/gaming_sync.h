/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, group sync: FUTEX, MUTEX_LOCK, COND_WAIT, BARRIER_WAIT.
 *
 * What they have in common
 * ========================
 *
 * They sleep on an address, private to the process's memory and to the session: two
 * sessions of one process do not meet. Memory shared with another process is not
 * served, futex(2) is for that; the word is the process's own, whoever else may write
 * to it. Addresses are multiples of 4.
 *
 * Who waits has a class, and who is woken, or given a mutex, is the one of the
 * strongest class that waits there; the longest waiting of equals. A class decides
 * among the threads of one process and gives none of them a CPU: it needs no right.
 *
 * A wait ends at @timeout_ns, of CLOCK_MONOTONIC: a moment with GAMING_SYNC_ABSOLUTE,
 * a length of time with GAMING_SYNC_RELATIVE, never without either (and then it must
 * be 0). ETIMEDOUT then, also where the moment has passed before the call. A signal
 * ends it as it ends futex(2): with EINTR, or after the handler (SA_RESTART) the wait
 * begins again; but one with GAMING_SYNC_RELATIVE always says EINTR. Timer slack is
 * that of the thread, as for all sleeps.
 *
 * FUTEX
 * =====
 *
 *   GAMING_FUTEX_WAIT     sleeps if the word at @addr is @value, else EAGAIN. The look at
 *	the word and the sleep are one step for a WAKE or REQUEUE on the same address:
 *	who changes the word first and wakes then loses nobody.
 *   GAMING_FUTEX_WAKE     wakes up to @count; with GAMING_FUTEX_OF_CLASS those of @class
 *	only. Returns how many.
 *   GAMING_FUTEX_REQUEUE  if the word at @addr is @value, else EAGAIN: wakes up to @count
 *	and lets up to @count2 more wait at @addr2 from now on, by their class. Returns
 *	how many were woken or moved. One who waits for a moved word is not asked what
 *	its value is.
 *
 * A wake can come without cause (a process that does not keep to its own protocol
 * wakes itself): look at the word again.
 *
 * Mutexes
 * =======
 *
 * A mutex is a word: 0 nobody's; else the owner's thread number as gettid(2) says it,
 * and GAMING_MUTEX_WAITERS if the kernel has to be told when it is let go.
 *
 *   lock     0 -> tid, by the thread; else MUTEX_LOCK
 *   unlock   tid -> 0, by the thread; where that fails GAMING_IOC_MUTEX_UNLOCK
 *
 * MUTEX_LOCK makes the word the caller's or sleeps until the owner hands it over: at
 * the unlock it belongs to the strongest that waits, so nobody overtakes him, and he
 * waits for one section. While anyone waits the owner runs as the best of those who
 * wait for it (see gaming_boost.h, "Inheritance").
 *
 *   EDEADLK  the caller is the owner, or would wait for itself
 *   ESRCH    the owner in the word is no thread of this process (it has ended, or the
 *	word is none of a mutex). One who ends as owner while others wait lets them
 *	wait, as with a pthread_mutex_t that is not robust, up to a second: then ESRCH.
 *   EPERM    UNLOCK: the caller is not the owner
 *
 * COND_WAIT
 * =========
 *
 * Lets the mutex go and sleeps at @addr if the word there is @value (a counter that
 * who signals has raised), else EAGAIN, all in one step. A FUTEX_WAKE on @addr gives
 * the one woken the mutex, or lets him wait for it, without running in between: waking
 * all of them is no stampede. The owner of the mutex is the caller again at the end,
 * whatever the result; but for ESRCH and EFAULT, where there is no mutex, and EPERM,
 * where it was not his. A signal always gives EINTR: look at the condition again. EINTR
 * and ETIMEDOUT can come later than the signal or the time, when the mutex is there.
 *
 * BARRIER_WAIT
 * ============
 *
 * Sleeps until @parties threads are there, then all go on: the last to come with 1,
 * the others with 0. Only the address counts, nothing is read there. One whose wait
 * ends early is not there any more. EINVAL if others wait there for another number of
 * parties. GAMING_CALL_FUTEX wakes nobody at a barrier.
 */
#ifndef _UAPI_LINUX_GAMING_SYNC_H
#define _UAPI_LINUX_GAMING_SYNC_H

#include <linux/gaming.h>

#define GAMING_IOC_MUTEX_UNLOCK	_IO(GAMING_IOC_MAGIC, 100)

/* From the weakest to the strongest; what the document gives them is in brackets. */
#define GAMING_CLASS_NORMAL	0
#define GAMING_CLASS_GPU	1	/* -4 */
#define GAMING_CLASS_GAMING	2	/* -5 */
#define GAMING_CLASS_INPUT	3	/* -6 */
#define GAMING_CLASS_AUDIO	4	/* -8 */
#define GAMING_CLASS_FRAME	5	/* -10 */
#define GAMING_CLASS_COUNT	6

#define GAMING_SYNC_ABSOLUTE	(1U << 0)
#define GAMING_SYNC_RELATIVE	(1U << 1)
#define GAMING_FUTEX_OF_CLASS	(1U << 2)	/* WAKE */

#define GAMING_FUTEX_WAIT	0
#define GAMING_FUTEX_WAKE	1
#define GAMING_FUTEX_REQUEUE	3

/**
 * struct gaming_futex - argument of GAMING_CALL_FUTEX
 * @size:	of this struct
 * @op:		GAMING_FUTEX_*; what an op does not name below is 0 for it
 * @addr:	of the word
 * @value:	WAIT, REQUEUE: what the word is
 * @flags:	WAIT: GAMING_SYNC_*; WAKE: GAMING_FUTEX_OF_CLASS
 * @class:	GAMING_CLASS_*: WAIT, and WAKE with GAMING_FUTEX_OF_CLASS
 * @count:	WAKE, REQUEUE: to be woken, at most 2^31 - 1
 * @timeout_ns:	WAIT
 * @addr2:	REQUEUE: another word
 * @count2:	REQUEUE: to be moved, at most 2^31 - 1
 * @resv:	0
 */
struct gaming_futex {
	__u32 size;
	__u32 op;
	__u64 addr;
	__u32 value;
	__u32 flags;
	__u32 class;
	__u32 count;
	__u64 timeout_ns;
	__u64 addr2;
	__u32 count2;
	__u32 resv;
};

#define GAMING_MUTEX_WAITERS	(1U << 31)
#define GAMING_MUTEX_TID	0x3fffffffU

/**
 * struct gaming_mutex - argument of GAMING_CALL_MUTEX_LOCK and GAMING_IOC_MUTEX_UNLOCK
 * @size:	of this struct
 * @flags:	GAMING_SYNC_*; UNLOCK: 0
 * @addr:	of the word
 * @timeout_ns:	UNLOCK: 0
 * @class:	GAMING_CLASS_*; UNLOCK: 0
 * @resv:	0
 */
struct gaming_mutex {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 timeout_ns;
	__u32 class;
	__u32 resv;
};

/**
 * struct gaming_cond - argument of GAMING_CALL_COND_WAIT
 * @size:	of this struct
 * @flags:	GAMING_SYNC_*
 * @addr:	of the word that is signalled
 * @mutex:	of the mutex's word; another one
 * @timeout_ns:	of the sleep at @addr; the mutex is waited for without end
 * @value:	what the word at @addr is
 * @class:	GAMING_CLASS_*
 * @resv:	0
 */
struct gaming_cond {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 mutex;
	__u64 timeout_ns;
	__u32 value;
	__u32 class;
	__u64 resv;
};

/**
 * struct gaming_barrier - argument of GAMING_CALL_BARRIER_WAIT
 * @size:	of this struct
 * @flags:	GAMING_SYNC_*
 * @addr:	of something in user space
 * @timeout_ns:	see above
 * @parties:	1 to 65536
 * @class:	GAMING_CLASS_*: who is woken first
 */
struct gaming_barrier {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 timeout_ns;
	__u32 parties;
	__u32 class;
};

#endif /* _UAPI_LINUX_GAMING_SYNC_H */
