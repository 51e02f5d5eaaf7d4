/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's log from the moment of opening it (linux/Documentation/ABI/testing/dev-kmsg):
 * its text, its digest, and the reports in it that no test may overlook. What could not be read of it
 * is a report as well, of kind RP_REPORT_LOST (keys/report_kind.h): records that were overwritten before
 * they were read (EPIPE, or a gap in their sequence), too long ones, an error of reading.
 */
#ifndef RP_AGENT_KMSG_H
#define RP_AGENT_KMSG_H

#include <jansson.h>
#include <stddef.h>

#include "lib/digest.h"
#include "lib/error.h"

/* Reports that are kept; beyond them the first of each kind, which a flood of others shall not hide. */
#define RP_KMSG_REPORTS_MAX 64
/* Bytes of text that are kept. Older lines are dropped from the text, not from the digest. */
#define RP_KMSG_TEXT_MAX (4u << 20)

/*
 * What kind of report begins with this message of the kernel: one of rp_report_kinds, where "hardware"
 * is machine checks, uncorrected memory and PCIe errors, stray NMIs and interrupts; or NULL: none.
 * Errors that the hardware corrected are none.
 */
const char *rp_kmsg_classify(const char *message);

struct rp_kmsg;

/* path is "/dev/kmsg"; what was logged before is not read. -ENOENT, -EACCES...; -ENOMEM. */
int rp_kmsg_open(const char *path, struct rp_kmsg **ret, struct rp_error *err)
	__attribute__((warn_unused_result));
struct rp_kmsg *rp_kmsg_free(struct rp_kmsg *kmsg);

/* To be polled for input; then rp_kmsg_read. */
int rp_kmsg_fd(const struct rp_kmsg *kmsg);

/*
 * Take in all records that are there. Never blocks. Negative errno where reading failed; that is a
 * report, too. NULL, or without a file: nothing is done.
 */
int rp_kmsg_read(struct rp_kmsg *kmsg);

/*
 * One record as read(2) gives it ("PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;MESSAGE\n..."). What is
 * none, or is not the kernel's own (user space may write there too), is dropped, but its sequence
 * counts. -ENOMEM, -EIO.
 */
int rp_kmsg_add(struct rp_kmsg *kmsg, const char *record, size_t len);

/* A kmsg without a file, for rp_kmsg_add alone. NULL: no memory. */
struct rp_kmsg *rp_kmsg_new(void);

/* SHA-256 of all lines so far ("[SECONDS.MICROS] MESSAGE\n"). -EIO: OpenSSL failed. */
int rp_kmsg_sha256(const struct rp_kmsg *kmsg, char ret_hex[RP_SHA256_HEX])
	__attribute__((warn_unused_result));

/* [{"kind","line"}], borrowed: RP_KMSG_REPORTS_MAX, and one more on what was lost. */
json_t *rp_kmsg_reports(const struct rp_kmsg *kmsg);

/* The newest lines, borrowed until the next read. */
const char *rp_kmsg_text(const struct rp_kmsg *kmsg);

/* Bytes taken in so far: a mark for rp_kmsg_since. */
size_t rp_kmsg_mark(const struct rp_kmsg *kmsg);

/* The messages since mark without their times, joined by "; ", at most the last size - 1 bytes. */
void rp_kmsg_since(const struct rp_kmsg *kmsg, size_t mark, char *ret_text, size_t size);

static inline void rp_cleanup_kmsg(struct rp_kmsg **kmsg)
{
	rp_kmsg_free(*kmsg);
}

#endif
