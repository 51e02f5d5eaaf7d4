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

struct rp_announced;
struct rp_artefacts;
struct rp_https;
struct rp_limits;
struct rp_log;
struct rp_manifest;
struct rp_metrics;
struct rp_netboot;
struct rp_page_cache;
struct rp_power;
struct rp_schedule;
struct rp_site;
struct rp_store;
struct rp_uploads;

struct rp_server {
	struct event_base *base;
	struct rp_site *site;  /* manifests/manifest.h: the site's configuration, never NULL */
	const char *state_dir; /* absolute; the layout is made by rp_site_prepare_state */
	const char *keys_dir;
	int state_fd; /* of state_dir, opened without following a link; 0: not yet */
	int lock;     /* of the state directory, held as long as we live */
	struct rp_manifest *site_manifest; /* owns site */
	char *address;	 /* as rigs reach us: the site's address, else its interface's */
	char *listening; /* "https://ADDR:PORT" that the CLI on this machine uses */
	char *url;	 /* "https://10.77.0.1:8443", as rigs reach us; no final slash */
	char *http_url;	 /* the same for plain HTTP; NULL: there is none */

	EVP_PKEY *job_key, *log_key, *boot_ca_key;
	X509 *job_cert, *log_cert, *boot_ca_cert, *root_cert;

	struct rp_metrics *metrics;	/* lib/metrics.h */
	struct rp_artefacts *artefacts; /* server/cas/artefacts.h */
	struct rp_uploads *uploads;	/* server/cas/uploads.h */
	struct rp_power *power;		/* server/power/power.h */
	struct rp_store *store;		/* server/store/store.h */
	struct rp_log *log;		/* server/state/log.h */
	struct rp_announced *announced; /* server/state/announced.h; NULL: nothing was */
	struct rp_schedule *schedule;	/* server/boot/schedule.h */
	struct event *kick; /* runs the schedule; NULL without an event loop (unit tests) */
	struct rp_page_cache *page_cache; /* server/pages/page_cache.h; NULL: none is kept */
	struct rp_limits *limits;	  /* server/http/limits.h, of both ports */
	struct rp_https *https,
		*http; /* server/http/https.h; http (plain) is NULL unless the site has it */
	struct rp_netboot *netboot; /* server/boot/netboot.h */
};

#endif
