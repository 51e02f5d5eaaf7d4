/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rigproofd's one context. There are no globals: every function that needs more than its own noun
 * takes this. Made by rigproofd_main.c in the order of the fields; torn down in reverse.
 */
#ifndef RP_SERVER_SERVER_H
#define RP_SERVER_SERVER_H

#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/error.h"
#include "server/https.h"
#include "server/metrics.h"

struct rp_server {
	struct event_base *base;
	struct rp_site *site;  /* manifests/manifest.h: the site's configuration, never NULL */
	const char *state_dir; /* absolute; the layout is made by rp_site_prepare_state */
	const char *keys_dir;
	int lock;			   /* of the state directory, held as long as we live */
	struct rp_manifest *site_manifest; /* owns site */
	char *address;	 /* as rigs reach us: the site's address, else its interface's */
	char *listening; /* "https://ADDR:PORT" that the CLI on this machine uses */
	int http_port;	 /* of plain HTTP; 0: none */
	char *url;	 /* "https://10.77.0.1:8443", as rigs reach us; no final slash */

	EVP_PKEY *job_key, *log_key, *boot_ca_key;
	X509 *job_cert, *log_cert, *boot_ca_cert, *root_cert;

	struct rp_metrics *metrics;	/* metrics.h */
	struct rp_artefacts *artefacts; /* artefacts.h */
	struct rp_power *power;		/* power.h */
	struct rp_store *store;		/* store.h */
	struct rp_log *log;		/* log.h */
	struct rp_jobs *jobs;		/* jobs.h */
	struct rp_https *https, *http;	/* https.h; http (plain) is NULL unless the site has it */
	struct rp_netboot *netboot;	/* netboot.h */
};

/*
 * What the state side provides to the start-up (rigproofd_main.c), in call order:
 * rp_store_open -> server->store (runs the migrations), rp_log_open -> server->log,
 * rp_tokens_prepare (makes STATE/operator.token on first start), rp_jobs_start -> server->jobs
 * (resumes what a crash interrupted, arms the timers). Their headers declare them.
 */
int rp_jobs_start(struct rp_server *server, struct rp_error *err);

/* Disarms all timers of jobs and boots; nothing of the state side runs after it. Takes jobs NULL.
 */
void rp_jobs_stop(struct rp_server *server);

/* enum rp_token_role of a bearer token (NULL: RP_TOKEN_NONE), or negative errno. */
int rp_tokens_role(struct rp_server *server, const char *bearer);

#endif
