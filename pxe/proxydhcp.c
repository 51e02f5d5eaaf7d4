/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/proxydhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "pxe/reply.h"

enum {
	PORT_DHCP = 67,
	PORT_BINL = 4011,
	PORT_CLIENT = 68,
	RATE_DEFAULT = 200,
	CLIENT_RATE = 5,
	CLIENT_BURST = 20,
	CLIENT_BUCKETS = 1024,
	PACKETS_PER_WAKEUP = 64, /* a flood must not starve the loop's other work */
};

struct bucket {
	double tokens;
	int64_t filled; /* monotonic; 0: never used, hence full */
};

struct counters {
	int64_t received, offers, acks, http_offers, left_alone, not_for_us, malformed, limited;
	int64_t failed;
	int64_t flaws[RP_DHCP_FLAW_MAX];
};

struct endpoint {
	struct rp_proxydhcp *proxy;
	enum rp_pxe_port port;
	int fd;
	struct event *event;
};

struct rp_proxydhcp {
	struct endpoint dhcp, binl;
	struct rp_pxe_ops ops;
	struct in_addr server;
	uint16_t dhcp_port, client_port;
	unsigned rate;
	struct counters counters;
	struct bucket all;
	/* By a keyed hash of the MAC address: foreign packets cannot make this grow. */
	struct bucket clients[CLIENT_BUCKETS];
	uint64_t hash_key;
};

static bool take(struct bucket *bucket, double rate, double burst, int64_t now)
{
	if (!bucket->filled)
		bucket->tokens = burst;
	else
		bucket->tokens += (double)(now - bucket->filled) * rate / (double)RP_SECOND;
	if (bucket->tokens > burst)
		bucket->tokens = burst;
	bucket->filled = now;
	if (bucket->tokens < 1)
		return false;
	bucket->tokens -= 1;
	return true;
}

static bool take_any(struct rp_proxydhcp *proxy)
{
	return take(&proxy->all, proxy->rate, 2.0 * proxy->rate, rp_clock_monotonic());
}

