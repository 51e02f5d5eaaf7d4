/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of a kernel's reports: what an agent says it found, what a plan may say it expects, what the
 * verdict asks about. A report of any other kind is a report all the same.
 */
#ifndef RP_KEYS_REPORT_KIND_H
#define RP_KEYS_REPORT_KIND_H

#include <jansson.h>
#include <stdbool.h>

/* About the kernel log itself: some of it could not be read. */
#define RP_REPORT_LOST "lost"

/* The others, each a finding of the kernel; NULL-terminated. */
extern const char *const rp_report_kinds[];

/* Whether it is one of them. No plan can expect that a log is lost, so RP_REPORT_LOST is none. */
bool rp_report_kind_valid(const char *word);

/*
 * The first of a result's reports ({"kind","line"}) that the job's "expected_reports" do not name, borrowed;
 * NULL: none.
 */
const json_t *rp_report_unexpected(const json_t *job, const json_t *reports);

/* Whether the job names this kind, and may. */
bool rp_report_expected(const json_t *job, const char *kind);

#endif
