/* SPDX-License-Identifier: Apache-2.0 */
/* Receives and accepts that wait in the ring: without a thread, and as the system calls. */
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

#define MANY 32
#define ACCEPTS 32

static int tcp_listener(struct sockaddr_in *ret_addr)
{
	socklen_t size = sizeof(*ret_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*ret_addr =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	if (bind(fd, (void *)ret_addr, size) || listen(fd, 64) ||
		getsockname(fd, (void *)ret_addr, &size))
		abort();
	return fd;
}

/* Two ends of one connection over loopback. */
static void tcp_pair(int fds[2])
{
	struct sockaddr_in addr;
	int listener = tcp_listener(&addr), one = 1;

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], (void *)&addr, sizeof(addr)))
		abort();
	fds[1] = accept(listener, NULL, NULL);
	setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
}

static void udp_pair(int fds[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(addr);

	fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	fds[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fds[1], (void *)&addr, size) || getsockname(fds[1], (void *)&addr, &size) ||
		connect(fds[0], (void *)&addr, size))
		abort();
}

static int thread_count(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = -2; /* . and .. */

	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count;
}

static struct xsc_sqe *receive(
	struct xsc_ring *ring, int fd, void *buf, uint32_t len, int flags, int number)
{
	struct xsc_sqe *sqe = xsc_get_sqe(ring);

	xsc_prep_recvfrom(sqe, fd, buf, len, flags, NULL, NULL);
	sqe->user_data = (uint64_t)number;
	return sqe;
}

/* Submit, and see that a NOP behind it completes: what came before has begun. */
static int begin(struct xsc_ring *ring)
{
	struct xsc_cqe cqe;

	struct xsc_sqe *nop = xsc_get_sqe(ring);

	xsc_prep_nop(nop);
	nop->user_data = 999;
	REQUIRE(xsc_submit(ring) > 0, "not submitted");
	EXPECT(xsc_wait_cqe(ring, &cqe), 1);
	REQUIRE(cqe.user_data == 999, "operation %d ended at once: %d", (int)cqe.user_data,
		cqe.res);
	return 0;
}

#define ENDS(ring, number, result)                                                                 \
	do {                                                                                       \
		struct xsc_cqe cqe_;                                                               \
		EXPECT(xsc_wait_cqe(ring, &cqe_), 1);                                              \
		EXPECT((int)cqe_.user_data, number);                                               \
		EXPECT(cqe_.res, result);                                                          \
	} while (0)

static void *send_later(void *arg)
{
	usleep(20000);
	send(*(int *)arg, "y", 1, 0);
	return NULL;
}

