/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/openssl_cleanup.h"
#include "server/http/dispatch.h"
#include "server/http/event_cleanup.h"
#include "server/http/exchange.h"
#include "server/http/head.h"
#include "server/http/limits.h"
#include "server/http/stream.h"
#include "server/http/tls.h"

#define SWEEP_S 1
#define LINGER_S 5
#define READ (16 << 10)
#define READS 8 /* in a row, before others have their turn */

enum phase {
	PHASE_HANDSHAKE,
	PHASE_IDLE,
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_WORK,
	PHASE_ANSWER,
	PHASE_LINGER
};

static const enum rp_rank ranks[] = {
	[PHASE_HANDSHAKE] = RP_RANK_HANDSHAKE,
	[PHASE_IDLE] = RP_RANK_IDLE,
	[PHASE_HEAD] = RP_RANK_HEAD,
	[PHASE_BODY] = RP_RANK_BODY,
	[PHASE_WORK] = RP_RANK_WORK,
	[PHASE_ANSWER] = RP_RANK_ANSWER,
	[PHASE_LINGER] = RP_RANK_HANDSHAKE,
};

struct rp_connection {
	struct rp_guest guest; /* first: evict() casts */
	LIST_ENTRY(rp_connection) entry;
	struct rp_connections *all;
	struct rp_stream *stream;
	char peer[64];
	enum phase phase;
	int64_t mark;	      /* bytes of the stream when the phase, or its window, began */
	char *in;	      /* what came and is not used up; RP_HEAD_MAX bytes; NULL: none */
	size_t in_len, known; /* known: how much of it has no end of a head */
	struct evbuffer *body;
	int64_t body_left;
	struct rp_exchange *exchange; /* NULL: none at the moment */
	bool close;
};

struct rp_connections {
	const struct rp_https_config *config;
	SSL_CTX *tls;
	struct event *sweep;
	int count;
	LIST_HEAD(, rp_connection) list;
};

/* ---- life ---- */

static int64_t bytes_of(const struct rp_connection *connection)
{
	return connection->phase == PHASE_ANSWER ? rp_stream_sent(connection->stream)
						 : rp_stream_received(connection->stream);
}

static void begin(struct rp_connection *connection, enum phase phase)
{
	connection->phase = phase;
	connection->mark = bytes_of(connection);
	connection->guest.rank = ranks[phase];
	connection->guest.since = rp_clock_monotonic();
	connection->guest.moved = 0;
}

static void charge_handshake(struct rp_connection *connection)
{
	rp_limits_worked(connection->all->config->limits, &connection->guest,
		rp_stream_handshake_us(connection->stream));
}

static void drop_body(struct rp_connection *connection)
{
	if (connection->body)
		evbuffer_free(connection->body);
	connection->body = NULL;
	rp_limits_hold(
		connection->all->config->limits, &connection->guest, -connection->guest.held);
}

static void connection_free(struct rp_connection *connection)
{
	struct rp_connections *all = connection->all;

	if (connection->phase == PHASE_HANDSHAKE) {
		rp_metrics_add(all->config->metrics, "tls_handshakes_failed_total", 1);
		charge_handshake(connection);
	}
	if (connection->guest.peer) {
		drop_body(connection);
		rp_limits_leave(all->config->limits, &connection->guest);
	}
	LIST_REMOVE(connection, entry);
	all->count--;
	if (connection->exchange)
		rp_exchange_peer_gone(connection->exchange);
	rp_stream_free(connection->stream);
	free(connection->in);
	free(connection);
}

static void evict(struct rp_guest *guest)
{
	connection_free((struct rp_connection *)guest);
}

static void end(struct rp_connection *connection, const char *why)
{
	char name[64];

	snprintf(name, sizeof(name), "connections_ended_total{why=\"%s\"}", why);
	rp_metrics_add(connection->all->config->metrics, name, 1);
	connection_free(connection);
}

/*
 * Known ones go before unknown ones in the loop, and so does a handshake from where they came: it
 * must not stand behind those of sixty strangers. Without priorities it is one queue for all.
 */
static void set_priority(struct rp_connection *connection)
{
	static const int priorities[RP_CLASSES] = {
		[RP_CLASS_UNKNOWN] = 2, [RP_CLASS_RIG] = 1, [RP_CLASS_OPERATOR] = 0};

	rp_stream_priority(connection->stream, priorities[rp_limits_known_as(&connection->guest)]);
}

static int promote(struct rp_connection *connection, enum rp_class class)
{
	int r = rp_limits_promote(connection->all->config->limits, &connection->guest, class);

	set_priority(connection);
	return r;
}

