/* SPDX-License-Identifier: Apache-2.0 */
/* Who we say we are, and who the server says that we are. */
#ifndef RP_AGENT_HELLO_H
#define RP_AGENT_HELLO_H

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keys/pki.h"
#include "lib/error.h"

/*
 * The body of POST /rig/v1/hello for this machine (root: "" or a folder with sys/ and proc/;
 * efivars_dir: RP_EFIVARS_DIR). *ret is a new reference.
 */
int rp_hello_make(EVP_PKEY *key, const char *image, const char *root, const char *efivars_dir,
	json_t **ret, struct rp_error *err);

struct rp_identity {
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];
	char assurance[32], action[16];
	char *chain_pem; /* owned */
};

/*
 * Check the answer 200 to it: the certificate leads to root as a boot certificate, is for our key,
 * and names the rig and boot that the answer names. -EINVAL, -EACCES.
 */
int rp_hello_check(const json_t *answer, EVP_PKEY *key, X509 *root, struct rp_identity *ret,
	struct rp_error *err);
void rp_identity_done(struct rp_identity *identity);

static inline void rp_cleanup_identity(struct rp_identity *identity)
{
	rp_identity_done(identity);
}

#endif
