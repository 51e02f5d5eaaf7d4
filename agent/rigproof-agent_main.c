/* SPDX-License-Identifier: Apache-2.0 */
/* rigproof-agent: what a rig runs. See rigproof-agent(8). */
#include <getopt.h>
#include <stdio.h>

#include "agent/agent.h"
#include "lib/log.h"
#include "lib/version.h"

static const char help[] =
	"rigproof-agent [OPTION...]: report this rig to its lab's server, run the signed job,\n"
	"send back the signed result. Runs as root, under systemd, in a rigproof image.\n"
	"\n"
	"  --config DIR   agent.json and root.crt (/etc/rigproof)\n"
	"  --run DIR      this boot's key, nonces and unsent results (/run/rigproof)\n"
	"  --modules DIR  kernel modules of the image (/usr/lib/rigproof/modules)\n"
	"  --debug        log more\n"
	"  --help, --version\n";

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"run", required_argument, NULL, 'r'},
	{"modules", required_argument, NULL, 'm'},
	{"debug", no_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct rp_agent_options *ret)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			ret->config_dir = optarg;
			break;
		case 'r':
			ret->run_dir = optarg;
			break;
		case 'm':
			ret->modules_dir = optarg;
			break;
		case 'd':
			rp_log_set_level(RP_LOG_DEBUG);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'v':
			printf("rigproof-agent %s\n", rp_version());
			return 0;
		default:
			fputs("rigproof-agent: try --help\n", stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "rigproof-agent: %s: no such argument: try --help\n", argv[optind]);
	return 2;
}

int main(int argc, char **argv)
{
	struct rp_agent_options where = {
		"/etc/rigproof", "/run/rigproof", "/usr/lib/rigproof/modules"};
	struct rp_agent *agent = NULL;
	struct rp_error err = RP_ERROR_NONE;
	int r = parse(argc, argv, &where);

	if (r >= 0)
		return r;
	r = rp_agent_new(&where, &agent, &err);
	if (r == 0)
		r = rp_agent_run(agent, &err);
	rp_agent_free(agent);
	if (r < 0)
		rp_log_error("%s", err.text);
	return r < 0 ? 1 : 0;
}
