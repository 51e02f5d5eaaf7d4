/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses and ports: the site's manifest, --listen, systemd. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/util.h>
#include <openssl/x509v3.h>
#include <systemd/sd-daemon.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/host.h"
#include "lib/log.h"
#include "lib/openssl_cleanup.h"
#include "manifests/manifest.h"
#include "server/api/api.h"
#include "server/boot/policy.h"
#include "server/http/limits.h"
#include "server/pages/pages.h"
#include "server/state/tokens.h"
#include "server/server.h"
#include "server/site.h"

static const struct rp_route *const all_routes[] = {
	rp_artefact_routes,
	rp_rig_routes,
	rp_operator_routes,
	rp_page_routes,
	NULL,
};

/* The IPv4 address of an interface, allocated; NULL: none. */
static char *interface_address(const char *interface)
{
	struct ifaddrs *list = NULL;
	char text[INET_ADDRSTRLEN];
	char *found = NULL;

	if (getifaddrs(&list) < 0)
		return NULL;
	for (struct ifaddrs *at = list; at && !found; at = at->ifa_next) {
		const struct sockaddr_in *address = (const struct sockaddr_in *)at->ifa_addr;

		if (address && address->sin_family == AF_INET && !strcmp(at->ifa_name, interface) &&
			inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text)))
			found = strdup(text);
	}
	freeifaddrs(list);
	return found;
}

/* "HOST:PORT", "[HOST]:PORT" for IPv6. Caller frees. NULL: no memory. */
static char *host_and_port(const char *host, int port)
{
	return strchr(host, ':') ? rp_path("[%s]:%d", host, port) : rp_path("%s:%d", host, port);
}

struct opened {
	int fd;
	char name[64]; /* "ADDR:PORT" */
};

static int take_over(int fd, struct opened *ret, struct rp_error *err)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	char host[INET6_ADDRSTRLEN] = "";
	const int on = 1;
	uint16_t port = 0;

	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
		getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return rp_error_set(err, -EINVAL,
			"systemd passed something else than a listening TCP socket: see "
			"rigproofd.socket");
	if (name.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&name;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		port = ntohs(in->sin_port);
	} else if (name.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&name;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		port = ntohs(in6->sin6_port);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	evutil_make_socket_nonblocking(fd);
	snprintf(ret->name, sizeof(ret->name), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	ret->fd = fd;
	return 0;
}

/* What systemd has opened for us. A single socket without our names is HTTPS. */
static int take_passed(struct opened *https, struct opened *http, struct rp_error *err)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);
	int r = count < 0 ? rp_error_set(err, count, "socket activation: %s", strerror(-count)) : 0;

	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (r == 0 && !strcmp(names[i], "http"))
			r = take_over(fd, http, err);
		else if (r == 0 && (!strcmp(names[i], "https") || count == 1))
			r = take_over(fd, https, err);
		else if (r == 0)
			r = rp_error_set(err, -EINVAL,
				"systemd passed a socket named %s: FileDescriptorName= must be "
				"https or http",
				names[i]);
		free(names[i]);
	}
	free(names);
	return r;
}

static int port_of(const char *name)
{
	return atoi(strrchr(name, ':') + 1);
}

static bool is_wildcard(const char *name)
{
	return !strncmp(name, "0.0.0.0:", 8) || !strncmp(name, "[::]:", 5);
}

/* As rigs reach us: the site's address, its interface's, or what we listen on. */
static int choose_address(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	const struct rp_site *site = server->site;
	const char *colon = options->listen ? strrchr(options->listen, ':') : NULL;

	if (*site->address) {
		server->address = strdup(site->address);
	} else if (*site->interface) {
		server->address = interface_address(site->interface);
		if (!server->address)
			return rp_error_set(err, -ENODEV,
				"interface %s has no IPv4 address: give it one, or set `address` "
				"in the site's manifest",
				site->interface);
	} else if (colon && !is_wildcard(options->listen) && colon != options->listen &&
		   options->listen[0] != '[') {
		server->address = strndup(options->listen, (size_t)(colon - options->listen));
	} else {
		server->address = strdup("127.0.0.1");
	}
	return server->address ? 0 : rp_error_memory(err);
}

