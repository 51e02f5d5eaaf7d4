/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "manifests/manifest.h"
#include "server/cli/check.h"
#include "server/cli/client.h"
#include "server/cli/follow.h"
#include "server/cli/job_id.h"
#include "server/cli/list.h"

/* "/jobs/ID" and what follows it, for the id in the first operand; ret_id may be NULL. */
static int job_call(const struct rp_cli *cli, const char *method, const char *rest, json_t **ret,
	char *ret_id, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(free) char *path = NULL;
	char id[RP_ID_TEXT];
	int r = rp_client_open_job(cli, &client, id, err);

	if (r < 0)
		return r;
	path = rp_path("/jobs/%s%s", id, rest);
	if (!path)
		return -ENOMEM;
	if (ret_id)
		memcpy(ret_id, id, sizeof(id));
	return rp_client_call(client, method, path, NULL, ret, err);
}

/* --module NAME=FILE: uploaded, and named by digest in place of the image's. */
static int upload_modules(
	const struct rp_cli *cli, struct rp_client *client, json_t *body, struct rp_error *err)
{
	rp_cleanup(json) json_t *digests = json_object();
	const char *value;

	for (size_t i = 0; (value = rp_cli_value_at(cli, "--module", i)); i++) {
		const char *equals = strchr(value, '=');
		rp_cleanup(free) char *name = NULL;
		char sha256[RP_SHA256_HEX];
		int r;

		if (!equals)
			return rp_error_set(err, RP_CLI_WRONG_USE,
				"--module %.60s: type --module NAME=FILE.ko", value);
		name = strndup(value, (size_t)(equals - value));
		if (!name)
			return -ENOMEM;
		r = rp_cli_check_name("module", name, err);
		if (r >= 0)
			r = rp_client_upload(client, equals + 1, sha256, err);
		if (r < 0)
			return r;
		if (json_object_set_new(digests, name, json_string(sha256)) < 0)
			return -ENOMEM;
	}
	if (json_object_size(digests) && json_object_set(body, "module_sha256", digests) < 0)
		return -ENOMEM;
	return 0;
}

static int make_request(
	const struct rp_cli *cli, struct rp_client *client, json_t **ret, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(json) json_t *body = NULL;
	const char *rig = rp_cli_value(cli, "--rig");
	const char *image = rp_cli_value(cli, "--image");
	int r = rp_manifest_load_kind(
		rp_cli_value(cli, "--plan"), RP_MANIFEST_PLAN, &manifest, err);

	if (r >= 0)
		r = rp_cli_check_name("rig", rig, err);
	if (r < 0)
		return r;
	if (!image && *manifest->plan->image)
		image = manifest->plan->image;
	body = json_pack("{s:o, s:s}", "plan", rp_manifest_to_json(manifest), "rig", rig);
	if (!body || (image && json_object_set_new(body, "image", json_string(image)) < 0))
		return -ENOMEM;
	r = upload_modules(cli, client, body, err);
	if (r < 0)
		return r;
	*ret = rp_steal(body);
	return 0;
}

static int run_submit(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *body = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	const char *job;
	int r = rp_client_open(cli, &client, err);

	if (r >= 0)
		r = make_request(cli, client, &body, err);
	if (r >= 0)
		r = rp_client_call(client, "POST", "/jobs", body, &answer, err);
	if (r >= 0)
		r = rp_json_get_string(answer, "job", &job, err);
	if (r < 0)
		return r;
	if (rp_cli_value(cli, "--wait")) {
		if (cli->json)
			printf("{\"event\":\"submitted\",\"job\":\"%s\"}\n", job);
		else
			rp_printable_line(stdout, "job %s", job);
		return rp_follow_job(client, job, cli->json, err);
	}
	if (cli->json)
		return rp_cli_print_json(answer, err);
	rp_printable_line(stdout, "job %s", job);
	rp_printable_line(stdout, "follow it: rigproof job wait %s", job);
	return RP_EXIT_OK;
}

static int run_wait(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	char id[RP_ID_TEXT];
	int r = rp_client_open_job(cli, &client, id, err);

	return r < 0 ? r : rp_follow_job(client, id, cli->json, err);
}

static int run_list(const struct rp_cli *cli, struct rp_error *err)
{
	static const struct rp_list jobs = {
		.key = "jobs",
		.selected = true,
		.empty = "no jobs yet: rigproof job submit --plan FILE --rig NAME",
		.columns = {{"JOB", "job"}, {"CREATED (UTC)", "created", rp_list_time},
			{"RIG", "rig"}, {"PLAN", "plan"}, {"IMAGE", "image"}, {"STATE", "state"},
			{"VERDICT", "verdict"}},
	};

	return rp_list_show(cli, &jobs, "/jobs", err);
}

static int run_show(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(json) json_t *job = NULL;
	int r = job_call(cli, "GET", "", &job, NULL, err);

	return r < 0 ? r : rp_cli_print_json(job, err);
}

static int run_cancel(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(json) json_t *answer = NULL;
	char id[RP_ID_TEXT];
	int r = job_call(cli, "POST", "/cancel", &answer, id, err);

	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(answer, err);
	printf("job %s: cancelled\n", id);
	return RP_EXIT_OK;
}

static int run_timeline(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(json) json_t *timeline = NULL;
	int r = job_call(cli, "GET", "/timeline", &timeline, NULL, err);

	if (r < 0)
		return r;
	return cli->json ? rp_cli_print_json(timeline, err) : rp_follow_print(timeline, stdout);
}

const struct rp_cli_command rp_cli_job[] = {
	{"job", "submit", "--plan FILE --rig NAME [--image NAME] [--module NAME=FILE]... [--wait]",
		"run a plan on a rig", run_submit},
	{"job", "list", "[--status WORD] [--rig NAME] [--plan NAME] [--since TIME] [--limit N]",
		"list jobs, the newest first", run_list},
	{"job", "show", "JOB", "all that the server knows of a job", run_show},
	{"job", "wait", "JOB", "follow a job to its end: exits 0 pass, 1 fail, 3 error, 4 skip",
		run_wait},
	{"job", "timeline", "JOB", "the stages of its newest boot with times, and what was seen",
		run_timeline},
	{"job", "cancel", "JOB", "give it up", run_cancel},
	{NULL},
};
