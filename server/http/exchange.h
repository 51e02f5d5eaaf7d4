/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request until its answer is sent. The peer may go at any time: then request becomes NULL, and
 * whoever holds the exchange finds that out when he comes to answer. Every exchange is ended once,
 * by rp_exchange_reply, rp_exchange_send or rp_exchange_finish, or by rp_exchange_alive where it
 * returns 0; it is freed by that.
 */
#ifndef RP_SERVER_HTTP_EXCHANGE_H
#define RP_SERVER_HTTP_EXCHANGE_H

#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/http/connection.h"
#include "server/http/https_config.h"

struct rp_exchange {
	const struct rp_https_config *config;
	struct evhttp_request *request;
	struct rp_connection *connection; /* NULL: plain */
	bool deferred;

	/* transfer.c's */
	char sha256[65];
	int fd; /* -1: none; closed with the exchange */
	int64_t offset, left;
	char peer[64];
	int64_t first, sent, size; /* of the blob: where it began, what the socket took */
	bool streaming;		   /* only the socket calls on: the exchange ends with it */
};

/* For a request that has just come in. connection NULL: plain. NULL: no memory. */
struct rp_exchange *rp_exchange_new(const struct rp_https_config *config,
	struct evhttp_request *request, struct rp_connection *connection);

/* Before an answer goes out: 0 where the peer has gone, and the exchange with it. */
int rp_exchange_alive(struct rp_exchange *exchange);

/* NULL: the request has no such header. */
const char *rp_exchange_request_header(const struct rp_exchange *exchange, const char *name);

/* The peer's address as text; an IPv4 address that came over IPv6 as IPv4. */
void rp_exchange_peer(const struct rp_exchange *exchange, char ret_address[64]);

/* How far the blob is: once when it begins; the exchange's end tells it again. */
void rp_exchange_tell_fetched(const struct rp_exchange *exchange);

/* A header of the answer, at most 511 bytes. */
void rp_exchange_header(struct rp_exchange *exchange, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Answer with reply, which has no artefact and is done with after it. Ends the exchange. */
void rp_exchange_reply(struct rp_exchange *exchange, struct rp_reply *reply);

/* A whole answer whose headers are set. body may be NULL. Ends the exchange. */
void rp_exchange_send(struct rp_exchange *exchange, int status, struct evbuffer *body);

/* All that was to be sent after evhttp_send_reply_start is sent. Ends the exchange. */
void rp_exchange_finish(struct rp_exchange *exchange);

#endif
