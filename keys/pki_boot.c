/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of one boot of one rig: request, issue, read back. */
#include <stdbool.h>
#include <string.h>

#include "keys/certificate.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"

int rp_pki_new_boot_key(EVP_PKEY **ret, struct rp_error *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		return rp_error_openssl(err, -EIO, "cannot make a P-256 key");
	*ret = key;
	return 0;
}

int rp_pki_make_csr(EVP_PKEY *key, char **ret_pem, struct rp_error *err)
{
	rp_cleanup(x509_req) X509_REQ *request = X509_REQ_new();
	rp_cleanup(bio) BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;

	if (request && bio && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
		X509_REQ_set_pubkey(request, key) == 1 &&
		X509_REQ_sign(request, key, EVP_sha256()) > 0 &&
		PEM_write_bio_X509_REQ(bio, request) == 1)
		pem = rp_pem_take(bio);
	if (!pem)
		return rp_error_openssl(err, -EIO, "cannot make a certificate request");
	*ret_pem = pem;
	return 0;
}

static int read_csr(const char *pem, EVP_PKEY **ret_key, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	rp_cleanup(x509_req) X509_REQ *request = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;

	if (bio)
		request = PEM_read_bio_X509_REQ(bio, NULL, NULL, (void *)"");
	if (request)
		key = X509_REQ_get_pubkey(request);
	if (!key)
		return rp_error_openssl(err, -EINVAL, "not a PEM certificate request");
	if (!rp_key_is_p256(key))
		return rp_error_set(err, -EINVAL, "the key of a boot must be P-256");
	if (X509_REQ_verify(request, key) != 1)
		return rp_error_openssl(err, -EACCES,
			"the certificate request is not signed by the key that it is for");
	*ret_key = rp_steal(key);
	return 0;
}

int rp_pki_issue_boot(EVP_PKEY *ca_key, X509 *ca_cert, const char *csr_pem, const char *rig,
	const char *boot, X509 **ret, struct rp_error *err)
{
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	char uri[4 + sizeof(RP_URI_BOOT) + RP_ID_TEXT];
	int r;

	if (!rp_name_valid(rig))
		return rp_error_set(err, -EINVAL, "\"%s\" is not the name of a rig", rig);
	if (!rp_id_valid(boot))
		return rp_error_set(err, -EINVAL, "\"%s\" is not the id of a boot", boot);
	r = read_csr(csr_pem, &key, err);
	if (r < 0)
		return r;
	snprintf(uri, sizeof(uri), "URI:" RP_URI_BOOT "%s", boot);
	return rp_certificate_make(
		&(struct rp_certificate){
			.common_name = rig,
			.key = key,
			.issuer = ca_cert,
			.issuer_key = ca_key,
			.basic_constraints = "critical,CA:FALSE",
			.key_usage = "critical,digitalSignature",
			.extended_key_usage = "clientAuth",
			.alternative_names = uri,
		},
		ret, err);
}

static bool read_rig(X509 *cert, char ret_rig[RP_RIG_TEXT])
{
	const X509_NAME *subject = X509_get_subject_name(cert);

	return X509_NAME_entry_count(subject) == 1 &&
	       X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName, -1) == 0 &&
	       rp_certificate_string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, 0)),
		       ret_rig, RP_RIG_TEXT) &&
	       rp_name_valid(ret_rig);
}

static bool read_boot(X509 *cert, char ret_boot[RP_ID_TEXT])
{
	char uri[RP_URI_TEXT];

	rp_certificate_uri(cert, uri);
	if (strncmp(uri, RP_URI_BOOT, strlen(RP_URI_BOOT)) != 0 ||
		!rp_id_valid(uri + strlen(RP_URI_BOOT)))
		return false;
	memcpy(ret_boot, uri + strlen(RP_URI_BOOT), RP_ID_TEXT);
	return true;
}

int rp_pki_boot_identity(
	X509 *cert, char ret_rig[RP_RIG_TEXT], char ret_boot[RP_ID_TEXT], struct rp_error *err)
{
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];

	if (!read_rig(cert, rig) || !read_boot(cert, boot))
		return rp_error_set(err, -EINVAL,
			"not the certificate of a boot: it does not name one rig and one boot");
	memcpy(ret_rig, rig, sizeof(rig));
	memcpy(ret_boot, boot, sizeof(boot));
	return 0;
}
