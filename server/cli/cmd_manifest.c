/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "manifests/manifest.h"
#include "manifests/manual.h"
#include "server/cli/cli.h"

static const char *name_of(const struct rp_manifest *manifest)
{
	switch (manifest->kind) {
	case RP_MANIFEST_SITE:
		return manifest->site->name;
	case RP_MANIFEST_RIG:
		return manifest->rig->name;
	case RP_MANIFEST_IMAGE:
		return manifest->image->name;
	case RP_MANIFEST_PLAN:
		return manifest->plan->name;
	case RP_MANIFEST_CLAIM:
		return manifest->claim->name;
	default:
		return "configuration";
	}
}

static int run_check(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(json) json_t *files = json_array();
	int status = RP_EXIT_OK;

	for (size_t i = 0; i < cli->operands_count; i++) {
		rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
		struct rp_error problem = RP_ERROR_NONE;
		json_t *row;
		int r = rp_manifest_load(cli->operands[i], &manifest, &problem);

		if (r < 0) {
			status = RP_EXIT_FAILED;
			row = json_pack("{s:o, s:b, s:s}", "file", rp_json_text(cli->operands[i]),
				"ok", 0, "error", problem.text);
			if (!cli->json)
				rp_printable_line(stderr, "%s", problem.text);
		} else {
			row = json_pack("{s:o, s:b, s:s, s:o}", "file",
				rp_json_text(cli->operands[i]), "ok", 1, "kind",
				rp_manifest_kind_name(manifest->kind), "manifest",
				rp_manifest_to_json(manifest));
			if (!cli->json)
				rp_printable_line(stdout, "%s: %s %s: good", cli->operands[i],
					rp_manifest_kind_name(manifest->kind), name_of(manifest));
		}
		if (json_array_append_new(files, row) < 0)
			return rp_error_memory(err);
	}
	if (cli->json) {
		rp_cleanup(json) json_t *document = json_pack("{s:O}", "files", files);
		int r = rp_cli_print_json(document, err);

		if (r < 0)
			return r;
	}
	return status;
}

static int run_manual(const struct rp_cli *cli, struct rp_error *err)
{
	enum rp_manifest_kind kind = RP_MANIFEST_SITE;
	rp_cleanup(free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return rp_error_memory(err);
	while (strcmp(rp_manifest_kind_name(kind), cli->operands[0]) != 0)
		kind++; /* the usage line has no other words */
	rp_manifest_manual(kind, out);
	if (fclose(out) != 0)
		return rp_error_memory(err);
	if (cli->json) {
		rp_cleanup(json) json_t *document =
			json_pack("{s:s, s:s}", "kind", cli->operands[0], "manual", text);

		return document ? rp_cli_print_json(document, err) : -ENOMEM;
	}
	return rp_cli_write(NULL, text, strlen(text), err);
}

const struct rp_cli_command rp_cli_manifest[] = {
	{"manifest", "check", "FILE...", "say of each file whether it is good, and else why not",
		run_check},
	{"manifest", "manual", "site|rig|image|plan|claim|client",
		"the manual page of a kind: rigproof manifest manual rig | man -l -", run_manual},
	{NULL},
};
