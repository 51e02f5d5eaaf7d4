/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM from and to memory. Certificates travel as PEM text in JSON and in config, seldom as files.
 */
#ifndef RP_KEYS_PEM_H
#define RP_KEYS_PEM_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/error.h"

/* The bytes of a memory BIO as a NUL-terminated string. NULL: no memory. */
char *rp_pem_take(BIO *bio);

/* The first certificate in text (what follows it is not looked at). -EINVAL. */
int rp_pem_read_cert(const char *text, X509 **ret, struct rp_error *err);

/*
 * Exactly one certificate and nothing else: text must be, byte for byte, what rp_pem_write_cert
 * makes of it. For PEM inside of what is verified. -EINVAL.
 */
int rp_pem_read_cert_strict(const char *text, X509 **ret, struct rp_error *err);

/* An unencrypted private key. -EINVAL. */
int rp_pem_read_key(const char *text, EVP_PKEY **ret, struct rp_error *err);

/* Caller frees. NULL: no memory. */
char *rp_pem_write_cert(X509 *cert);

/* PKCS#8, unencrypted: for a key that stays in this process (libcurl wants PEM). Caller frees. */
char *rp_pem_write_key(EVP_PKEY *key);

#endif
