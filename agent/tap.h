/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading TAP 14 (testanything.org/tap-version-14-specification.html), and what else calls itself
 * TAP: version 13, kselftest's and KTAP's "TAP version"/"KTAP version" lines, none at all.
 *
 * Metrics stand in the YAML block under a test line, as JSON-like scalars:
 *   ---
 *   metrics:
 *     - name: traps_per_op
 *       value: 0
 *       unit: traps
 *       better: lower
 *       samples: [0, 0, 0]
 *   ...
 * Subtests (indented by four) are not counted: their parent's test line says how they ended.
 * Everything else that is no TAP is a diagnostic. Nothing is refused outright: what is wrong with
 * the document is said in `problem`, and then it is no proof that anything passed.
 */
#ifndef RP_AGENT_TAP_H
#define RP_AGENT_TAP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RP_TAP_TESTS_MAX 4096
#define RP_TAP_METRICS_MAX 1000
#define RP_TAP_SAMPLES_MAX 65536   /* of a document */
#define RP_TAP_YAML_MAX (1u << 20) /* bytes of a block */
#define RP_TAP_TEXT 256		   /* of a description or reason; what is longer is cut */

struct rp_tap {
	json_t *tests;	 /* [{"number","ok","description","directive","reason"}] */
	json_t *metrics; /* [{"name","value","unit","better","samples"}] */
	bool skip_all;	 /* "1..0" */
	char skip_reason[RP_TAP_TEXT];
	char problem[RP_TAP_TEXT]; /* "" where the document is whole; else the first thing wrong */
	char failed[RP_TAP_TEXT];  /* the first test that failed; "" none */
};

/* Returns 0 for any bytes whatever, or -ENOMEM. The caller ends *ret with rp_tap_done. */
int rp_tap_parse(const char *text, size_t len, struct rp_tap *ret)
	__attribute__((warn_unused_result));
void rp_tap_done(struct rp_tap *tap);

static inline void rp_cleanup_tap(struct rp_tap *tap)
{
	rp_tap_done(tap);
}

#endif
