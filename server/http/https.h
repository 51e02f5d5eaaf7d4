/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTPS front: libevent's evhttp over OpenSSL, a const route table, one JSON error form.
 *
 * A handler sees a struct rp_request and fills a struct rp_reply; it knows nothing of libevent, so
 * unit tests call it directly with a request that they fill by hand. It runs in the event loop and
 * must not block. All strings of a request live until the handler returns.
 */
#ifndef RP_SERVER_HTTP_HTTPS_H
#define RP_SERVER_HTTP_HTTPS_H

#include <event2/event.h>
#include <jansson.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

struct rp_artefacts;
struct rp_metrics;
struct rp_server;
struct rp_deferred;
struct rp_https;

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
	struct rp_exchange *exchange; /* https.c's own; NULL in unit tests */
};

/* The decoded value of a query key, "" if absent. */
const char *rp_request_query(const struct rp_request *request, const char *key);

/* A handler fills one of json, text, artefact, or none for an empty body. Starts zeroed. */
struct rp_reply {
	int status;		  /* 0 means 200 (204 with an empty body) */
	json_t *json;		  /* owned by the reply */
	char *text;		  /* malloc'd, owned by the reply */
	const char *content_type; /* of text; static; NULL: "text/plain; charset=utf-8" */
	int retry_after_s;	  /* 0: no header */
	bool close;		  /* end the connection with this answer; not with artefact */
	char artefact[65]; /* digest: answer with that blob of the store (ranges, HEAD, ETag) */
	char *headers_location; /* malloc'd, owned by the reply: the Location header */
};

/* Frees what a reply owns and zeroes it. */
void rp_reply_done(struct rp_reply *reply);

/*
 * Make the reply {"error": FORMAT..., "remedy": remedy}. Always returns 0, so that a handler ends
 * with: return rp_reply_error(reply, 404, "list them: rigproof rig list", "%s: no such rig", name);
 */
int rp_reply_error(struct rp_reply *reply, int status, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

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
	bool plain; /* also on the plain HTTP port, where the site has one */
};

/*
 * Answer later, from an event: a handler calls rp_request_defer, returns 0 (its reply is then
 * ignored), and somebody calls rp_deferred_reply exactly once. A peer that has gone meanwhile is
 * no error. NULL where there is no connection (unit tests): then answer 202 at once.
 */
struct rp_deferred *rp_request_defer(const struct rp_request *request);
void rp_deferred_reply(struct rp_deferred *deferred, struct rp_reply *reply); /* does reply_done */

enum rp_token_role { RP_TOKEN_NONE = 0, RP_TOKEN_VIEWER = 1, RP_TOKEN_ADMIN = 2 };

struct rp_https_config {
	struct event_base *base;
	struct rp_server *context; /* what handlers, token_role and fetched get; not looked into */
	struct rp_artefacts *artefacts; /* for replies with an artefact; NULL: there are none */
	struct rp_metrics *metrics;	/* NULL: nothing is counted */
	const char *keys_dir;		/* tls.key, tls.crt, root.crt; NULL: plain HTTP */
	int fd;				/* a listening socket, taken over on success */
	const struct rp_route *const
		*routes; /* tables, ends with NULL; must outlive the listener */
	/* The role of a bearer token: enum rp_token_role or negative errno. NULL: no token is
	 * valid. */
	int (*token_role)(struct rp_server *server, const char *bearer);
	/* Told when a blob begins to be sent, from its first byte. NULL: nobody is told. */
	void (*fetched)(struct rp_server *server, const char *peer, const char *sha256);
	int connections_max; /* 0: 256. More wait in the kernel's backlog */
	int idle_timeout_s;  /* 0: 60. For a handshake, a request to arrive, a stalled download */
};

/* Start to serve. */
int rp_https_start(
	const struct rp_https_config *config, struct rp_https **ret, struct rp_error *err);

/* Stops to accept; connections in flight are cut. Takes NULL, returns NULL. */
struct rp_https *rp_https_free(struct rp_https *https);

int rp_https_connections(const struct rp_https *https);

/*
 * A listening TCP socket (close-on-exec, non-blocking, TCP_NODELAY, which accepted sockets
 * inherit) on "ADDR:PORT" or "[ADDR6]:PORT"; port 0: any. ret_name gets the address it has got,
 * in the same form.
 */
int rp_https_listen(const char *address, int *ret_fd, char ret_name[64], struct rp_error *err);

#endif
