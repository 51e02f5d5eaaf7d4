/* SPDX-License-Identifier: Apache-2.0 */
/* A process without descriptors: it neither spins nor leaves its peers hanging, and recovers. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/http/https.h"
#include "server/http/listener.h"

#define MANY 40

static int accepted;

static void take(void *context, int fd, const struct sockaddr *peer, socklen_t len)
{
	(void)context;
	(void)peer;
	(void)len;
	accepted++;
	close(fd);
}

static void run(struct event_base *base, int ms)
{
	const struct timeval end = {ms / 1000, ms % 1000 * 1000};

	event_base_loopexit(base, &end);
	event_base_dispatch(base);
}

static void test_no_descriptors(void **state)
{
	struct event_base *base = event_base_new();
	struct rp_metrics *metrics = rp_metrics_new();
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct rp_listener *listener;
	struct rlimit was, full;
	struct rp_error err;
	int fd, peers[MANY];
	char name[64];
	int64_t failures;

	(void)state;
	rp_log_set_level(RP_LOG_ERROR);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &fd, name, &err), 0);
	listener = rp_listener_new(base, fd, take, NULL, metrics);
	assert_non_null(listener);
	address.sin_port = htons((uint16_t)atoi(strchr(name, ':') + 1));
	for (int i = 0; i < MANY; i++) {
		peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(
			connect(peers[i], (struct sockaddr *)&address, sizeof(address)), 0);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	full = (struct rlimit){(rlim_t)peers[MANY - 1] + 1, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	assert_int_equal(dup(0), -1);
	run(base, 1000);
	assert_int_equal(accepted, 0);
	failures = rp_metrics_get(metrics, "accept_failures_total");
	/* ten pauses a second; it would be hundreds of thousands without */
	assert_true(failures >= 3 && failures <= 20);
	/* who stood first was turned away instead of left waiting */
	assert_int_equal(recv(peers[0], name, 1, MSG_DONTWAIT), 0);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	run(base, 500);
	assert_int_equal(accepted + failures, MANY);
	for (int i = 0; i < MANY; i++)
		close(peers[i]);
	rp_listener_free(listener);
	event_base_free(base);
	rp_metrics_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