/* Rigs and agents would refuse us, and only say "Permission denied". */
static void warn_of_names(struct rp_server *server)
{
	rp_cleanup(x509) X509 *cert = NULL;

	if (rp_pki_load_cert(server->keys_dir, "tls", &cert, NULL) < 0)
		return;
	if (rp_address_valid(server->address)
			? X509_check_ip_asc(cert, server->address, 0) != 1
			: X509_check_host(cert, server->address, 0, 0, NULL) != 1)
		rp_log_warning("tls.crt does not name %s, so rigs will refuse this server: make it "
			       "again: rigproof keys tls %s --address %s",
			server->address, server->keys_dir, server->address);
}

static int serve(struct rp_server *server, struct opened *socket, const char *keys_dir,
	struct rp_https **ret, struct rp_error *err)
{
	const struct rp_https_config config = {
		.base = server->base,
		.context = server,
		.artefacts = server->artefacts,
		.metrics = server->metrics,
		.keys_dir = keys_dir,
		.fd = socket->fd,
		.routes = all_routes,
		.token_role = rp_tokens_role,
		.fetched = rp_policy_artefact_fetched,
		.limits = server->limits,
	};

	return rp_https_start(&config, ret, err);
}

static int open_https(struct rp_server *server, const struct rp_site_options *options,
	struct opened *ret, struct rp_error *err)
{
	rp_cleanup(free) char *address =
		host_and_port(rp_address_valid(server->address) &&
					      (*server->site->address || *server->site->interface)
				      ? server->address
				      : "0.0.0.0",
			server->site->https_port);
	int r;

	if (!address)
		return rp_error_memory(err);
	r = rp_https_listen(options->listen ? options->listen : address, &ret->fd, ret->name, err);
	if (r == -EADDRNOTAVAIL)
		rp_error_set(err, r,
			"%s: this machine does not have that address: correct `address` in the "
			"site's manifest, or use --listen",
			options->listen ? options->listen : address);
	return r;
}

int rp_site_listen(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	struct opened https = {.fd = -1}, http = {.fd = -1};
	rp_cleanup(free) char *plain = NULL;
	int r;

	r = choose_address(server, options, err);
	if (r == 0)
		r = take_passed(&https, &http, err);
	if (r == 0 && https.fd < 0)
		r = open_https(server, options, &https, err);
	if (r < 0)
		return r;
	if (http.fd < 0 && server->site->http_port) {
		const char *colon = strrchr(https.name, ':');

		plain = rp_path(
			"%.*s:%d", (int)(colon - https.name), https.name, server->site->http_port);
		r = plain ? rp_https_listen(plain, &http.fd, http.name, err) : -ENOMEM;
		if (r < 0)
			return r;
	}
	free(plain);
	plain = host_and_port(server->address, port_of(https.name));
	server->url = plain ? rp_path("https://%s", plain) : NULL;
	server->listening = is_wildcard(https.name) && server->url
				    ? strdup(server->url)
				    : rp_path("https://%s", https.name);
	if (!server->url || !server->listening)
		return rp_error_memory(err);
	server->limits = rp_limits_new(&options->limits, server->metrics);
	if (!server->limits)
		return rp_error_memory(err);
	warn_of_names(server);
	r = serve(server, &https, server->keys_dir, &server->https, err);
	if (r == 0 && http.fd >= 0) {
		free(plain);
		plain = host_and_port(server->address, port_of(http.name));
		server->http_url = plain ? rp_path("http://%s", plain) : NULL;
		if (!server->http_url)
			return rp_error_memory(err);
		r = serve(server, &http, NULL, &server->http, err);
	}
	return r;
}
