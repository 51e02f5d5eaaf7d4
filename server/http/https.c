/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>

#include <event2/http.h>
#include <event2/listener.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "server/http/connection.h"
#include "server/http/dispatch.h"
#include "server/http/http_request.h"
#include "server/http/https.h"
#include "server/http/tls.h"

#define HEADERS_MAX (16 << 10)
#define BODY_MAX (16 << 20)

struct rp_https {
	struct rp_https_config config; /* its keys_dir only says that there is TLS */
	struct evhttp *http;
	struct evconnlistener *listener;    /* owned by http */
	struct rp_connections *connections; /* NULL: plain HTTP */
	SSL_CTX *tls;
	X509 *root;
};

static int tls_start(struct rp_https *https, const char *keys_dir, struct rp_error *err)
{
	int r = rp_pki_load_cert(keys_dir, "root", &https->root, err);

	if (r == 0)
		r = rp_tls_server_context(keys_dir, https->root, &https->tls, err);
	if (r < 0)
		return r;
	https->connections = rp_connections_new(https->config.base, https->tls,
		https->config.metrics, https->config.connections_max, https->config.idle_timeout_s);
	if (!https->connections)
		return rp_error_memory(err);
	evhttp_set_bevcb(https->http, rp_connection_new, https->connections);
	return 0;
}

static int https_start(
	struct rp_https *https, const struct rp_https_config *config, struct rp_error *err)
{
	int r;

	https->http = evhttp_new(https->config.base);
	if (!https->http)
		return rp_error_memory(err);
	evhttp_set_max_headers_size(https->http, HEADERS_MAX);
	evhttp_set_max_body_size(https->http, BODY_MAX);
	evhttp_set_default_content_type(https->http, NULL);
	evhttp_set_timeout(https->http, https->config.idle_timeout_s);
	evhttp_set_allowed_methods(https->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
							EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
							EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(https->http, rp_dispatch, &https->config);
	if (config->keys_dir) {
		r = tls_start(https, config->keys_dir, err);
		if (r < 0)
			return r;
	}
	https->listener = evconnlistener_new(https->config.base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, config->fd);
	if (!https->listener)
		return rp_error_set(err, -errno, "listening socket: %s", strerror(errno));
	if (!evhttp_bind_listener(https->http, https->listener)) {
		evconnlistener_free(https->listener);
		https->listener = NULL;
		return rp_error_memory(err);
	}
	if (https->connections)
		rp_connections_listen(https->connections, https->listener);
	return 0;
}

int rp_https_start(
	const struct rp_https_config *config, struct rp_https **ret, struct rp_error *err)
{
	struct rp_https *https = calloc(1, sizeof(*https));
	int r;

	if (!https)
		return rp_error_memory(err);
	https->config = *config;
	if (!https->config.connections_max)
		https->config.connections_max = 256;
	if (!https->config.idle_timeout_s)
		https->config.idle_timeout_s = 60;
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
	if (https->connections)
		rp_connections_listen(https->connections, NULL);
	if (https->http)
		evhttp_free(https->http);
	rp_connections_free(https->connections);
	SSL_CTX_free(https->tls);
	X509_free(https->root);
	free(https);
	return NULL;
}

int rp_https_connections(const struct rp_https *https)
{
	return https->connections ? rp_connections_count(https->connections) : 0;
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
