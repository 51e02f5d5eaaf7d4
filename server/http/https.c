/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "server/http/https_internal.h"
#include "server/http/tls.h"

#define HEADERS_MAX (16 << 10)
#define BODY_MAX (16 << 20)
#define SWEEP_S 1
/* evhttp's own timeout restarts with every byte; this bounds a whole request that drips in. */
#define REQUEST_TIMEOUT_FACTOR 3

static void connection_free(
	void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct rp_connection *connection = ptr;
	struct rp_https *https;

	if (!connection)
		return;
	https = connection->https;
	LIST_REMOVE(connection, entry);
	https->connections--;
	if (!connection->established)
		rp_metrics_add(https->metrics, "tls_handshakes_failed_total", 1);
	if (https->listener && https->connections < https->connections_max)
		evconnlistener_enable(https->listener);
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
		rp_metrics_add(connection->https->metrics, "http_malformed_requests_total", 1);
}

static struct bufferevent *connection_new(struct event_base *base, void *context)
{
	struct rp_https *https = context;
	struct rp_connection *connection = calloc(1, sizeof(*connection));
	SSL *ssl = connection ? SSL_new(https->tls) : NULL;
	struct bufferevent *bev;

	if (!ssl || SSL_set_ex_data(ssl, connection_index(), connection) != 1) {
		SSL_free(ssl);
		free(connection);
		return NULL; /* evhttp goes on without TLS: rp_exchange_begin refuses that */
	}
	*connection =
		(struct rp_connection){.https = https, .ssl = ssl, .since = rp_clock_monotonic()};
	LIST_INSERT_HEAD(&https->list, connection, entry);
	if (++https->connections >= https->connections_max && https->listener)
		evconnlistener_disable(https->listener);
	rp_metrics_add(https->metrics, "tls_connections_total", 1);
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
	struct rp_https *https = context;
	int64_t limit = https->idle_timeout_s * RP_SECOND;
	int64_t now = rp_clock_monotonic();
	struct rp_connection *connection;

	LIST_FOREACH (connection, &https->list, entry) {
		int64_t allowed = connection->established ? REQUEST_TIMEOUT_FACTOR * limit : limit;

		if (!connection->answering && now - connection->since > allowed)
			shutdown(SSL_get_fd(connection->ssl), SHUT_RDWR);
	}
	rp_metrics_set(https->metrics, "tls_connections", https->connections);
}

static int tls_start(struct rp_https *https, const char *keys_dir, struct rp_error *err)
{
	int r = rp_pki_load_cert(keys_dir, "root", &https->root, err);

	if (r == 0)
		r = rp_tls_server_context(keys_dir, https->root, &https->tls, err);
	if (r < 0)
		return r;
	SSL_CTX_set_info_callback(https->tls, tls_progress);
	evhttp_set_bevcb(https->http, connection_new, https);
	https->sweep = event_new(https->base, -1, EV_PERSIST, sweep, https);
	if (!https->sweep || event_add(https->sweep, &(struct timeval){SWEEP_S, 0}) < 0)
		return rp_error_set(err, -ENOMEM, "no memory");
	return 0;
}

static int https_start(
	struct rp_https *https, const struct rp_https_config *config, struct rp_error *err)
{
	int r;

