/* SPDX-License-Identifier: Apache-2.0 */
/* What of a job failed, for the top of its page: a reader must not look for it. */
#ifndef RP_SERVER_PAGES_FAILURES_H
#define RP_SERVER_PAGES_FAILURES_H

#include <jansson.h>
#include <stdio.h>

/*
 * A section: of each check that did not pass the tests that are not ok with their diagnosis, the
 * limits that were not met, and the check's own message; then modules that were not loaded and
 * kernel reports. Nothing where nothing failed. checks: of the signed statement; proof: of
 * rp_evidence_explain_json.
 */
void rp_html_failures(FILE *out, const json_t *checks, const json_t *proof);

#endif
