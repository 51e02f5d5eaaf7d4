/* SPDX-License-Identifier: Apache-2.0 */
/* XSC_WAIT_LEAD: who waits carries out what it waits for, and nothing is lost by that. */
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

static int connected(int fds[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (bind(listener, (void *)&addr, size) || listen(listener, 8) ||
		getsockname(listener, (void *)&addr, &size))
		return -1;
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], (void *)&addr, size))
		return -1;
	fds[1] = accept(listener, NULL, NULL);
	setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
	return fds[1] < 0 ? -1 : 0;
}

static void receive(struct xsc_ring *ring, int fd, void *buf, uint32_t len, int flags, uint64_t n)
{
	struct xsc_sqe *sqe = xsc_get_sqe(ring);

	xsc_prep_recvfrom(sqe, fd, buf, len, flags, NULL, NULL);
	sqe->user_data = n;
}

static void send_to(struct xsc_ring *ring, int fd, const void *buf, uint32_t len, uint64_t n)
{
	struct xsc_sqe *sqe = xsc_get_sqe(ring);

	xsc_prep_sendto(sqe, fd, buf, len, 0, NULL, 0);
	sqe->user_data = n;
}

#define LEADS(ring, number, result)                                                                \
	do {                                                                                       \
		struct xsc_cqe cqe_;                                                               \
		EXPECT(xsc_submit_and_wait(ring, 1, NULL), 0);                                     \
		EXPECT(xsc_peek_cqe(ring, &cqe_), 1);                                              \
		EXPECT((int)cqe_.user_data, number);                                               \
		EXPECT(cqe_.res, result);                                                          \
	} while (0)

