/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/job_id.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "server/cli/check.h"

#define CANDIDATES 8

/* "job 01J: the beginning of 12 ids: ..., ...": which ones it could be. */
static int ambiguous(const char *prefix, const json_t *jobs, json_int_t total, struct rp_error *err)
{
	char list[CANDIDATES * (RP_ID_TEXT + 2)] = "";
	const json_t *job;
	size_t i;

	json_array_foreach (jobs, i, job) {
		const size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%.26s", i ? ", " : "",
			rp_json_string_or(job, "job", "?"));
	}
	return rp_error_set(err, RP_CLI_WRONG_USE,
		"job %s: the beginning of %lld ids, type more of it: %s%s", prefix,
		(long long)total, list, total > (json_int_t)json_array_size(jobs) ? ", ..." : "");
}

int rp_client_job(
	struct rp_client *client, const char *id, char ret_id[RP_ID_TEXT], struct rp_error *err)
{
	rp_cleanup(json) json_t *answer = NULL;
	char path[96];
	const char *found;
	json_t *jobs;
	json_int_t total;
	int r;

	if (rp_id_valid(id)) {
		snprintf(ret_id, RP_ID_TEXT, "%s", id);
		return 0;
	}
	snprintf(path, sizeof(path), "/jobs?id=%s&limit=%d", id, CANDIDATES);
	r = rp_client_call(client, "GET", path, NULL, &answer, err);
	if (r >= 0)
		r = rp_json_get_array(answer, "jobs", &jobs, err);
	if (r >= 0)
		r = rp_json_get_int(answer, "total", 0, INT64_MAX, &total, err);
	if (r < 0)
		return r;
	if (!total)
		return rp_error_set(
			err, -ENOENT, "job %s: no job's id begins so, see: rigproof job list", id);
	if (total > 1)
		return ambiguous(id, jobs, total, err);
	found = rp_json_string_or(json_array_get(jobs, 0), "job", "");
	if (!rp_id_valid(found))
		return rp_error_set(err, -EPROTO, "the server's answer: a job without an id");
	snprintf(ret_id, RP_ID_TEXT, "%s", found);
	return 0;
}

int rp_client_open_job(const struct rp_cli *cli, struct rp_client **ret, char ret_id[RP_ID_TEXT],
	struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	char id[RP_ID_TEXT];
	int r = rp_cli_check_id(cli->operands[0], id, err);

	if (r >= 0)
		r = rp_client_open(cli, &client, err);
	if (r >= 0)
		r = rp_client_job(client, id, ret_id, err);
	if (r < 0)
		return r;
	*ret = rp_steal(client);
	return 0;
}
