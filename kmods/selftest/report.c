/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/selftest/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct report *report;

int fail(const char *function, int line, const char *format, ...)
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

int skip(const char *why)
{
	snprintf(report->skip, sizeof(report->skip), "%s", why);
	return 0;
}

struct metric *add_metric(const char *name, const char *unit, bool worst)
{
	struct metric *m = &report->metrics[report->metric_count++];

	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->unit, sizeof(m->unit), "%s", unit);
	m->worst = worst;
	return m;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(const double *values, int count)
{
	double sorted[MEDIAN_MAX];

	memcpy(sorted, values, (size_t)count * sizeof(*sorted));
	qsort(sorted, (size_t)count, sizeof(*sorted), by_value);
	return count & 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

int slowness(void)
{
	const char *text = getenv("CHECK_SLOW");
	int times = text ? atoi(text) : 1;

	return times > 1 ? times : 1;
}