static uint64_t cpu_time(pid_t tid)
{
	struct timespec time = {0, 0};

	/* As pthread_getcpuclockid() makes it. */
	clock_gettime((clockid_t)((~(unsigned int)tid << 3) | 6), &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Of all threads but this one. */
static uint64_t lent_time(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	uint64_t total = 0;

	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != gettid())
			total += cpu_time(atoi(entry->d_name));
	closedir(tasks);
	return total;
}

static pid_t echo_back(int fd)
{
	pid_t child = fork();
	char buf[4];

	if (child)
		return child;
	while (recv(fd, buf, 4, MSG_WAITALL) == 4)
		send(fd, buf, 4, 0);
	_exit(0);
}

#define ROUNDS 300

/* A conversation over TCP, in which no lent thread takes part. */
int test_lead(void)
{
	uint64_t lent = 0, own = 0;
	struct xsc_ring ring;
	char buf[4];
	int fds[2];
	pid_t child;

	loopback_up();
	EXPECT(connected(fds), 0);
	child = echo_back(fds[1]);
	/* The lent thread would poll for as long as this takes. */
	EXPECT(xsc_setup(&ring, &busy), 0);
	for (int i = 0; i < ROUNDS; i++) {
		if (i == ROUNDS / 3) {
			lent = lent_time();
			own = cpu_time(gettid());
		}
		memset(buf, 0, sizeof(buf));
		receive(&ring, fds[0], buf, 4, i & 1 ? MSG_WAITALL : 0, 2);
		send_to(&ring, fds[0], "ping", 4, 1);
		LEADS(&ring, 1, 4);
		LEADS(&ring, 2, 4);
		EXPECT(memcmp(buf, "ping", 4), 0);
	}
	lent = lent_time() - lent;
	own = cpu_time(gettid()) - own;
	REQUIRE(lent < own / 4, "%d us of lent threads beside %d of the one that leads",
		(int)(lent / 1000), (int)(own / 1000));
	shutdown(fds[0], SHUT_RDWR);
	EXPECT(child_status(child), 0);
	xsc_teardown(&ring);
	return 0;
}

static void on_signal(int number)
{
	(void)number;
}

static void *send_later(void *arg)
{
	usleep(20000);
	send(*(int *)arg, "late", 4, 0);
	return NULL;
}

struct signals {
	pthread_t to;
	_Atomic bool stop;
};

/* Again and again: one may come before the wait. */
static void *send_signals(void *arg)
{
	struct signals *signals = arg;

	while (!signals->stop) {
		usleep(2000);
		pthread_kill(signals->to, SIGUSR1);
	}
	return NULL;
}

/* What a thread that waits cannot do is done by a lent one, and what it left is gone on with. */
int test_lead_others(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	static char out[400000], in[400000];
	struct signals signals = {.to = pthread_self()};
	pthread_t thread;
	uint64_t until;
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int fds[2], pipes[2], fd = new_file("lead", "0123456789", 10);
	char buf[16];

	loopback_up();
	EXPECT(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT(connected(fds), 0);
	EXPECT(pipe(pipes), 0);
	EXPECT(xsc_setup(&ring, NULL), 0);
	for (int round = 0; round < 20; round++) {
		/* A file, a pipe that sleeps, a chain, a drain. */
		xsc_prep_pread(xsc_get_sqe(&ring), fd, buf, 4, 0);
		LEADS(&ring, 0, 4);
		receive(&ring, fds[0], buf, 4, 0, 3);
		xsc_prep_read(xsc_get_sqe(&ring), pipes[0], buf + 8, 1);
		send_to(&ring, fds[1], "abcd", 4, 1);
		EXPECT(xsc_submit_and_wait(&ring, 2, NULL), 0);
		for (int i = 0; i < 2; i++) {
			EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
			REQUIRE(cqe.user_data && cqe.res == 4, "%d ended with %d",
				(int)cqe.user_data, cqe.res);
		}
		EXPECT(write(pipes[1], "x", 1), 1);
		LEADS(&ring, 0, 1);
		send_to(&ring, fds[1], "abcd", 4, 1);
		ring.sqes[(ring.prepared - 1) & (ring.sq_entries - 1)].flags = XSC_SQE_LINK;
		receive(&ring, fds[0], buf, 4, 0, 3);
		EXPECT(xsc_submit_and_wait(&ring, 2, NULL), 0);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
		EXPECT(cqe.res, 4);

		/* More than there is room for, and more than has come. */
		send_to(&ring, fds[1], out, sizeof(out), 1);
		receive(&ring, fds[0], in, sizeof(in), MSG_WAITALL, 2);
		EXPECT(xsc_submit_and_wait(&ring, 2, NULL), 0);
		for (int i = 0; i < 2; i++) {
			EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
			EXPECT(cqe.res, sizeof(out));
		}

		/* A time that is over, and a signal, leave the receive where it is. */
		receive(&ring, fds[0], buf, 4, 0, 5);
		until = now_ns() + 2000000;
		EXPECT(xsc_submit_and_wait(&ring, 1, &until), -ETIME);
		signals.stop = false;
		EXPECT(pthread_create(&thread, NULL, send_signals, &signals), 0);
		EXPECT(xsc_submit_and_wait(&ring, 1, NULL), -EINTR);
		signals.stop = true;
		EXPECT(pthread_join(thread, NULL), 0);
		EXPECT(send(fds[1], "efgh", 4, 0), 4);
		LEADS(&ring, 5, 4);
		EXPECT(memcmp(buf, "efgh", 4), 0);
	}
	/* No signal of an operation reaches a thread of the program: SIGPIPE would end this one. */
	setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(fds[0]);
	until = now_ns() + 2000000000u;
	do {
		xsc_prep_sendto(xsc_get_sqe(&ring), fds[1], "gone", 4, MSG_DONTWAIT, NULL, 0);
		EXPECT(xsc_submit_and_wait(&ring, 1, NULL), 0);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
	} while (cqe.res != -EPIPE && now_ns() < until);
	EXPECT(cqe.res, -EPIPE);
	xsc_teardown(&ring);
	return 0;
}

/* One that led and is back in another way: poll(2), WAIT, WAKE, a wait without end. */
int test_lead_back(void)
{
	struct pollfd pfd = {.events = POLLIN};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;
	uint64_t until;
	char buf[4];
	int fds[2];

	loopback_up();
	EXPECT(connected(fds), 0);
	EXPECT(xsc_setup(&ring, NULL), 0);
	pfd.fd = ring.fd;
	for (int way = 0; way < 16; way++) {
		receive(&ring, fds[0], buf, 4, 0, 1);
		xsc_prep_nop(xsc_get_sqe(&ring));
		LEADS(&ring, 0, 0);
		/* Ready before it is back, or after. */
		if (way & 8)
			EXPECT(send(fds[1], "late", 4, 0), 4);
		else
			EXPECT(pthread_create(&thread, NULL, send_later, &fds[1]), 0);
		switch (way & 3) {
		case 0:
			EXPECT(poll(&pfd, 1, 5000), 1);
			break;
		case 1:
			until = now_ns() + 5000000000u;
			EXPECT(xsc_wait(&ring, 1, &until), 0);
			break;
		case 2:
			EXPECT(ioctl_arg(ring.fd, XSC_IOC_WAKE, NULL), 0);
			break;
		default:
			/* What is submitted wakes somebody, as the flag says. */
			xsc_prep_nop(xsc_get_sqe(&ring));
			EXPECT(xsc_submit(&ring), 1);
		}
		until = now_ns() + 5000000000u;
		for (int done = 0; done < ((way & 3) == 3 ? 2 : 1);) {
			REQUIRE(now_ns() < until, "way %d: nothing comes", way);
			if (xsc_peek_cqe(&ring, &cqe)) {
				EXPECT(cqe.res, cqe.user_data ? 4 : 0);
				done++;
			}
		}
		if (!(way & 8))
			EXPECT(pthread_join(thread, NULL), 0);
	}
	xsc_teardown(&ring);
	return 0;
}

/* Threads that wait and lead beside lent ones, and are killed in the middle of it. */
int test_lead_killed(void)
{
	uint64_t until = now_ns() + 50000000000u * (uint64_t)slowness();
	int refs = module_refs();
	uint32_t seed = 77;

	loopback_up();
	for (int i = 0; i < 40; i++) {
		uint64_t before = report->progress;
		pid_t child = fork();

		if (!child) {
			struct xsc_ring ring;
			struct stat st;
			char buf[64];
			int fds[2];

			if (connected(fds) || xsc_setup(&ring, NULL))
				_exit(1);
			for (uint32_t n = 0;; n++) {
				struct xsc_cqe cqe;

				receive(&ring, fds[0], buf, 8, 0, 2);
				if (n % 3 == 0)
					xsc_prep_stat(xsc_get_sqe(&ring), "/", &st);
				send_to(&ring, fds[1], "12345678", 8, 1);
				if (xsc_submit_and_wait(&ring, 2, NULL))
					_exit(2);
				while (xsc_peek_cqe(&ring, &cqe))
					report->progress++;
			}
		}
		while (report->progress < before + 20 && now_ns() < until)
			sched_yield();
		usleep(random_next(&seed) % 5000);
		EXPECT(kill(child, SIGKILL), 0);
		EXPECT(child_status(child), 128 + SIGKILL);
	}
	REQUIRE(report->progress >= 40 * 20, "%d operations before all were killed",
		(int)report->progress);
	return wait_for_refs(refs);
}
