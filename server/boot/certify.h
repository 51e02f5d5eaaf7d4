/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of a boot key, and the signed record that says what the server saw of that boot. */
#ifndef RP_SERVER_BOOT_CERTIFY_H
#define RP_SERVER_BOOT_CERTIFY_H

#include "keys/rig_protocol.h"
#include "lib/error.h"
#include "server/state/boots.h"
#include "server/state/rigs.h"

struct rp_server;

/* Who introduced himself, and in which boot that was found to be; all borrowed. */
struct rp_introduction {
	const struct rp_hello *said;
	const char *key; /* SHA-256 of the public key of said->csr, hex */
	const struct rp_boot *boot;
	const struct rp_rig *rig;
};

/* How strongly a result of this boot is bound to the rig; a word of rp_assurance_words. Static. */
const char *rp_certify_assurance(struct rp_server *server, const struct rp_introduction *from);

/*
 * Certify the key and store certificate and record with the boot; the caller has looked whether it
 * may (hello.c). *ret_chain: PEM, the certificate and all above it, as TLS sends it. Inside of the
 * caller's transaction. -EINVAL with err: the request is not one that the CA signs.
 */
int rp_certify(struct rp_server *server, const struct rp_introduction *from, char **ret_chain,
	struct rp_error *err) __attribute__((warn_unused_result));

#endif