/* ---- requests ---- */

static void expect_request(struct rp_connection *connection);

static void work(struct rp_connection *connection, void (*dispatch)(struct rp_exchange *))
{
	int64_t start = rp_clock_monotonic();

	begin(connection, PHASE_WORK);
	dispatch(connection->exchange);
	/* Whatever it did: a peer that goes is seen by the loop later, never in there. */
	rp_limits_worked(
		connection->all->config->limits, &connection->guest, rp_clock_monotonic() - start);
}

static void body_is_there(struct rp_connection *connection)
{
	rp_stream_want(connection->stream, false);
	connection->exchange->body = connection->body;
	work(connection, rp_dispatch_body); /* after which a deferred exchange has no body */
	drop_body(connection);
}

static void refuse_body(struct rp_connection *connection)
{
	struct rp_reply reply = {.retry_after_s = 5};

	rp_stream_want(connection->stream, false);
	drop_body(connection);
	connection->exchange->refused = true;
	rp_reply_error(&reply, 503, "send it again later", "too many bodies are being received");
	reply.close = true;
	rp_exchange_reply(connection->exchange, &reply);
}

/* len bytes of the body have come. False: it is complete, or was given up. */
static bool take_body(struct rp_connection *connection, const char *bytes, size_t len)
{
	struct rp_limits *limits = connection->all->config->limits;

	if (rp_limits_hold(limits, &connection->guest, (int64_t)len) < 0 ||
		evbuffer_add(connection->body, bytes, len) < 0) {
		refuse_body(connection);
		return false;
	}
	connection->body_left -= (int64_t)len;
	if (connection->body_left)
		return true;
	body_is_there(connection);
	return false;
}

/* The head said yes: what is there of the body, then the rest. */
static void expect_body(struct rp_connection *connection)
{
	int64_t length = connection->exchange->head.length;
	size_t there = connection->in_len;

	connection->body = evbuffer_new();
	connection->body_left = length;
	if (!connection->body) {
		refuse_body(connection);
		return;
	}
	if ((int64_t)there > length)
		there = (size_t)length;
	begin(connection, PHASE_BODY);
	if (!length) {
		body_is_there(connection);
		return;
	}
	if (there) {
		bool more;
		rp_cleanup(free) char *bytes = malloc(there);

		if (!bytes) {
			refuse_body(connection);
			return;
		}
		memcpy(bytes, connection->in, there);
		memmove(connection->in, connection->in + there, connection->in_len - there);
		connection->in_len -= there;
		more = take_body(connection, bytes, there);
		if (!more)
			return;
	}
	if (connection->exchange->head.expects_continue) {
		rp_cleanup(evbuffer) struct evbuffer *go_on = evbuffer_new();

		if (go_on) {
			evbuffer_add_printf(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
			rp_stream_write(connection->stream, go_on);
		}
	}
	rp_stream_want(connection->stream, true);
}

static void head_is_there(struct rp_connection *connection, size_t len)
{
	struct rp_exchange *exchange;

	rp_stream_want(connection->stream, false);
	exchange = rp_exchange_new(connection, connection->in, len);
	if (!exchange) {
		end(connection, "memory");
		return;
	}
	connection->exchange = exchange;
	connection->in_len -= len;
	connection->known = 0;
	memmove(connection->in, connection->in + len, connection->in_len);
	work(connection, rp_dispatch_head);
	if (connection->exchange == exchange && exchange->wants_body)
		expect_body(connection);
}

static void head_is_too_long(struct rp_connection *connection)
{
	struct rp_reply reply = {0};

	rp_stream_want(connection->stream, false);
	connection->exchange = rp_exchange_new(connection, NULL, 0);
	if (!connection->exchange) {
		end(connection, "memory");
		return;
	}
	rp_metrics_add(connection->all->config->metrics, "http_malformed_requests_total", 1);
	rp_reply_error(&reply, 431, "send fewer or shorter header fields",
		"the head of the request has more than %d bytes", RP_HEAD_MAX);
	reply.close = true;
	rp_exchange_reply(connection->exchange, &reply);
}

/* True: there was a whole head, or too much of one; readable is not to go on. */
static bool look_for_head(struct rp_connection *connection)
{
	size_t len = rp_head_length(connection->in, connection->in_len, connection->known);

	if (len) {
		head_is_there(connection, len);
		return true;
	}
	connection->known = connection->in_len;
	if (connection->in_len < RP_HEAD_MAX)
		return false;
	head_is_too_long(connection);
	return true;
}

static void expect_request(struct rp_connection *connection)
{
	begin(connection, connection->in_len ? PHASE_HEAD : PHASE_IDLE);
	if (connection->in_len && look_for_head(connection))
		return;
	if (!connection->in_len) { /* most of its life a connection is idle */
		free(connection->in);
		connection->in = NULL;
	}
	rp_stream_want(connection->stream, true);
}

/* ---- what the stream tells ---- */

static void on_established(void *context)
{
	struct rp_connection *connection = context;
	rp_cleanup(x509) X509 *cert = rp_tls_client_certificate(rp_stream_ssl(connection->stream));

	charge_handshake(connection);
	connection->phase = PHASE_IDLE; /* it did not fail, whatever comes now */
	if (cert && promote(connection, RP_CLASS_RIG) < 0) {
		end(connection, "class");
		return;
	}
	expect_request(connection);
}

/* One read. False: enough for now. */
static bool read_head(struct rp_connection *connection)
{
	ssize_t n;

	if (!connection->in)
		connection->in = malloc(RP_HEAD_MAX);
	if (!connection->in) {
		end(connection, "memory");
		return false;
	}
	n = rp_stream_read(connection->stream, connection->in + connection->in_len,
		RP_HEAD_MAX - connection->in_len);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		connection_free(connection);
		return false;
	}
	if (connection->phase == PHASE_IDLE)
		begin(connection, PHASE_HEAD);
	connection->in_len += (size_t)n;
	return !look_for_head(connection);
}

