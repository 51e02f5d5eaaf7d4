/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DSSE envelopes (github.com/secure-systems-lab/dsse, protocol 1.0) with exactly one signature:
 *   {"payload":BASE64,"payloadType":TYPE,"signatures":[{"keyid":HEX,"sig":BASE64}]}
 * keyid is rp_pki_keyid of the signer. P-256 keys sign with ECDSA-SHA256 (sig is DER), Ed25519
 * keys with Ed25519 (sig is 64 bytes). Other keys are refused.
 *
 * Verification is stricter than the specification: these keys and no others, padded standard
 * base64 in its one form, keyid equal to the key. Payload bytes are verified, never re-made.
 */
#ifndef RP_KEYS_DSSE_H
#define RP_KEYS_DSSE_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/must_use.h"

#define RP_TYPE_INTOTO "application/vnd.in-toto+json"
#define RP_TYPE_JOB "application/vnd.rigproof.job+json"
#define RP_TYPE_BOOT "application/vnd.rigproof.boot+json"
#define RP_TYPE_ACK "application/vnd.rigproof.ack+json"

/* The signed bytes: "DSSEv1 LEN TYPE LEN PAYLOAD". *ret is allocated. -ENOMEM. */
int rp_dsse_pae(const char *type, const void *payload, size_t len, uint8_t **ret, size_t *ret_len);

/* *ret_envelope is a new reference. -ENOTSUP (kind of key), -ENOMEM, -EIO (OpenSSL). */
int rp_dsse_sign(EVP_PKEY *key, const char *type, const void *payload, size_t len,
	json_t **ret_envelope, struct rp_error *err);

/* rp_dsse_sign of rp_json_canonical(payload). */
int rp_dsse_sign_json(EVP_PKEY *key, const char *type, const json_t *payload, json_t **ret_envelope,
	struct rp_error *err);

/*
 * Verify envelope against one key and one type. *ret_payload is allocated, with a spare NUL byte.
 * -EINVAL: not such an envelope. -EACCES: other key, other type, or the signature does not hold.
 */
RP_MUST_USE int rp_dsse_verify(const json_t *envelope, EVP_PKEY *key, const char *type,
	uint8_t **ret_payload, size_t *ret_len, struct rp_error *err);

/* The same, with the payload parsed by rp_json_parse; it must be a JSON object. */
RP_MUST_USE int rp_dsse_verify_json(const json_t *envelope, EVP_PKEY *key, const char *type,
	json_t **ret_payload, struct rp_error *err);

/*
 * The payload of an envelope that is not verified (its form is): to find out whose key to verify
 * with. Nothing else may be done with it. *ret_payload is allocated.
 */
int rp_dsse_peek(
	const json_t *envelope, uint8_t **ret_payload, size_t *ret_len, struct rp_error *err);

#endif
