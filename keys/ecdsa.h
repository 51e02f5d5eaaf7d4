/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA over P-256 has two signatures for each: where (r, s) verifies, (r, n - s) does, too (SEC 1,
 * version 2.0, 4.1.4). Whoever changed one into the other has changed bytes that nobody notices, so
 * only the one with s of at most n/2 is made here, and only that one is taken.
 */
#ifndef RP_KEYS_ECDSA_H
#define RP_KEYS_ECDSA_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/must_use.h"

/* Give a DER signature of a P-256 key its low s, in place; it does not grow. -EINVAL: not DER. */
RP_MUST_USE int rp_ecdsa_lower(uint8_t *signature, size_t *len);

/* 1 where it is the DER (X.690: the one form) of a signature with low s. */
bool rp_ecdsa_is_low(const uint8_t *signature, size_t len);

/* The same for a certificate's own signature; nothing to do where that is not ECDSA. */
RP_MUST_USE int rp_ecdsa_lower_certificate(X509 *cert);
bool rp_ecdsa_certificate_is_low(const X509 *cert);

#endif
