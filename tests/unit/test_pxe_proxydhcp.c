/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder on real sockets, on the loopback interface with ports of its own. A broadcast does
 * not come back there, so DISCOVERs arrive as if relayed by 127.0.0.2, where the test listens.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "pxe/proxydhcp.h"
#include "pxe_request_lab.h"

struct lab {
	struct event_base *base;
	struct rp_proxydhcp *proxy;
	uint16_t dhcp_port, pxe_port;
	int relay;  /* bound to 127.0.0.2 at the DHCP port */
	int asked;  /* calls of boot_for */
	int refuse; /* what boot_for returns */
	char events[1024];
};

static int boot_for(void *ctx, const struct rp_pxe_client *client, struct rp_pxe_answer *ret)
{
	struct lab *lab = ctx;
	const char *file = rp_pxe_loader_file("", client);

	lab->asked++;
	if (lab->refuse)
		return lab->refuse;
	if (!file)
		return -ENOENT;
	strcpy(ret->loader, file);
	strcpy(ret->http_url, client->kind == RP_PXE_HTTP ? "http://127.0.0.1/x.efi" : "");
	return 0;
}

static void on_event(
	void *ctx, const struct rp_pxe_client *client, enum rp_pxe_event what, const char *detail)
{
	struct lab *lab = ctx;
	size_t used = strlen(lab->events);

	snprintf(lab->events + used, sizeof(lab->events) - used, "%s(%s);", rp_pxe_event_name(what),
		detail);
}

