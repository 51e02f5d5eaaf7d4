/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of one front: from the handshake over request after request to the end, and how
 * long each part may keep us waiting (limits.h).
 *
 *                 .------------------- next request ------------------.
 *                 v                                                   |
 *   HANDSHAKE -> IDLE -> HEAD -> BODY -> WORK -> ANSWER --------------+--> LINGER -> gone
 *                                 (may it?)        ^ a refusal at the end of the head
 */
#ifndef RP_SERVER_HTTP_CONNECTION_H
#define RP_SERVER_HTTP_CONNECTION_H

#include <event2/buffer.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/http/https_config.h"

struct rp_connection;
struct rp_connections;

/* config and tls (NULL: plain) are borrowed and must outlive them. NULL: no memory. */
struct rp_connections *rp_connections_new(const struct rp_https_config *config, SSL_CTX *tls);

/* Cuts those that are left. Takes NULL, returns NULL. */
struct rp_connections *rp_connections_free(struct rp_connections *connections);

/* A rp_accepted whose context is a struct rp_connections. */
void rp_connections_accept(
	void *connections, int fd, const struct sockaddr *peer, socklen_t peer_len);

int rp_connections_count(const struct rp_connections *connections);

/* The peer's address as text, an IPv4 address that came over IPv6 as IPv4. */
const char *rp_connection_peer(const struct rp_connection *connection);

/* NULL: plain. */
SSL *rp_connection_ssl(const struct rp_connection *connection);

const struct rp_https_config *rp_connection_config(const struct rp_connection *connection);

/* Its peer showed a token: it has a place among operators. 0; -EUSERS: they are taken. */
int rp_connection_is_operator(struct rp_connection *connection);

/* Whether this peer's request may be worked on now, or its share of the time is used up. */
bool rp_connection_may_work(const struct rp_connection *connection);

/*
 * Bytes of the answer, all of which are taken. The first ones end WORK, or a BODY that is not wanted
 * any more. When they are with the socket: rp_exchange_drained, where there is an exchange still.
 */
void rp_connection_write(struct rp_connection *connection, struct evbuffer *data);

/* The answer is complete, and the exchange is no more. close: there is no next request. */
void rp_connection_answered(struct rp_connection *connection, bool close);

#endif
