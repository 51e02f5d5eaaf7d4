/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "manifests/manifest.h"
#include "server/cli/check.h"
#include "server/cli/client.h"
#include "server/cli/list.h"

/* A rig's sockets are named beside its manifest; the server needs to know where that is. */
static int make_absolute(const struct rp_manifest *manifest, char **path, struct rp_error *err)
{
	rp_cleanup(free) char *resolved = NULL;
	rp_cleanup(free) char *folder = NULL;
	char *slash;

	if (!**path || **path == '/')
		return 0;
	folder = realpath(manifest->path, NULL);
	slash = folder ? strrchr(folder, '/') : NULL;
	if (!slash)
		return rp_error_set(err, -errno, "%s: %s", manifest->path, strerror(errno));
	resolved = rp_path("%.*s/%s", (int)(slash - folder), folder, *path);
	if (!resolved)
		return -ENOMEM;
	free(*path);
	*path = rp_steal(resolved);
	return 0;
}

static int load_rig(const char *path, json_t **ret, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	int r = rp_manifest_load_kind(path, RP_MANIFEST_RIG, &manifest, err);

	if (r >= 0)
		r = make_absolute(manifest, &manifest->rig->power.qmp, err);
	if (r >= 0)
		r = make_absolute(manifest, &manifest->rig->console, err);
	if (r < 0)
		return r;
	*ret = rp_manifest_to_json(manifest);
	return *ret ? 0 : -ENOMEM;
}

static int call(const struct rp_cli *cli, const char *method, const char *path, const json_t *body,
	json_t **ret, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	int r = rp_client_open(cli, &client, err);

	return r < 0 ? r : rp_client_call(client, method, path, body, ret, err);
}

/* "/rigs/NAME" and what follows it, for the name in the first operand. */
static int rig_path(const struct rp_cli *cli, const char *rest, char **ret, struct rp_error *err)
{
	int r = rp_cli_check_name("rig", cli->operands[0], err);

	if (r < 0)
		return r;
	*ret = rp_path("/rigs/%s%s", cli->operands[0], rest);
	return *ret ? 0 : -ENOMEM;
}

/* The addresses stand in a rig's manifest; `rig list --json` users look for them at the rig. */
static void lift_addresses(json_t *rig)
{
	if (json_is_object(rig) && !json_object_get(rig, "mac"))
		json_object_set(
			rig, "mac", json_object_get(json_object_get(rig, "manifest"), "mac"));
}