static bool take_client(struct rp_proxydhcp *proxy, const uint8_t mac[6])
{
	uint64_t hash = proxy->hash_key;

	for (int i = 0; i < 6; i++) {
		hash = (hash ^ mac[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return take(&proxy->clients[hash % CLIENT_BUCKETS], CLIENT_RATE, CLIENT_BURST,
		rp_clock_monotonic());
}

static void tell(struct rp_proxydhcp *proxy, const struct rp_pxe_client *client,
	enum rp_pxe_event what, const char *detail)
{
	if (proxy->ops.event)
		proxy->ops.event(proxy->ops.ctx, client, what, detail);
}

static void count_malformed(struct rp_proxydhcp *proxy, enum rp_dhcp_flaw flaw)
{
	static const struct rp_pxe_client nobody;

	proxy->counters.malformed++;
	proxy->counters.flaws[flaw]++;
	if (take_any(proxy))
		tell(proxy, &nobody, RP_PXE_MALFORMED, rp_dhcp_flaw_text(flaw));
}

/* RFC 2131 section 4.1; on 4011 the client has an address and may have any port. */
static struct sockaddr_in destination(const struct endpoint *endpoint,
	const struct rp_dhcp_request *request, const struct sockaddr_in *from)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(endpoint->proxy->client_port)};

	if (endpoint->port == RP_PXE_PORT_BINL && from->sin_addr.s_addr) {
		to = *from;
	} else if (request->giaddr.s_addr) {
		to.sin_addr = request->giaddr;
		to.sin_port = htons(endpoint->proxy->dhcp_port);
	} else if (request->ciaddr.s_addr) {
		to.sin_addr = request->ciaddr;
	} else {
		to.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	}
	return to;
}

static int send_answer(
	const struct endpoint *endpoint, const void *data, size_t len, struct sockaddr_in *to)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = {0};
	struct msghdr message = {
		.msg_name = to,
		.msg_namelen = sizeof(*to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	/* The interface may have several addresses; clients compare the sender with option 54. */
	struct in_pktinfo info = {.ipi_spec_dst = endpoint->proxy->server};

	header->cmsg_level = IPPROTO_IP;
	header->cmsg_type = IP_PKTINFO;
	header->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(header), &info, sizeof(info));
	return sendmsg(endpoint->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* What the client can take: RFC 2131 section 2 lets us assume 576 bytes of IP datagram. */
static size_t answer_room(const struct rp_dhcp_request *request)
{
	size_t room = request->max_size > 576 ? request->max_size - 28U : 548U;

	return room < RP_DHCP_PACKET_MAX ? room : RP_DHCP_PACKET_MAX;
}

static int answer(const struct endpoint *endpoint, const struct rp_dhcp_request *request,
	const struct rp_pxe_client *client, const struct sockaddr_in *from)
{
	struct rp_proxydhcp *proxy = endpoint->proxy;
	struct sockaddr_in to = destination(endpoint, request, from);
	struct rp_pxe_answer policy = {0};
	struct rp_dhcp_answer dhcp;
	uint8_t packet[RP_DHCP_PACKET_MAX];
	ssize_t len;
	int r = proxy->ops.boot_for(proxy->ops.ctx, client, &policy);

	if (r < 0)
		return r;
	/* The policy's texts come from other code: a missing end must not become our overrun. */
	policy.loader[sizeof(policy.loader) - 1] = '\0';
	policy.http_url[sizeof(policy.http_url) - 1] = '\0';
	r = rp_pxe_answer_of(request, client, &policy, proxy->server, &dhcp);
	if (r < 0)
		return r;
	len = rp_dhcp_build(request, &dhcp, packet, answer_room(request));
	if (len < 0)
		return (int)len;
	r = send_answer(endpoint, packet, (size_t)len, &to);
	if (r < 0)
		return r;

	if (dhcp.type == RP_DHCP_ACK) {
		proxy->counters.acks++;
		tell(proxy, client, RP_PXE_ACKED, dhcp.boot_file);
	} else if (client->kind == RP_PXE_HTTP) {
		proxy->counters.http_offers++;
		tell(proxy, client, RP_PXE_HTTP_OFFERED, dhcp.boot_file);
	} else {
		proxy->counters.offers++;
		tell(proxy, client, RP_PXE_OFFERED, dhcp.boot_file);
	}
	return 0;
}

static void serve(const struct endpoint *endpoint, const uint8_t *data, size_t len,
	const struct sockaddr_in *from)
{
	struct rp_proxydhcp *proxy = endpoint->proxy;
	struct rp_dhcp_request request;
	struct rp_pxe_client client;
	enum rp_dhcp_flaw flaw;
	int r;

	proxy->counters.received++;
	if (rp_dhcp_parse(data, len, &request, &flaw) < 0) {
		/* The site's own server talks on this port too, to its relays. */
		if (flaw == RP_DHCP_FLAW_NOT_REQUEST)
			proxy->counters.not_for_us++;
		else
			count_malformed(proxy, flaw);
		return;
	}
	if (rp_pxe_client_of(&request, endpoint->port, proxy->server, &client) < 0) {
		proxy->counters.not_for_us++;
		return;
	}
	if (!client.address[0] && from->sin_addr.s_addr && !request.giaddr.s_addr)
		inet_ntop(AF_INET, &from->sin_addr, client.address, sizeof(client.address));
	if (!take_client(proxy, request.mac) || !take_any(proxy)) {
		proxy->counters.limited++;
		return;
	}
	if (request.type == RP_DHCP_DISCOVER)
		tell(proxy, &client, client.is_ipxe ? RP_PXE_IPXE_SEEN : RP_PXE_DISCOVER_SEEN, "");
	r = answer(endpoint, &request, &client, from);
	if (r == -ENOENT)
		proxy->counters.left_alone++;
	else if (r < 0)
		proxy->counters.failed++;
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	const struct endpoint *endpoint = arg;

	for (int i = 0; i < PACKETS_PER_WAKEUP; i++) {
		struct sockaddr_in from = {0};
		socklen_t from_len = sizeof(from);
		uint8_t data[2048];
		ssize_t n = recvfrom(
			fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		/* A pending ICMP error (a client gone) shows up here and is cleared by it. */
		if (n < 0 && errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != EINTR)
			return;
		if (n >= 0)
			serve(endpoint, data, (size_t)n, &from);
	}
}

static int open_socket(const char *interface, uint16_t port, int *ret_fd, struct rp_error *err)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
	const int one = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code;

	if (fd < 0)
		return rp_error_set(err, -errno, "UDP socket: %s", strerror(errno));
	/*
	 * SO_REUSEADDR on UDP lets others bind the same port, and the newest gets unicast: good
	 * for a DHCP server bound to another interface of this host, and no help beside one that
	 * is bound to all of them.
	 */
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) <
		0)
		code = rp_error_set(err, -errno, "bind to interface %s: %s", interface,
			errno == EPERM ? "needs CAP_NET_RAW" : strerror(errno));
	else if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) < 0 ||
		 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		code = rp_error_set(err, -errno, "UDP socket: %s", strerror(errno));
	else if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		code = rp_error_set(err, -errno, "UDP port %u on %s: %s", port, interface,
			errno == EADDRINUSE ? "in use; a DHCP server on this host? Bind that to "
					      "another interface, or set `dhcp: off`"
			: errno == EACCES   ? "needs root or CAP_NET_BIND_SERVICE"
					    : strerror(errno));
	else {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	return code;
}

static int open_endpoint(struct rp_proxydhcp *proxy, struct event_base *base,
	struct endpoint *endpoint, enum rp_pxe_port which, const char *interface, uint16_t port,
	struct rp_error *err)
{
	int r = open_socket(interface, port, &endpoint->fd, err);

	if (r < 0)
		return r;
	endpoint->proxy = proxy;
	endpoint->port = which;
	endpoint->event = event_new(base, endpoint->fd, EV_READ | EV_PERSIST, readable, endpoint);
	if (!endpoint->event || event_add(endpoint->event, NULL) < 0)
		return rp_error_set(err, -ENOMEM, "no memory for an event");
	return 0;
}

static void close_endpoint(struct endpoint *endpoint)
{
	if (endpoint->event)
		event_free(endpoint->event);
	if (endpoint->fd >= 0)
		close(endpoint->fd);
}

struct rp_proxydhcp *rp_proxydhcp_free(struct rp_proxydhcp *proxy)
{
	if (!proxy)
		return NULL;
	close_endpoint(&proxy->dhcp);
	close_endpoint(&proxy->binl);
	free(proxy);
	return NULL;
}

int rp_proxydhcp_start(struct event_base *base, const struct rp_proxydhcp_config *config,
	const struct rp_pxe_ops *ops, struct rp_proxydhcp **ret, struct rp_error *err)
{
	const uint16_t dhcp_port = config->dhcp_port ? config->dhcp_port : PORT_DHCP;
	const uint16_t pxe_port = config->pxe_port ? config->pxe_port : PORT_BINL;
	rp_cleanup(proxydhcp) struct rp_proxydhcp *proxy = NULL;
	int r;

	if (!config->interface || !*config->interface)
		return rp_error_set(err, -EINVAL,
			"proxyDHCP: no interface: set `interface` to the one the rigs are on");
	if (!if_nametoindex(config->interface))
		return rp_error_set(err, -ENODEV, "proxyDHCP: no interface %s: see `ip link`",
			config->interface);
	if (!config->server.s_addr)
		return rp_error_set(err, -EINVAL,
			"proxyDHCP: no address: set `address` to ours on %s", config->interface);
	proxy = calloc(1, sizeof(*proxy));
	if (!proxy)
		return rp_error_memory(err);
	proxy->dhcp.fd = proxy->binl.fd = -1;
	proxy->ops = *ops;
	proxy->server = config->server;
	proxy->dhcp_port = dhcp_port;
	proxy->client_port = config->client_port ? config->client_port : PORT_CLIENT;
	proxy->rate = config->rate ? config->rate : RATE_DEFAULT;
	if (getrandom(&proxy->hash_key, sizeof(proxy->hash_key), 0) < 0)
		return rp_error_set(err, -errno, "random numbers: %s", strerror(errno));
	r = open_endpoint(
		proxy, base, &proxy->dhcp, RP_PXE_PORT_DHCP, config->interface, dhcp_port, err);
	if (r == 0)
		r = open_endpoint(proxy, base, &proxy->binl, RP_PXE_PORT_BINL, config->interface,
			pxe_port, err);
	if (r < 0)
		return r;
	*ret = rp_steal(proxy);
	return 0;
}

json_t *rp_proxydhcp_counters(const struct rp_proxydhcp *proxy)
{
	const struct counters *c = &proxy->counters;
	json_t *flaws = json_object();

	for (int i = RP_DHCP_FLAW_NONE + 1; flaws && i < RP_DHCP_FLAW_MAX; i++)
		if (c->flaws[i] && json_object_set_new(flaws, rp_dhcp_flaw_text(i),
					   json_integer(c->flaws[i])) < 0) {
			json_decref(flaws);
			return NULL;
		}
	return json_pack("{sIsIsIsIsIsIsIsIsIso}", "received", (json_int_t)c->received, "offers",
		(json_int_t)c->offers, "acks", (json_int_t)c->acks, "http_offers",
		(json_int_t)c->http_offers, "left_alone", (json_int_t)c->left_alone, "not_for_us",
		(json_int_t)c->not_for_us, "malformed", (json_int_t)c->malformed, "limited",
		(json_int_t)c->limited, "failed", (json_int_t)c->failed, "malformed_by", flaws);
}
