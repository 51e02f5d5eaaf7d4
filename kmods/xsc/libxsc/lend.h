/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that a ring is lent. For the library only. */
#ifndef XSC_LEND_H
#define XSC_LEND_H

#include <stdint.h>

#include <linux/xsc.h>

struct xsc_pool;

/* Lend threads to the ring behind @fd, at most @max: 0, or a negative errno. */
int xsc_pool_start(int fd, uint32_t max, struct xsc_pool **ret_pool);

/*
 * Wait for the threads, whose ring is shut down, and free. A system call that one
 * of them makes for an operation is broken off. Takes NULL, returns NULL.
 */
struct xsc_pool *xsc_pool_stop(struct xsc_pool *pool);

/* Free what is left of a pool in a child after fork, where no thread is. */
struct xsc_pool *xsc_pool_forget(struct xsc_pool *pool);

/* Carry an operation out by its system call: the result, or a negative errno. */
int32_t xsc_call(const struct xsc_sqe *sqe);

#endif
