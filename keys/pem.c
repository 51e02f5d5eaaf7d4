/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/pem.h"

#include <openssl/pem.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"

char *rp_pem_take(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

int rp_pem_read_cert(const char *text, X509 **ret, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	if (!cert)
		return rp_error_openssl(err, -EINVAL, "not a PEM certificate");
	*ret = cert;
	return 0;
}

int rp_pem_read_key(const char *text, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	if (!key)
		return rp_error_openssl(err, -EINVAL, "not a PEM private key");
	*ret = key;
	return 0;
}

char *rp_pem_write_cert(X509 *cert)
{
	rp_cleanup(bio) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_X509(bio, cert) == 1 ? rp_pem_take(bio) : NULL;
}

char *rp_pem_write_key(EVP_PKEY *key)
{
	rp_cleanup(bio) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
		       ? rp_pem_take(bio)
		       : NULL;
}

int rp_pem_read_cert_strict(const char *text, X509 **ret, struct rp_error *err)
{
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *again = NULL;
	int r = rp_pem_read_cert(text, &cert, err);

	if (r < 0)
		return r;
	again = rp_pem_write_cert(cert);
	if (!again)
		return rp_error_memory(err);
	if (strcmp(again, text) != 0)
		return rp_error_set(err, -EINVAL,
			"not one PEM certificate in its plain form (64 columns, DER)");
	*ret = rp_steal(cert);
	return 0;
}
