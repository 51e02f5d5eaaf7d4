/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/cli.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "server/cli/screen.h"
#include "server/cli/settings.h"

const struct rp_cli_noun rp_cli_nouns[] = {
	{rp_cli_setup, "make this machine a server, or say what is wrong with one"},
	{rp_cli_keys, "make and show the lab's keys"},
	{rp_cli_manifest, "check site, rig, image, plan and claim files"},
	{rp_cli_image, "build the signed image that rigs boot, hand it to the server"},
	{rp_cli_rig, "register, approve, look at, switch rigs"},
	{rp_cli_job, "run a plan on a rig, follow it"},
	{rp_cli_result, "evidence and reports of finished jobs"},
	{rp_cli_claim, "what others claim, held against evidence"},
	{rp_cli_log, "the append-only log of results"},
	{rp_cli_verify, "check evidence offline: rigproof verify --root CRT evidence.json"},
	{rp_cli_completion, "words for the Tab key, for bash and zsh"},
	{NULL},
};

/* Said before any command could be: also by a line that is no command. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

static int print_error(FILE *errors, bool json, const struct rp_error *err, int status)
{
	rp_cleanup(json) json_t *document = NULL;
	rp_cleanup(free) char *text = NULL;

	if (json) {
		document = json_pack("{s:s, s:i}", "error", err->text, "status", status);
		text = document ? rp_json_canonical(document) : NULL;
	}
	if (text)
		fprintf(errors, "%s\n", text);
	else
		rp_printable_line(errors, "rigproof: %s", err->text);
	return status;
}

/* Help and the version as they are, or as one field of an object. */
static int print_about(const char *text, bool json, struct rp_error *err)
{
	rp_cleanup(json) json_t *document = NULL;

	if (!json)
		return rp_cli_write(NULL, text, strlen(text), err);
	document = json_pack("{s:s}", "text", text);
	return document ? rp_cli_print_json(document, err) : rp_error_memory(err);
}

static int parse(int argc, char **argv, bool json, struct rp_cli *ret, struct rp_error *err)
{
	rp_cleanup(free) char *about = NULL;
	size_t size;
	FILE *out = open_memstream(&about, &size);
	int r;

	if (!out)
		return rp_error_memory(err);
	r = rp_cli_parse(argc, argv, out, ret, err);
	if (fclose(out) != 0 && r >= 0)
		r = rp_error_memory(err);
	if (r == 0) {
		int printed = print_about(about, json, err);

		return printed < 0 ? printed : 0;
	}
	return r;
}

static int choose_colour(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(settings) struct rp_settings settings = {0};
	int r = rp_settings_load(cli, &settings, err);

	if (r >= 0 && !cli->json)
		rp_screen_colour(settings.color);
	return r;
}

static int run(int argc, char **argv)
{
	struct rp_error err = RP_ERROR_NONE;
	const bool json = wants_json(argc, argv);
	struct rp_cli cli = {0};
	int r = parse(argc, argv, json, &cli, &err);

	if (r < 0)
		return print_error(
			stderr, json, &err, r == -EINVAL ? RP_EXIT_USAGE : RP_EXIT_FAILED);
	if (r == 0)
		return RP_EXIT_OK;
	r = choose_colour(&cli, &err);
	if (r >= 0)
		r = cli.command->run(&cli, &err);
	rp_cli_done(&cli);
	if (r >= 0)
		return r;
	if (!*err.text)
		rp_error_set(&err, r, "%s", strerror(-r));
	return print_error(
		stderr, json, &err, r == RP_CLI_WRONG_USE ? RP_EXIT_USAGE : RP_EXIT_FAILED);
}

int rp_cli_main(int argc, char **argv, FILE *out, FILE *errors)
{
	struct rp_error err = RP_ERROR_NONE;
	int status, r;

	if (rp_screen_begin(out, errors, &err) < 0) {
		return print_error(errors, wants_json(argc, argv), &err, RP_EXIT_FAILED);
	}
	status = run(argc, argv);
	/* A full disk or a closed pipe shows only when what was printed is written. */
	r = rp_screen_end();
	if (r < 0 && status == RP_EXIT_OK) {
		rp_error_set(&err, r, "standard output: %s", strerror(-r));
		status = print_error(errors, wants_json(argc, argv), &err, RP_EXIT_FAILED);
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

int rp_cli_root(const struct rp_cli *cli, char **ret_pem, struct rp_error *err)
{
	rp_cleanup(settings) struct rp_settings settings = {0};
	int r = rp_settings_load(cli, &settings, err);

	return r < 0 ? r : rp_settings_read(&settings, RP_SETTING_ROOT, ret_pem, err);
}
