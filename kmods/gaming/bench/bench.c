/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "kmods/gaming/bench/bench.h"

void bench_print(const struct bench_row *row)
{
	printf("# row|%s|%s|%.6g|%s|%.4g|%.4g|%s|%s\n", row->what, row->against, row->value,
		row->unit, row->ratio, row->spread, row->target, row->met ? "yes" : "no");
	fflush(stdout);
}

double bench_quantile(double *values, int count, double part)
{
	int at = (int)(part * count);

	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[at < count ? at : count - 1];
}

double bench_spread(const double *ours, const double *theirs, int pairs)
{
	double ratios[BENCH_PAIRS];

	for (int i = 0; i < pairs; i++)
		ratios[i] = theirs[i] / ours[i];
	qsort(ratios, (size_t)pairs, sizeof(*ratios), by_value);
	return (ratios[pairs * 3 / 4] - ratios[pairs / 4]) / ratios[pairs / 2];
}

double bench_tell(const char *name, struct bench_row row, double at_least, const double *ours,
	const double *theirs, int pairs)
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

double bench_compare(const char *name, struct bench_row row, double at_least,
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

int bench_pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	return pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}
