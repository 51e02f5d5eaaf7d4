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
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "xsc.h"

#define NET_BYTES 64
#define NET_WARM 50 /* messages, or connections */
#define NET_ECHOES 1600
#define NET_ACCEPTS 400
#define NET_AHEAD 16

struct net_ring {
	enum net_side side;
	struct xsc_ring xsc;
	struct io_uring uring;
	int epoll;
};

struct net_done {
	uint64_t what;
	int res;
};

static int net_open(struct net_ring *ring, enum net_side side)
{
	struct xsc_params xsc = {.sq_entries = 2 * NET_CONNS_MAX, .cq_entries = 4 * NET_CONNS_MAX};
	struct io_uring_params params = {0};

	*ring = (struct net_ring){.side = side};
	if (side == NET_XSC)
		return xsc_setup(&ring->xsc, &xsc);
	if (side == NET_EPOLL) {
		ring->epoll = epoll_create1(EPOLL_CLOEXEC);
		return ring->epoll < 0;
	}
	if (side == NET_SQPOLL) {
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = 1; /* as XSC_DEFAULT_IDLE_US */
	}
	return io_uring_queue_init_params(2 * NET_CONNS_MAX, &ring->uring, &params);
}

static void net_close(struct net_ring *ring)
{
	if (ring->side == NET_XSC)
		xsc_teardown(&ring->xsc);
	else if (ring->side == NET_EPOLL)
		close(ring->epoll);
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

/* What is done; nothing is: hand over what is prepared, and sleep until something is. */
static struct net_done net_wait(struct net_ring *ring)
{
	struct net_done done;

	if (ring->side == NET_XSC) {
		struct xsc_cqe cqe;

		if (!xsc_peek_cqe(&ring->xsc, &cqe) && (xsc_submit_and_wait(&ring->xsc, 1, NULL) ||
							       !xsc_peek_cqe(&ring->xsc, &cqe)))
			abort();
		done = (struct net_done){cqe.user_data, cqe.res};
	} else {
		struct io_uring_cqe *cqe;

		if (io_uring_peek_cqe(&ring->uring, &cqe) &&
			(io_uring_submit_and_wait(&ring->uring, 1) < 0 ||
				io_uring_wait_cqe(&ring->uring, &cqe)))
			abort();
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
static void net_echo_client(const struct sockaddr_in *addr, int conns)
{
	char out[NET_BYTES], in[NET_BYTES];
	int fds[NET_CONNS_MAX];

	for (int i = 0; i < conns; i++)
		fds[i] = net_connect(addr);
	for (int round = 0; round * conns < NET_WARM + NET_ECHOES; round++) {
		memset(out, round, sizeof(out));
		for (int i = 0; i < conns; i++)
			if (send(fds[i], out, sizeof(out), 0) != sizeof(out))
				_exit(1);
		for (int i = 0; i < conns; i++)
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
static void net_accept_client(const struct sockaddr_in *addr, int conns)
{
	int fds[NET_AHEAD], last = NET_WARM + NET_ACCEPTS;
	char byte;

	(void)conns;
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

struct net_time {
	uint64_t start;
	double cpu_us;
};

static double net_cpu_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static struct net_time net_begin(void)
{
	return (struct net_time){now_ns(), net_cpu_us()};
}

static double net_end(struct net_time since, int count, double *ret_cpu_us)
{
	*ret_cpu_us = (net_cpu_us() - since.cpu_us) / count;
	return count * 1e9 / (double)(now_ns() - since.start);
}

/* Whole rounds: what the clients send. */
static int net_messages(int conns)
{
	return (NET_WARM + NET_ECHOES + conns - 1) / conns * conns;
}

static void net_accept_all(int listener, int conns, int *ret_fds)
{
	int one = 1;

	for (int i = 0; i < conns; i++) {
		ret_fds[i] = accept(listener, NULL, NULL);
		setsockopt(ret_fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
}

static double net_serve_echo(struct net_ring *ring, int listener, int conns, double *ret_cpu_us)
{
	int fds[NET_CONNS_MAX], last = net_messages(conns);
	char bufs[NET_CONNS_MAX][NET_BYTES];
	struct net_time since = {0};
	double rate;

	net_accept_all(listener, conns, fds);
	for (int i = 0; i < conns; i++)
		net_receive(ring, fds[i], bufs[i], (uint64_t)i);
	for (int echoed = 0; echoed < last;) {
		struct net_done done = net_wait(ring);

		if (done.res != NET_BYTES)
			abort();
		if (done.what & NET_SENT) {
			int i = (int)(done.what & ~(uint64_t)NET_SENT);

			if (++echoed == NET_WARM)
				since = net_begin();
			net_receive(ring, fds[i], bufs[i], (uint64_t)i);
		} else {
			net_send(ring, fds[done.what], bufs[done.what], done.what | NET_SENT);
		}
	}
	rate = net_end(since, last - NET_WARM, ret_cpu_us);
	for (int i = 0; i < conns; i++)
		close(fds[i]);
	return rate;
}

static double net_poll_echo(struct net_ring *ring, int listener, int conns, double *ret_cpu_us)
{
	int fds[NET_CONNS_MAX], last = net_messages(conns);
	struct epoll_event events[NET_CONNS_MAX];
	struct net_time since = {0};
	char buf[NET_BYTES];
	double rate;

	net_accept_all(listener, conns, fds);
	for (int i = 0; i < conns; i++) {
		events[0] = (struct epoll_event){.events = EPOLLIN, .data.fd = fds[i]};
		epoll_ctl(ring->epoll, EPOLL_CTL_ADD, fds[i], &events[0]);
	}
	for (int echoed = 0; echoed < last;) {
		int count = epoll_wait(ring->epoll, events, conns, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (recv(fd, buf, sizeof(buf), MSG_WAITALL) != sizeof(buf) ||
				send(fd, buf, sizeof(buf), 0) != sizeof(buf))
				abort();
			if (++echoed == NET_WARM)
				since = net_begin();
		}
	}
	rate = net_end(since, last - NET_WARM, ret_cpu_us);
	for (int i = 0; i < conns; i++)
		close(fds[i]);
	return rate;
}

static int net_accept_one(struct net_ring *ring, int listener)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (ring->side != NET_EPOLL) {
		net_accept(ring, listener, 0);
		return net_wait(ring).res;
	}
	epoll_wait(ring->epoll, &event, 1, -1);
	return accept4(listener, NULL, NULL, 0);
}

static double net_serve_accept(struct net_ring *ring, int listener, int conns, double *ret_cpu_us)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct net_time since = {0};

	(void)conns;
	if (ring->side == NET_EPOLL)
		epoll_ctl(ring->epoll, EPOLL_CTL_ADD, listener, &event);
	for (int accepted = 0; accepted < NET_WARM + NET_ACCEPTS; accepted++) {
		int fd = net_accept_one(ring, listener);

		if (fd < 0)
			abort();
		close(fd);
		if (accepted + 1 == NET_WARM)
			since = net_begin();
	}
	return net_end(since, NET_ACCEPTS, ret_cpu_us);
}

double net_rate(enum net_side side, enum net_work work, int conns, double *ret_cpu_us)
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
		(work == ECHO ? net_echo_client : net_accept_client)(&addr, conns);
	if (work == ACCEPT)
		rate = net_serve_accept(&ring, listener, conns, ret_cpu_us);
	else if (side == NET_EPOLL)
		rate = net_poll_echo(&ring, listener, conns, ret_cpu_us);
	else
		rate = net_serve_echo(&ring, listener, conns, ret_cpu_us);
	waitpid(child, &status, 0);
	net_close(&ring);
	close(listener);
	return status ? -1 : rate;
}
