/* SPDX-License-Identifier: Apache-2.0 */
/* rigproofd's command line, configuration, sockets and state directory. */
#ifndef RP_SERVER_SITE_H
#define RP_SERVER_SITE_H

#include "lib/error.h"
#include "server/http/limits.h"

struct rp_server;

struct rp_site_options {
	const char *state; /* --state DIR, required */
	const char
		*config;  /* --config FILE; NULL: STATE/site.yaml where it exists, else defaults */
	const char *keys; /* --keys DIR; NULL: STATE/keys */
	const char *listen; /* --listen ADDR:PORT; NULL: the site's address and https_port */
	struct rp_limits_config limits; /* --limit NAME=NUMBER; 0: the default */
	const char *user; /* --user NAME: what to become once the ports are bound; NULL: stay */
};

/*
 * options.c. Returns 0; 1 where --help or --version was answered; -EINVAL after one line on
 * standard error that says what to type. argv's strings are kept.
 */
int rp_site_options_parse(int argc, char **argv, struct rp_site_options *ret);

/*
 * The steps of the start-up, in this order; rigproofd_main.c has the others between them. Each
 * leaves what it made in server, for rp_site_done.
 */

/*
 * The state directory with its layout (0700: cas/sha256, cas/tmp, consoles; tftp is 0755, since
 * in.tftpd is somebody else), a copy of root.crt in it; the site's manifest; keys and certificates.
 * -EBUSY: another rigproofd has this state.
 */
int rp_site_load(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err);

/*
 * listen.c. The listening sockets: passed by systemd (named "https" and "http"), else opened here.
 * Sets server->url and http_url, starts server->https and, where the site has an http_port,
 * server->http.
 */
int rp_site_listen(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err);

/*
 * Become options->user, where it is given; the state directory becomes its own. Fails where we are
 * not root, or root after it.
 */
int rp_site_drop_privileges(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err);

/* STATE/address, READY=1, the watchdog; runs the loop until SIGTERM or SIGINT. */
int rp_site_run(struct rp_server *server, struct rp_error *err);

/* Ends and frees everything, in reverse order; also after a start that failed half-way. */
void rp_site_done(struct rp_server *server);

#endif
