/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints of the result log: C2SP tlog-checkpoint in a C2SP signed-note, one Ed25519 signature
 * (the signature line's name is the origin).
 *
 *   rigproof/log/0123456789abcdef
 *   42
 *   BASE64 of the root hash
 *
 *   - rigproof/log/0123456789abcdef BASE64 of key hash and signature    ('-' is an em dash)
 */
#ifndef RP_KEYS_CHECKPOINT_H
#define RP_KEYS_CHECKPOINT_H

#include <openssl/evp.h>
#include <stdint.h>

#include "keys/merkle.h"
#include "lib/error.h"
#include "lib/must_use.h"

#define RP_CHECKPOINT_ORIGIN 64

/* The origin of the log with this key: "rigproof/log/" and the first 16 digits of rp_pki_keyid. */
int rp_checkpoint_origin(EVP_PKEY *log_key, char ret_origin[RP_CHECKPOINT_ORIGIN]);

/*
 * *ret_note is allocated text with a final newline. -EINVAL: not Ed25519, or size above 2^63 - 1.
 */
RP_MUST_USE int rp_checkpoint_sign(EVP_PKEY *log_key, uint64_t size, const rp_merkle_hash root,
	char **ret_note, struct rp_error *err);

/*
 * Verify a note of exactly that form against the public key of the log, whose origin it must have.
 * -EINVAL: not such a note (one text for one value: no extension lines, no other signatures).
 * -EACCES: other origin, other key, or the signature does not hold.
 */
RP_MUST_USE int rp_checkpoint_verify(const char *note, EVP_PKEY *log_key, uint64_t *ret_size,
	rp_merkle_hash ret_root, struct rp_error *err);

#endif
