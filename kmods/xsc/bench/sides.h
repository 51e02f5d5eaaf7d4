/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three ways to the same work, each with the interface that its authors
 * recommend: libxsc, liburing with SQPOLL, and plain system calls. A batch is
 * submitted at once and reaped to the end; waiting is polling for all.
 */
#ifndef XSC_BENCH_SIDES_H
#define XSC_BENCH_SIDES_H

#include <liburing.h>
#include <stdbool.h>

#include "xsc.h"

#define MAX_BATCH 64
#define BLOCK 4096

enum side { XSC, URING, PLAIN, SIDES };
enum work { NOP, PREAD, WORKS };

struct bench {
	struct xsc_ring xsc;
	struct io_uring uring;
	int fd;
	char *buf; /* MAX_BATCH blocks */
};

/*
 * Twice the entries of the largest batch: a poller frees its entries after their
 * completions can be seen. Both pollers give up after @idle_ms. 0, or a negative errno;
 * @side SIDES: both rings.
 */
int bench_open(struct bench *b, enum side side, unsigned int idle_ms);

/* Wait until neither poller takes a CPU from the side that is next. */
void bench_quiet(struct bench *b);

/* @ops operations, or up to a batch more; aborts where one fails. */
void bench_run(struct bench *b, enum side side, enum work work, int batch, int ops);

#endif
