/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "server/http/connection.h"
#include "server/http/http_request.h"
#include "server/http/https.h"
#include "server/http/limits.h"
#include "server/http/listener.h"
#include "server/http/tls.h"

struct rp_https {
	struct rp_https_config config; /* its keys_dir only says that there is TLS */
	struct rp_limits *own_limits;  /* where the config has none */
	struct rp_listener *listener;
	struct rp_connections *connections;
	SSL_CTX *tls;
	X509 *root;
};

static int https_start(
	struct rp_https *https, const struct rp_https_config *config, struct rp_error *err)
{
	static const struct rp_limits_config defaults;
	int r = 0;

	if (!config->limits) {
		https->own_limits = rp_limits_new(&defaults, config->metrics);
		if (!https->own_limits)
			return rp_error_memory(err);
		https->config.limits = https->own_limits;
	}
	if (config->keys_dir) {
		r = rp_pki_load_cert(config->keys_dir, "root", &https->root, err);
		if (r == 0)
			r = rp_tls_server_context(config->keys_dir, https->root, &https->tls, err);
		if (r < 0)
			return r;
	}
	https->connections = rp_connections_new(&https->config, https->tls);
	if (!https->connections)
		return rp_error_memory(err);
	https->listener = rp_listener_new(config->base, config->fd, rp_connections_accept,
		https->connections, config->metrics);
	return https->listener ? 0 : rp_error_memory(err);
}

int rp_https_start(
	const struct rp_https_config *config, struct rp_https **ret, struct rp_error *err)
{
	struct rp_https *https = calloc(1, sizeof(*https));
	int r;

	if (!https)
		return rp_error_memory(err);
	https->config = *config;
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
	rp_listener_free(https->listener);
	rp_connections_free(https->connections);
	rp_limits_free(https->own_limits);
	SSL_CTX_free(https->tls);
	X509_free(https->root);
	free(https);
	return NULL;
}

int rp_https_connections(const struct rp_https *https)
{
	return rp_connections_count(https->connections);
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