static int bound(const char *address, uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct timeval patience = {.tv_sec = 10};
	socklen_t len = sizeof(at);
	const int one = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &at.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail_msg("bind %s: %s", address, strerror(errno));
	getsockname(fd, (struct sockaddr *)&at, &len);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static int set_up(void **state)
{
	static struct lab lab;
	struct rp_proxydhcp_config config = {.interface = "lo", .rate = 1000};
	const struct rp_pxe_ops ops = {boot_for, on_event, &lab};
	struct rp_error err = RP_ERROR_NONE;
	int spare;

	lab = (struct lab){.base = event_base_new()};
	lab.relay = bound("127.0.0.2", 0, &lab.dhcp_port);
	spare = bound("127.0.0.2", 0, &lab.pxe_port);
	close(spare);
	config.dhcp_port = lab.dhcp_port;
	config.pxe_port = lab.pxe_port;
	config.server.s_addr = htonl(INADDR_LOOPBACK);
	if (rp_proxydhcp_start(lab.base, &config, &ops, &lab.proxy, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = &lab;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *lab = *state;

	rp_proxydhcp_free(lab->proxy);
	event_base_free(lab->base);
	close(lab->relay);
	return 0;
}

static int64_t counter(const struct lab *lab, const char *name)
{
	rp_cleanup(json) json_t *counters = rp_proxydhcp_counters(lab->proxy);

	return json_integer_value(json_object_get(counters, name));
}

/* Send from fd and let the responder work until it has received it. */
static void give(struct lab *lab, int fd, uint16_t port, const struct made *made)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int64_t before = counter(lab, "received");

	assert_int_equal(sendto(fd, made->bytes, made->len, 0, (struct sockaddr *)&to, sizeof(to)),
		made->len);
	while (counter(lab, "received") == before)
		assert_int_equal(event_base_loop(lab->base, EVLOOP_ONCE), 0);
}

static size_t take(int fd, uint8_t packet[2048], struct sockaddr_in *ret_from)
{
	socklen_t len = sizeof(*ret_from);
	ssize_t n = recvfrom(fd, packet, 2048, 0, (struct sockaddr *)ret_from, &len);

	if (n < 0)
		fail_msg("no answer: %s", strerror(errno));
	return (size_t)n;
}

static bool silent(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static struct made relayed(uint8_t type, const char *vendor, uint16_t arch)
{
	struct made made = made_request(type, vendor, arch);

	memcpy(made.bytes + 24, "\x7f\x00\x00\x02", 4);
	return made;
}

static void a_relayed_discover_is_answered_to_the_relay(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_DISCOVER, "PXEClient", 7);
	uint8_t packet[2048];
	struct sockaddr_in from;
	size_t n, len;

	made_end(&made);
	give(lab, lab->relay, lab->dhcp_port, &made);
	n = take(lab->relay, packet, &from);
	assert_int_equal(ntohs(from.sin_port), lab->dhcp_port);
	assert_int_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_memory_equal(packet + 24, "\x7f\x00\x00\x02", 4);
	assert_string_equal((char *)packet + MADE_FILE, "ipxe.efi");
	assert_null(made_find(packet, n, 43, &len));
	assert_string_equal(lab->events, "discover();offered(ipxe.efi);");
	assert_int_equal(counter(lab, "offers"), 1);
}

static void http_boot_gets_its_url(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_DISCOVER, "HTTPClient:Arch:00016", 16);
	uint8_t packet[2048];
	struct sockaddr_in from;
	size_t n, len;
	const uint8_t *url;

	give(lab, lab->relay, lab->dhcp_port, &made);
	n = take(lab->relay, packet, &from);
	url = made_find(packet, n, 67, &len);
	assert_non_null(url);
	assert_int_equal(len, strlen("http://127.0.0.1/x.efi"));
	assert_memory_equal(url, "http://127.0.0.1/x.efi", len);
	assert_int_equal(counter(lab, "http_offers"), 1);
	assert_string_equal(lab->events, "discover();http-offered(http://127.0.0.1/x.efi);");
}

static void port_4011_answers_to_where_it_came_from(void **state)
{
	struct lab *lab = *state;
	struct made made = made_request(RP_DHCP_REQUEST, "PXEClient", 11);
	uint16_t port;
	rp_cleanup(fd) int client = bound("127.0.0.3", 0, &port);
	uint8_t packet[2048];
	struct sockaddr_in from;
	size_t n, len;
	const uint8_t *type;

	memcpy(made.bytes + 12, "\x7f\x00\x00\x03", 4);
	give(lab, client, lab->pxe_port, &made);
	n = take(client, packet, &from);
	assert_int_equal(ntohs(from.sin_port), lab->pxe_port);
	type = made_find(packet, n, 53, &len);
	assert_non_null(type);
	assert_int_equal(*type, RP_DHCP_ACK);
	assert_string_equal((char *)packet + MADE_FILE, "ipxe-arm64.efi");
	assert_string_equal(lab->events, "acked(ipxe-arm64.efi);");
}

static void an_ipxe_is_seen_as_such(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_DISCOVER, "PXEClient", 7);
	uint8_t packet[2048];
	struct sockaddr_in from;
	size_t n, len;

	made_option(&made, 77, "iPXE", 4);
	made_option(&made, 175, "\x14\x01\x01", 3);
	give(lab, lab->relay, lab->dhcp_port, &made);
	n = take(lab->relay, packet, &from);
	assert_memory_equal(made_find(packet, n, 175, &len), "\xb0\x01\x01", 3);
	assert_string_equal(lab->events, "ipxe();offered(autoexec.ipxe);");
}

static void left_alone(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_DISCOVER, "PXEClient", 7);

	lab->refuse = -ENOENT;
	give(lab, lab->relay, lab->dhcp_port, &made);
	assert_true(silent(lab->relay));
	assert_int_equal(counter(lab, "left_alone"), 1);
	assert_string_equal(lab->events, "discover();");
	lab->refuse = -EIO;
	give(lab, lab->relay, lab->dhcp_port, &made);
	assert_true(silent(lab->relay));
	assert_int_equal(counter(lab, "failed"), 1);
}

