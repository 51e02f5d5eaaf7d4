/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKET, BIND, LISTEN, ACCEPT, CONNECT, SENDTO, RECVFROM against the system calls. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

int test_sockets(void)
{
	static const struct {
		int family, type, protocol;
	} cases[] = {{AF_INET, SOCK_STREAM, 0}, {AF_INET6, SOCK_DGRAM, 0},
		{AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0},
		{AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP}, {AF_INET, SOCK_STREAM, 77},
		{AF_INET, 0, 0}, {-1, SOCK_STREAM, 0}, {AF_INET, SOCK_STREAM | 1 << 30, 0},
		{AF_UNIX, 99, 0}, {255, SOCK_DGRAM, 0}};
	struct xsc_ring ring;

	EXPECT(xsc_setup(&ring, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int ours =
			(int)ONE(&ring, socket, cases[i].family, cases[i].type, cases[i].protocol);
		int theirs = (int)sys(socket(cases[i].family, cases[i].type, cases[i].protocol));

		if (ours < 0 || theirs < 0) {
			REQUIRE(ours == theirs, "socket %zu: %d by ring, %d by system call", i,
				ours, theirs);
			continue;
		}
		EXPECT(fcntl(ours, F_GETFL), fcntl(theirs, F_GETFL));
		EXPECT(fcntl(ours, F_GETFD), fcntl(theirs, F_GETFD));
		close(ours);
		close(theirs);
	}
	xsc_teardown(&ring);
	return 0;
}

/* A TCP server and its client, both on one ring: ACCEPT waits while CONNECT goes on. */
int test_tcp(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in peer, own;
	socklen_t size = sizeof(addr), peer_size = sizeof(peer);
	static char data[100000], got[100000];
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;
	uint32_t seed = 8;
	int listener, client, server = -1, connected = -1, sent = 0;

	loopback_up();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)random_next(&seed);
	EXPECT(xsc_setup(&ring, NULL), 0);
	listener = (int)ONE(&ring, socket, AF_INET, SOCK_STREAM, 0);
	client = (int)ONE(&ring, socket, AF_INET, SOCK_STREAM, 0);
	EXPECT(ONE(&ring, listen, -1, 5), -EBADF);
	EXPECT(ONE(&ring, bind, listener, &addr, 3), -EINVAL);
	EXPECT(ONE(&ring, bind, listener, &addr, sizeof(addr)), 0);
	SAME(ONE(&ring, bind, listener, &addr, sizeof(addr)),
		bind(listener, (void *)&addr, sizeof(addr)));
	EXPECT(getsockname(listener, (void *)&addr, &size), 0);
	SAME(ONE(&ring, connect, client, &addr, sizeof(addr)),
		connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&addr, sizeof(addr)));
	EXPECT(ONE(&ring, listen, listener, 5), 0);

	xsc_prep_accept(xsc_get_sqe(&ring), listener, &peer, &peer_size, SOCK_CLOEXEC);
	EXPECT(xsc_submit(&ring), 1);
	usleep(2000);
	xsc_prep_connect(xsc_get_sqe(&ring), client, &addr, sizeof(addr));
	sqe = xsc_get_sqe(&ring);
	xsc_prep_nop(sqe);
	sqe->user_data = 9;
	ring.sqes[(ring.prepared - 2) & (ring.sq_entries - 1)].user_data = 1;
	EXPECT(xsc_submit(&ring), 2);
	for (int i = 0; i < 3; i++) {
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		if (cqe.user_data == 0)
			server = cqe.res;
		else if (cqe.user_data == 1)
			connected = cqe.res;
	}
	REQUIRE(server >= 0, "ACCEPT: %d", server);
	EXPECT(connected, 0);
	EXPECT(fcntl(server, F_GETFD), FD_CLOEXEC);
	size = sizeof(own);
	EXPECT(getsockname(client, (void *)&own, &size), 0);
	EXPECT(peer_size, sizeof(peer));
	REQUIRE(!memcmp(&own, &peer, sizeof(own)), "ACCEPT says another peer");

	/* More than the buffers hold: SENDTO sleeps, what receives is behind it. */
	xsc_prep_sendto(xsc_get_sqe(&ring), client, data, sizeof(data), 0, NULL, 0);
	EXPECT(xsc_submit(&ring), 1);
	for (size_t n = 0; n < sizeof(data);) {
		sqe = xsc_get_sqe(&ring);
		xsc_prep_recvfrom(sqe, server, got + n, 7001, 0, NULL, NULL);
		sqe->user_data = 2;
		EXPECT(xsc_submit(&ring), 1);
		do {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			if (cqe.user_data == 0)
				sent = cqe.res;
		} while (cqe.user_data == 0);
		REQUIRE(cqe.res > 0, "RECVFROM: %d", cqe.res);
		n += (size_t)cqe.res;
	}
	if (!sent && xsc_wait_cqe(&ring, &cqe) == 1)
		sent = cqe.res;
	EXPECT(sent, sizeof(data));
	REQUIRE(!memcmp(data, got, sizeof(data)), "other bytes came over TCP");
	SAME(ONE(&ring, recvfrom, server, got, 1, MSG_DONTWAIT, NULL, NULL),
		recv(server, got, 1, MSG_DONTWAIT));
	SAME(ONE(&ring, sendto, server, (void *)8, 100, 0, NULL, 0),
		send(server, (void *)8, 100, 0));
	SAME(ONE(&ring, sendto, 1, data, 1, 0, NULL, 0), send(1, data, 1, 0));
	SAME(ONE(&ring, recvfrom, -1, data, 1, 0, NULL, NULL), recv(-1, data, 1, 0));
	EXPECT(ONE(&ring, close, client), 0);
	EXPECT(ONE(&ring, recvfrom, server, got, 1, 0, NULL, NULL), 0);
	/* SIGPIPE stays with the lent thread. */
	ONE(&ring, sendto, server, data, 1, 0, NULL, 0);
	EXPECT(ONE(&ring, sendto, server, data, 1, 0, NULL, 0), -EPIPE);
	xsc_teardown(&ring);
	return 0;
}

