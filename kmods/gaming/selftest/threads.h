/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of threads, and what of CPUs they may have. */
#ifndef GAMING_SELFTEST_THREADS_H
#define GAMING_SELFTEST_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The state letter and the nice value of a thread of this process. */
char thread_state(pid_t tid, int *ret_nice);

int nice_of(pid_t tid);

/* Its priority as the scheduler has it, inherited or not: below -1 it is a real-time one. */
int priority_of(pid_t tid);

/* Waits for @tid to have @nice: it may still be on its way out of a call. */
bool has_nice_soon(pid_t tid, int nice);

/* A handler: the signal breaks a call off, and that is all. */
void do_nothing(int signal);

/* The caller, on @cpu only. */
void run_on(int cpu);

#endif
