/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/checks/latency/parse.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -ENOSPC: more CPUs than anyone has. */
static int latency_add(struct latencies *all, int cpu, double us)
{
	struct latency *l = NULL;

	for (int i = 0; i < all->count && !l; i++)
		if (all->cpus[i].cpu == cpu)
			l = &all->cpus[i];
	if (!l) {
		if (all->count == LATENCY_CPUS)
			return -ENOSPC;
		l = &all->cpus[all->count++];
		*l = (struct latency){.cpu = cpu, .min = us, .max = us};
	}
	l->min = us < l->min ? us : l->min;
	l->max = us > l->max ? us : l->max;
	l->avg += (us - l->avg) / (double)++l->samples;
	return 0;
}

static long long latency_histogram(const json_t *histogram)
{
	long long sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)histogram, key, value)
		sum += json_integer_value(value);
	return sum;
}

int latency_parse_json(const char *path, struct latencies *ret)
{
	json_t *json = json_load_file(path, 0, NULL), *thread;
	const char *key;
	int r = json ? 0 : -EINVAL;

	ret->count = 0;
	json_object_foreach (json_object_get(json, "thread"), key, thread) {
		struct latency l = {.cpu = -1};
		json_t *histogram;
		json_int_t cycles = -1;

		if (ret->count == LATENCY_CPUS ||
			json_unpack(thread, "{s:i, s:F, s:F, s:F, s:o, s?I}", "cpu", &l.cpu, "min",
				&l.min, "avg", &l.avg, "max", &l.max, "histogram", &histogram,
				"cycles", &cycles) < 0) {
			r = -EINVAL;
			break;
		}
		l.samples = cycles >= 0 ? cycles : latency_histogram(histogram);
		ret->cpus[ret->count++] = l;
	}
	json_decref(json);
	return r == 0 && !ret->count ? -EINVAL : r;
}

/*
 * A line of a trace: "task-pid [cpu] flags time: what". The name of the task may hold
 * anything, so the CPU is the last number in brackets before the time.
 */
static bool latency_trace_line(const char *line, int *ret_cpu, const char **ret_what)
{
	const char *bracket = NULL, *what = NULL;
	int cpu;

	for (const char *at = strchr(line, '['); at; at = strchr(at + 1, '[')) {
		int end = 0;

		if (sscanf(at, "[%d] %*s %*f:%n", &cpu, &end) == 1 && end) {
			bracket = at;
			what = at + end;
		}
	}
	if (!bracket || sscanf(bracket, "[%d]", ret_cpu) != 1 || *ret_cpu < 0)
		return false;
	*ret_what = what + strspn(what, " ");
	return true;
}

int latency_parse_timerlat(const char *line, const char *context, struct latencies *ret)
{
	unsigned long long ns;
	const char *what;
	char name[16];
	int cpu, end = 0;

	if (!latency_trace_line(line, &cpu, &what) ||
		sscanf(what, "#%*u context %15s timer_latency %llu ns%n", name, &ns, &end) != 2 ||
		!end)
		return -EINVAL;
	return strcmp(name, context) ? 0 : latency_add(ret, cpu, (double)ns / 1000);
}

int latency_parse_osnoise(const char *line, struct latencies *longest, struct latencies *share)
{
	unsigned long long runtime, noise, single;
	const char *what;
	double left;
	int cpu, end = 0, r;

	if (!latency_trace_line(line, &cpu, &what) ||
		sscanf(what, "%llu %llu %lf %llu %*u %*u %*u %*u %*u%n", &runtime, &noise, &left,
			&single, &end) != 4 ||
		!end || !runtime || noise > runtime)
		return -EINVAL;
	r = latency_add(longest, cpu, (double)single);
	return r ? r : latency_add(share, cpu, (double)noise * 1e6 / (double)runtime);
}

int latency_parse_hwlatdetect(FILE *file, double *ret_us, long long *ret_samples)
{
	bool max = false, samples = false;
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		if (!strcmp(line, "Max Latency: Below threshold\n")) {
			*ret_us = -1;
			max = true;
		} else if (sscanf(line, "Max Latency: %lfus", ret_us) == 1) {
			max = true;
		} else if (sscanf(line, "Samples recorded: %lld", ret_samples) == 1) {
			samples = true;
		}
	}
	return max && samples ? 0 : -EINVAL;
}