static bool read_body(struct rp_connection *connection)
{
	char bytes[READ];
	ssize_t n = rp_stream_read(connection->stream, bytes,
		connection->body_left < READ ? (size_t)connection->body_left : READ);

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		connection_free(connection);
		return false;
	}
	return take_body(connection, bytes, (size_t)n);
}

static void on_readable(void *context)
{
	struct rp_connection *connection = context;

	for (int i = 0; i < READS; i++)
		if (connection->phase == PHASE_BODY ? !read_body(connection)
						    : !read_head(connection))
			return;
	rp_stream_want(connection->stream, true); /* TLS may hold more already */
}

static void on_drained(void *context)
{
	struct rp_connection *connection = context;

	if (connection->phase != PHASE_ANSWER)
		return; /* "100 Continue" */
	if (connection->exchange)
		rp_exchange_drained(connection->exchange);
	if (connection->exchange)
		return;
	if (connection->close) {
		begin(connection, PHASE_LINGER);
		rp_stream_linger(connection->stream);
	} else {
		expect_request(connection);
	}
}

static void on_ended(void *context)
{
	connection_free(context);
}

static const struct rp_stream_ops ops = {on_established, on_readable, on_drained, on_ended};

/* ---- coming ---- */

static void name_peer(const struct sockaddr *peer, socklen_t len, char ret_name[64])
{
	if (getnameinfo(peer, len, ret_name, 64, NULL, 0, NI_NUMERICHOST) != 0)
		ret_name[0] = '\0';
	if (!strncmp(ret_name, "::ffff:", 7) && strchr(ret_name, '.'))
		memmove(ret_name, ret_name + 7, strlen(ret_name + 7) + 1);
}

static int open_stream(struct rp_connection *connection, int fd)
{
	struct rp_connections *all = connection->all;
	SSL *ssl = all->tls ? SSL_new(all->tls) : NULL;

	if (all->tls && !ssl)
		return -ENOMEM;
	connection->stream = rp_stream_new(all->config->base, fd, ssl, &ops, connection);
	if (!connection->stream)
		SSL_free(ssl);
	return connection->stream ? 0 : -ENOMEM;
}

/* fd is the connection's on success. */
static int take_in(struct rp_connections *all, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct rp_connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	connection->all = all;
	connection->guest.evict = evict;
	connection->guest.since = rp_clock_monotonic();
	name_peer(peer, len, connection->peer);
	r = rp_limits_enter(all->config->limits, peer, &connection->guest);
	if (r == 0) {
		r = open_stream(connection, fd);
		if (r < 0)
			rp_limits_leave(all->config->limits, &connection->guest);
	}
	if (r < 0) {
		free(connection);
		return r;
	}
	set_priority(connection);
	LIST_INSERT_HEAD(&all->list, connection, entry);
	all->count++;
	if (all->tls) {
		begin(connection, PHASE_HANDSHAKE);
	} else {
		connection->phase = PHASE_IDLE;
		expect_request(connection);
	}
	return 0;
}

