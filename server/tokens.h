/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens of the operator API. The store holds their SHA-256 only. */
#ifndef RP_SERVER_TOKENS_H
#define RP_SERVER_TOKENS_H

#include "lib/error.h"
#include "server/https.h"

struct rp_server;

/*
 * STATE/operator.token (admin) and STATE/viewer.token (viewer), 0600, are made where they do not
 * exist; the tokens in them are the valid ones from now on. To change a token remove its file and
 * start the server again. -EPERM: a file is readable by others; -EINVAL: not a token.
 */
int rp_tokens_prepare(struct rp_server *server, struct rp_error *err);

/* rp_tokens_role is declared in server/server.h. */

#endif
