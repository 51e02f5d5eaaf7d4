/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with rigproofd's operator API: who it is, JSON in and out, uploads. */
#ifndef RP_SERVER_CLI_CLIENT_H
#define RP_SERVER_CLI_CLIENT_H

#include <jansson.h>

#include "lib/digest.h"
#include "lib/error.h"
#include "server/cli/cli.h"

struct rp_client; /* opaque */

/*
 * As the settings say (settings.h). Nothing is sent yet.
 */
int rp_client_open(const struct rp_cli *cli, struct rp_client **ret, struct rp_error *err);
struct rp_client *rp_client_free(struct rp_client *client);

/*
 * One request below /api/v1, path begins with '/'. body NULL: none. *ret (may be NULL) is the JSON
 * answer, JSON null where it is empty. An answer of 400 or more is a failure that carries the
 * server's own error and remedy: -ENOENT (404), -EACCES (401, 403), -EEXIST (409), -EAGAIN (503),
 * else -EPROTO. Transport errors are those of rp_http_request.
 */
int rp_client_call(struct rp_client *client, const char *method, const char *path,
	const json_t *body, json_t **ret, struct rp_error *err);

/* GET, with the answer's exact bytes: for what is signed. Caller frees. */
int rp_client_text(struct rp_client *client, const char *path, char **ret, size_t *ret_len,
	struct rp_error *err);

/* Put a file into the store, in parts; of one that is there already only the first is sent. */
int rp_client_upload(struct rp_client *client, const char *path, char ret_sha256[RP_SHA256_HEX],
	struct rp_error *err);

static inline void rp_cleanup_client(struct rp_client **client)
{
	rp_client_free(*client);
}

#endif
