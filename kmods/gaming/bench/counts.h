/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of what the kernel was asked for, by its own counters (perf): system calls of
 * all threads made from here on. They cost the calls little, and change none of them,
 * unlike a ptrace that stops each: what spins is still quick enough to find something.
 */
#ifndef GAMING_BENCH_COUNTS_H
#define GAMING_BENCH_COUNTS_H

/* A descriptor that counts @name of the caller and of the threads it makes later; or -1. */
int count_open(const char *name);

/* From 0, until count_end(). */
void count_begin(int fd);

/* -1 if it cannot be counted. */
double count_end(int fd);

/* How often threads of this process have gone to sleep. */
long sleeps_now(void);

#endif
