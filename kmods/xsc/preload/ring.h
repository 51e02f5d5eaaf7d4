/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's ring: made at its first use, asked before each. */
#ifndef XSC_PRELOAD_RING_H
#define XSC_PRELOAD_RING_H

#include <stdbool.h>

#include "xsc.h"

/*
 * Carry @sqe out over the ring of the calling thread, made if need be. False: it
 * was not, and will not be, carried out: make the system call. True: @ret_res is
 * its result, or a negative errno. Keeps errno.
 */
bool xp_ring_call(const struct xsc_sqe *sqe, long *ret_res);

/* May the calling thread use a ring now, as far as can be told without a system call? */
bool xp_ring_usable(void);

/* Is the operation there, in the kernel? False when the thread has no ring yet. */
bool xp_ring_has(enum xsc_opcode opcode);

/* Is it a descriptor of a ring of this process? */
bool xp_ring_owns(int fd);

/* Give the calling thread's ring up; another is made when it is needed. */
void xp_ring_drop(void);

/* The same because it does not pay; not in a signal handler, where it stays. */
void xp_ring_leave(void);

/* A ring that is no thread's own: the caller sees to it that one thread uses it at a time. */
bool xp_ring_shared(struct xsc_ring *ret_ring, const struct xsc_params *params);

/* Another number in each forked child; never 0. */
unsigned int xp_ring_generation(void);

/* No ring any more in this process, and none of the calling thread's. */
void xp_ring_end(void);

/*
 * Called by vfork's two assembler lines: until it returns in the parent, the child
 * runs on the parent's memory, where a ring would change the parent's files.
 */
void xp_vfork_begin(void) __asm__("xp_vfork_begin");
void xp_vfork_end(void) __asm__("xp_vfork_end");

/*
 * @forget is called in a forked child, in the thread that is left, when the first call
 * there finds out: what was learnt of the parent's calls says nothing of it.
 */
void xp_ring_at_fork(void (*forget)(void));

/* The ring's result as libc's functions return it: -1 and errno. */
long xp_result(long res);

#endif