/* Many wait on sockets: no thread does, and each gets its own bytes. */
int test_arm(void)
{
	int pairs[MANY][2];
	struct sockaddr_in addr;
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;
	char bytes[MANY] = {0};
	uint32_t seed = 3;
	pthread_t thread;

	loopback_up();
	EXPECT(xsc_setup(&ring, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		i & 1 ? udp_pair(pairs[i]) : tcp_pair(pairs[i]);
		if (i & 2) {
			sqe = xsc_get_sqe(&ring);
			xsc_prep_read(sqe, pairs[i][1], &bytes[i], 1);
			sqe->user_data = (uint64_t)i;
		} else {
			receive(&ring, pairs[i][1], &bytes[i], 1, 0, i);
		}
	}
	EXPECT(begin(&ring), 0);
	REQUIRE(thread_count() < MANY, "%d operations wait with %d threads", MANY, thread_count());
	for (int round = 0; round < 200; round++) {
		int i = (int)(random_next(&seed) % MANY);
		char byte = (char)(round + 1);

		EXPECT(send(pairs[i][0], &byte, 1, 0), 1);
		ENDS(&ring, i, 1);
		EXPECT(bytes[i], byte);
		receive(&ring, pairs[i][1], &bytes[i], 1, 0, i);
		EXPECT(xsc_submit(&ring), 1);
	}
	/* All at once, from the last to the first. */
	for (int i = MANY - 1; i >= 0; i--)
		EXPECT(send(pairs[i][0], "x", 1, 0), 1);
	for (int i = 0; i < MANY; i++) {
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.res, 1);
		EXPECT(bytes[cqe.user_data], 'x');
		bytes[cqe.user_data] = 0;
	}
	REQUIRE(thread_count() < MANY, "%d threads in the end", thread_count());

	/* When all have gone to sleep. */
	receive(&ring, pairs[0][1], bytes, 1, 0, 0);
	EXPECT(begin(&ring), 0);
	EXPECT(pthread_create(&thread, NULL, send_later, &pairs[0][0]), 0);
	ENDS(&ring, 0, 1);
	EXPECT(bytes[0], 'y');
	EXPECT(pthread_join(thread, NULL), 0);

	/* Connections: the thread that takes one is in user space only for that. */
	int listener = tcp_listener(&addr), before = thread_count();
	for (int i = 0; i < ACCEPTS; i++)
		xsc_prep_accept(xsc_get_sqe(&ring), listener, NULL, NULL, SOCK_CLOEXEC);
	EXPECT(begin(&ring), 0);
	REQUIRE(thread_count() < before + ACCEPTS / 2, "%d threads, and %d when %d accepts wait",
		before, thread_count(), ACCEPTS);
	for (int i = 0; i < ACCEPTS; i++) {
		EXPECT(connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&addr, sizeof(addr)), 0);
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		REQUIRE(cqe.res >= 0 && fcntl(cqe.res, F_GETFD) == FD_CLOEXEC, "ACCEPT: %d",
			cqe.res);
	}
	xsc_teardown(&ring);
	return 0;
}

