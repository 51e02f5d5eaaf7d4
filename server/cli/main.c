/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/cli.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "server/cli/screen.h"

const struct rp_cli_command *const rp_cli_nouns[] = {rp_cli_keys, rp_cli_manifest, rp_cli_image,
	rp_cli_rig, rp_cli_job, rp_cli_result, rp_cli_claim, rp_cli_log, rp_cli_verify, NULL};

static void print_error(bool json, const struct rp_error *err)
{
	rp_cleanup(json) json_t *document = NULL;
	rp_cleanup(free) char *text = NULL;

	if (json) {
		document = json_pack("{s:s}", "error", err->text);
		text = document ? rp_json_canonical(document) : NULL;
	}
	if (text)
		fprintf(stderr, "%s\n", text);
	else
		rp_printable_line(stderr, "rigproof: %s", err->text);
}

static int run(int argc, char **argv)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_cli cli = {0};
	int r = rp_cli_parse(argc, argv, stdout, &cli, &err);

	if (r < 0) {
		print_error(false, &err);
		return RP_EXIT_USAGE;
	}
	if (r == 0)
		return RP_EXIT_OK;
	r = cli.command->run(&cli, &err);
	if (r < 0) {
		if (!*err.text)
			rp_error_set(&err, r, "%s", strerror(-r));
		print_error(cli.json, &err);
		r = RP_EXIT_FAILED;
	}
	rp_cli_done(&cli);
	return r;
}

int rp_cli_main(int argc, char **argv, FILE *out, FILE *errors)
{
	struct rp_error err = RP_ERROR_NONE;
	int status, r;

	if (rp_screen_begin(out, errors, &err) < 0) {
		fprintf(errors, "rigproof: %s\n", err.text);
		return RP_EXIT_FAILED;
	}
	status = run(argc, argv);
	/* A full disk or a closed pipe shows only when what was printed is written. */
	r = rp_screen_end();
	if (r < 0 && status == RP_EXIT_OK) {
		fprintf(errors, "rigproof: standard output: %s\n", strerror(-r));
		status = RP_EXIT_FAILED;
	}
	return status;
}

int rp_cli_print_json(const json_t *value, struct rp_error *err)
{
	rp_cleanup(free) char *raw = rp_json_pretty(value);
	rp_cleanup(free) char *text = raw ? rp_printable_json(raw) : NULL;

	if (!text)
		return rp_error_memory(err);
	return rp_cli_write(NULL, text, strlen(text), err);
}

int rp_cli_write(const char *path, const char *text, size_t len, struct rp_error *err)
{
	if (path && strcmp(path, "-") != 0)
		return rp_file_write(path, 0644, text, len, err);
	if (fwrite(text, 1, len, stdout) != len)
		return rp_error_set(err, -EIO, "standard output: %s", strerror(errno));
	return 0;
}

int rp_cli_check_name(const char *what, const char *text, struct rp_error *err)
{
	if (rp_name_valid(text))
		return 0;
	return rp_error_set(err, -EINVAL,
		"%s \"%.70s\": not a name (lower-case letters, digits, \".\", \"_\", \"-\", at "
		"most 63)",
		what, text);
}

int rp_cli_check_job(const char *text, struct rp_error *err)
{
	if (rp_id_valid(text))
		return 0;
	return rp_error_set(err, -EINVAL,
		"job \"%.70s\": not a job id (26 characters, see: rigproof job list)", text);
}

const char *rp_cli_state(const struct rp_cli *cli)
{
	const char *state = rp_cli_value(cli, "--state");

	if (!state)
		state = getenv("RIGPROOF_STATE");
	return state && *state ? state : NULL;
}

int rp_cli_root(const struct rp_cli *cli, char **ret_pem, struct rp_error *err)
{
	const char *root = rp_cli_value(cli, "--root");
	const char *state = rp_cli_state(cli);
	rp_cleanup(free) char *path = NULL;

	if (root)
		return rp_file_read(root, 1 << 16, ret_pem, NULL, err);
	if (!state)
		return rp_error_set(err, -EINVAL,
			"which lab's root certificate? Add --root CRT, or --state DIR of the "
			"server");
	path = rp_path("%s/root.crt", state);
	if (!path)
		return rp_error_memory(err);
	return rp_file_read(path, 1 << 16, ret_pem, NULL, err);
}