int test_datagrams(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_storage ours, theirs;
	socklen_t size = sizeof(addr), our_size, their_size;
	char a[100], b[100];
	struct xsc_ring ring;
	int in, out;

	loopback_up();
	EXPECT(xsc_setup(&ring, NULL), 0);
	in = socket(AF_INET, SOCK_DGRAM, 0);
	out = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT(bind(in, (void *)&addr, size), 0);
	EXPECT(getsockname(in, (void *)&addr, &size), 0);
	for (int n = 0; n < 2; n++)
		EXPECT(ONE(&ring, sendto, out, "hello", 5, 0, &addr, sizeof(addr)), 5);
	for (int truncated = 0; truncated < 2; truncated++) {
		memset(&ours, 0xcc, sizeof(ours));
		memset(&theirs, 0xcc, sizeof(theirs));
		our_size = their_size = truncated ? 5 : sizeof(ours);
		EXPECT(ONE(&ring, sendto, out, "hello", 5, 0, &addr, sizeof(addr)), 5);
		SAME(ONE(&ring, recvfrom, in, a, 100, 0, &ours, &our_size),
			recvfrom(in, b, 100, 0, (void *)&theirs, &their_size));
		EXPECT(our_size, their_size);
		REQUIRE(!memcmp(&ours, &theirs, sizeof(ours)), "RECVFROM says another sender");
		REQUIRE(!memcmp(a, "hello", 5) && !memcmp(b, "hello", 5), "other bytes over UDP");
	}
	SAME(ONE(&ring, sendto, out, "x", 1, 0, &addr, 3),
		sendto(out, "x", 1, 0, (void *)&addr, 3));
	SAME(ONE(&ring, sendto, out, "x", 1, 0, &addr, 1000),
		sendto(out, "x", 1, 0, (void *)&addr, 1000));
	SAME(ONE(&ring, sendto, out, "x", 1, 0, (void *)8, sizeof(addr)),
		sendto(out, "x", 1, 0, (void *)8, sizeof(addr)));
	SAME(ONE(&ring, sendto, out, "x", 1, 0, NULL, 0), send(out, "x", 1, 0));
	our_size = (socklen_t)-1;
	EXPECT(ONE(&ring, sendto, out, "hello", 5, 0, &addr, sizeof(addr)), 5);
	EXPECT(ONE(&ring, recvfrom, in, a, 100, 0, &ours, &our_size), -EINVAL);
	xsc_teardown(&ring);
	return 0;
}
