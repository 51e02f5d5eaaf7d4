/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM from and to memory. Certificates travel as PEM text in JSON and in config, seldom as files.
 */
#ifndef RP_KEYS_PEM_H
#define RP_KEYS_PEM_H

#include <openssl/pem.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/openssl_cleanup.h"

/* The bytes of a memory BIO as a NUL-terminated string. NULL: no memory. */
static inline char *rp_pem_take(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

/* The first certificate in text (what follows it is not looked at). -EINVAL. */
static inline int rp_pem_read_cert(const char *text, X509 **ret, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	if (!cert)
		return rp_error_openssl(err, -EINVAL, "not a PEM certificate");
	*ret = cert;
	return 0;
}

/*
 * Exactly one certificate and nothing else: text must be, byte for byte, what rp_pem_write_cert
 * makes of it. For PEM inside of what is verified. -EINVAL.
 */
int rp_pem_read_cert_strict(const char *text, X509 **ret, struct rp_error *err);

/* An unencrypted private key. -EINVAL. */
static inline int rp_pem_read_key(const char *text, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	if (!key)
		return rp_error_openssl(err, -EINVAL, "not a PEM private key");
	*ret = key;
	return 0;
}

/* Caller frees. NULL: no memory. */
static inline char *rp_pem_write_cert(X509 *cert)
{
	rp_cleanup(bio) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_X509(bio, cert) == 1 ? rp_pem_take(bio) : NULL;
}

/* PKCS#8, unencrypted: for a key that stays in this process (libcurl wants PEM). Caller frees. */
static inline char *rp_pem_write_key(EVP_PKEY *key)
{
	rp_cleanup(bio) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
		       ? rp_pem_take(bio)
		       : NULL;
}

#endif
