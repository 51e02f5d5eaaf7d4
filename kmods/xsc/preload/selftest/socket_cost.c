/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/preload/selftest/socket_cost.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "kmods/xsc/preload/selftest/measured.h"
#include "xsc.h"

#define COST_ROUNDS 9
#define COST_CALLS 64

static long cost_ring(struct xsc_ring *ring, const struct xsc_sqe *sqe)
{
	struct xsc_cqe cqe = {.res = -EIO};

	*xsc_get_sqe(ring) = *sqe;
	if (xsc_submit(ring) < 0)
		return -EIO;
	xsc_spin_cqe(ring, &cqe);
	return cqe.res;
}

static long cost_socket(int fd)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long cost_accept(int fd)
{
	return accept(fd, NULL, NULL);
}

static long cost_connect(int fd)
{
	struct sockaddr_in nobody = {.sin_family = AF_UNSPEC};

	return connect(fd, (struct sockaddr *)&nobody, sizeof(nobody));
}

static struct sockaddr_in cost_nobody = {.sin_family = AF_UNSPEC};

static const struct cost {
	const char *name;
	long (*call)(int fd);
	struct xsc_sqe sqe;
} costs[] = {
	{"socket_ring_vs_call", cost_socket,
		{.opcode = XSC_OP_SOCKET, .fd = AF_INET, .op_flags = SOCK_STREAM}},
	{"accept_ring_vs_call", cost_accept, {.opcode = XSC_OP_ACCEPT}},
	{"connect_ring_vs_call", cost_connect,
		{.opcode = XSC_OP_CONNECT, .len = sizeof(cost_nobody)}},
};

#define COSTS ((int)(sizeof(costs) / sizeof(costs[0])))

/* The result of one call, with a new descriptor closed and told as 0. */
static long cost_once(struct xsc_ring *ring, const struct cost *cost, int fd, uint64_t *ns)
{
	struct xsc_sqe sqe = cost->sqe;
	uint64_t begin;
	long res;

	if (sqe.opcode != XSC_OP_SOCKET)
		sqe.fd = fd;
	if (sqe.opcode == XSC_OP_CONNECT)
		sqe.addr = (uint64_t)(uintptr_t)&cost_nobody;
	errno = 0;
	begin = now_ns();
	res = ring ? cost_ring(ring, &sqe) : cost->call(fd);
	*ns += now_ns() - begin;
	if (!ring && res < 0)
		res = -errno;
	if (res > 0)
		close((int)res);
	return res > 0 ? 0 : res;
}

/* How often the results differed, or a negative errno. */
static int measure_socket_calls(double ratios[][COST_ROUNDS])
{
	struct xsc_ring ring;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), wrong = 0;
	int idle = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = listen(listener, 1) ? -errno : xsc_setup(&ring, NULL);

	if (err)
		return err;
	for (int i = 0; i < COSTS; i++) {
		int fd = costs[i].call == cost_accept ? listener : idle;

		for (int round = 0; round < COST_ROUNDS; round++) {
			uint64_t by_ring = 0, by_call = 0;

			for (int n = 0; n < COST_CALLS; n++)
				wrong += cost_once(&ring, &costs[i], fd, &by_ring) !=
					 cost_once(NULL, &costs[i], fd, &by_call);
			ratios[i][round] = (double)by_ring / (double)by_call;
		}
	}
	xsc_teardown(&ring);
	close(listener);
	close(idle);
	return wrong;
}

int test_socket_calls(int number)
{
	static double ratios[COSTS][COST_ROUNDS];
	int wrong = access("/dev/xsc", F_OK) ? -ENOENT : measure_socket_calls(ratios);

	if (wrong == -ENOENT) {
		printf("ok %d - socket-calls # SKIP /dev/xsc is not there\n", number);
		return 0;
	}
	printf("%s %d - socket-calls: the same results over the ring, at what cost\n",
		wrong ? "not ok" : "ok", number);
	if (wrong) {
		printf("# socket-calls: %d\n", wrong);
		return 1;
	}
	printf("  ---\n  metrics:\n");
	for (int i = 0; i < COSTS; i++)
		print_metric(costs[i].name, "ratio", "lower", median(ratios[i], COST_ROUNDS),
			ratios[i], COST_ROUNDS);
	printf("  ...\n");
	return 0;
}
