/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tools of others print about latency, as numbers: the JSON of rt-tests'
 * cyclictest and oslat, the lines of the kernel's timerlat and osnoise tracers, the
 * summary of hwlatdetect. Anything that is not what they print is an error.
 */
#ifndef RP_CHECK_LATENCY_PARSE_H
#define RP_CHECK_LATENCY_PARSE_H

#include <stdio.h>

#define LATENCY_CPUS 1024

/* One CPU's; microseconds. */
struct latency {
	int cpu;
	long long samples;
	double min, avg, max;
};

struct latencies {
	struct latency cpus[LATENCY_CPUS];
	int count;
};

/*
 * The file that --json of cyclictest or oslat has written. Both have a histogram;
 * cyclictest counts beside it what was beyond it ("cycles").
 */
int latency_parse_json(const char *path, struct latencies *ret);

/* timerlat: "#1 context thread timer_latency 11700 ns". @context: irq or thread. */
int latency_parse_timerlat(const char *line, const char *context, struct latencies *ret);

/*
 * osnoise: "1000000 190 99.98100 9 18 0 1007 18 1": runtime, noise, what was left of
 * the CPU, the longest single noise, and counts. @longest gets the fourth, @share what
 * part of the runtime was noise, in millionths.
 */
int latency_parse_osnoise(const char *line, struct latencies *longest, struct latencies *share);

/*
 * hwlatdetect's summary. @ret_us: -1 below its threshold. @ret_samples are those above
 * what the tracer records.
 */
int latency_parse_hwlatdetect(FILE *file, double *ret_us, long long *ret_samples);

#endif
