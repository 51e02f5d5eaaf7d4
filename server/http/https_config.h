/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTPS front serves, to whom, and how much of it. */
#ifndef RP_SERVER_HTTP_HTTPS_CONFIG_H
#define RP_SERVER_HTTP_HTTPS_CONFIG_H

#include <event2/event.h>

#include "server/http/route.h"

struct rp_artefacts;
struct rp_limits;
struct rp_metrics;

enum rp_token_role { RP_TOKEN_NONE = 0, RP_TOKEN_VIEWER = 1, RP_TOKEN_ADMIN = 2 };

/* Bytes [first, first + sent) of a blob of size bytes went into the socket of that peer. */
struct rp_fetched {
	const char *peer, *sha256;
	int64_t first, sent, size;
};

struct rp_https_config {
	struct event_base *base;
	struct rp_server *context; /* what handlers, token_role and fetched get; not looked into */
	struct rp_artefacts *artefacts; /* for replies with an artefact; NULL: there are none */
	struct rp_metrics *metrics;	/* NULL: nothing is counted */
	const char *keys_dir;		/* tls.key, tls.crt, root.crt; NULL: plain HTTP */
	int fd;				/* a listening socket, taken over on success */
	const struct rp_route *const
		*routes; /* tables, ends with NULL; must outlive the listener */
	/* The role of a bearer token: enum rp_token_role or negative errno. NULL: none is valid. */
	int (*token_role)(struct rp_server *server, const char *bearer);
	/* Told when a blob begins to be sent (sent 0), and how far it was when that ended, in whatever
	 * way. NULL: nobody is told. */
	void (*fetched)(struct rp_server *server, const struct rp_fetched *fetched);
	/* Of all fronts of this server together; must outlive them. NULL: defaults of its own. */
	struct rp_limits *limits;
};

#endif
