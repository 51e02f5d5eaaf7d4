/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/bench/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "xsc.h"

#define NET_CONNS 4
#define NET_BYTES 64
#define NET_WARM 50
#define NET_ECHOES 400 /* rounds of NET_CONNS messages */
#define NET_ACCEPTS 400
#define NET_AHEAD 16

struct net_ring {
	enum net_side side;
	struct xsc_ring xsc;
	struct io_uring uring;
};

struct net_done {
	uint64_t what;
	int res;
};

static int net_open(struct net_ring *ring, enum net_side side)
{
	struct xsc_params xsc = {.sq_entries = 64, .cq_entries = 128};
	struct io_uring_params params = {0};

	*ring = (struct net_ring){.side = side};
	if (side == NET_XSC)
		return xsc_setup(&ring->xsc, &xsc);
	if (side == NET_SQPOLL) {
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = 1; /* as XSC_DEFAULT_IDLE_US */
	}
	return io_uring_queue_init_params(64, &ring->uring, &params);
}

static void net_close(struct net_ring *ring)
{
	if (ring->side == NET_XSC)
		xsc_teardown(&ring->xsc);
	else
		io_uring_queue_exit(&ring->uring);
}

static void net_accept(struct net_ring *ring, int fd, uint64_t what)
{
	if (ring->side == NET_XSC) {
		struct xsc_sqe *sqe = xsc_get_sqe(&ring->xsc);

		xsc_prep_accept(sqe, fd, NULL, NULL, 0);
		sqe->user_data = what;
	} else {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

		io_uring_prep_accept(sqe, fd, NULL, NULL, 0);
		io_uring_sqe_set_data64(sqe, what);
	}
}

static void net_receive(struct net_ring *ring, int fd, char *buf, uint64_t what)
{
	if (ring->side == NET_XSC) {
		struct xsc_sqe *sqe = xsc_get_sqe(&ring->xsc);

		xsc_prep_recvfrom(sqe, fd, buf, NET_BYTES, MSG_WAITALL, NULL, NULL);
		sqe->user_data = what;
	} else {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

		io_uring_prep_recv(sqe, fd, buf, NET_BYTES, MSG_WAITALL);
		io_uring_sqe_set_data64(sqe, what);
	}
}

static void net_send(struct net_ring *ring, int fd, const char *buf, uint64_t what)
{
	if (ring->side == NET_XSC) {
		struct xsc_sqe *sqe = xsc_get_sqe(&ring->xsc);

		xsc_prep_sendto(sqe, fd, buf, NET_BYTES, 0, NULL, 0);
		sqe->user_data = what;
	} else {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

		io_uring_prep_send(sqe, fd, buf, NET_BYTES, 0);
		io_uring_sqe_set_data64(sqe, what);
	}
}

/* Hand over what is prepared, and sleep until something is done. */
static struct net_done net_wait(struct net_ring *ring)
{
	struct net_done done;

	if (ring->side == NET_XSC) {
		struct xsc_cqe cqe;

		if (xsc_submit(&ring->xsc) < 0 || xsc_wait_cqe(&ring->xsc, &cqe) < 0)
			abort();
		done = (struct net_done){cqe.user_data, cqe.res};
	} else {
		struct io_uring_cqe *cqe;

		if (io_uring_peek_cqe(&ring->uring, &cqe) &&
			(io_uring_submit_and_wait(&ring->uring, 1) < 0 ||
				io_uring_wait_cqe(&ring->uring, &cqe)))
			abort();
		if (io_uring_sq_ready(&ring->uring))
			io_uring_submit(&ring->uring);
		done = (struct net_done){io_uring_cqe_get_data64(cqe), cqe->res};
		io_uring_cqe_seen(&ring->uring, cqe);
	}
	return done;
}

static int net_listen(struct sockaddr_in *ret_addr)
{
	const struct linger reset = {.l_onoff = 1}; /* of those that are accepted, too */
	socklen_t size = sizeof(*ret_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	*ret_addr = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)ret_addr, size) || listen(fd, 128) ||
		getsockname(fd, (struct sockaddr *)ret_addr, &size))
		return -1;
	return fd;
}

