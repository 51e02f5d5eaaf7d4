/* SPDX-License-Identifier: Apache-2.0 */
/* What one YAML block of a TAP document says. Private to agent/tap.c. */
#ifndef RP_AGENT_TAP_YAML_H
#define RP_AGENT_TAP_YAML_H

#include <jansson.h>
#include <stddef.h>

/*
 * Append the metrics of the block text (without its --- and ... lines, not indented) to metrics,
 * and copy its "message" (TAP 14: why a test failed) to ret_message of RP_TAP_TEXT bytes, which is
 * otherwise untouched. Other keys, and unknown keys of a metric, are skipped. *samples counts down.
 * Returns 0, -EINVAL with the reason in ret_problem, or -ENOMEM.
 */
int rp_tap_yaml_read(const char *text, size_t len, json_t *metrics, size_t *samples,
	char *ret_message, char *ret_problem, size_t size);

#endif