static int run_add(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(json) json_t *manifest = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	int r = load_rig(cli->operands[0], &manifest, err);

	if (r >= 0)
		r = call(cli, "POST", "/rigs", manifest, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(answer, err);
	rp_printable_line(stdout, "rig %s: %s", rp_json_string_or(manifest, "name", ""),
		rp_json_string_or(answer, "state", "known to the server"));
	if (!strcmp(rp_json_string_or(json_object_get(manifest, "power"), "driver", "none"),
		    "none"))
		rp_printable_line(stdout,
			"it has no power driver: type `rigproof rig announce %s` and press its "
			"button, "
			"now and whenever a job asks for it",
			rp_json_string_or(manifest, "name", ""));
	return RP_EXIT_OK;
}

static char *power_driver(const json_t *rig, const char *key)
{
	const json_t *power = json_object_get(json_object_get(rig, "manifest"), key);

	return strdup(rp_json_string_or(power, "driver", ""));
}

static int run_list(const struct rp_cli *cli, struct rp_error *err)
{
	static const struct rp_list rigs = {
		.key = "rigs",
		.empty = "no rigs yet: rigproof rig add FILE",
		.prepare = lift_addresses,
		.columns = {{"RIG", "name"}, {"STATE", "state"}, {"MAC", "mac", rp_list_words},
			{"POWER", "power", power_driver},
			{"LAST SEEN (UTC)", "last_seen", rp_list_time}, {"REASON", "reason"}},
	};

	return rp_list_show(cli, &rigs, "/rigs", err);
}

static int run_show(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	int r = rig_path(cli, "", &path, err);

	if (r >= 0)
		r = call(cli, "GET", path, NULL, &answer, err);
	if (r < 0)
		return r;
	lift_addresses(answer);
	return rp_cli_print_json(answer, err);
}

static int run_approve(const struct rp_cli *cli, struct rp_error *err)
{
	const char *file = rp_cli_value(cli, "--manifest");
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *manifest = NULL;
	rp_cleanup(json) json_t *body = json_object();
	rp_cleanup(json) json_t *answer = NULL;
	int r = rig_path(cli, "/approve", &path, err);

	if (r >= 0 && file)
		r = load_rig(file, &manifest, err);
	if (r >= 0 && manifest && json_object_set(body, "manifest", manifest) < 0)
		r = -ENOMEM;
	if (r >= 0)
		r = call(cli, "POST", path, body, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(answer, err);
	rp_printable_line(stdout, "rig %s: %s", rp_json_string_or(answer, "name", cli->operands[0]),
		rp_json_string_or(answer, "state", "approved"));
	return RP_EXIT_OK;
}

static int run_power(const struct rp_cli *cli, struct rp_error *err)
{
	const char *action = cli->operands[1];
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *body = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	int r = rig_path(cli, "/power", &path, err);

	body = json_pack("{s:s}", "action", action);
	if (r >= 0)
		r = call(cli, "POST", path, body, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(answer, err);
	rp_printable_line(stdout, "rig %s: %s", cli->operands[0],
		rp_json_string_or(answer, "power", rp_json_string_or(answer, "state", action)));
	return RP_EXIT_OK;
}

/* "90", "90s", "10m", "1h" as seconds. */
static int read_duration(const char *text, json_int_t *ret, struct rp_error *err)
{
	static const struct {
		const char *unit;
		json_int_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
	char *end = NULL;
	long number = strtol(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (*text >= '0' && *text <= '9' && number > 0 && number <= 86400 &&
			strcmp(end, units[i].unit) == 0 && number * units[i].seconds <= 86400) {
			*ret = number * units[i].seconds;
			return 0;
		}
	return rp_error_set(
		err, -EINVAL, "--for %.40s: expected 1s to 24h, such as 90s, 10m or 1h", text);
}

static int run_announce(const struct rp_cli *cli, struct rp_error *err)
{
	const char *duration = rp_cli_value(cli, "--for");
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *body = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	json_int_t seconds = 600;
	int r = duration ? read_duration(duration, &seconds, err) : 0;

	if (r >= 0)
		r = rig_path(cli, "/announce", &path, err);
	body = json_pack("{s:I}", "for_s", seconds);
	if (r >= 0)
		r = call(cli, "POST", path, body, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(answer, err);
	printf("rig %s: its next boot is announced for %lld s: switch it on now\n",
		cli->operands[0], (long long)seconds);
	return RP_EXIT_OK;
}

static int set_state(const struct rp_cli *cli, const char *state, struct rp_error *err)
{
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *body = json_pack("{s:s}", "state", state);
	rp_cleanup(json) json_t *answer = NULL;
	int r = rig_path(cli, "/state", &path, err);

	if (r >= 0)
		r = call(cli, "POST", path, body, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(answer, err);
	rp_printable_line(
		stdout, "rig %s: %s", cli->operands[0], rp_json_string_or(answer, "state", state));
	return RP_EXIT_OK;
}

static int run_retire(const struct rp_cli *cli, struct rp_error *err)
{
	return set_state(cli, "retired", err);
}

static int run_state(const struct rp_cli *cli, struct rp_error *err)
{
	return set_state(cli, cli->operands[1], err);
}

static int run_delete(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	rp_cleanup(json) json_t *nothing = json_object();
	int r = rig_path(cli, "", &path, err);

	if (r >= 0)
		r = call(cli, "DELETE", path, NULL, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(nothing, err);
	rp_printable_line(stdout, "rig %s: deleted", cli->operands[0]);
	return RP_EXIT_OK;
}

static int run_boots(const struct rp_cli *cli, struct rp_error *err)
{
	static const struct rp_list boots = {
		.key = "boots",
		.empty = "it was never booted",
		.columns = {{"BOOT", "boot"}, {"STARTED (UTC)", "started", rp_list_time},
			{"PURPOSE", "purpose"}, {"STATE", "state"}, {"STAGE", "stage"},
			{"ASSURANCE", "assurance"}, {"MESSAGE", "message"}},
	};
	rp_cleanup(free) char *path = NULL;
	int r = rig_path(cli, "/boots", &path, err);

	return r < 0 ? r : rp_list_show(cli, &boots, path, err);
}

const struct rp_cli_command rp_cli_rig[] = {
	{"rig", "add", "MANIFEST", "register a rig, or give a known one another manifest", run_add},
	{"rig", "list", "[--status STATE] [--limit N]", "list all rigs", run_list},
	{"rig", "show", "NAME", "all that the server knows of a rig, its inventory included",
		run_show},
	{"rig", "approve", "NAME [--manifest FILE]", "let a rig in that registered by itself",
		run_approve},
	{"rig", "power", "NAME on|off|cycle|status", "switch it", run_power},
	{"rig", "announce", "NAME [--for DURATION]",
		"say that you are about to switch it on by hand (10m)", run_announce},
	{"rig", "boots", "NAME [--limit N]", "its boots, with what became of them", run_boots},
	{"rig", "state", "NAME ready|quarantined|retired",
		"let it serve again, keep jobs off it, take it out of service", run_state},
	{"rig", "delete", "NAME", "forget one that registered by itself, or never had a job",
		run_delete},
	{"rig", "retire", "NAME", "the same as: rig state NAME retired", run_retire},
	{NULL},
};
