/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence as the CLI handles it: of a server or from a file, held against a root. */
#ifndef RP_SERVER_CLI_EVIDENCE_H
#define RP_SERVER_CLI_EVIDENCE_H

#include <openssl/x509.h>

#include "keys/evidence.h"
#include "lib/error.h"
#include "server/cli/client.h"

/* The root certificate of rp_cli_root, parsed. */
int rp_cli_root_cert(const struct rp_cli *cli, X509 **ret, struct rp_error *err);

/* evidence.json of a job, in its one form. -ENOENT: it has none. Caller frees. */
int rp_client_evidence(struct rp_client *client, const char *job, char **ret, size_t *ret_len,
	struct rp_error *err);

#endif
