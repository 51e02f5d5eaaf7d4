/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request until its answer is sent. The peer may go at any time: then connection becomes NULL,
 * and whoever holds the exchange finds that out when he comes to answer. Every exchange is ended
 * once, by rp_exchange_reply, rp_exchange_send or rp_exchange_finish, or by rp_exchange_alive where
 * it returns 0; it is freed by that.
 */
#ifndef RP_SERVER_HTTP_EXCHANGE_H
#define RP_SERVER_HTTP_EXCHANGE_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/http/connection.h"
#include "server/http/head.h"
#include "server/http/https_config.h"

struct rp_exchange {
	const struct rp_https_config *config;
	struct rp_connection *connection; /* NULL: the peer has gone */
	char peer[64];
	bool plain, deferred;
	bool refused;  /* by our limits: nothing to log */
	int malformed; /* what rp_head_parse said: then head is of no use */
	struct rp_head head;
	char *head_text;       /* what head points into */
	struct evbuffer *body; /* the whole of it, borrowed while its handler runs */

	/* dispatch.c's, between head and body */
	const struct rp_route *route;
	bool wants_body; /* the request is let in: its handler follows */
	bool handled;	 /* its body was read, if it has one */
	char *path, *parameter[2];
	struct rp_query *query;

	/* of the answer */
	struct evbuffer *headers;
	bool has_length, close;

	/* transfer.c's */
	char sha256[65];
	int fd; /* -1: none; closed with the exchange */
	int64_t offset, left;
	int64_t first, sent, size; /* of the blob: where it began, what the socket took */
	bool streaming;		   /* only the socket calls on: the exchange ends with it */
};

/*
 * For a request whose head, len bytes of text, has just come in; it is copied. text NULL: what came
 * is no head. NULL: no memory.
 */
struct rp_exchange *rp_exchange_new(struct rp_connection *connection, const char *text, size_t len);

/* connection.c's: it goes down while somebody holds its exchange. */
void rp_exchange_peer_gone(struct rp_exchange *exchange);

/* connection.c's: what was streamed so far is with the socket. */
void rp_exchange_drained(struct rp_exchange *exchange);

/* Before an answer goes out: 0 where the peer has gone, and the exchange with it. */
int rp_exchange_alive(struct rp_exchange *exchange);

/* NULL: the request has no such header. */
const char *rp_exchange_request_header(const struct rp_exchange *exchange, const char *name);

bool rp_exchange_is_head(const struct rp_exchange *exchange);

/* How far the blob is: once when it begins; the exchange's end tells it again. */
void rp_exchange_tell_fetched(const struct rp_exchange *exchange);

/* A header of the answer, at most 511 bytes. One with a line break is left out. */
void rp_exchange_header(struct rp_exchange *exchange, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Answer with reply, which has no artefact and is done with after it. Ends the exchange. */
void rp_exchange_reply(struct rp_exchange *exchange, struct rp_reply *reply);

/* A whole answer whose headers are set. body may be NULL. Ends the exchange. */
void rp_exchange_send(struct rp_exchange *exchange, int status, struct evbuffer *body);

/*
 * An answer in parts, whose headers, with its Content-Length, are set: the head, then blocks.
 * Whenever what was given is with the socket, rp_transfer_drained gives the next or finishes.
 */
void rp_exchange_start(struct rp_exchange *exchange, int status);
void rp_exchange_block(struct rp_exchange *exchange, struct evbuffer *block);

/* All of the parts are given. cut: there should have been more. Ends the exchange. */
void rp_exchange_finish(struct rp_exchange *exchange, bool cut);

#endif
