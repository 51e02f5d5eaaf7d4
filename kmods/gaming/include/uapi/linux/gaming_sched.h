/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, group scheduling: who runs, and where. FRAME is in gaming_time.h.
 *
 * YIELD
 * =====
 *
 * With a @tid the caller gives what is left of its turn to that thread of its own
 * process (ENOENT: it is none of them), which sched_yield(2) cannot: it is next on its
 * CPU, if it waits for one, and if its share of the CPU allows it. 1: so it was; 0: it
 * does not wait for a CPU, is of another scheduling class, or there is nothing to be
 * given. Without one (0) it is sched_yield(2), for batches.
 *
 * SET_AFFINITY
 * ============
 *
 * Chooses among the last-level caches of the machine, as each CPU tells of its own
 * (the kernel's cacheinfo: CPUID on x86, firmware tables on arm64), and answers with
 * the CPUs that share the chosen one and are allowed to the calling thread:
 *
 *   GAMING_AFFINITY_LARGEST	the one with the most bytes; among equals the one with
 *		most allowed CPUs, then the nearest to the CPU that the caller runs on
 *   GAMING_AFFINITY_NEAREST	that of the CPU that the caller runs on
 *   GAMING_AFFINITY_LOCAL	only those on the caller's NUMA node, where its memory
 *		comes from unless it has asked for another one
 *
 * The mask itself is set by sched_setaffinity(2), which gaming_place() calls with the
 * answer: it asks the security modules, and looks again when a cpuset changes at the
 * same moment. A module can do neither, and what it set could outlive the cpuset. For
 * the same reason it is gaming_unplace() that puts the mask back.
 *
 * With GAMING_AFFINITY_WATCH the scheduler's own events tell whether the thread keeps
 * to its cache ("home"): GAMING_IOC_WATCH reads the counts. A cpuset that changes
 * moves threads (before Linux 6.2 it forgets their masks too), and so does whoever
 * sets masks; gaming_keep() looks at @departures and places anew. No other way to
 * know exists without privileges. A watch is of the thread that asked, ends with it,
 * with GAMING_WATCH_END, when any descriptor of the session is closed, or when the
 * thread asks for another one.
 *
 * A thread has one watch: EBUSY if another session of its process has it. A user has
 * GAMING_WATCHES_MAX (EDQUOT); that of a thread which has ended counts until its session
 * begins another, or is closed.
 *
 * EOPNOTSUPP: no CPU tells of its caches, or the kernel has no PREEMPT_NOTIFIERS for
 * a watch (Debian's have them).
 */
#ifndef _UAPI_LINUX_GAMING_SCHED_H
#define _UAPI_LINUX_GAMING_SCHED_H

#include <linux/gaming.h>

#define GAMING_IOC_WATCH	_IO(GAMING_IOC_MAGIC, 114)

/**
 * struct gaming_yield - argument of GAMING_CALL_YIELD
 * @size:	of this struct
 * @flags:	0
 * @tid:	as gettid(2) says it to the caller, or 0
 * @resv:	0
 */
struct gaming_yield {
	__u32 size;
	__u32 flags;
	__s32 tid;
	__u32 resv;
};

#define GAMING_AFFINITY_LARGEST	(1U << 0)	/* one of these two */
#define GAMING_AFFINITY_NEAREST	(1U << 1)
#define GAMING_AFFINITY_LOCAL	(1U << 2)
#define GAMING_AFFINITY_WATCH	(1U << 3)

/**
 * struct gaming_affinity - argument of GAMING_CALL_SET_AFFINITY
 * @size:	of this struct
 * @flags:	GAMING_AFFINITY_*
 * @cpus:	address of a mask: CPU n is bit n % 64 of 64-bit word n / 64; all of it is
 *		written
 * @cpus_size:	of the mask in bytes, a multiple of 8; EINVAL if the kernel has more CPUs
 * @level:	out: of the cache
 * @bytes:	out: of the cache
 * @first_cpu:	out: the lowest CPU that shares it, allowed or not: its name
 * @node:	out: NUMA node of that CPU
 * @resv:	0
 */
struct gaming_affinity {
	__u32 size;
	__u32 flags;
	__u64 cpus;
	__u32 cpus_size;
	__u32 level;
	__u64 bytes;
	__u32 first_cpu;
	__s32 node;
	__u64 resv;
};

#define GAMING_WATCHES_MAX	1024
#define GAMING_WATCH_END	(1U << 0)	/* after reading */

/**
 * struct gaming_watch - argument of GAMING_IOC_WATCH; of the calling thread (ENOENT)
 * @size:		of this struct
 * @flags:		GAMING_WATCH_*
 * @wakeups:		out: how often it began to run after a sleep
 * @wakeups_home:	out: of these, on CPUs of the chosen cache
 * @turns:		out: how often it began to run at all
 * @turns_home:		out: of these, on CPUs of the chosen cache
 * @migrations:		out: how often on another CPU than before
 * @departures:		out: how often away from home after it was there
 * @resv:		0
 */
struct gaming_watch {
	__u32 size;
	__u32 flags;
	__u64 wakeups;
	__u64 wakeups_home;
	__u64 turns;
	__u64 turns_home;
	__u64 migrations;
	__u64 departures;
	__u64 resv;
};

#endif /* _UAPI_LINUX_GAMING_SCHED_H */
