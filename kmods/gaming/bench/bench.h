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

UNUSED static void bench_print(const struct bench_row *row)
{
	printf("# row|%s|%s|%.6g|%s|%.4g|%.4g|%s|%s\n", row->what, row->against, row->value,
		row->unit, row->ratio, row->spread, row->target, row->met ? "yes" : "no");
	fflush(stdout);
}

/* The value below which @part (0 to 1) of @values lie. They are sorted by it. */
UNUSED static double bench_quantile(double *values, int count, double part)
{
	int at = (int)(part * count);

	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[at < count ? at : count - 1];
}

/* @ours and @theirs, pair by pair: the spread of their ratios. */
UNUSED static double bench_spread(const double *ours, const double *theirs, int pairs)
{
	double ratios[BENCH_PAIRS];

	for (int i = 0; i < pairs; i++)
		ratios[i] = theirs[i] / ours[i];
	qsort(ratios, (size_t)pairs, sizeof(*ratios), by_value);
	return (ratios[pairs * 3 / 4] - ratios[pairs / 4]) / ratios[pairs / 2];
}

/*
 * Times, the less the better, of @pairs: prints the row, and keeps the ratios as metric
 * @name. How many times theirs is longer than ours.
 */
UNUSED static double bench_tell(const char *name, struct bench_row row, double at_least,
	const double *ours, const double *theirs, int pairs)
{
	struct metric *m = add_metric(name, "ratio", false);

	m->higher_is_better = true;
	for (int i = 0; i < pairs; i++)
		m->samples[m->count++] = theirs[i] / ours[i];
	row.spread = bench_spread(ours, theirs, pairs);
	row.value = median(ours, pairs);
	row.ratio = median(theirs, pairs) / row.value;
	row.met = row.ratio >= at_least;
	bench_print(&row);
	return row.ratio;
}

/* @sample gives one of side 0 (ours) or 1 (theirs), and is called in turns. */
UNUSED static double bench_compare(const char *name, struct bench_row row, double at_least,
	double (*sample)(int side, void *arg), void *arg)
{
	double ours[BENCH_PAIRS], theirs[BENCH_PAIRS];

	for (int i = -1; i < BENCH_PAIRS; i++) {
		double a = sample(0, arg), b = sample(1, arg);

		b = (b + sample(1, arg)) / 2;
		a = (a + sample(0, arg)) / 2;
		if (i < 0) /* warmed up */
			continue;
		ours[i] = a;
		theirs[i] = b;
	}
	return bench_tell(name, row, at_least, ours, theirs, BENCH_PAIRS);
}

#endif
