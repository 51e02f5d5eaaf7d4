/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the firmware's side starts, by the site's manifest. The ports are DHCP's own, so those
 * that bind run in a child with a network of its own, which root alone can make.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log.h"
#include "lib/metrics.h"
#include "manifests/manifest.h"
#include "server/boot/netboot.h"
#include "server/server.h"

struct fixture {
	struct rp_manifest *manifest;
	struct rp_server server;
};

static int setup(void **state)
{
	static struct fixture f;
	struct rp_error err = RP_ERROR_NONE;

	rp_log_set_level(RP_LOG_ERROR);
	f = (struct fixture){0};
	if (rp_manifest_default_site(&f.manifest, &err) < 0)
		return -1;
	f.manifest->site->tftp = RP_TFTP_OFF;
	f.server = (struct rp_server){.base = event_base_new(),
		.site = f.manifest->site,
		.metrics = rp_metrics_new(),
		.state_dir = "/nonexistent",
		.keys_dir = "/nonexistent",
		.url = (char *)"https://127.0.0.1:8443",
		.address = (char *)"127.0.0.1"};
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rp_netboot_free(f->server.netboot);
	rp_metrics_free(f->server.metrics);
	event_base_free(f->server.base);
	rp_manifest_free(f->manifest);
	return 0;
}

static void on_interface(struct fixture *f, const char *interface)
{
	free(f->manifest->site->interface);
	f->manifest->site->interface = strdup(interface);
}

static void nothing_without_an_interface(void **state)
{
	struct fixture *f = *state;
	struct rp_error err = RP_ERROR_NONE;

	f->manifest->site->dhcp = RP_DHCP_PROXY;
	f->server.address = (char *)"lab.example"; /* nobody looks at it */
	assert_int_equal(rp_netboot_start(&f->server, &err), 0);
	assert_non_null(f->server.netboot);
	assert_null(rp_netboot_free(NULL));
}

static void all_may_be_off(void **state)
{
	struct fixture *f = *state;
	struct rp_error err = RP_ERROR_NONE;

	on_interface(f, "none0");
	f->manifest->site->dhcp = RP_DHCP_OFF;
	assert_int_equal(rp_netboot_start(&f->server, &err), 0);
}

/* A server that cannot make loaders still serves all the rest. */
static void no_loaders_are_no_failure(void **state)
{
	struct fixture *f = *state;
	struct rp_error err = RP_ERROR_NONE;

	on_interface(f, "none0");
	f->manifest->site->dhcp = RP_DHCP_OFF;
	f->manifest->site->tftp = RP_TFTP_EXTERNAL;
	assert_int_equal(rp_netboot_start(&f->server, &err), 0);
}

static void dhcp_needs_an_ipv4_address(void **state)
{
	static const char *const addresses[] = {"lab.example", "::1"};
	struct fixture *f = *state;

	on_interface(f, "lo");
	f->manifest->site->dhcp = RP_DHCP_PROXY;
	for (size_t i = 0; i < 2; i++) {
		struct rp_error err = RP_ERROR_NONE;

		f->server.address = (char *)addresses[i];
		assert_int_equal(rp_netboot_start(&f->server, &err), -EINVAL);
		assert_non_null(strstr(err.text, addresses[i]));
		assert_non_null(strstr(err.text, "or `dhcp: off`"));
		f->server.netboot = rp_netboot_free(f->server.netboot);
	}
}

/* Whether somebody holds a UDP port on all addresses: -1 no socket, else 0 or 1. */
static int is_taken(uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int taken = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0;

	if (fd >= 0)
		close(fd);
	return taken;
}

static int loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = ioctl(fd, SIOCSIFFLAGS, &request);

	close(fd);
	return r;
}

/* In the child: what is wrong; NULL: nothing. */
static const char *serve_dhcp(struct fixture *f)
{
	struct rp_error err = RP_ERROR_NONE;

	if (is_taken(67) != 0 || is_taken(4011) != 0)
		return "the ports are taken before";
	if (rp_netboot_start(&f->server, &err) < 0)
		return "it does not start";
	if (is_taken(67) != 1 || is_taken(4011) != 1)
		return "the ports are not bound";
	f->server.netboot = rp_netboot_free(f->server.netboot);
	return is_taken(67) || is_taken(4011) ? "the ports stay bound" : NULL;
}

static void proxydhcp_has_both_ports(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip();
	on_interface(f, "lo");
	f->manifest->site->dhcp = RP_DHCP_PROXY;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const char *wrong;

		event_reinit(f->server.base);
		if (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0)
			_exit(77);
		wrong = serve_dhcp(f);
		if (wrong)
			dprintf(STDERR_FILENO, "%s\n", wrong);
		_exit(wrong ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* a container that may not make networks */
	assert_int_equal(status, 0);
}

#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SITE(nothing_without_an_interface),
		WITH_SITE(all_may_be_off),
		WITH_SITE(no_loaders_are_no_failure),
		WITH_SITE(dhcp_needs_an_ipv4_address),
		WITH_SITE(proxydhcp_has_both_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
