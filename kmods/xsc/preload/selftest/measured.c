/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/preload/selftest/measured.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmods/selftest/report.h"
#include "kmods/xsc/preload/selftest/runs.h"

int rounds = 3;

_Static_assert(2 * MAX_ROUNDS <= MEDIAN_MAX, "two samples a round");

/* How far apart the quarters of the samples are, as a share of the median. */
static double spread(const double *samples, int count)
{
	double sorted[2 * MAX_ROUNDS];

	memcpy(sorted, samples, (size_t)count * sizeof(*samples));
	qsort(sorted, (size_t)count, sizeof(*sorted), by_value);
	return (sorted[count * 3 / 4] - sorted[count / 4]) / median(samples, count);
}

void print_metric(const char *name, const char *unit, const char *better, double value,
	const double *samples, int count)
{
	printf("    - name: %s\n      value: %.4g\n      unit: %s\n      better: %s\n", name, value,
		unit, better);
	for (int i = 0; i < count; i++)
		printf("%s%.4g", i ? ", " : "      samples: [", samples[i]);
	if (count)
		printf("]\n");
}

static void print_value(const char *name, const char *unit, const char *better, double value)
{
	print_metric(name, unit, better, value, NULL, 0);
}

void measure_time(const char *line)
{
	struct run plain = {.line = line, .timed = true},
		   ring = {.line = line, .mode = "auto", .timed = true};
	double ratios[MAX_ROUNDS] = {0}, a[2 * MAX_ROUNDS] = {0}, b[2 * MAX_ROUNDS] = {0};

	for (int i = 0; i < rounds; i++) {
		a[2 * i] = (double)carry_out(&ring).ns;
		b[2 * i] = (double)carry_out(&plain).ns;
		b[2 * i + 1] = (double)carry_out(&plain).ns;
		a[2 * i + 1] = (double)carry_out(&ring).ns;
		ratios[i] = (a[2 * i] + a[2 * i + 1]) / (b[2 * i] + b[2 * i + 1]);
	}
	print_metric("time_auto_vs_libc", "ratio", "lower",
		median(a, 2 * rounds) / median(b, 2 * rounds), ratios, rounds);
	print_value("time_spread", "ratio", "lower", spread(ratios, rounds));
}

static double share(unsigned long part, unsigned long whole)
{
	return whole ? (double)part / (double)whole : 0;
}

void measure_traps(const char *line)
{
	struct run run = {.line = line, .traced = true};
	unsigned long by_ring, by_call;
	struct traced plain = carry_out(&run).traced, ring, automatic;

	run.mode = "always";
	ring = carry_out(&run).traced;
	read_stats(&by_ring, &by_call);
	print_value("io_over_ring", "share", "higher", share(by_ring, by_ring + ring.io));
	print_value("of_all_system_calls", "share", "higher", share(by_ring, plain.all));
	print_value("io_traps_libc", "traps", "lower", (double)plain.io);
	print_value("io_traps_ring", "traps", "lower", (double)ring.io);
	print_value("ring_waits", "traps", "lower", (double)ring.ring);
	run.mode = "auto";
	run.timed = true;
	automatic = carry_out(&run).traced;
	print_value("traps_auto_vs_libc", "ratio", "lower",
		share(automatic.all + automatic.ring, plain.all));
	run.traced = run.timed = false;
	carry_out(&run);
	read_stats(&by_ring, &by_call);
	print_value("auto_by_ring", "share", "higher", share(by_ring, by_ring + by_call));
}
