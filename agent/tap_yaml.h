/* SPDX-License-Identifier: Apache-2.0 */
/* What one YAML block of a TAP document says. Private to agent/tap.c. */
#ifndef RP_AGENT_TAP_YAML_H
#define RP_AGENT_TAP_YAML_H

#include <jansson.h>
#include <stddef.h>

/* What the blocks of one document add up to. */
struct rp_tap_yaml {
	json_t *metrics;     /* appended to; borrowed */
	size_t metrics_max;  /* that may be in it */
	size_t samples_left; /* that may still come; counts down */
};

/*
 * Read the block text (without its --- and ... lines, not indented): its metrics go to sum, its
 * "message" (TAP 14: why a test failed) to ret_message, which is otherwise untouched. Other keys,
 * and unknown keys of a metric, are skipped. ret_message and ret_problem hold size bytes each.
 * Returns 0, -EINVAL with the reason in ret_problem (which may quote foreign bytes), or -ENOMEM.
 */
int rp_tap_yaml_read(const char *text, size_t len, struct rp_tap_yaml *sum, char *ret_message,
	char *ret_problem, size_t size) __attribute__((warn_unused_result));

#endif
