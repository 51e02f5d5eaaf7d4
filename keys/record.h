/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of what the lab server signs: job payloads, boot records, acknowledgements. The server
 * checks before it signs, the agent and the verifier check what they got: key sets are closed,
 * ids, names, digests, times and words have their one form. -EINVAL with the path of what is wrong.
 * Also -ENOTSUP, for a boot record that claims "attested".
 *
 * "stages" arrays: {"stage","start","end"}, end "" while the stage runs. In a boot record loader's
 * name and sha256 are both "" where firmware fetched the image itself; "job" may be "".
 */
#ifndef RP_KEYS_RECORD_H
#define RP_KEYS_RECORD_H

#include <jansson.h>

#include "lib/error.h"
#include "lib/must_use.h"

RP_MUST_USE int rp_record_check_job(const json_t *job, struct rp_error *err);

/*
 * Also: assurance is none, boot-token or secure-boot (this version makes no quotes), and the last
 * only with secure_boot enabled, not in Setup Mode, and with keys that we enrolled.
 */
RP_MUST_USE int rp_record_check_boot(const json_t *boot, struct rp_error *err);

RP_MUST_USE int rp_record_check_ack(const json_t *ack, struct rp_error *err);

/* 1 where word is a verdict. */
int rp_verdict_valid(const char *word);

/* The words themselves, in their order; NULL-terminated. Stages': keys/rig_protocol.h. */
extern const char *const rp_verdict_words[];

#endif
