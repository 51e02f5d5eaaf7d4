/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs by the beginning of their ids, as the server knows them. */
#ifndef RP_SERVER_CLI_JOB_ID_H
#define RP_SERVER_CLI_JOB_ID_H

#include "lib/error.h"
#include "lib/id.h"
#include "server/cli/client.h"

/*
 * The job whose id is, or begins with, id, which rp_cli_check_id took: RP_CLI_WRONG_USE where that
 * is the beginning of more than one, which err lists; -ENOENT where there is none.
 */
int rp_client_job(
	struct rp_client *client, const char *id, char ret_id[RP_ID_TEXT], struct rp_error *err);

/* Both, for a command whose first operand is the id: it is looked at first. */
int rp_client_open_job(const struct rp_cli *cli, struct rp_client **ret, char ret_id[RP_ID_TEXT],
	struct rp_error *err);

#endif
