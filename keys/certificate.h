/* SPDX-License-Identifier: Apache-2.0 */
/* Making one X.509 v3 certificate, for which kind of key. Private to keys/: others ask keys/pki.h. */
#ifndef RP_KEYS_CERTIFICATE_H
#define RP_KEYS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "lib/error.h"

/*
 * Roles are extended key usages under 2.25.UUID, an arc that anyone may make for himself
 * (ITU-T X.667): UUID 7d1c1f5e-6a4b-4c0e-9b57-2f1d7a3e8c41.
 */
#define RP_OID_ROLE "2.25.166299520020194888476039869390586285121"
#define RP_OID_ROLE_JOB RP_OID_ROLE ".1"
#define RP_OID_ROLE_LOG RP_OID_ROLE ".2"
#define RP_OID_ROLE_BOOT_CA RP_OID_ROLE ".3"
#define RP_OID_ROLE_BOOT RP_OID_ROLE ".4"

/* Extension values are in the syntax of x509v3_config(5); NULL leaves the extension out. */
struct rp_certificate {
	const char *common_name;
	EVP_PKEY *key;
	X509 *issuer; /* NULL: self-signed */
	EVP_PKEY *issuer_key;
	const char *basic_constraints;
	const char *key_usage;
	const char *extended_key_usage;
	const char *alternative_names;
};

bool rp_key_is_p256(EVP_PKEY *key);

/* Random 127-bit serial, the fixed dates, key identifiers, SHA-256. */
int rp_certificate_make(const struct rp_certificate *certificate, X509 **ret, struct rp_error *err);

#endif
