/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics in one YAML block of a TAP document. Private to agent/tap.c. */
#ifndef RP_AGENT_TAP_YAML_H
#define RP_AGENT_TAP_YAML_H

#include <jansson.h>
#include <stddef.h>

/*
 * Append the metrics of the block text (without its --- and ... lines, not indented) to metrics.
 * Keys other than "metrics", and unknown keys of a metric, are skipped. *samples counts down.
 * Returns 0, -EINVAL with the reason in ret_problem, or -ENOMEM.
 */
int rp_tap_yaml_metrics(const char *text, size_t len, json_t *metrics, size_t *samples,
	char *ret_problem, size_t size);

#endif
