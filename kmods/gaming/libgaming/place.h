/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a thread runs (linux/gaming_sched.h): the module chooses a cache and counts,
 * sched_setaffinity(2) sets the mask. All of it is about the calling thread, and
 * returns 0 or more, or a negative errno.
 */
#ifndef LIBGAMING_PLACE_H
#define LIBGAMING_PLACE_H

#include <linux/gaming_sched.h>

#include "gaming.h"

#define GAMING_CPU_WORDS 128 /* for 8192 CPUs, as many as any kernel is built for */

struct gaming_placed {
	struct gaming_affinity home;	 /* the cache; its mask is @cpus */
	uint64_t cpus[GAMING_CPU_WORDS]; /* that the thread is kept to */
	uint64_t before[GAMING_CPU_WORDS];
	uint64_t departures; /* seen by gaming_keep() */
};

/*
 * Places the thread and watches it. @flags: GAMING_AFFINITY_LARGEST or _NEAREST, and
 * _LOCAL. On an error the mask is what it was.
 */
int gaming_place(const struct gaming *g, uint32_t flags, struct gaming_placed *ret_placed);

/*
 * Has the thread left its cache since gaming_place() or the last call? Then it is
 * placed anew, on the best that is allowed now. 1: so it was, 0: all is well.
 * @ret_watch: what was counted until now (since the last placing); may be NULL.
 */
int gaming_keep(
	const struct gaming *g, struct gaming_placed *placed, struct gaming_watch *ret_watch);

/* The mask is what it was, as far as it is still allowed. Ends the watch. */
int gaming_unplace(
	const struct gaming *g, struct gaming_placed *placed, struct gaming_watch *ret_watch);

/* Gives the turn to a thread of this process: 1, or 0 if it cannot take it. */
int gaming_yield_to(const struct gaming *g, int tid);

#endif