	https->http = evhttp_new(https->base);
	if (!https->http)
		return rp_error_set(err, -ENOMEM, "no memory");
	evhttp_set_max_headers_size(https->http, HEADERS_MAX);
	evhttp_set_max_body_size(https->http, BODY_MAX);
	evhttp_set_default_content_type(https->http, NULL);
	evhttp_set_timeout(https->http, https->idle_timeout_s);
	evhttp_set_allowed_methods(https->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
							EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
							EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(https->http, rp_exchange_begin, https);
	if (config->keys_dir) {
		r = tls_start(https, config->keys_dir, err);
		if (r < 0)
			return r;
	}
	https->listener = evconnlistener_new(https->base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, config->fd);
	if (!https->listener)
		return rp_error_set(err, -errno, "listening socket: %s", strerror(errno));
	if (!evhttp_bind_listener(https->http, https->listener)) {
		evconnlistener_free(https->listener);
		https->listener = NULL;
		return rp_error_set(err, -ENOMEM, "no memory");
	}
	return 0;
}

int rp_https_start(
	const struct rp_https_config *config, struct rp_https **ret, struct rp_error *err)
{
	struct rp_https *https = calloc(1, sizeof(*https));
	int r;

	if (!https)
		return rp_error_set(err, -ENOMEM, "no memory");
	https->base = config->base;
	https->context = config->context;
	https->artefacts = config->artefacts;
	https->metrics = config->metrics;
	https->routes = config->routes;
	https->token_role = config->token_role;
	https->fetched = config->fetched;
	https->connections_max = config->connections_max ? config->connections_max : 256;
	https->idle_timeout_s = config->idle_timeout_s ? config->idle_timeout_s : 60;
	r = https_start(https, config, err);
	if (r < 0) {
		rp_https_free(https);
		return r;
	}
	*ret = https;
	return 0;
}

struct rp_https *rp_https_free(struct rp_https *https)
{
	if (!https)
		return NULL;
	https->listener = NULL;
	if (https->sweep)
		event_free(https->sweep);
	if (https->http)
		evhttp_free(https->http);
	/* libevent frees bufferevents, and with them SSL objects, later from its loop. */
	while (!LIST_EMPTY(&https->list)) {
		struct rp_connection *connection = LIST_FIRST(&https->list);

		SSL_set_ex_data(connection->ssl, connection_index(), NULL);
		LIST_REMOVE(connection, entry);
		free(connection);
	}
	SSL_CTX_free(https->tls);
	X509_free(https->root);
	free(https);
	return NULL;
}

int rp_https_connections(const struct rp_https *https)
{
	return https->connections;
}

/* "ADDR:PORT" or "[ADDR6]:PORT" */
static int parse_address(const char *address, struct addrinfo **ret, struct rp_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
	const char *colon = strrchr(address, ':');
	rp_cleanup(free) char *host = NULL;
	size_t len = colon ? (size_t)(colon - address) : 0;
	int64_t port;

	if (colon && len > 2 && address[0] == '[' && colon[-1] == ']')
		host = strndup(address + 1, len - 2);
	else if (colon && !memchr(address, ':', len))
		host = strndup(address, len);
	if (!host || rp_number_parse(colon + 1, 65535, &port) < 0 ||
		getaddrinfo(*host ? host : NULL, colon + 1, &hints, ret) != 0)
		return rp_error_set(err, -EINVAL,
			"%s: not an address to listen on: write it as 10.77.0.1:8443", address);
	return 0;
}

static int socket_name(int fd, char ret_name[64])
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	char host[INET6_ADDRSTRLEN + 16], port[8];

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0 ||
		getnameinfo((struct sockaddr *)&name, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EINVAL;
	snprintf(ret_name, 64, name.ss_family == AF_INET6 ? "[%.48s]:%s" : "%.48s:%s", host, port);
	return 0;
}

int rp_https_listen(const char *address, int *ret_fd, char ret_name[64], struct rp_error *err)
{
	struct addrinfo *info = NULL;
	rp_cleanup(fd) int fd = -1;
	const int on = 1;
	int r = parse_address(address, &info, err);

	if (r < 0)
		return r;
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
		r = -errno;
	freeaddrinfo(info);
	if (r == 0)
		r = socket_name(fd, ret_name);
	if (r < 0)
		return rp_error_set(err, r, "%s: %s%s", address, strerror(-r),
			r == -EADDRINUSE
				? ": another server has that port, choose one with --listen"
				: "");
	*ret_fd = rp_steal_fd(fd);
	return 0;
}
