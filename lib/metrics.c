/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/metrics.h"

#define NAMES_MAX 1024

struct metric {
	char *name;
	int64_t value;
	bool gauge;
};

struct rp_metrics {
	struct metric *sorted;
	size_t count;
};

struct rp_metrics *rp_metrics_new(void)
{
	return calloc(1, sizeof(struct rp_metrics));
}

struct rp_metrics *rp_metrics_free(struct rp_metrics *metrics)
{
	if (!metrics)
		return NULL;
	for (size_t i = 0; i < metrics->count; i++)
		free(metrics->sorted[i].name);
	free(metrics->sorted);
	free(metrics);
	return NULL;
}

static bool name_valid(const char *name)
{
	size_t family = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	size_t len = strlen(name);

	if (!family || isdigit((unsigned char)name[0]) || len > 200)
		return false;
	if (!name[family])
		return true;
	if (name[family] != '{' || name[len - 1] != '}')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || (unsigned char)name[i] > 0x7e)
			return false;
	return true;
}

/* Where name stands, or would be inserted. */
static size_t position(const struct rp_metrics *metrics, const char *name, bool *ret_found)
{
	size_t low = 0, high = metrics->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(metrics->sorted[middle].name, name);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static struct metric *get(struct rp_metrics *metrics, const char *name, bool gauge)
{
	rp_cleanup(free) char *copy = NULL;
	struct metric *grown;
	bool found;
	size_t at;

	if (!metrics)
		return NULL;
	at = position(metrics, name, &found);
	if (found)
		return &metrics->sorted[at];
	if (metrics->count >= NAMES_MAX || !name_valid(name))
		return NULL;
	copy = strdup(name);
	grown = reallocarray(metrics->sorted, metrics->count + 1, sizeof(*grown));
	if (grown)
		metrics->sorted = grown;
	if (!copy || !grown)
		return NULL;
	memmove(grown + at + 1, grown + at, (metrics->count - at) * sizeof(*grown));
	metrics->count++;
	grown[at] = (struct metric){.name = rp_steal(copy), .gauge = gauge};
	return &grown[at];
}

void rp_metrics_add(struct rp_metrics *metrics, const char *name, int64_t delta)
{
	struct metric *metric = get(metrics, name, false);

	if (metric)
		metric->value += delta;
}

void rp_metrics_set(struct rp_metrics *metrics, const char *name, int64_t value)
{
	struct metric *metric = get(metrics, name, true);

	if (metric)
		metric->value = value;
}

int64_t rp_metrics_get(const struct rp_metrics *metrics, const char *name)
{
	bool found = false;
	size_t at = metrics ? position(metrics, name, &found) : 0;

	return found ? metrics->sorted[at].value : 0;
}

char *rp_metrics_text(const struct rp_metrics *metrics)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *family = "";
	size_t family_len = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; metrics && i < metrics->count; i++) {
		const struct metric *metric = &metrics->sorted[i];
		size_t n = strcspn(metric->name, "{");

		if (n != family_len || strncmp(metric->name, family, n) != 0)
			fprintf(out, "# TYPE rigproof_%.*s %s\n", (int)n, metric->name,
				metric->gauge ? "gauge" : "counter");
		family = metric->name;
		family_len = n;
		fprintf(out, "rigproof_%s %lld\n", metric->name, (long long)metric->value);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
