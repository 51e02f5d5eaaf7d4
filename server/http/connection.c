/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>

#include "lib/clock.h"
#include "lib/metrics.h"

#define SWEEP_S 1
/* evhttp's own timeout restarts with every byte; this bounds a whole request that drips in. */
#define REQUEST_TIMEOUT_FACTOR 3

struct rp_connections {
	SSL_CTX *tls;
	struct rp_metrics *metrics;
	struct evconnlistener *listener; /* NULL: none (any more) */
	struct event *sweep;
	int count, max, idle_timeout_s;
	LIST_HEAD(, rp_connection) list;
};

static void connection_free(
	void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct rp_connection *connection = ptr;
	struct rp_connections *all;

	if (!connection)
		return;
	all = connection->all;
	LIST_REMOVE(connection, entry);
	all->count--;
	if (!connection->established)
		rp_metrics_add(all->metrics, "tls_handshakes_failed_total", 1);
	if (all->listener && all->count < all->max)
		evconnlistener_enable(all->listener);
	free(connection);
}

/* Where an SSL object keeps its struct rp_connection; one index for the process. */
static int connection_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, connection_free);
	return index;
}

struct rp_connection *rp_connection_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, connection_index());
}

static void tls_progress(const SSL *ssl, int where, int ret)
{
	struct rp_connection *connection = SSL_get_ex_data(ssl, connection_index());

	if ((where & SSL_CB_HANDSHAKE_DONE) && connection)
		connection->established = true;
}

/*
 * What evhttp answers by itself, before there is a request for us, is an error page (or
 * "100 Continue"): the only sign of a malformed request.
 */
static void count_own_errors(
	struct evbuffer *output, const struct evbuffer_cb_info *info, void *context)
{
	struct rp_connection *connection = context;
	char start[13] = "";

	if (connection->answering || !info->n_added || info->orig_size)
		return;
	evbuffer_copyout(output, start, sizeof(start) - 1);
	if (!strncmp(start, "HTTP/1.", 7) && start[9] >= '4')
		rp_metrics_add(connection->all->metrics, "http_malformed_requests_total", 1);
}

struct bufferevent *rp_connection_new(struct event_base *base, void *context)
{
	struct rp_connections *all = context;
	struct rp_connection *connection = calloc(1, sizeof(*connection));
	SSL *ssl = connection ? SSL_new(all->tls) : NULL;
	struct bufferevent *bev;

	if (!ssl || SSL_set_ex_data(ssl, connection_index(), connection) != 1) {
		SSL_free(ssl);
		free(connection);
		return NULL; /* evhttp goes on without TLS: rp_dispatch refuses that */
	}
	*connection = (struct rp_connection){.all = all, .ssl = ssl, .since = rp_clock_monotonic()};
	LIST_INSERT_HEAD(&all->list, connection, entry);
	if (++all->count >= all->max && all->listener)
		evconnlistener_disable(all->listener);
	rp_metrics_add(all->metrics, "tls_connections_total", 1);
	bev = bufferevent_openssl_socket_new(
		base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	evbuffer_add_cb(bufferevent_get_output(bev), count_own_errors, connection);
	return bev;
}

/* Ends connections that have kept us waiting: evhttp sees the end and frees them. */
static void sweep(evutil_socket_t fd, short what, void *context)
{
	struct rp_connections *all = context;
	int64_t limit = all->idle_timeout_s * RP_SECOND;
	int64_t now = rp_clock_monotonic();
	struct rp_connection *connection;

	LIST_FOREACH (connection, &all->list, entry) {
		int64_t allowed = connection->established ? REQUEST_TIMEOUT_FACTOR * limit : limit;

		if (!connection->answering && now - connection->since > allowed)
			shutdown(SSL_get_fd(connection->ssl), SHUT_RDWR);
	}
	rp_metrics_set(all->metrics, "tls_connections", all->count);
}

struct rp_connections *rp_connections_new(struct event_base *base, SSL_CTX *tls,
	struct rp_metrics *metrics, int max, int idle_timeout_s)
{
	struct rp_connections *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	*all = (struct rp_connections){
		.tls = tls, .metrics = metrics, .max = max, .idle_timeout_s = idle_timeout_s};
	SSL_CTX_set_info_callback(tls, tls_progress);
	all->sweep = event_new(base, -1, EV_PERSIST, sweep, all);
	if (!all->sweep || event_add(all->sweep, &(struct timeval){SWEEP_S, 0}) < 0)
		return rp_connections_free(all);
	return all;
}

struct rp_connections *rp_connections_free(struct rp_connections *all)
{
	if (!all)
		return NULL;
	if (all->sweep)
		event_free(all->sweep);
	while (!LIST_EMPTY(&all->list)) {
		struct rp_connection *connection = LIST_FIRST(&all->list);

		SSL_set_ex_data(connection->ssl, connection_index(), NULL);
		LIST_REMOVE(connection, entry);
		free(connection);
	}
	free(all);
	return NULL;
}

void rp_connections_listen(struct rp_connections *all, struct evconnlistener *listener)
{
	all->listener = listener;
}

int rp_connections_count(const struct rp_connections *all)
{
	return all->count;
}