void rp_connections_accept(void *context, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct rp_connections *all = context;

	rp_metrics_add(all->config->metrics,
		all->tls ? "tls_connections_total" : "plain_connections_total", 1);
	if (!rp_limits_welcome(all->config->limits, peer)) {
		rp_metrics_add(all->config->metrics, "connections_refused_total{why=\"share\"}", 1);
		close(fd);
	} else if (take_in(all, fd, peer, len) < 0) {
		rp_metrics_add(all->config->metrics, "connections_refused_total{why=\"full\"}", 1);
		close(fd);
	}
}

/* ---- how long it may keep us waiting ---- */

/* NULL, or why not any longer. */
static const char *overstays(struct rp_connection *connection, int64_t now)
{
	const struct rp_limits_config *c = rp_limits_config(connection->all->config->limits);
	int64_t waited = now - connection->guest.since;
	int idle_s = connection->guest.class == RP_CLASS_UNKNOWN && c->head_s < c->idle_s
			     ? c->head_s
			     : c->idle_s;

	connection->guest.moved = bytes_of(connection) - connection->mark;
	switch (connection->phase) {
	case PHASE_HANDSHAKE:
		return waited > c->handshake_s * RP_SECOND ? "handshake" : NULL;
	case PHASE_IDLE:
		return waited > idle_s * RP_SECOND ? "idle" : NULL;
	case PHASE_HEAD:
		return waited > c->head_s * RP_SECOND ? "head" : NULL;
	case PHASE_LINGER:
		return waited > LINGER_S * RP_SECOND ? "linger" : NULL;
	case PHASE_BODY:
	case PHASE_ANSWER:
		if (waited < c->window_s * RP_SECOND)
			return NULL;
		if (connection->guest.moved < (int64_t)c->rate * c->window_s)
			return connection->phase == PHASE_BODY ? "slow_sender" : "slow_reader";
		begin(connection, connection->phase);
		return NULL;
	case PHASE_WORK:
		break;
	}
	return NULL;
}

static void sweep(evutil_socket_t fd, short what, void *context)
{
	struct rp_connections *all = context;
	struct rp_connection *connection = LIST_FIRST(&all->list);
	int64_t now = rp_clock_monotonic();

	while (connection) {
		struct rp_connection *next = LIST_NEXT(connection, entry);
		const char *why = overstays(connection, now);

		if (why)
			end(connection, why);
		connection = next;
	}
	if (all->tls)
		rp_metrics_set(all->config->metrics, "tls_connections", all->count);
}

struct rp_connections *rp_connections_new(const struct rp_https_config *config, SSL_CTX *tls)
{
	struct rp_connections *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	*all = (struct rp_connections){.config = config, .tls = tls};
	all->sweep = event_new(config->base, -1, EV_PERSIST, sweep, all);
	if (!all->sweep || event_add(all->sweep, &(struct timeval){SWEEP_S, 0}) < 0)
		return rp_connections_free(all);
	return all;
}

struct rp_connections *rp_connections_free(struct rp_connections *all)
{
	struct rp_connection *connection;

	if (!all)
		return NULL;
	if (all->sweep)
		event_free(all->sweep);
	connection = LIST_FIRST(&all->list);
	while (connection) {
		struct rp_connection *next = LIST_NEXT(connection, entry);

		connection_free(connection);
		connection = next;
	}
	free(all);
	return NULL;
}

int rp_connections_count(const struct rp_connections *all)
{
	return all->count;
}

/* ---- what the exchange asks ---- */

const char *rp_connection_peer(const struct rp_connection *connection)
{
	return connection->peer;
}

SSL *rp_connection_ssl(const struct rp_connection *connection)
{
	return rp_stream_ssl(connection->stream);
}

const struct rp_https_config *rp_connection_config(const struct rp_connection *connection)
{
	return connection->all->config;
}

int rp_connection_is_operator(struct rp_connection *connection)
{
	return promote(connection, RP_CLASS_OPERATOR);
}

bool rp_connection_may_work(const struct rp_connection *connection)
{
	return rp_limits_may_work(connection->all->config->limits, &connection->guest);
}

void rp_connection_write(struct rp_connection *connection, struct evbuffer *data)
{
	if (connection->phase != PHASE_ANSWER)
		begin(connection, PHASE_ANSWER);
	rp_stream_write(connection->stream, data);
}

void rp_connection_answered(struct rp_connection *connection, bool close)
{
	connection->exchange = NULL;
	connection->close = close;
}
