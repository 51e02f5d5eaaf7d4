/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a handler: a row of a const route table.
 *
 * A handler sees a struct rp_request and fills a struct rp_reply; it knows nothing of libevent, so
 * unit tests call it directly with a request that they fill by hand. It runs in the event loop and
 * must not block. All strings of a request live until the handler returns.
 */
#ifndef RP_SERVER_HTTP_ROUTE_H
#define RP_SERVER_HTTP_ROUTE_H

#include <jansson.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/reply.h"

struct rp_exchange;
struct rp_server;

struct rp_query {
	const char *key, *value; /* decoded */
};

struct rp_request {
	const char *method;	  /* "GET", "POST", "PUT", "DELETE"; HEAD arrives as "GET" */
	const char *path;	  /* decoded, without the query */
	const char *parameter[2]; /* the path's captures, in order; "" if the pattern has fewer */
	const struct rp_query *query; /* ends with key NULL; NULL: no query */
	const void *body;	      /* NULL if there is none */
	size_t body_len;
	json_t *json;	    /* the body, if its content type is application/json, else NULL */
	char peer[64];	    /* the peer's address as text, without port */
	X509 *client_cert;  /* verified up to our root in the role `boot`, or NULL */
	const char *bearer; /* the token of "Authorization: Bearer", or NULL */
	bool plain;	    /* came over plain HTTP: anyone can read and change the answer */
	struct rp_exchange *exchange; /* exchange.h; NULL in unit tests */
};

/* The decoded value of a query key, "" if absent. */
const char *rp_request_query(const struct rp_request *request, const char *key);

/*
 * Returns 0 with reply filled. A negative errno becomes a JSON error without details: 507 for
 * -ENOSPC and -EDQUOT, else 500.
 */
typedef int (*rp_handler)(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply);

enum rp_route_access {
	RP_ACCESS_ANY,
	RP_ACCESS_RIG, /* a client certificate of role `boot`; the handler binds it to a boot id */
	RP_ACCESS_VIEWER, /* bearer token of either role */
	RP_ACCESS_ADMIN,
};

/* A row of a route table, which ends with method NULL. */
struct rp_route {
	const char *method;  /* a GET route answers HEAD too */
	const char *pattern; /* "/api/v1/jobs/:id"; a capture is one non-empty path segment */
	enum rp_route_access access;
	rp_handler handler;
	bool plain;	  /* also on the plain HTTP port, where the site has one */
	int64_t body_max; /* bytes of a request's body; 0: it has none. More is refused unread */
};

#define RP_BODY_SMALL (64 << 10) /* a few words of JSON, a certificate */
#define RP_BODY_MANIFEST (1 << 20)

#endif
