/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate may do what. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "keys/certificate.h"
#include "keys/ecdsa.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"

/* 112 bits of security: RSA-2048, SHA-256 and above */
#define SECURITY_LEVEL 2

static const struct {
	const char *name;
	const char *uri; /* NULL: none of ours; ends with ':': what follows names it */
	uint32_t usage;	 /* XKU_*, as all that its extended key usage has; 0: no such extension */
	int chain;	 /* certificates from leaf to root */
	bool ca;
} roles[] = {
	[RP_ROLE_TLS] = {"tls", NULL, XKU_SSL_SERVER, 2, false},
	[RP_ROLE_JOB] = {"job", RP_URI_ROLE "job", 0, 2, false},
	[RP_ROLE_LOG] = {"log", RP_URI_ROLE "log", 0, 2, false},
	[RP_ROLE_BOOT_CA] = {"boot-ca", RP_URI_ROLE "boot-ca", XKU_SSL_CLIENT, 2, true},
	[RP_ROLE_BOOT] = {"boot", RP_URI_BOOT, XKU_SSL_CLIENT, 3, false},
};

static bool has_role(X509 *cert, enum rp_role role)
{
	uint32_t usage = X509_get_extended_key_usage(cert);
	const char *wanted = roles[role].uri;
	char uri[RP_URI_TEXT];
	size_t len;

	if (usage == UINT32_MAX)
		usage = 0;
	if (usage != roles[role].usage)
		return false;
	rp_certificate_uri(cert, uri);
	if (!wanted)
		return strncmp(uri, "rigproof:", strlen("rigproof:")) != 0;
	len = strlen(wanted);
	return wanted[len - 1] == ':' ? strncmp(uri, wanted, len) == 0 && uri[len]
				      : strcmp(uri, wanted) == 0;
}

static int check_role(X509 *cert, enum rp_role role, struct rp_error *err)
{
	if (!has_role(cert, role))
		return rp_error_set(err, -EACCES,
			"the certificate is not one of a %s key: it has another role (keys of an "
			"older rigproof are made anew: rigproof keys init)",
			roles[role].name);
	if ((X509_check_ca(cert) != 0) != roles[role].ca)
		return rp_error_set(err, -EACCES, "the certificate of a %s key must %sbe a CA",
			roles[role].name, roles[role].ca ? "" : "not ");
	if (!rp_ecdsa_certificate_is_low(cert))
		return rp_error_set(err, -EACCES,
			"the certificate of the %s key was changed after it was signed: its "
			"signature is not in its one form (DER, low s)",
			roles[role].name);
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
