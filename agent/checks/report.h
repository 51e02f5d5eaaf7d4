/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test of a kernel module says, in a page that the runner (runner.h) shares
 * with the test's process: why it failed, why it was skipped, its metrics.
 */
#ifndef RP_CHECK_REPORT_H
#define RP_CHECK_REPORT_H

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* Not every check needs all that is here. */
#define UNUSED __attribute__((unused))
#define MAX_SAMPLES 15
#define MAX_METRICS 8

struct metric {
	char name[40];
	char unit[12];
	double samples[MAX_SAMPLES];
	int count;
	bool worst; /* the value is the largest sample, else the median */
	bool higher_is_better;
};

static struct report {
	char why[512];
	char skip[128];
	struct metric metrics[MAX_METRICS];
	int metric_count;
	_Atomic uint64_t progress;
} * report;

/* The first reason is the one that counts. */
__attribute__((format(printf, 3, 4))) static int fail(
	const char *function, int line, const char *format, ...)
{
	va_list ap;
	int n;

	if (report->why[0])
		return 1;
	n = snprintf(report->why, sizeof(report->why), "%s, line %d: ", function, line);
	va_start(ap, format);
	vsnprintf(report->why + n, sizeof(report->why) - (size_t)n, format, ap);
	va_end(ap);
	return 1;
}

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

UNUSED static int skip(const char *why)
{
	snprintf(report->skip, sizeof(report->skip), "%s", why);
	return 0;
}

UNUSED static struct metric *add_metric(const char *name, const char *unit, bool worst)
{
	struct metric *m = &report->metrics[report->metric_count++];

	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->unit, sizeof(m->unit), "%s", unit);
	m->worst = worst;
	return m;
}

UNUSED static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

UNUSED static uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

UNUSED static long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

UNUSED static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

UNUSED static double median(const double *values, int count)
{
	double sorted[MAX_SAMPLES];

	memcpy(sorted, values, (size_t)count * sizeof(*sorted));
	qsort(sorted, (size_t)count, sizeof(*sorted), by_value);
	return count & 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* A kernel with KASAN in an emulated machine takes its time: CHECK_SLOW=10. */
UNUSED static int slowness(void)
{
	const char *text = getenv("CHECK_SLOW");
	int times = text ? atoi(text) : 1;

	return times > 1 ? times : 1;
}

#endif
