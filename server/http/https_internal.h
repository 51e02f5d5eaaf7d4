/* SPDX-License-Identifier: Apache-2.0 */
/* Between https.c (connections), exchange.c (one request) and transfer.c (sending a blob). */
#ifndef RP_SERVER_HTTP_HTTPS_INTERNAL_H
#define RP_SERVER_HTTP_HTTPS_INTERNAL_H

#include <event2/http.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include "server/http/http_request.h"
#include "server/http/https.h"
#include "lib/metrics.h"

struct rp_connection;

struct rp_https {
	struct event_base *base;
	struct rp_server *context; /* handed on to handlers, never looked into */
	struct rp_artefacts *artefacts;
	struct rp_metrics *metrics;
	const struct rp_route *const *routes;
	int (*token_role)(struct rp_server *server, const char *bearer);
	void (*fetched)(struct rp_server *server, const char *peer, const char *sha256);
	struct evhttp *http;
	struct evconnlistener *listener; /* owned by http */
	SSL_CTX *tls;			 /* NULL: plain HTTP */
	X509 *root;
	struct event *sweep;
	int connections, connections_max, idle_timeout_s;
	LIST_HEAD(, rp_connection) list;
};

/* One TLS connection: lives and dies with its SSL object. */
struct rp_connection {
	LIST_ENTRY(rp_connection) entry;
	struct rp_https *https;
	SSL *ssl;
	int64_t since; /* monotonic: when we began to wait for a handshake or a request */
	bool established, answering;
};

/*
 * One request until its answer is sent. The peer may go at any time: then request becomes NULL,
 * and whoever holds the exchange finds that out when he comes to answer.
 */
struct rp_exchange {
	struct rp_https *https;
	struct evhttp_request *request;
	struct rp_connection *connection; /* NULL: plain */
	bool deferred;

	/* transfer.c */
	char sha256[65];
	int fd;
	int64_t offset, left;
	bool streaming;
};

/* The connection that an SSL object belongs to. */
struct rp_connection *rp_connection_of(const SSL *ssl);

/* evhttp's callback for every well-formed request. */
void rp_exchange_begin(struct evhttp_request *request, void *https);

/* Before an answer goes out: 0 where the peer has gone, and the exchange with it. */
int rp_exchange_alive(struct rp_exchange *exchange);

/* All that was to be sent after evhttp_send_reply_start is sent. Ends the exchange. */
void rp_exchange_finish(struct rp_exchange *exchange);

/* Answer with reply, which is done with after it. Ends the exchange now or later. */
void rp_exchange_reply(struct rp_exchange *exchange, struct rp_reply *reply);

/* Answer with a blob of the store: ranges, HEAD, ETag. Ends the exchange later. */
void rp_transfer_begin(struct rp_exchange *exchange, const char *sha256);

/* A whole answer whose headers are set. body may be NULL. Ends the exchange. */
void rp_exchange_send(struct rp_exchange *exchange, int status, struct evbuffer *body);

void rp_exchange_header(struct rp_exchange *exchange, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void rp_exchange_peer(const struct rp_exchange *exchange, char ret_address[64]);

const char *rp_exchange_request_header(const struct rp_exchange *exchange, const char *name);

#endif
