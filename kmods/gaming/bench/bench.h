/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benches of /dev/gaming have in common: samples, and rows for the table
 * that tests/bench/gaming makes of them.
 *
 * A and B are measured in turns, A B B A, in one run; a ratio is that of medians, and
 * its spread the half of the pairs' ratios that lies in the middle, told as a part
 * of their median. A target that is not met is told, and is no failure: time on a
 * virtual rig proves nothing. A count that is wrong is a failure.
 */
#ifndef GAMING_BENCH_BENCH_H
#define GAMING_BENCH_BENCH_H

#include <stdbool.h>

#include "kmods/selftest/report.h"

#define BENCH_PAIRS MAX_SAMPLES

/* A row of the table. @ratio and @spread are 0 where there is nothing to compare with. */
struct bench_row {
	const char *what, *against;
	double value;
	const char *unit;
	double ratio, spread;
	const char *target; /* in words; "" where there is none */
	bool met;
};

void bench_print(const struct bench_row *row);

/* The value below which @part (0 to 1) of @values lie. They are sorted by it. */
double bench_quantile(double *values, int count, double part);

/* @ours and @theirs, pair by pair: the spread of their ratios. */
double bench_spread(const double *ours, const double *theirs, int pairs);

/*
 * Times, the less the better, of @pairs: prints the row, and keeps the ratios as metric
 * @name. How many times theirs is longer than ours.
 */
double bench_tell(const char *name, struct bench_row row, double at_least, const double *ours,
	const double *theirs, int pairs);

/* @sample gives one of side 0 (ours) or 1 (theirs), and is called in turns. */
double bench_compare(const char *name, struct bench_row row, double at_least,
	double (*sample)(int side, void *arg), void *arg);

/* The calling thread, on @cpu only. 0, or an errno. */
int bench_pin(int cpu);

#endif
