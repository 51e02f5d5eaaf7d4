/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens of the operator API. The store holds their SHA-256 only. */
#ifndef RP_SERVER_STATE_TOKENS_H
#define RP_SERVER_STATE_TOKENS_H

#include "lib/error.h"
#include "server/http/https.h"

struct rp_server;

/*
 * STATE/operator.token (admin) and STATE/viewer.token (viewer), 0600, are made where they do not
 * exist; the tokens in them are the valid ones from now on. To change a token remove its file and
 * start the server again. -EPERM: a file is readable by others; -EINVAL: not a token.
 */
int rp_tokens_prepare(struct rp_server *server, struct rp_error *err);

/* enum rp_token_role of a bearer token (NULL: RP_TOKEN_NONE), or negative errno. */
int rp_tokens_role(struct rp_server *server, const char *bearer);

/* Its name ("operator.token") for records; "" where it is none, or the store cannot be read. */
void rp_tokens_name(struct rp_server *server, const char *bearer, char *ret_name, size_t size);

#endif
