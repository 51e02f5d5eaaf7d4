/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/host.h"
#include "server/cli/beside.h"
#include "server/cli/cli.h"
#include "server/cli/setup.h"

/* What was said, as lines or for --json. */
struct said {
	const struct rp_cli *cli;
	json_t *list;
};

static void say(struct said *said, const char *word, const char *name, const char *text)
{
	if (said->cli->json)
		json_array_append_new(said->list,
			json_pack("{s:s, s:s, s:s}", "what", word, "name", name, "text", text));
	else
		printf("%-6s %s: %s\n", word, name, text);
	fflush(stdout);
}

static void on_finding(void *context, const char *name, bool wrong, const char *text)
{
	say(context, wrong ? "WRONG" : "ok", name, text);
}

static void on_left(void *context, const char *name, bool wrong, const char *text)
{
	if (wrong)
		say(context, "WRONG", name, text);
}

static void on_step(void *context, enum rp_setup_step step, const char *name, const char *text)
{
	say(context, step == RP_SETUP_MADE ? "made" : "is so", name, text);
}

static int conclude(struct said *said, unsigned wrong, struct rp_error *err)
{
	int r = 0;

	if (said->cli->json) {
		rp_cleanup(json) json_t *document =
			json_pack("{s:O, s:i}", "setup", said->list, "wrong", (int)wrong);

		r = document ? rp_cli_print_json(document, err) : rp_error_memory(err);
	} else if (wrong) {
		printf("%u thing%s wrong; look again with: rigproof setup --check\n", wrong,
			wrong == 1 ? " is" : "s are");
	} else {
		printf("nothing is wrong\n");
	}
	return r < 0 ? r : wrong ? RP_EXIT_FAILED : RP_EXIT_OK;
}

/* ---- what is not given is asked for ---- */

/* One line of the terminal, without its end; the fallback where it is empty. Caller frees. */
static char *ask(const char *question, const char *fallback)
{
	rp_cleanup(free) char *line = NULL;
	size_t size = 0;

	printf("%s%s%s%s ", question, fallback ? " [" : "", fallback ? fallback : "",
		fallback ? "]" : "");
	fflush(stdout);
	if (getline(&line, &size, stdin) < 0)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	if (*line)
		return rp_steal(line);
	return fallback ? strdup(fallback) : NULL;
}

struct answers {
	char *interface, *address, *unknown;
};

static void rp_cleanup_answers(struct answers *answers)
{
	free(answers->interface);
	free(answers->address);
	free(answers->unknown);
}

static char *given(const struct rp_cli *cli, const char *option)
{
	const char *value = rp_cli_value(cli, option);

	return value ? strdup(value) : NULL;
}

static int ask_for_site(const struct rp_cli *cli, struct answers *answers, struct rp_error *err)
{
	rp_cleanup(free) char *interfaces = rp_setup_interfaces();
	bool person = isatty(STDIN_FILENO) && !cli->json;

	answers->interface = given(cli, "--interface");
	answers->address = given(cli, "--address");
	answers->unknown = given(cli, "--unknown");
	if (!answers->interface && person) {
		printf("This machine has: %s\n", interfaces ? interfaces : "no addresses");
		answers->interface = ask("Which interface are the rigs on?", NULL);
	}
	if (!answers->interface)
		return rp_error_set(err, -EINVAL,
			"which interface are the rigs on? Add --interface NAME; this machine has: "
			"%s",
			interfaces && *interfaces ? interfaces : "none with an IPv4 address");
	if (!answers->address) {
		rp_cleanup(free) char *own = rp_setup_interface_address(answers->interface);

		answers->address = person ? ask("At which address do they reach this machine?", own)
					  : rp_steal(own);
	}
	if (!answers->address)
		return rp_error_set(err, -EINVAL,
			"interface %s has no IPv4 address: give it one, or add --address IP",
			answers->interface);
	if (!rp_address_valid(answers->address))
		return rp_error_set(err, -EINVAL, "\"%s\": no IP address", answers->address);
	if (!answers->unknown && person)
		answers->unknown =
			ask("Machines that nobody has added: ignore or register them?", "ignore");
	if (!answers->unknown)
		answers->unknown = strdup("ignore");
	if (!answers->unknown)
		return rp_error_memory(err);
	if (strcmp(answers->unknown, "ignore") != 0 && strcmp(answers->unknown, "register") != 0)
		return rp_error_set(err, -EINVAL,
			"unknown machines: \"%s\" is neither ignore nor register",
			answers->unknown);
	return 0;
}

/* ---- the command ---- */

static const char *or_usual(const char *value, const char *usual)
{
	return value ? value : usual;
}

static int run_setup(const struct rp_cli *cli, struct rp_error *err)
{
	static const char *const share[] = {"../share/rigproof", NULL};
	const char *etc = or_usual(rp_cli_value(cli, "--etc"), "/etc/rigproof");
	const char *state = or_usual(rp_cli_value(cli, "--state"), getenv("RIGPROOF_STATE"));
	rp_cleanup(free) char *plans = rp_cli_beside_us(share, "rootfs/build");
	rp_cleanup(free) char *prefix =
		plans ? rp_path("%.*s", (int)(strlen(plans) - strlen("/share/rigproof")), plans)
		      : NULL;
	rp_cleanup(free) char *keys = rp_path("%s/keys", etc);
	rp_cleanup(free) char *site = rp_path("%s/site.yaml", etc);
	rp_cleanup(answers) struct answers answers = {0};
	rp_cleanup(json) json_t *list = json_array();
	struct said said = {cli, list};
	struct rp_setup setup = {
		.keys = keys,
		.site = site,
		.state = or_usual(state, "/var/lib/rigproof"),
		.cache = or_usual(rp_cli_value(cli, "--cache"), "/var/cache/rigproof"),
		.user = "rigproof",
		.proc = "/proc",
		.now = time(NULL),
		.prefix = prefix,
		.image = !rp_cli_value(cli, "--no-image"),
		.start = !rp_cli_value(cli, "--no-start"),
	};
	int r;

	if (!keys || !site || !list)
		return rp_error_memory(err);
	if (rp_cli_value(cli, "--check"))
		return conclude(&said, rp_setup_check(&setup, on_finding, &said), err);
	if (!prefix)
		return rp_error_set(err, -ENOENT,
			"this rigproof is not installed: make install, then run the one in "
			"PREFIX/bin");
	if (access(site, F_OK) != 0) {
		r = ask_for_site(cli, &answers, err);
		if (r < 0)
			return r;
	}
	setup.interface = answers.interface;
	setup.address = answers.address;
	setup.unknown = answers.unknown;
	r = rp_setup_make(&setup, on_step, &said, err);
	return r < 0 ? r : conclude(&said, rp_setup_check(&setup, on_left, &said), err);
}

const struct rp_cli_command rp_cli_setup[] = {
	{"setup", NULL,
		"[--check] [--interface NAME] [--address IP] [--unknown WHAT] [--no-image] "
		"[--no-start] "
		"[--etc DIR] [--cache DIR]",
		"make this machine a server, or say what is wrong with one", run_setup},
	{NULL},
};
