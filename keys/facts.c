/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/facts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

static const char *string_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- times ---- */

/* -1: "" */
static int64_t time_at(const json_t *object, const char *key)
{
	int64_t time;

	return rp_clock_parse(string_at(object, key), &time) < 0 ? -1 : time;
}

static int check_times(const struct rp_statement_parts *parts, struct rp_error *err)
{
	int64_t started = 0, finished = 0;

	if (rp_clock_parse(parts->started, &started) < 0 ||
		rp_clock_parse(parts->finished, &finished) < 0 || finished < started)
		return rp_error_set(err, -EINVAL, "result.finished: %s is before its start, %s",
			parts->finished, parts->started);
	return 0;
}

static int check_stages(const json_t *stages, struct rp_error *err)
{
	int64_t before = 0;
	int last = -1;
	const json_t *item;
	size_t i;

	json_array_foreach (stages, i, item) {
		int64_t start = time_at(item, "start"), end = time_at(item, "end");
		const char *word = string_at(item, "stage");
		enum rp_stage stage = RP_STAGES;

		if (rp_stage_parse(word, &stage) < 0 || (int)stage <= last || start < before)
			return rp_error_set(
				err, -EINVAL, "stages[%zu]: %s is not at its place", i, word);
		if (end >= 0 && end < start)
			return rp_error_set(
				err, -EINVAL, "stages[%zu]: %s ends before its start", i, word);
		last = (int)stage;
		before = end >= 0 ? end : start;
	}
	return 0;
}

/* ---- modules ---- */

static int check_modules(const json_t *modules, struct rp_error *err)
{
	const json_t *module;
	size_t i;

	json_array_foreach (modules, i, module) {
		if (json_is_true(json_object_get(module, "loaded")) !=
			(json_integer_value(json_object_get(module, "errno")) == 0))
			return rp_error_set(err, -EINVAL,
				"modules[%zu]: %s was loaded and had an error, or neither", i,
				string_at(module, "name"));
	}
	return 0;
}

/* ---- tests ---- */

static int check_numbers(const json_t *tests, size_t at, struct rp_error *err)
{
	size_t n = json_array_size(tests), i;
	rp_cleanup(free) bool *seen = calloc(n + 1, sizeof(*seen));
	const json_t *test;

	if (!seen)
		return rp_error_memory(err);
	json_array_foreach (tests, i, test) {
		json_int_t number = json_integer_value(json_object_get(test, "number"));

		if (number < 1 || number > (json_int_t)n || seen[number])
			return rp_error_set(err, -EINVAL,
				"checks[%zu].tests[%zu].number: %lld is there twice, or not one "
				"of 1 to %zu",
				at, i, (long long)number, n);
		seen[number] = true;
	}
	return 0;
}

/* ---- metrics ---- */

enum statistic { ANY_WITHIN, MINIMUM, MEDIAN, MAXIMUM, MEAN, NONE };

static const struct {
	const char *word;
	enum statistic statistic;
} words[] = {
	{"min", MINIMUM},
	{"minimum", MINIMUM},
	{"median", MEDIAN},
	{"max", MAXIMUM},
	{"maximum", MAXIMUM},
	{"mean", MEAN},
	/* These are of the samples, but none of them, and may lie beyond them all. */
	{"sum", NONE},
	{"total", NONE},
	{"count", NONE},
	{"spread", NONE},
	{"range", NONE},
	{"jitter", NONE},
	{"stddev", NONE},
	{"variance", NONE},
};

/*
 * What the name says that the value is of its samples, by its last word or, before a unit, the one
 * before: "latency_max_us". An "avg" of averages may be weighted, a percentile is anyone's reckoning:
 * like all else, they lie within the samples.
 */
static enum statistic statistic_of(const char *name)
{
	enum statistic found = ANY_WITHIN;
	int age = 0;

