/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hello.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "agent/efivars.h"
#include "agent/inventory.h"
#include "keys/pem.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "lib/version.h"

#define TOKEN_TEXT 129
#define CHAIN_MAX 8 /* certificates */

int rp_hello_make(EVP_PKEY *key, const char *image, const char *root, const char *efivars_dir,
	json_t **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *inventory = NULL;
	rp_cleanup(json) json_t *macs = NULL;
	rp_cleanup(free) char *csr = NULL;
	struct rp_secure_boot state;
	char token[TOKEN_TEXT];
	json_t *hello;
	int r;

	r = rp_pki_make_csr(key, &csr, err);
	if (r < 0)
		return r;
	rp_efivars_secure_boot(efivars_dir, &state);
	rp_inventory_boot_option(root, "rigproof.token", token, sizeof(token));
	inventory = rp_inventory_collect(root, &state);
	macs = rp_inventory_macs(inventory);
	hello = rp_hello_write(&(struct rp_hello){
		.csr = csr,
		.macs = macs,
		.uuid = rp_json_string_or(inventory, "uuid", ""),
		.token = token,
		.secure_boot = {state.enabled, state.setup_mode},
		.inventory = inventory,
		.agent = rp_version(),
		.image = image,
	});
	if (!hello)
		return rp_error_memory(err);
	*ret = hello;
	return 0;
}

static void free_chain(STACK_OF(X509) * *chain)
{
	sk_X509_pop_free(*chain, X509_free);
}

/* The first is the leaf, the others are what may stand above it. */
static int read_chain(
	const char *pem, X509 **ret_leaf, STACK_OF(X509) * above, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	if (!cert)
		return rp_error_openssl(err, -EINVAL, "certificate: not PEM");
	*ret_leaf = cert;
	while (sk_X509_num(above) < CHAIN_MAX && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (sk_X509_push(above, cert) <= 0) {
			X509_free(cert);
			return rp_error_memory(err);
		}
	ERR_clear_error(); /* the end of the text */
	return 0;
}

static int check_certificate(const char *pem, EVP_PKEY *key, X509 *root,
	struct rp_identity *identity, struct rp_error *err)
{
	__attribute__((cleanup(free_chain))) STACK_OF(X509) *above = sk_X509_new_null();
	rp_cleanup(x509) X509 *leaf = NULL;
	int r;

	r = above ? read_chain(pem, &leaf, above, err) : -ENOMEM;
	if (r == 0)
		r = rp_pki_verify(leaf, above, root, RP_ROLE_BOOT, err);
	if (r < 0)
		return r;
	if (X509_check_private_key(leaf, key) != 1)
		return rp_error_openssl(err, -EACCES, "the certificate is not for our key");
	return rp_pki_boot_identity(leaf, identity->rig, identity->boot, err);
}

int rp_identity_take(const json_t *answer, EVP_PKEY *key, X509 *root, struct rp_identity *ret,
	struct rp_error *err)
{
	rp_cleanup(identity) struct rp_identity identity = {0};
	struct rp_admission admission;
	int r;

	r = rp_admission_read(answer, &admission, err);
	if (r == 0)
		r = check_certificate(admission.certificate, key, root, &identity, err);
	if (r < 0)
		return r;
	if (strcmp(admission.rig, identity.rig) != 0 || strcmp(admission.boot, identity.boot) != 0)
		return rp_error_set(err, -EACCES,
			"the server's answer and its certificate name different rigs or boots");
	snprintf(identity.assurance, sizeof(identity.assurance), "%s", admission.assurance);
	identity.action = admission.action;
	identity.chain_pem = strdup(admission.certificate);
	if (!identity.chain_pem)
		return rp_error_memory(err);
	*ret = identity;
	identity = (struct rp_identity){0};
	return 0;
}

void rp_identity_done(struct rp_identity *identity)
{
	free(identity->chain_pem);
	*identity = (struct rp_identity){0};
}
