/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/version.h"
#include "server/http/http_request.h"
#include "server/site.h"

static const char help[] =
	"rigproofd --state DIR [OPTION...]\n"
	"The rigproof server: boots rigs, runs jobs on them, keeps their signed results.\n"
	"\n"
	"  --state DIR         its folder, made where it is missing (required)\n"
	"  --keys DIR          made by `rigproof keys init DIR`; default STATE/keys\n"
	"  --config FILE       manifest of kind `site`; default STATE/site.yaml, else all "
	"defaults\n"
	"  --listen ADDR:PORT  where HTTPS is served; port 0: any free one; default: as the site "
	"says\n"
	"  --limit NAME=NUMBER connections, rigs, operators, peer, rate...: see rigproofd(8)\n"
	"  --user NAME         what to become, when started as root, once all ports are open\n"
	"  --verbose           log each step of each boot\n"
	"  --version, --help\n"
	"\n"
	"It writes its URL to STATE/address, and an operator's token to STATE/operator.token.\n"
	"See rigproofd(8).\n";

static const struct option long_options[] = {
	{"state", required_argument, NULL, 's'},
	{"config", required_argument, NULL, 'c'},
	{"keys", required_argument, NULL, 'k'},
	{"listen", required_argument, NULL, 'l'},
	{"limit", required_argument, NULL, 'L'},
	{"user", required_argument, NULL, 'u'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int wrong(const char *what, const char *argument)
{
	fprintf(stderr, "rigproofd: %s%s: type rigproofd --state DIR, or rigproofd --help\n", what,
		argument);
	return -EINVAL;
}

static const struct {
	const char *name;
	size_t offset;
} limits[] = {
	{"connections", offsetof(struct rp_limits_config, connections)},
	{"rigs", offsetof(struct rp_limits_config, rigs)},
	{"operators", offsetof(struct rp_limits_config, operators)},
	{"peer", offsetof(struct rp_limits_config, peer)},
	{"handshake", offsetof(struct rp_limits_config, handshake_s)},
	{"head", offsetof(struct rp_limits_config, head_s)},
	{"idle", offsetof(struct rp_limits_config, idle_s)},
	{"window", offsetof(struct rp_limits_config, window_s)},
	{"rate", offsetof(struct rp_limits_config, rate)},
	{"body", offsetof(struct rp_limits_config, body_bytes)},
	{"share", offsetof(struct rp_limits_config, share)},
};

/* "NAME=NUMBER" */
static int parse_limit(const char *text, struct rp_limits_config *config)
{
	size_t len = strcspn(text, "=");
	int64_t number;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (strlen(limits[i].name) != len || strncmp(limits[i].name, text, len) != 0)
			continue;
		if (!text[len] || rp_number_parse(text + len + 1, 1 << 30, &number) < 0 || !number)
			return -EINVAL;
		*(int *)((char *)config + limits[i].offset) = (int)number;
		return 0;
	}
	return -ENOENT;
}

static int wrong_limit(const char *text)
{
	fprintf(stderr, "rigproofd: --limit %s: give NAME=NUMBER, 1 or more, with one of", text);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		fprintf(stderr, " %s", limits[i].name);
	fputs("\n", stderr);
	return -EINVAL;
}

int rp_site_options_parse(int argc, char **argv, struct rp_site_options *ret)
{
	struct rp_site_options options = {0};
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options.state = optarg;
			break;
		case 'c':
			options.config = optarg;
			break;
		case 'k':
			options.keys = optarg;
			break;
		case 'l':
			options.listen = optarg;
			break;
		case 'L':
			if (parse_limit(optarg, &options.limits) < 0)
				return wrong_limit(optarg);
			break;
		case 'u':
			options.user = optarg;
			break;
		case 'v':
			rp_log_set_level(RP_LOG_DEBUG);
			break;
		case 'V':
			printf("rigproofd %s\n", rp_version());
			return 1;
		case 'h':
			fputs(help, stdout);
			return 1;
		case ':':
			return wrong("a value is missing after ", argv[optind - 1]);
		default:
			return wrong("unknown option ", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return wrong("unexpected ", argv[optind]);
	if (!options.state)
		return wrong("--state is missing", "");
	*ret = options;
	return 0;
}
