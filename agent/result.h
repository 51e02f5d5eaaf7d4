/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what happened to the signed result: the facts. What follows from them is for
 * keys/statement.h to say.
 */
#ifndef RP_AGENT_RESULT_H
#define RP_AGENT_RESULT_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "agent/kmsg.h"
#include "agent/unit.h"
#include "keys/rig_protocol.h"
#include "keys/statement.h"
#include "lib/error.h"

#define RP_CHECK_STARVED 75 /* exit status of a check whose machine did not let it run: an error */
#define RP_RESULT_MAX (8u << 20) /* bytes of a statement; the server takes 16 MiB of envelope */

/*
 * A check that ran, or was to: its entry in rigproof_checks. started: realtime, microseconds. New
 * reference; NULL: no memory.
 */
json_t *rp_result_of_check(
	const char *name, int64_t started, int64_t duration_us, const struct rp_unit_end *end);

/* A check that was not run; verdict is "skip" or "error". New reference. */
json_t *rp_result_not_run(const char *name, const char *verdict, const char *message);

/* {"stage","message"}. New reference. */
json_t *rp_result_error(enum rp_stage stage, const char *message);

/*
 * rigproof_kernel: release, command line, taint, the log and its reports. kmsg NULL: the log has no
 * digest. Taint that cannot be read is a report of kind RP_REPORT_LOST. New reference.
 */
json_t *rp_result_kernel(const char *root, const struct rp_kmsg *kmsg);

/*
 * Make the statement and sign it. Where it is larger than RP_RESULT_MAX, or says what no verifier
 * takes (a maximum below its samples), checks' tests and metrics are left out and the checks called
 * errors. *ret_envelope is a new reference.
 */
int rp_result_sign(const struct rp_statement_parts *parts, EVP_PKEY *boot_key,
	json_t **ret_envelope, char ret_verdict[8], struct rp_error *err)
	__attribute__((warn_unused_result));

#endif
