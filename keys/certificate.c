/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/certificate.h"

#include <openssl/rand.h>
#include <string.h>

#include "keys/ecdsa.h"
#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"

static int add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	rp_cleanup(x509_extension) X509_EXTENSION *extension = NULL;

	if (!value)
		return 0;
	extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	return extension && X509_add_ext(cert, extension, -1) == 1 ? 0 : -EIO;
}

static int set_serial(X509 *cert)
{
	uint8_t bytes[16];
	BIGNUM *number = NULL;
	int done = 0;

	if (RAND_bytes(bytes, sizeof(bytes)) == 1) {
		bytes[0] &= 0x7f; /* positive in DER without a 17th byte */
		number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	}
	if (number)
		done = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
	BN_free(number);
	return done ? 0 : -EIO;
}

static int set_subject(X509 *cert, const char *common_name)
{
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
		       MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1
		       ? 0
		       : -EIO;
}

int rp_certificate_make(const struct rp_certificate *certificate, X509 **ret, struct rp_error *err)
{
	rp_cleanup(x509) X509 *cert = X509_new();
	X509 *issuer = certificate->issuer ? certificate->issuer : cert;
	EVP_PKEY *issuer_key = certificate->issuer ? certificate->issuer_key : certificate->key;
	X509V3_CTX ctx;

	if (!cert)
		return rp_error_memory(err);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	/*
	 * The subject's key identifier has to be there before the authority's: a
	 * self-signed certificate copies it.
	 */
	if (X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert) < 0 ||
		ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), "19700101000000Z") != 1 ||
		ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "20991231235959Z") != 1 ||
		set_subject(cert, certificate->common_name) < 0 ||
		X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 ||
		X509_set_pubkey(cert, certificate->key) != 1 ||
		add_extension(cert, &ctx, NID_basic_constraints, certificate->basic_constraints) <
			0 ||
		add_extension(cert, &ctx, NID_key_usage, certificate->key_usage) < 0 ||
		add_extension(cert, &ctx, NID_ext_key_usage, certificate->extended_key_usage) < 0 ||
		add_extension(cert, &ctx, NID_subject_alt_name, certificate->alternative_names) <
			0 ||
		add_extension(cert, &ctx, NID_subject_key_identifier, "hash") < 0 ||
		add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always") < 0 ||
		X509_sign(cert, issuer_key, EVP_sha256()) == 0 ||
		rp_ecdsa_lower_certificate(cert) < 0)
		return rp_error_openssl(
			err, -EIO, "cannot make the certificate of %s", certificate->common_name);
	*ret = rp_steal(cert);
	return 0;
}

bool rp_key_is_p256(EVP_PKEY *key)
{
	char group[32];

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

bool rp_certificate_string(const ASN1_STRING *string, char *ret, size_t size)
{
	int len = ASN1_STRING_length(string);

	if (len < 0 || (size_t)len >= size || memchr(ASN1_STRING_get0_data(string), 0, (size_t)len))
		return false;
	memcpy(ret, ASN1_STRING_get0_data(string), (size_t)len);
	ret[len] = '\0';
	return true;
}

void rp_certificate_uri(X509 *cert, char ret_uri[RP_URI_TEXT])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name =
		sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;

	if (!name || name->type != GEN_URI ||
		!rp_certificate_string(name->d.uniformResourceIdentifier, ret_uri, RP_URI_TEXT))
		ret_uri[0] = '\0';
	GENERAL_NAMES_free(names);
}
