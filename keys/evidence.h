/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.json: a signed result with all that is needed to verify it offline, given nothing but
 * the lab's root certificate. Its form is evidence_shape in keys/evidence.c; the text is exactly
 * what rp_json_pretty makes, so that there is one text for one evidence and every byte counts.
 *
 * The chain of reasons that rp_evidence_verify follows:
 *   root -> job, log and boot-ca certificates, each for its role; boot-ca -> boot certificate
 *   job key signed the job and the boot record; boot key signed the result
 *   the boot record's key, rig and boot id are the boot certificate's, the result's and the job's
 *   the result answers the job: payload digest, nonce, image, modules, checks; judgements follow
 *   log key signed the checkpoint; the result is in that log at that place
 */
#ifndef RP_KEYS_EVIDENCE_H
#define RP_KEYS_EVIDENCE_H

#include <jansson.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>

#include "keys/merkle.h"
#include "lib/digest.h"
#include "lib/error.h"
#include "lib/must_use.h"

#define RP_EVIDENCE_TYPE "application/vnd.rigproof.evidence+json;version=1"
#define RP_EVIDENCE_MAX (32u << 20) /* bytes of text */

/* Everything is borrowed. */
struct rp_evidence_parts {
	const json_t *result, *job, *boot; /* envelopes */
	X509 *job_cert, *log_cert, *boot_ca_cert, *boot_cert;
	uint64_t log_index;
	const char *checkpoint; /* note text, of a tree that holds log_index */
	const struct rp_merkle_proof *proof;
};

/* Put together, not verified. The file is rp_json_pretty(*ret). */
int rp_evidence_make(const struct rp_evidence_parts *parts, json_t **ret, struct rp_error *err);

/* What was proven. Strings are borrowed from the documents and live as long. */
struct rp_verified {
	json_t *statement, *job, *boot; /* the signed payloads; owned */
	const char *verdict;   /* derived from the facts: "pass", "fail", "error", "skip" */
	const char *assurance; /* what the lab server stated, see rp_evidence_explain */
	const char *job_id, *boot_id, *rig, *nonce, *image_name, *image_sha256;
	int64_t log_index, log_size;
	char log_origin[64];
	char log_root[RP_SHA256_HEX];
	char result_sha256[RP_SHA256_HEX]; /* of the log leaf */
	char root_keyid[RP_SHA256_HEX], job_keyid[RP_SHA256_HEX], log_keyid[RP_SHA256_HEX],
		boot_keyid[RP_SHA256_HEX];
};

/*
 * Verify text against the lab's root. On success *ret is filled; the caller ends it with
 * rp_verified_done. A verdict of fail or error is success: the evidence proves it.
 * -EINVAL: not evidence in its one form. -EACCES: something does not hold; err says what.
 * -ENOTSUP: the boot record claims "attested", which this version cannot verify.
 */
RP_MUST_USE int rp_evidence_verify(
	const char *text, size_t len, X509 *root, struct rp_verified *ret, struct rp_error *err);

void rp_verified_done(struct rp_verified *verified);

static inline void rp_cleanup_verified(struct rp_verified *verified)
{
	rp_verified_done(verified);
}

/*
 * The proof in plain words: what is proven, by whose key, and what is not proven. Has the
 * assurance word, digests, checks with metrics, and the place in the log. -EIO.
 */
int rp_evidence_explain(const struct rp_verified *verified, FILE *out);

/*
 * The same as JSON (new reference; NULL: no memory): {"verdict","assurance","rig","job","boot",
 * "nonce","image":{"name","sha256"},"modules":[...],"checks":[...],"kernel":{...},"error":{}|null,
 * "log":{"origin","index","size","root"},"result_sha256","keys":{"root","job","log","boot"},
 * "proven":[sentences],"not_proven":[sentences]}
 */
json_t *rp_evidence_explain_json(const struct rp_verified *verified);

#endif
