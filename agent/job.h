/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed job: the only thing that makes the agent run anything. And its nonce, which makes it
 * run once: it is written down (in memory, for this boot) before the first module is loaded, so
 * that neither a server that asks again nor an agent that was started again runs a job twice.
 */
#ifndef RP_AGENT_JOB_H
#define RP_AGENT_JOB_H

#include <jansson.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "lib/error.h"

struct rp_signed_job {
	json_t *json;	  /* checked by rp_record_check_job */
	uint8_t *payload; /* the exact signed bytes */
	size_t payload_len;
	const char *id, *nonce; /* borrowed from json */
};

/* Who we are, as the boot certificate says, and what we trust. */
struct rp_job_expected {
	X509 *root;
	const char *rig, *boot, *image;
};

/*
 * answer: a job offer (keys/rig_protocol.h). -EINVAL: no such answer or no such job. -EACCES: the
 * certificate does not lead to the root, or is not one for jobs; the signature does not hold;
 * another rig, boot or image.
 */
int rp_job_verify(const json_t *answer, const struct rp_job_expected *expected,
	struct rp_signed_job *ret, struct rp_error *err) __attribute__((warn_unused_result));
void rp_signed_job_done(struct rp_signed_job *job);

/* Write nonce down in dir. -EEXIST: it was there, the job has been begun before. */
int rp_job_claim_nonce(const char *dir, const char *nonce, struct rp_error *err)
	__attribute__((warn_unused_result));

static inline void rp_cleanup_signed_job(struct rp_signed_job *job)
{
	rp_signed_job_done(job);
}

#endif
