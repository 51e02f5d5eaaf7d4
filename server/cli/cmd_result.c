/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "server/cli/evidence.h"
#include "server/cli/table.h"
#include "server/pages/report.h"

static int fetch_list(const struct rp_cli *cli, const char *path, const char *key, json_t **ret,
	struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	int r = rp_client_open(cli, &client, err);

	if (r >= 0)
		r = rp_client_call(client, "GET", path, NULL, &answer, err);
	if (r < 0)
		return r;
	*ret = rp_cli_list(answer, key);
	return *ret ? 0 : -ENOMEM;
}

static int run_list(const struct rp_cli *cli, struct rp_error *err)
{
	static const char *const headings[] = {"JOB", "ACCEPTED (UTC)", "RIG", "PLAN", "IMAGE",
		"VERDICT", "ASSURANCE", "LOG", NULL};
	rp_cleanup(json) json_t *document = NULL;
	rp_cleanup(table) struct rp_table *table = NULL;
	json_t *result;
	size_t i;
	int r = fetch_list(cli, "/results", "results", &document, err);

	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(document, err);
	table = rp_table_new(headings);
	if (!table)
		return -ENOMEM;
	json_array_foreach (json_object_get(document, "results"), i, result) {
		char accepted[32];
		char index[24];
		const char *cells[] = {rp_json_string_or(result, "job", ""), accepted,
			rp_json_string_or(result, "rig", ""), rp_json_string_or(result, "plan", ""),
			rp_json_string_or(result, "image", ""),
			rp_json_string_or(result, "verdict", ""),
			rp_json_string_or(result, "assurance", ""), index};

		rp_table_time(rp_json_string_or(result, "accepted", ""), accepted);
		snprintf(index, sizeof(index), "%lld",
			(long long)json_integer_value(json_object_get(result, "index")));
		if (rp_table_add(table, cells) < 0)
			return -ENOMEM;
	}
	rp_table_print(table, stdout, "no results yet");
	return RP_EXIT_OK;
}

static int run_refused(const struct rp_cli *cli, struct rp_error *err)
{
	static const char *const headings[] = {"TIME (UTC)", "WHAT", "PEER", "JOB", "REASON", NULL};
	rp_cleanup(json) json_t *document = NULL;
	rp_cleanup(table) struct rp_table *table = NULL;
	json_t *row;
	size_t i;
	int r = fetch_list(cli, "/refused", "refused", &document, err);

	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(document, err);
	table = rp_table_new(headings);
	if (!table)
		return -ENOMEM;
	json_array_foreach (json_object_get(document, "refused"), i, row) {
		char time[32];
		const char *cells[] = {time, rp_json_string_or(row, "what", ""),
			rp_json_string_or(row, "peer", ""), rp_json_string_or(row, "job", ""),
			rp_json_string_or(row, "reason", "")};

		rp_table_time(rp_json_string_or(row, "time", ""), time);
		if (rp_table_add(table, cells) < 0)
			return -ENOMEM;
	}
	rp_table_print(table, stdout, "nothing was refused");
	return RP_EXIT_OK;
}

/* Not verified here: a file that proves nothing is worth having too; `rigproof verify` says so. */
static int run_evidence(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(free) char *text = NULL;
	const char *path = rp_cli_value(cli, "-o");
	size_t len;
	int r = rp_cli_check_job(cli->operands[0], err);

	if (r >= 0)
		r = rp_client_open(cli, &client, err);
	if (r >= 0)
		r = rp_client_evidence(client, cli->operands[0], &text, &len, err);
	if (r >= 0)
		r = rp_cli_write(path, text, len, err);
	if (r < 0)
		return r;
	if (path && strcmp(path, "-") != 0)
		printf("%s\nverify it anywhere: rigproof verify --root root.crt %s\n", path, path);
	return RP_EXIT_OK;
}

static int fetch_report(const struct rp_cli *cli, struct rp_client *client,
	struct rp_report_source *source, struct rp_error *err)
{
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(free) char *path = rp_path("/jobs/%s", cli->operands[0]);
	rp_cleanup(free) char *timeline = rp_path("/jobs/%s/timeline", cli->operands[0]);
	int r;

	if (!path || !timeline)
		return -ENOMEM;
	r = rp_cli_root_cert(cli, &root, err);
	if (r >= 0)
		r = rp_client_call(client, "GET", path, NULL, &source->job, err);
	if (r < 0)
		return r;
	/* A job that never got a boot has no timeline, one that ended in error may have no
	 * evidence. */
	rp_client_call(client, "GET", timeline, NULL, &source->timeline, NULL);
	r = rp_client_evidence(
		client, cli->operands[0], &source->evidence, &source->evidence_len, err);
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
	int r = rp_cli_check_job(cli->operands[0], err);

	if (r >= 0)
		r = rp_client_open(cli, &client, err);
	if (r >= 0)
		r = fetch_report(cli, client, &source, err);
	if (r >= 0)
		r = rp_report_html(&source, &html, err);
	if (r >= 0)
		r = rp_cli_write(path, html, strlen(html), err);
	if (r < 0)
		return r;
	if (path && strcmp(path, "-") != 0)
		printf("%s\n", path);
	return RP_EXIT_OK;
}

const struct rp_cli_command rp_cli_result[] = {
	{"result", "list", "", "list accepted results, the newest first", run_list},
	{"result", "evidence", "JOB [-o FILE]",
		"a job's signed result with all it takes to verify it", run_evidence},
	{"result", "report", "JOB [-o FILE]", "one self-contained HTML page, verified first",
		run_report},
	{"result", "refused", "", "what was offered to the server and not accepted, with reasons",
		run_refused},
	{NULL},
};