/* What ends a wait but data, and what limits it: as in recv(2). */
int test_arm_ends(void)
{
	struct linger reset = {.l_onoff = 1};
	struct timeval limit = {0, 30000};
	int fds[2], lowat = 3;
	struct sockaddr_in addr;
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	char got[8] = "";
	uint64_t start;

	loopback_up();
	EXPECT(xsc_setup(&ring, NULL), 0);
	tcp_pair(fds);
	receive(&ring, fds[1], got, 4, 0, 1);
	EXPECT(begin(&ring), 0);
	close(fds[0]);
	ENDS(&ring, 1, 0);

	tcp_pair(fds);
	receive(&ring, fds[1], got, 4, 0, 2);
	EXPECT(begin(&ring), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fds[0]);
	ENDS(&ring, 2, -ECONNRESET);

	tcp_pair(fds);
	receive(&ring, fds[1], got, 4, 0, 3);
	EXPECT(begin(&ring), 0);
	EXPECT(shutdown(fds[1], SHUT_RD), 0);
	ENDS(&ring, 3, 0);

	int listener = tcp_listener(&addr);
	xsc_prep_accept(xsc_get_sqe(&ring), listener, NULL, NULL, 0);
	EXPECT(begin(&ring), 0);
	EXPECT(shutdown(listener, SHUT_RD), 0);
	ENDS(&ring, 0, -EINVAL);

	/* At once: what would not sleep does not wait. */
	listener = tcp_listener(&addr);
	SAME(ONE(&ring, recvfrom, listener, got, 1, 0, NULL, NULL), recv(listener, got, 1, 0));
	SAME(ONE(&ring, accept, fds[1], NULL, NULL, 0), accept(fds[1], NULL, NULL));
	tcp_pair(fds);
	SAME(ONE(&ring, recvfrom, fds[1], got, 1, MSG_OOB, NULL, NULL),
		recv(fds[1], got, 1, MSG_OOB));
	SAME(ONE(&ring, recvfrom, fds[1], got, 1, MSG_ERRQUEUE, NULL, NULL),
		recv(fds[1], got, 1, MSG_ERRQUEUE));
	EXPECT(ONE(&ring, recvfrom, fds[1], got, 1, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
	EXPECT(ONE(&ring, read, fds[1], got, 0), 0);
	EXPECT(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	EXPECT(ONE(&ring, recvfrom, fds[1], got, 1, 0, NULL, NULL), -EAGAIN);
	EXPECT(ONE(&ring, read, fds[1], got, 1), -EAGAIN);
	EXPECT(fcntl(fds[1], F_SETFL, 0), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	start = now_ns();
	EXPECT(ONE(&ring, recvfrom, fds[1], got, 1, 0, NULL, NULL), -EAGAIN);
	/* In jiffies, of which the first may be almost over. */
	REQUIRE(now_ns() - start >= 15000000, "SO_RCVTIMEO is not kept");

	/* All of it, or as much as counts. */
	tcp_pair(fds);
	receive(&ring, fds[1], got, 4, MSG_WAITALL, 4);
	EXPECT(begin(&ring), 0);
	EXPECT(send(fds[0], "ab", 2, 0), 2);
	EXPECT(begin(&ring), 0);
	EXPECT(send(fds[0], "cd", 2, 0), 2);
	ENDS(&ring, 4, 4);
	EXPECT(memcmp(got, "abcd", 4), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat));
	receive(&ring, fds[1], got, 8, MSG_PEEK, 5);
	EXPECT(begin(&ring), 0);
	EXPECT(send(fds[0], "ef", 2, 0), 2);
	EXPECT(begin(&ring), 0);
	EXPECT(send(fds[0], "g", 1, 0), 1);
	ENDS(&ring, 5, 3);
	EXPECT(ONE(&ring, recvfrom, fds[1], got, 8, 0, NULL, NULL), 3);
	EXPECT(memcmp(got, "efg", 3), 0);

	/* A chain waits with its thread, and goes on. */
	udp_pair(fds);
	receive(&ring, fds[1], got, 2, 0, 6)->flags = XSC_SQE_LINK;
	sqe = xsc_get_sqe(&ring);
	xsc_prep_nop(sqe);
	sqe->user_data = 7;
	EXPECT(begin(&ring), 0);
	EXPECT(send(fds[0], "hi", 2, 0), 2);
	ENDS(&ring, 6, 2);
	ENDS(&ring, 7, 0);
	xsc_teardown(&ring);
	return 0;
}

/* Whoever waits on a socket waits on that socket, whatever its number comes to mean. */
int test_arm_files(void)
{
	struct sockaddr_in first, second;
	int fds[2], others[2], listener, client;
	struct xsc_ring ring;
	char got[4] = "";

	loopback_up();
	EXPECT(xsc_setup(&ring, NULL), 0);
	tcp_pair(fds);
	tcp_pair(others);
	receive(&ring, fds[1], got, 4, 0, 1);
	EXPECT(begin(&ring), 0);
	EXPECT(dup2(others[1], fds[1]), fds[1]);
	EXPECT(send(others[0], "new", 3, 0), 3);
	EXPECT(begin(&ring), 0);
	EXPECT(send(fds[0], "old", 3, 0), 3);
	ENDS(&ring, 1, 3);
	EXPECT(memcmp(got, "old", 3), 0);
	EXPECT(ONE(&ring, recvfrom, others[1], got, 4, 0, NULL, NULL), 3);
	EXPECT(memcmp(got, "new", 3), 0);

	listener = tcp_listener(&first);
	xsc_prep_accept(xsc_get_sqe(&ring), listener, NULL, NULL, 0);
	EXPECT(begin(&ring), 0);
	EXPECT(dup2(tcp_listener(&second), listener), listener);
	/* With the ACCEPT goes the listener, which may reset this before it is done. */
	client = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(!connect(client, (void *)&first, sizeof(first)) || errno == ECONNRESET,
		"connect: %s", strerror(errno));
	ENDS(&ring, 0, -EBADF);

	/* The end of the ring lets it go: the other side sees the end of the connection. */
	tcp_pair(fds);
	receive(&ring, fds[1], got, 4, 0, 2);
	EXPECT(begin(&ring), 0);
	EXPECT(ONE(&ring, close, fds[1]), 0);
	EXPECT(recv(fds[0], got, 1, MSG_DONTWAIT), -1);
	xsc_teardown(&ring);
	EXPECT(recv(fds[0], got, 1, 0), 0);
	return 0;
}

/*
 * Connections come as fast as they are taken, and no more than AHEAD before that: those that
 * a full backlog drops would never come. The server resets each.
 */
static int connect_often(const struct sockaddr_in *addr, int count)
{
	enum { AHEAD = 4 };
	int fds[AHEAD];
	char byte;

	for (int i = 0; i < count + AHEAD; i++) {
		if (i >= AHEAD &&
			(recv(fds[i % AHEAD], &byte, 1, 0) != -1 || close(fds[i % AHEAD])))
			return 1;
		fds[i % AHEAD] = i < count ? socket(AF_INET, SOCK_STREAM, 0) : -1;
		/* The reset may be there before connect(2) is done. */
		if (i < count && connect(fds[i % AHEAD], (const void *)addr, sizeof(*addr)) &&
			errno != ECONNRESET)
			return 1;
	}
	return 0;
}

/* Accepts race connections: none is waited for when it is there. */
int test_arm_accepts(void)
{
	const struct linger reset = {.l_onoff = 1};
	const int count = 3000;
	struct sockaddr_in addr;
	struct xsc_ring ring;
	int listener;
	pid_t child;

	loopback_up();
	listener = tcp_listener(&addr);
	setsockopt(listener, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* accepted ones too */
	child = fork();
	if (!child)
		_exit(connect_often(&addr, count));
	EXPECT(xsc_setup(&ring, NULL), 0);
	for (int i = 0; i < count; i++) {
		int fd = (int)ONE(&ring, accept, listener, NULL, NULL, 0);

		REQUIRE(fd >= 0, "ACCEPT %d: %d", i, fd);
		close(fd);
	}
	EXPECT(child_status(child), 0);
	xsc_teardown(&ring);
	return 0;
}

/* The same when the owner is killed, over and over, with messages coming in. */
int test_arm_killed(void)
{
	int refs = module_refs();

	for (int round = 0; round < 40; round++) {
		int fds[8][2];
		pid_t child;
		char byte;

		loopback_up();
		for (int i = 0; i < 8; i++)
			tcp_pair(fds[i]);
		child = fork();
		if (!child) {
			struct xsc_ring ring;
			struct xsc_cqe cqe;

			for (int i = 0; i < 8; i++)
				close(fds[i][0]);
			if (xsc_setup(&ring, NULL))
				_exit(1);
			for (int i = 0; i < 8; i++)
				receive(&ring, fds[i][1], &byte, 1, 0, i);
			xsc_submit(&ring);
			for (;;) {
				xsc_wait_cqe(&ring, &cqe);
				receive(&ring, fds[cqe.user_data][1], &byte, 1, 0,
					(int)cqe.user_data);
				xsc_submit(&ring);
			}
		}
		for (int i = 0; i < 8; i++)
			close(fds[i][1]);
		for (int n = 0; n < round * 8; n++)
			EXPECT(send(fds[n % 8][0], "x", 1, MSG_NOSIGNAL), 1);
		usleep((useconds_t)(round % 4) * 1000);
		kill(child, SIGKILL);
		for (int i = 0; i < 8; i++) {
			if (send(fds[i][0], "x", 1, MSG_NOSIGNAL) < 0)
				errno = 0;
			while (recv(fds[i][0], &byte, 1, 0) > 0)
				;
			close(fds[i][0]);
		}
		EXPECT(child_status(child), 128 + SIGKILL);
	}
	return wait_for_refs(refs);
}
