/* SPDX-License-Identifier: Apache-2.0 */
/* Making one X.509 v3 certificate, for which kind of key. Private to keys/: others ask keys/pki.h. */
#ifndef RP_KEYS_CERTIFICATE_H
#define RP_KEYS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "lib/error.h"

/*
 * A role is a name: the one URI in a certificate's subjectAltName (RFC 5280, 4.2.1.6), beside the
 * usual key usages, so that every X.509 library can read what it does not know.
 */
#define RP_URI_ROLE "rigproof:role:" /* "job", "log", "boot-ca" */
#define RP_URI_BOOT "rigproof:boot:" /* and the boot's id: the role boot */
#define RP_URI_TEXT 64

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

/* The bytes of a string of a certificate, where they hold no NUL and fit. */
bool rp_certificate_string(const ASN1_STRING *string, char *ret, size_t size);

/* The one URI where that is the only alternative name, else "". */
void rp_certificate_uri(X509 *cert, char ret_uri[RP_URI_TEXT]);

/* Random 127-bit serial, the fixed dates, key identifiers, SHA-256. */
int rp_certificate_make(const struct rp_certificate *certificate, X509 **ret, struct rp_error *err);

#endif
