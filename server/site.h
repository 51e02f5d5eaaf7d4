/* SPDX-License-Identifier: Apache-2.0 */
/* rigproofd's command line, configuration, sockets and state directory. */
#ifndef RP_SERVER_SITE_H
#define RP_SERVER_SITE_H

#include "lib/error.h"

struct rp_server;
struct rp_site;

struct rp_site_options {
	const char *state; /* --state DIR, required */
	const char
		*config;  /* --config FILE; NULL: STATE/site.yaml where it exists, else defaults */
	const char *keys; /* --keys DIR; NULL: STATE/keys */
	const char *listen; /* --listen ADDR:PORT; NULL: the site's address and https_port */
	const char *user;   /* --user NAME: what to become once the ports are bound; NULL: stay */
};

/*
 * Returns 0; 1 where --help or --version was answered; -EINVAL after one line on standard error
 * that says what to type. argv's strings are kept.
 */
int rp_site_options_parse(int argc, char **argv, struct rp_site_options *ret);

/*
 * Fill server: site, state_dir, keys_dir, the keys and certificates. Makes the layout of the state
 * directory (0700): cas/sha256, cas/tmp, tftp, consoles, and a copy of root.crt.
 */
int rp_site_load(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err);

/*
 * The listening sockets: passed by systemd (named "https", "http"), else bound here. Sets
 * server->url, starts server->https and server->http.
 */
int rp_site_listen(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err);

/* Become options->user where we are root; refuses to go on if that fails. */
int rp_site_drop_privileges(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err);

/* STATE/address, atomically; then READY=1, the watchdog, SIGTERM and SIGINT. Runs the loop. */
int rp_site_run(struct rp_server *server, struct rp_error *err);

/* Everything, in reverse order. */
void rp_site_done(struct rp_server *server);

#endif