static int net_connect(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	/* One that was accepted may have been reset already. */
	if (fd < 0 ||
		(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno != ECONNRESET))
		_exit(1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Each round puts another byte into the messages, and must get it back. */
static void net_echo_client(const struct sockaddr_in *addr)
{
	char out[NET_BYTES], in[NET_BYTES];
	int fds[NET_CONNS];

	for (int i = 0; i < NET_CONNS; i++)
		fds[i] = net_connect(addr);
	for (int round = 0; round < NET_WARM + NET_ECHOES; round++) {
		memset(out, round, sizeof(out));
		for (int i = 0; i < NET_CONNS; i++)
			if (send(fds[i], out, sizeof(out), 0) != sizeof(out))
				_exit(1);
		for (int i = 0; i < NET_CONNS; i++)
			if (recv(fds[i], in, sizeof(in), MSG_WAITALL) != sizeof(in) ||
				memcmp(in, out, sizeof(in)))
				_exit(1);
	}
	_exit(0);
}

/*
 * At most NET_AHEAD connections that are not accepted: those that a full backlog drops would
 * never be. The server resets each, so no port stays in TIME_WAIT.
 */
static void net_accept_client(const struct sockaddr_in *addr)
{
	int fds[NET_AHEAD], last = NET_WARM + NET_ACCEPTS;
	char byte;

	for (int i = 0; i < last + NET_AHEAD; i++) {
		int *fd = &fds[i % NET_AHEAD];

		if (i >= NET_AHEAD && (recv(*fd, &byte, 1, 0) != -1 || close(*fd)))
			_exit(1);
		if (i < last)
			*fd = net_connect(addr);
	}
	_exit(0);
}

#define NET_SENT 0x100 /* a send's user_data: nothing is to be done */

static double net_serve_echo(struct net_ring *ring, int listener)
{
	int fds[NET_CONNS], one = 1, last = NET_CONNS * (NET_WARM + NET_ECHOES);
	char bufs[NET_CONNS][NET_BYTES];
	uint64_t start = 0;

	for (int i = 0; i < NET_CONNS; i++) {
		fds[i] = accept(listener, NULL, NULL);
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		net_receive(ring, fds[i], bufs[i], (uint64_t)i);
	}
	for (int echoed = 0; echoed < last;) {
		struct net_done done = net_wait(ring);

		if (done.res != NET_BYTES)
			abort();
		if (done.what & NET_SENT) {
			int i = (int)(done.what & ~(uint64_t)NET_SENT);

			if (++echoed == NET_CONNS * NET_WARM)
				start = now_ns();
			net_receive(ring, fds[i], bufs[i], (uint64_t)i);
		} else {
			net_send(ring, fds[done.what], bufs[done.what], done.what | NET_SENT);
		}
	}
	for (int i = 0; i < NET_CONNS; i++)
		close(fds[i]);
	return NET_CONNS * NET_ECHOES * 1e9 / (double)(now_ns() - start);
}

static double net_serve_accept(struct net_ring *ring, int listener)
{
	uint64_t start = 0;

	for (int accepted = 0; accepted < NET_WARM + NET_ACCEPTS; accepted++) {
		struct net_done done;

		net_accept(ring, listener, 0);
		done = net_wait(ring);
		if (done.res < 0)
			abort();
		close(done.res);
		if (accepted + 1 == NET_WARM)
			start = now_ns();
	}
	return NET_ACCEPTS * 1e9 / (double)(now_ns() - start);
}

double net_rate(enum net_side side, enum net_work work)
{
	struct sockaddr_in addr;
	struct net_ring ring;
	int status, listener = net_listen(&addr);
	double rate;
	pid_t child;

	if (listener < 0 || net_open(&ring, side))
		return -1;
	child = fork();
	if (!child)
		(work == ECHO ? net_echo_client : net_accept_client)(&addr);
	rate = (work == ECHO ? net_serve_echo : net_serve_accept)(&ring, listener);
	waitpid(child, &status, 0);
	net_close(&ring);
	close(listener);
	return status ? -1 : rate;
}
