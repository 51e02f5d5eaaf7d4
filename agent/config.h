/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image tells its agent, put there when the image is built:
 *   DIR/agent.json  {"server":"https://ADDRESS:PORT","image":{"name":NAME}}, no other keys
 *   DIR/root.crt    the lab's root certificate: the one thing that the agent trusts
 */
#ifndef RP_AGENT_CONFIG_H
#define RP_AGENT_CONFIG_H

#include <openssl/x509.h>

#include "lib/error.h"

struct rp_agent_config {
	char *server; /* base URL */
	char *image;  /* name of the image that this is */
	char *root_pem;
	X509 *root;
};

/* *ret is allocated. -ENOENT, -EINVAL. */
int rp_agent_config_load(const char *dir, struct rp_agent_config **ret, struct rp_error *err)
	__attribute__((warn_unused_result));
struct rp_agent_config *rp_agent_config_free(struct rp_agent_config *config);

static inline void rp_cleanup_agent_config(struct rp_agent_config **config)
{
	rp_agent_config_free(*config);
}

#endif