static void what_is_not_ours_is_not_asked_about(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_REQUEST, "PXEClient", 7);

	give(lab, lab->relay, lab->dhcp_port, &made);
	made = relayed(RP_DHCP_DISCOVER, "MSFT 5.0", 7);
	give(lab, lab->relay, lab->dhcp_port, &made);
	made.bytes[0] = 2; /* a reply, from the site's server to its relay */
	give(lab, lab->relay, lab->dhcp_port, &made);
	assert_true(silent(lab->relay));
	assert_int_equal(counter(lab, "not_for_us"), 3);
	assert_int_equal(counter(lab, "malformed"), 0);
	assert_int_equal(lab->asked, 0);
	assert_string_equal(lab->events, "");
}

static void malformed_is_counted_with_its_reason(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_DISCOVER, "PXEClient", 7);
	rp_cleanup(json) json_t *counters = NULL;

	made.bytes[made.len++] = 60;
	give(lab, lab->relay, lab->dhcp_port, &made);
	made.len = 3;
	give(lab, lab->relay, lab->dhcp_port, &made);
	made.len = 0;
	give(lab, lab->relay, lab->pxe_port, &made);
	assert_true(silent(lab->relay));
	counters = rp_proxydhcp_counters(lab->proxy);
	assert_int_equal(counter(lab, "malformed"), 3);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(counters, "malformed_by"), "option cut off")),
		1);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(counters, "malformed_by"), "too short")),
		2);
	assert_string_equal(lab->events,
		"malformed(option cut off);malformed(too short);malformed(too short);");
}

/* One client's flood is cut off, and another's request is answered all the same. */
static void one_client_cannot_take_all(void **state)
{
	struct lab *lab = *state;
	struct made made = relayed(RP_DHCP_DISCOVER, "PXEClient", 7);
	uint8_t packet[2048];
	struct sockaddr_in from;

	for (int i = 0; i < 60; i++)
		give(lab, lab->relay, lab->dhcp_port, &made);
	assert_true(counter(lab, "limited") > 0);
	assert_int_equal(counter(lab, "limited") + counter(lab, "offers"), 60);
	for (int64_t i = counter(lab, "offers"); i > 0; i--)
		take(lab->relay, packet, &from);
	assert_true(silent(lab->relay));
	/* Of 1024 buckets, one of several other clients surely has another. */
	for (uint8_t last = 2; last < 6; last++) {
		made.bytes[33] = last;
		give(lab, lab->relay, lab->dhcp_port, &made);
	}
	take(lab->relay, packet, &from);
	assert_int_not_equal(packet[33], 1);
}

static void what_cannot_be_started(void **state)
{
	static const struct {
		const char *interface;
		uint32_t server;
		int expected;
		const char *word;
	} cases[] = {{NULL, 1, -EINVAL, "interface"}, {"", 1, -EINVAL, "interface"},
		{"rp-none", 1, -ENODEV, "rp-none"}, {"lo", 0, -EINVAL, "address"}};
	rp_cleanup(proxydhcp) struct rp_proxydhcp *proxy = NULL;
	struct event_base *base = event_base_new();
	const struct rp_pxe_ops ops = {boot_for, NULL, NULL};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct rp_proxydhcp_config config = {.interface = cases[i].interface,
			.server.s_addr = cases[i].server,
			.dhcp_port = 1};
		struct rp_error err = RP_ERROR_NONE;

		assert_int_equal(
			rp_proxydhcp_start(base, &config, &ops, &proxy, &err), cases[i].expected);
		assert_non_null(strstr(err.text, cases[i].word));
		assert_null(proxy);
	}
	event_base_free(base);
}

int main(void)
{
#define on_lab(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		on_lab(a_relayed_discover_is_answered_to_the_relay),
		on_lab(http_boot_gets_its_url),
		on_lab(port_4011_answers_to_where_it_came_from),
		on_lab(an_ipxe_is_seen_as_such),
		on_lab(left_alone),
		on_lab(what_is_not_ours_is_not_asked_about),
		on_lab(malformed_is_counted_with_its_reason),
		on_lab(one_client_cannot_take_all),
		cmocka_unit_test(what_cannot_be_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
