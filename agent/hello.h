/* SPDX-License-Identifier: Apache-2.0 */
/* Who we say we are, and who the server says that we are. */
#ifndef RP_AGENT_HELLO_H
#define RP_AGENT_HELLO_H

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keys/pki.h"
#include "keys/rig_protocol.h"
#include "lib/error.h"

/*
 * The hello of this machine (struct rp_hello as JSON). root: "" or a folder with sys/ and proc/;
 * efivars_dir: RP_EFIVARS_DIR. *ret is a new reference.
 */
int rp_hello_make(EVP_PKEY *key, const char *image, const char *root, const char *efivars_dir,
	json_t **ret, struct rp_error *err) __attribute__((warn_unused_result));

struct rp_identity {
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];
	char assurance[32];
	enum rp_action action; /* what to do next */
	char *chain_pem;       /* owned */
};

/*
 * Take the admission that answers it: the certificate leads to root as a boot certificate, is for
 * our key, and names the rig and boot that the answer names. -EINVAL: no admission; -EACCES.
 */
int rp_identity_take(const json_t *answer, EVP_PKEY *key, X509 *root, struct rp_identity *ret,
	struct rp_error *err) __attribute__((warn_unused_result));
void rp_identity_done(struct rp_identity *identity);

static inline void rp_cleanup_identity(struct rp_identity *identity)
{
	rp_identity_done(identity);
}

#endif
