/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named counters and gauges in Prometheus' text form. Names carry their labels, as Prometheus
 * writes them: "requests_total", "power_total{driver=\"qemu\"}"; "rigproof_" is put in front.
 */
#ifndef RP_LIB_METRICS_H
#define RP_LIB_METRICS_H

#include <stdint.h>

struct rp_metrics; /* one thread */

struct rp_metrics *rp_metrics_new(void);
struct rp_metrics *rp_metrics_free(struct rp_metrics *metrics);

/*
 * Add to a counter, which is made at its first use. metrics may be NULL: nothing. A name that is
 * not [a-z_][a-z0-9_]* with an optional {labels}, and anything past 1024 names, is dropped:
 * foreign text must never become a name.
 */
void rp_metrics_add(struct rp_metrics *metrics, const char *name, int64_t delta);

/* Set a gauge. */
void rp_metrics_set(struct rp_metrics *metrics, const char *name, int64_t value);

/* 0 where there is none of that name. */
int64_t rp_metrics_get(const struct rp_metrics *metrics, const char *name);

/* All of them, sorted by name, one # TYPE line a family. Caller frees. NULL: no memory. */
char *rp_metrics_text(const struct rp_metrics *metrics);

#endif
