/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS connections of one front: how many there may be, how long they may keep us waiting. A
 * connection lives and dies with its SSL object, which evhttp's bufferevent owns.
 */
#ifndef RP_SERVER_HTTP_CONNECTION_H
#define RP_SERVER_HTTP_CONNECTION_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct bufferevent;
struct evconnlistener;
struct rp_connections;
struct rp_metrics;

struct rp_connection {
	LIST_ENTRY(rp_connection) entry;
	struct rp_connections *all;
	SSL *ssl;
	int64_t since; /* monotonic: when we began to wait for a handshake or a request */
	bool established, answering;
};

/*
 * tls, borrowed, must outlive them. At most max at a time; one that keeps us waiting for longer
 * than idle_timeout_s in its handshake, or three times that for a request, is ended. NULL: no
 * memory.
 */
struct rp_connections *rp_connections_new(struct event_base *base, SSL_CTX *tls,
	struct rp_metrics *metrics, int max, int idle_timeout_s);

/*
 * Forgets the connections that libevent has not freed yet: it does that later, from its loop. Takes
 * NULL, returns NULL.
 */
struct rp_connections *rp_connections_free(struct rp_connections *connections);

/* The listener, borrowed, that waits while there are as many as there may be. NULL: none any more. */
void rp_connections_listen(struct rp_connections *connections, struct evconnlistener *listener);

/* evhttp's callback (evhttp_set_bevcb) for a new one; context is a struct rp_connections. */
struct bufferevent *rp_connection_new(struct event_base *base, void *context);

/* The connection that an SSL object of rp_connection_new belongs to. */
struct rp_connection *rp_connection_of(const SSL *ssl);

int rp_connections_count(const struct rp_connections *connections);

#endif
