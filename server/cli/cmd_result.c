/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "lib/printable.h"
#include "server/cli/evidence.h"
#include "server/cli/job_id.h"
#include "server/cli/list.h"
#include "server/pages/report.h"

static int run_list(const struct rp_cli *cli, struct rp_error *err)
{
	static const struct rp_list results = {
		.key = "results",
		.selected = true,
		.empty = "no results yet",
		.columns = {{"JOB", "job"}, {"ACCEPTED (UTC)", "accepted", rp_list_time},
			{"RIG", "rig"}, {"PLAN", "plan"}, {"IMAGE", "image"},
			{"VERDICT", "verdict"}, {"ASSURANCE", "assurance"},
			{"LOG", "index", rp_list_number}},
	};

	return rp_list_show(cli, &results, "/results", err);
}

static int run_refused(const struct rp_cli *cli, struct rp_error *err)
{
	static const struct rp_list refused = {
		.key = "refused",
		.selected = true,
		.empty = "nothing was refused",
		.columns = {{"TIME (UTC)", "time", rp_list_time}, {"WHAT", "what"},
			{"PEER", "peer"}, {"JOB", "job"}, {"REASON", "reason"}},
	};

	return rp_list_show(cli, &refused, "/refused", err);
}

static bool is_file(const char *path)
{
	return path && strcmp(path, "-") != 0;
}

/* What was written, as an answer. */
static int print_file(const char *job, const char *path, struct rp_error *err)
{
	rp_cleanup(json) json_t *document =
		json_pack("{s:s, s:o}", "job", job, "file", rp_json_text(path));

	return document ? rp_cli_print_json(document, err) : -ENOMEM;
}

/* Not verified here: a file that proves nothing is worth having too; `rigproof verify` says so. */
static int run_evidence(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(free) char *text = NULL;
	const char *path = rp_cli_value(cli, "-o");
	char job[RP_ID_TEXT];
	size_t len;
	int r = rp_client_open_job(cli, &client, job, err);

	if (r >= 0)
		r = rp_client_evidence(client, job, &text, &len, err);
	if (r >= 0)
		r = rp_cli_write(path, text, len, err);
	if (r < 0)
		return r;
	if (cli->json && is_file(path))
		return print_file(job, path, err);
	if (is_file(path)) {
		rp_printable_line(stdout, "%s", path);
		rp_printable_line(
			stdout, "verify it anywhere: rigproof verify --root root.crt %s", path);
	}
	return RP_EXIT_OK;
}

static int fetch_report(const struct rp_cli *cli, struct rp_client *client, const char *job,
	struct rp_report_source *source, struct rp_error *err)
{
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(free) char *path = rp_path("/jobs/%s", job);
	rp_cleanup(free) char *timeline = rp_path("/jobs/%s/timeline", job);
	int r;

	if (!path || !timeline)
		return -ENOMEM;
	r = rp_cli_root_cert(cli, &root, err);
	if (r >= 0)
		r = rp_client_call(client, "GET", path, NULL, &source->job, err);
	if (r < 0)
		return r;
	/* A job that never got a boot has no timeline; after an error there may be no evidence. */
	rp_client_call(client, "GET", timeline, NULL, &source->timeline, NULL);
	r = rp_client_evidence(client, job, &source->evidence, &source->evidence_len, err);
	if (r < 0 && r != -ENOENT)
		return r;
	source->root = rp_steal(root);
	return 0;
}

static int run_report(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(report_source) struct rp_report_source source = {0};
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(free) char *html = NULL;
	const char *path = rp_cli_value(cli, "-o");
	char job[RP_ID_TEXT];
	int r = rp_client_open_job(cli, &client, job, err);

	if (r >= 0)
		r = fetch_report(cli, client, job, &source, err);
	if (r >= 0)
		r = rp_report_html(&source, &html, err);
	if (r < 0)
		return r;
	if (cli->json && !is_file(path)) {
		rp_cleanup(json) json_t *document =
			json_pack("{s:s, s:s}", "job", job, "report", html);

		return document ? rp_cli_print_json(document, err) : -ENOMEM;
	}
	r = rp_cli_write(path, html, strlen(html), err);
	if (r < 0)
		return r;
	if (cli->json)
		return print_file(job, path, err);
	if (is_file(path))
		rp_printable_line(stdout, "%s", path);
	return RP_EXIT_OK;
}

const struct rp_cli_command rp_cli_result[] = {
	{"result", "list",
		"[--status VERDICT] [--rig NAME] [--plan NAME] [--since TIME] [--limit N]",
		"list accepted results, the newest first", run_list},
	{"result", "evidence", "JOB [-o FILE]",
		"a job's signed result with all it takes to verify it", run_evidence},
	{"result", "report", "JOB [-o FILE]", "one self-contained HTML page, verified first",
		run_report},
	{"result", "refused", "[--since TIME] [--limit N]",
		"what was offered to the server and not accepted, with reasons", run_refused},
	{NULL},
};
