/* SPDX-License-Identifier: Apache-2.0 */
/* A line's traps and time, with the library and without it, as TAP metrics. */
#ifndef XSC_PRELOAD_MEASURED_H
#define XSC_PRELOAD_MEASURED_H

#define MAX_ROUNDS 100

/* Of A B B A; at most MAX_ROUNDS. */
extern int rounds;

void print_metric(const char *name, const char *unit, const char *better, double value,
	const double *samples, int count);

/* Whole runs, in auto mode, A B B A; the ratio of medians, and the ratio of each round. */
void measure_time(const char *line);

/* What a program and all that it starts trap, by libc, over the ring, and in auto. */
void measure_traps(const char *line);

#endif
