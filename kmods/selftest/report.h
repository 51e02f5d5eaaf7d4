/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test of a kernel module says, in a page that the runner (runner.h) shares
 * with the test's process: why it failed, why it was skipped, its metrics.
 */
#ifndef KMODS_SELFTEST_REPORT_H
#define KMODS_SELFTEST_REPORT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define UNUSED __attribute__((unused))
#define MAX_SAMPLES 15
#define MAX_METRICS 8
#define MEDIAN_MAX 256

struct metric {
	char name[40];
	char unit[12];
	double samples[MAX_SAMPLES];
	int count;
	bool worst; /* the value is the largest sample, else the median */
	bool higher_is_better;
};

struct report {
	char why[512];
	char skip[128];
	struct metric metrics[MAX_METRICS];
	int metric_count;
	_Atomic uint64_t progress;
};

/* Of the test that runs. NULL until the runner has begun. */
extern struct report *report;

/* Says why the test fails; the first reason is the one that counts. 1. */
__attribute__((format(printf, 3, 4))) int fail(
	const char *function, int line, const char *format, ...);

#define FAIL(...) fail(__func__, __LINE__, __VA_ARGS__)
#define REQUIRE(condition, ...)                                                                    \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return FAIL(__VA_ARGS__);                                                  \
	} while (0)
/* @expression is an int or a long: 0 or more, or a negative errno. */
#define EXPECT(expression, expected)                                                               \
	do {                                                                                       \
		long got_ = (long)(expression), want_ = (long)(expected);                          \
		if (got_ != want_)                                                                 \
			return FAIL("%s: %ld, not %ld", #expression, got_, want_);                 \
	} while (0)

/* Says why the test could not be done. 0. */
int skip(const char *why);

/* A new metric without samples, of at most MAX_METRICS a test. @worst as in the struct. */
struct metric *add_metric(const char *name, const char *unit, bool worst);

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* Marsaglia's xorshift32; @state is never 0. */
uint32_t random_next(uint32_t *state);

/* What a system call returned, with -errno in the place of -1. */
long sys(long ret);

/* For qsort() of doubles. */
int by_value(const void *a, const void *b);

/* Of at most MEDIAN_MAX @values, which stay in their order. */
double median(const double *values, int count);

/* A kernel with KASAN in an emulated machine takes its time: CHECK_SLOW=10. 1 or more. */
int slowness(void);

#endif