	while (*name) {
		size_t len = strcspn(name, "_-./ ");

		age++;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (strlen(words[i].word) == len &&
				strncasecmp(words[i].word, name, len) == 0) {
				found = words[i].statistic;
				age = 0;
			}
		name += len;
		name += *name != '\0';
	}
	return age <= 1 ? found : ANY_WITHIN;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Both were printed with four digits or more. */
static bool is_within(double value, double low, double high)
{
	double slack = 1e-3 * fmax(fabs(value), fmax(fabs(low), fabs(high)));

	return value >= low - slack && value <= high + slack;
}

static bool agrees(double value, const double *sorted, size_t n, enum statistic statistic)
{
	double sum = 0;

	switch (statistic) {
	case MINIMUM:
		return is_within(value, sorted[0], sorted[0]);
	case MAXIMUM:
		return is_within(value, sorted[n - 1], sorted[n - 1]);
	case MEDIAN: /* of an even number: either of the two in the middle, or between */
		return is_within(value, sorted[(n - 1) / 2], sorted[n / 2]);
	case MEAN:
		for (size_t i = 0; i < n; i++)
			sum += sorted[i] / (double)n;
		return is_within(value, sum, sum);
	case NONE:
		return true;
	case ANY_WITHIN:
		break;
	}
	return is_within(value, sorted[0], sorted[n - 1]);
}

static int check_samples(const json_t *metric, size_t at, size_t i, struct rp_error *err)
{
	const json_t *samples = json_object_get(metric, "samples"), *sample;
	size_t n = json_array_size(samples), j;
	rp_cleanup(free) double *sorted = calloc(n + 1, sizeof(*sorted));

	if (!sorted)
		return rp_error_memory(err);
	json_array_foreach (samples, j, sample)
		sorted[j] = json_number_value(sample);
	qsort(sorted, n, sizeof(*sorted), by_value);
	if (n == 0 || agrees(json_number_value(json_object_get(metric, "value")), sorted, n,
			      statistic_of(string_at(metric, "name"))))
		return 0;
	return rp_error_set(err, -EINVAL,
		"checks[%zu].metrics[%zu]: the value of %.64s is not what its samples give", at, i,
		string_at(metric, "name"));
}

/*
 * One name, one unit and one direction: a limit could not be held against both. firsts: the metric
 * that came first of each name.
 */
static int check_agreement(
	json_t *firsts, const json_t *metric, size_t at, size_t i, struct rp_error *err)
{
	const char *name = string_at(metric, "name");
	const json_t *first = json_object_get(firsts, name);

	if (!first)
		return json_object_set(firsts, name, (json_t *)metric) < 0 ? rp_error_memory(err)
									   : 0;
	if (json_equal(json_object_get(metric, "unit"), json_object_get(first, "unit")) &&
		json_equal(json_object_get(metric, "better"), json_object_get(first, "better")))
		return 0;
	return rp_error_set(err, -EINVAL,
		"checks[%zu].metrics[%zu]: %.64s has another unit or direction than before", at, i,
		name);
}

/* The plan's direction is its limit's: a maximum is set where lower is better. */
static int check_direction(const json_t *limits, const json_t *check, const json_t *metric,
	size_t at, size_t i, struct rp_error *err)
{
	const char *name = string_at(check, "name"), *better = string_at(metric, "better");
	size_t len = strlen(name), j;
	const json_t *limit;

	json_array_foreach (limits, j, limit) {
		const char *limited = string_at(limit, "metric");
		const char *wanted = json_object_get(limit, "max") ? "lower" : "higher";

		if (strncmp(limited, name, len) == 0 && limited[len] == '/' &&
			strcmp(limited + len + 1, string_at(metric, "name")) == 0 && *better &&
			strcmp(better, wanted) != 0)
			return rp_error_set(err, -EINVAL,
				"checks[%zu].metrics[%zu]: of %.64s, %s is better, but the plan "
				"limits it as if %s were",
				at, i, limited, better, wanted);
	}
	return 0;
}

static int check_check(const json_t *limits, const json_t *check, size_t at, struct rp_error *err)
{
	const json_t *metrics = json_object_get(check, "metrics"), *metric;
	rp_cleanup(json) json_t *firsts = json_object();
	int r = firsts ? check_numbers(json_object_get(check, "tests"), at, err)
		       : rp_error_memory(err);
	size_t i;

	json_array_foreach (metrics, i, metric) {
		if (r == 0)
			r = check_samples(metric, at, i, err);
		if (r == 0)
			r = check_agreement(firsts, metric, at, i, err);
		if (r == 0)
			r = check_direction(limits, check, metric, at, i, err);
	}
	return r;
}

int rp_facts_check(const struct rp_statement_parts *parts, struct rp_error *err)
{
	const json_t *check;
	size_t i;
	int r = check_times(parts, err);

	if (r == 0)
		r = check_stages(parts->stages, err);
	if (r == 0)
		r = check_modules(parts->modules, err);
	json_array_foreach (parts->checks, i, check)
		if (r == 0)
			r = check_check(json_object_get(parts->job, "limits"), check, i, err);
	return r;
}
