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
 * A block is one only where it follows its test line at once and ends ("  ..."); else its lines are
 * output like any other.
 *
 * Subtests (indented) are not counted: their parent's test line says how they ended. "Bail out!" in
 * one ends the whole run. Tests may come in any order, each once.
 * Everything else that is no TAP is a diagnostic. Lines end with LF, CR LF or CR; a byte order mark
 * is skipped. Nothing is refused outright: what is wrong with
 * the document is said in `problem`, and then it is no proof that anything passed.
 */
#ifndef RP_AGENT_TAP_H
#define RP_AGENT_TAP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RP_TAP_TESTS_MAX 32768
#define RP_TAP_METRICS_MAX 1000
#define RP_TAP_SAMPLES_MAX 65536   /* of a document */
#define RP_TAP_YAML_MAX (1u << 20) /* bytes of a block */
#define RP_TAP_TEXT 256		   /* of a description or reason; what is longer is cut */

struct rp_tap {
	/*
	 * [{"number","ok","description","directive","reason"}], numbers 1 to N, each once: where the
	 * document's own are not so, that is its problem, and here they are numbered as they came.
	 */
	json_t *tests;
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
