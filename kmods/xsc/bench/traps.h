/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps of one thread, counted by ptrace as in kmods/xsc/selftest/test_measure.c:
 * every system call stops it, and is counted between two calls of getpgid() with
 * numbers that nobody else uses.
 */
#ifndef XSC_BENCH_TRAPS_H
#define XSC_BENCH_TRAPS_H

#include "kmods/xsc/bench/sides.h"

struct counted {
	double traps, faults, wakes; /* per operation */
	double cpu_us;		     /* of all threads, per operation */
};

/* 0, or -1: the child could not. */
int count_side(struct bench *b, enum side side, enum work work, int batch, struct counted *ret);

#endif
