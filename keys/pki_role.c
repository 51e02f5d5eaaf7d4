/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate may do what. */
#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>

#include "keys/certificate.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"

/* 112 bits of security: RSA-2048, SHA-256 and above */
#define SECURITY_LEVEL 2

static const struct {
	const char *name, *usage;
	int chain; /* certificates from leaf to root */
	bool ca;
} roles[] = {
	[RP_ROLE_TLS] = {"tls", "1.3.6.1.5.5.7.3.1", 2, false},
	[RP_ROLE_JOB] = {"job", RP_OID_ROLE_JOB, 2, false},
	[RP_ROLE_LOG] = {"log", RP_OID_ROLE_LOG, 2, false},
	[RP_ROLE_BOOT_CA] = {"boot-ca", RP_OID_ROLE_BOOT_CA, 2, true},
	[RP_ROLE_BOOT] = {"boot", RP_OID_ROLE_BOOT, 3, false},
};

static bool has_usage(X509 *cert, const char *oid)
{
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages) && !found; i++) {
		char text[128];

		found = OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usages, i), 1) > 0 &&
			strcmp(text, oid) == 0;
	}
	EXTENDED_KEY_USAGE_free(usages);
	return found;
}

static int check_role(X509 *cert, enum rp_role role, struct rp_error *err)
{
	if (!has_usage(cert, roles[role].usage))
		return rp_error_set(err, -EACCES,
			"the certificate is not one of a %s key: it has another role",
			roles[role].name);
	if ((X509_check_ca(cert) != 0) != roles[role].ca)
		return rp_error_set(err, -EACCES, "the certificate of a %s key must %sbe a CA",
			roles[role].name, roles[role].ca ? "" : "not ");
	return 0;
}

int rp_pki_verify(
	X509 *leaf, STACK_OF(X509) * untrusted, X509 *root, enum rp_role role, struct rp_error *err)
{
	rp_cleanup(x509_store) X509_STORE *store = X509_STORE_new();
	rp_cleanup(x509_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	STACK_OF(X509) * chain;
	int r;

	/* The role is the cheapest question, and with it wrong no other matters. */
	r = check_role(leaf, role, err);
	if (r < 0)
		return r;
	if (!store || !ctx || X509_STORE_add_cert(store, root) != 1 ||
		X509_STORE_CTX_init(ctx, store, leaf, untrusted) != 1)
		return rp_error_openssl(err, -ENOMEM, "cannot verify certificates");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	if (X509_verify_cert(ctx) != 1) {
		ERR_clear_error();
		return rp_error_set(err, -EACCES,
			"the %s certificate does not lead to this root: %s", roles[role].name,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	/*
	 * The place in the chain is part of the role: boot-ca can make no job or log certificate.
	 */
	chain = X509_STORE_CTX_get0_chain(ctx);
	if (sk_X509_num(chain) != roles[role].chain)
		return rp_error_set(err, -EACCES,
			"the %s certificate is not at its place below the root", roles[role].name);
	if (role == RP_ROLE_BOOT)
		return check_role(sk_X509_value(chain, 1), RP_ROLE_BOOT_CA, err);
	return 0;
}

int rp_pki_role_key(
	const char *pem, X509 *root, enum rp_role role, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(x509) X509 *cert = NULL;
	EVP_PKEY *key;
	int r = rp_pem_read_cert(pem, &cert, err);

	if (r < 0) {
		rp_error_prefix(err, "the %s certificate", roles[role].name);
		return r;
	}
	r = rp_pki_verify(cert, NULL, root, role, err);
	if (r < 0)
		return r;
	key = X509_get_pubkey(cert);
	if (!key)
		return rp_error_openssl(
			err, -EINVAL, "the %s certificate has no usable key", roles[role].name);
	*ret = key;
	return 0;
}
