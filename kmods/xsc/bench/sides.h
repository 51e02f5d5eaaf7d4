/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways to the same work, each with the interface that its authors recommend: libxsc,
 * liburing with SQPOLL and without, and plain system calls. A batch is submitted at once
 * and reaped to the end; who has a poller polls for completions.
 */
#ifndef XSC_BENCH_SIDES_H
#define XSC_BENCH_SIDES_H

#include <liburing.h>
#include <stdbool.h>

#include "xsc.h"

#define MAX_BATCH 64
#define BLOCK 4096

enum side { XSC, URING, ENTERED, PLAIN, SIDES }; /* ENTERED: io_uring without a poller */
enum work { NOP, PREAD, PREAD64, PWRITE64, FSYNC, STAT, WORKS };

struct bench {
	struct xsc_ring xsc;
	struct io_uring uring, entered;
	int fd;
	const char *path; /* of the same file */
	char *buf;	  /* MAX_BATCH blocks */
};

/*
 * Twice the entries of the largest batch: a poller frees its entries after their
 * completions can be seen. Both pollers give up after @idle_ms. 0, or a negative errno;
 * @side SIDES: both rings.
 */
int bench_open(struct bench *b, enum side side, unsigned int idle_ms);

/*
 * The calling thread on the first CPU that it may use, what polls for its rings on the second.
 * Later threads of the ring inherit the second from the thread that makes them. 0, or -errno.
 */
int bench_pin(void);

/* Wait until neither poller takes a CPU from the side that is next. */
void bench_quiet(struct bench *b);

/* @ops operations, or up to a batch more; aborts where one fails. */
void bench_run(struct bench *b, enum side side, enum work work, int batch, int ops);

#endif
