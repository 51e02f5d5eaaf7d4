/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's ring for POSIX AIO: many transfers under way at once, made visible
 * to the kernel with one store. glibc has helper threads that make system calls.
 */
#ifndef XSC_PRELOAD_AIO_H
#define XSC_PRELOAD_AIO_H

#include <aio.h>
#include <stdbool.h>
#include <stdint.h>

/* Can @cb go over a ring: a file, nobody to tell, no order to be kept? */
bool xp_aio_can(const struct aiocb64 *cb, int opcode);

/*
 * Begin @count of them, those that are LIO_NOP left out; all, or false: none. Those
 * that are begun have their state kept in the aiocb, as glibc keeps it.
 */
bool xp_aio_begin(struct aiocb64 *const list[], int count, const int *opcode);

/* Was it begun here (and not by glibc)? */
bool xp_aio_ours(const struct aiocb64 *cb);

/* It was begun by glibc: forget what an earlier use of the block left. */
void xp_aio_foreign(struct aiocb64 *cb);

/* Take what has ended. */
void xp_aio_reap(void);

/*
 * 0, -EINTR, -EAGAIN: the time of CLOCK_MONOTONIC, if not NULL, is over. Sleeps for a
 * while, not always to an end.
 */
int xp_aio_wait(const uint64_t *until_ns);

/* Is a transfer of @fd under way here? -1: of any. */
bool xp_aio_busy(int fd);

#endif
