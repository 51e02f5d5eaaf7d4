/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rigproofd: one process, one event loop. What it is made of, in the order in which it starts:
 *
 *   site     command line, state directory, keys, the site's manifest     site.c options.c
 *            artefacts, power, metrics: what needs no store               cas/ power/
 *   listen   HTTPS for rigs, operators and people; routes to handlers     listen.c http/ api/ pages/
 *   netboot  proxyDHCP and TFTP, the firmware's side                      boot/netboot.c pxe/
 *   user     root is given up, if we had it                               site.c
 *   store    SQLite: rigs, boots, jobs, results                           store/
 *   log      the append-only log of accepted results                      state/log.c
 *   tokens   who may call the operator API                                state/tokens.c
 *   jobs     what a stop or a crash interrupted goes on                   boot/schedule.c
 *   run      READY; requests, timers and signals until SIGTERM            site.c
 */
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "server/boot/schedule.h"
#include "server/state/log.h"
#include "server/boot/netboot.h"
#include "server/server.h"
#include "server/site.h"
#include "server/store/store.h"
#include "server/state/tokens.h"

static int start_netboot(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	return rp_netboot_start(server, err);
}

static int start_store(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/rigproof.db", server->state_dir);

	return path ? rp_store_open(path, &server->store, err) : rp_error_memory(err);
}

static int start_log(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	return rp_log_open(server, err);
}

static int start_tokens(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	return rp_tokens_prepare(server, err);
}

static int start_jobs(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	return rp_schedule_start(server, err);
}

static int run(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	return rp_site_run(server, err);
}

static int (*const steps[])(
	struct rp_server *, const struct rp_site_options *, struct rp_error *) = {
	rp_site_load,
	rp_site_listen,
	start_netboot,
	rp_site_drop_privileges,
	start_store,
	start_log,
	start_tokens,
	start_jobs,
	run,
};

int main(int argc, char **argv)
{
	struct rp_site_options options;
	struct rp_server server = {0};
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_site_options_parse(argc, argv, &options);

	if (r != 0)
		return r < 0 ? 2 : 0;
	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		r = steps[i](&server, &options, &err);
	if (r < 0)
		rp_log_error("%s", err.text);
	rp_site_done(&server);
	return r < 0 ? 1 : 0;
}
