/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed results that the server has not acknowledged yet: one file each, DIR/JOB.json. A file
 * goes only against an acknowledgement that the lab's log key signed for these very bytes.
 */
#ifndef RP_AGENT_SPOOL_H
#define RP_AGENT_SPOOL_H

#include <jansson.h>
#include <openssl/x509.h>

#include "keys/rig_protocol.h"
#include "lib/error.h"
#include "lib/id.h"

/* Keep the envelope of a job's result; atomic. -EEXIST: there is another result of this job. */
int rp_spool_put(const char *dir, const char *job, const json_t *envelope, struct rp_error *err)
	__attribute__((warn_unused_result));

/*
 * The oldest result, as the canonical bytes to send (*ret_text, allocated), and its job.
 * 1, or 0 where there is none. Files that are no results are skipped.
 */
int rp_spool_next(const char *dir, char ret_job[RP_ID_TEXT], char **ret_text, struct rp_error *err)
	__attribute__((warn_unused_result));

/* 1 where dir holds a result of this job. */
int rp_spool_has(const char *dir, const char *job);

/*
 * Delete the result of job, if the receipt proves that it is in the log: log certificate to root,
 * signature, job, and digest of our bytes. Else nothing is changed. -EINVAL, -EACCES.
 */
int rp_spool_acknowledge(const char *dir, const char *job, const struct rp_receipt *receipt,
	X509 *root, struct rp_error *err) __attribute__((warn_unused_result));

/* Take a result out that the server refused for good, as DIR/JOB.refused, for people to look at. */
int rp_spool_set_aside(const char *dir, const char *job, struct rp_error *err);

#endif
