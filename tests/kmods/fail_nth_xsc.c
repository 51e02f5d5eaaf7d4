/* SPDX-License-Identifier: Apache-2.0 */
/* The sweeps over /dev/xsc. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lend.h"
#include "tests/kmods/fail_nth.h"
#include "xsc.h"

#define PATH "/tmp/fail_nth"

static long sys(long result)
{
	return result < 0 ? -errno : result;
}

static int setup_and_teardown(struct fail_run *run, uint32_t entries)
{
	struct xsc_params params = {.sq_entries = entries, .no_thread = true};
	struct xsc_ring ring, before = {.map = MAP_FAILED};
	int fail = fail_open(), err;

	fail_arm(fail, run);
	err = xsc_setup(&ring, &params);
	if (!err) {
		before = ring;
		xsc_teardown(&ring);
	}
	fail_disarm(fail, run);
	close(fail);
	/* munmap(2) allocates since 6.1: where that failed the ring is still mapped, and alive. */
	if (before.map != MAP_FAILED)
		munmap(before.map, before.map_size);
	return fail_allow(run, "setup", err);
}

/* open, SETUP, mmap, munmap, close. */
static int sweep_setup(struct fail_run *run)
{
	return setup_and_teardown(run, 64);
}

/* The same with the largest ring: other ways to get memory than a small one's. */
static int sweep_large(struct fail_run *run)
{
	return setup_and_teardown(run, XSC_MAX_ENTRIES);
}

/* The thread that is lent, and meets the failure. */
struct server {
	struct fail_run *run;
	int fd;
	long status; /* what ended the service */
};

/*
 * libxsc's loop, but for this: what an argument that could not be read or written ends is
 * taken up again, with the same argument, as the result of a call may be in it; it may also
 * have been taken, when the failure came after it. The failure comes once only. A lack of
 * memory ends nothing.
 */
static void *server_main(void *arg)
{
	struct xsc_serve serve = {.size = sizeof(serve), .flags = XSC_SERVE_MAY_CALL};
	struct server *server = arg;
	int fail = fail_open();
	bool again = true;

	fail_arm(fail, server->run);
	for (;;) {
		long ret = sys(ioctl(server->fd, XSC_IOC_SERVE, &serve));

		if (again && ret == -EFAULT) {
			again = false;
			server->run->refused++;
			continue;
		}
		if (!again && ret == -EINVAL && (serve.flags & XSC_SERVE_RESULT))
			ret = -EINTR;
		if (ret < 0 && ret != -EINTR) {
			server->status = ret;
			break;
		}
		serve.flags = XSC_SERVE_MAY_CALL;
		serve.token = ret == XSC_SERVE_CALL ? serve.token : 0;
		serve.res = 0;
		if (ret == XSC_SERVE_CALL) {
			serve.res = xsc_call(&serve.sqe);
			serve.flags |= XSC_SERVE_RESULT;
		}
	}
	fail_disarm(fail, server->run);
	close(fail);
	return NULL;
}

/* Where a failure has ended the service, the wait ends too, until the thread is back. */
static int wait_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	int err;

	do {
		err = xsc_wait_cqe(ring, ret_cqe);
	} while (err == -EFAULT);
	return err;
}

/* One operation, by the serving thread: what it says, or what kept it from being asked. */
static long one(struct xsc_ring *ring)
{
	struct xsc_cqe cqe;
	int err = xsc_submit(ring);

	if (err >= 0)
		err = wait_cqe(ring, &cqe);
	return err < 0 ? err : cqe.res;
}

#define ONE(ring, prep, ...)                                                                       \
	({                                                                                         \
		struct xsc_sqe *sqe_ = xsc_get_sqe(ring);                                          \
		xsc_prep_##prep(sqe_, ##__VA_ARGS__);                                              \
		one(ring);                                                                         \
	})

/* A count may be short, when something failed. */
static int allow_count(struct fail_run *run, const char *call, long result, long whole)
{
	if (result > whole || (result >= 0 && result < whole && !run->nth))
		return fail_say(run, "%s: %ld bytes of %ld", call, result, whole);
	return fail_allow(run, call, result);
}

static void file_operations(struct fail_run *run, struct xsc_ring *ring)
{
	static char data[3 * 4096], back[3 * 4096];
	long fd, result;

	memset(data, 0x5a, sizeof(data));
	fail_allow(run, "NOP", ONE(ring, nop));
	fd = ONE(ring, open, PATH, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fail_allow(run, "OPEN", fd) || fd < 0)
		return;
	allow_count(run, "PWRITE", ONE(ring, pwrite, (int)fd, data, sizeof(data), 0), sizeof(data));
	allow_count(run, "WRITE", ONE(ring, write, (int)fd, data, 100), 100);
	memset(back, 0, sizeof(back));
	result = ONE(ring, pread, (int)fd, back, sizeof(back), 0);
	allow_count(run, "PREAD", result, sizeof(back));
	if (!run->nth && memcmp(data, back, sizeof(back)))
		fail_say(run, "PREAD: other bytes than were written");
	result = ONE(ring, read, (int)fd, back, 100);
	if (result > 100)
		fail_say(run, "READ: %ld of 100 bytes", result);
	fail_allow(run, "READ", result);
	fail_allow(run, "FSYNC", ONE(ring, fsync, (int)fd, 0));
	result = ONE(ring, close, (int)fd);
	fail_allow(run, "CLOSE", result);
	/* Not even taken up: as little as close(2) may that leave the descriptor open, but it is
	 * ours here. */
	if (result < 0 && fcntl((int)fd, F_GETFD) != -1)
		close((int)fd);
}

/* READV, WRITEV, the stats, registered files, and a chain. */
static void more_file_operations(struct fail_run *run, struct xsc_ring *ring)
{
	static char data[2][5000];
	struct iovec parts[20];
	struct stat st;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;
	long fd = open(PATH, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err;
	int number = (int)fd;

	/* More than fit on the kernel's stack. */
	for (int i = 0; i < 20; i++)
		parts[i] = (struct iovec){data[i % 2], 500};
	allow_count(run, "WRITEV", ONE(ring, writev, (int)fd, parts, 20), 10000);
	lseek((int)fd, 0, SEEK_SET);
	err = ONE(ring, readv, (int)fd, parts, 20);
	if (!run->nth && err != 10000)
		fail_say(run, "READV: %ld", err);
	fail_allow(run, "READV", err);
	fail_allow(run, "STAT", ONE(ring, stat, PATH, &st));
	fail_allow(run, "LSTAT", ONE(ring, lstat, PATH, &st));
	fail_allow(run, "FSTAT", ONE(ring, fstat, (int)fd, &st));

	err = xsc_register_files(ring, &number, 1);
	if (err)
		fail_say(
			run, "files registered without a failure to meet: %s", strerror((int)-err));
	for (int i = 0; i < 2; i++) {
		sqe = xsc_get_sqe(ring);
		xsc_prep_pwrite(sqe, 0, data[0], 100, 0);
		sqe->flags = XSC_SQE_FIXED_FILE | (i ? 0 : XSC_SQE_LINK);
	}
	fail_allow(run, "submit", xsc_submit(ring));
	for (int i = 0; i < 2; i++) {
		err = wait_cqe(ring, &cqe);
		if (err != 1)
			fail_say(run, "a completion of a chain was lost: %ld", err);
		else if (!run->nth || cqe.res != -ECANCELED)
			allow_count(run, "linked PWRITE", cqe.res, 100);
	}
	xsc_unregister_files(ring);
	close((int)fd);
}

/* A receive that finds nothing: it waits in the ring, or, for want of memory, in its thread. */
static long receive_later(struct xsc_ring *ring, int from, int to)
{
	struct xsc_cqe cqe;
	char byte;
	int err;

	xsc_prep_recvfrom(xsc_get_sqe(ring), to, &byte, 1, 0, NULL, NULL);
	err = xsc_submit(ring);
	if (err < 0)
		return err;
	while (xsc_load_acquire(ring->sq_head) != ring->submitted)
		sched_yield();
	if (send(from, "x", 1, 0) != 1)
		return -errno;
	err = wait_cqe(ring, &cqe);
	return err < 0 ? err : cqe.res;
}

/* A connection of this process to itself. */
static void talk(struct fail_run *run, struct xsc_ring *ring, long fds[static 3])
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in from;
	socklen_t size = sizeof(to);
	char data[100] = "", back[100];
	long err;

	fds[0] = ONE(ring, socket, AF_INET, SOCK_STREAM, 0);
	fds[1] = ONE(ring, socket, AF_INET, SOCK_STREAM, 0);
	fail_allow(run, "SOCKET", fds[0]);
	fail_allow(run, "SOCKET", fds[1]);
	if (fds[0] < 0 || fds[1] < 0)
		return;
	err = ONE(ring, bind, (int)fds[0], &to, sizeof(to));
	/* inet_csk_get_port() has one word for all that goes wrong. */
	fail_allow(run, "BIND", run->nth && err == -EADDRINUSE ? -ENOMEM : err);
	if (err < 0)
		return;
	err = ONE(ring, listen, (int)fds[0], 1);
	fail_allow(run, "LISTEN", err);
	if (err < 0 || getsockname((int)fds[0], (struct sockaddr *)&to, &size))
		return;
	/* What has failed must not keep a later one waiting for what will never come. */
	fcntl((int)fds[0], F_SETFL, O_NONBLOCK);
	err = ONE(ring, connect, (int)fds[1], &to, sizeof(to));
	fail_allow(run, "CONNECT", err);
	if (err < 0)
		return;
	size = sizeof(from);
	fds[2] = ONE(ring, accept, (int)fds[0], &from, &size, 0);
	fail_allow(run, "ACCEPT", fds[2]);
	if (fds[2] < 0)
		return;
	err = ONE(ring, sendto, (int)fds[1], data, sizeof(data), 0, NULL, 0);
	allow_count(run, "SENDTO", err, sizeof(data));
	if (err > 0)
		allow_count(run, "RECVFROM",
			ONE(ring, recvfrom, (int)fds[2], back, sizeof(back), 0, NULL, NULL),
			sizeof(back));
	while (recv((int)fds[2], back, sizeof(back), MSG_DONTWAIT) > 0)
		;
	allow_count(run, "RECVFROM that waits", receive_later(ring, (int)fds[1], (int)fds[2]), 1);
}

static void net_operations(struct fail_run *run, struct xsc_ring *ring)
{
	long fds[3] = {-1, -1, -1};

	talk(run, ring, fds);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close((int)fds[i]);
}

/* POLL, EPOLL_WAIT, SELECT, the sleeps, and futexes. SPAWN is fork(2), in user space. */
static void time_operations(struct fail_run *run, struct xsc_ring *ring)
{
	struct timespec soon = {.tv_nsec = 1000}, past = {0};
	struct timeval at_once = {0};
	struct pollfd polled[40];
	struct epoll_event event;
	uint32_t word = 1;
	fd_set reads;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long err;

	FD_ZERO(&reads);
	FD_SET(epoll, &reads);
	for (int i = 0; i < 40; i++)
		polled[i] = (struct pollfd){.fd = epoll, .events = POLLIN};
	fail_allow(run, "POLL", ONE(ring, poll, polled, 40, 1));
	fail_allow(run, "EPOLL_WAIT", ONE(ring, epoll_wait, epoll, &event, 1, 1));
	fail_allow(run, "SELECT", ONE(ring, select, epoll + 1, &reads, NULL, NULL, &at_once));
	fail_allow(run, "NANOSLEEP", ONE(ring, nanosleep, &soon));
	fail_allow(run, "CLOCK_NANOSLEEP",
		ONE(ring, clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &past));
	fail_allow(run, "FUTEX_WAKE", ONE(ring, futex_wake, &word, 1, FUTEX_PRIVATE_FLAG));
	err = ONE(ring, futex_wait, &word, 1, &soon, FUTEX_PRIVATE_FLAG);
	if (err != -ETIMEDOUT)
		fail_allow(run, "FUTEX_WAIT", err);
	close(epoll);
}

static void batch_of_nops(struct fail_run *run, struct xsc_ring *ring)
{
	struct xsc_cqe cqe;

	for (int i = 0; i < 16; i++)
		xsc_prep_nop(xsc_get_sqe(ring));
	if (fail_allow(run, "submit", xsc_submit(ring)) || run->why[0])
		return;
	for (int i = 0; i < 16; i++)
		if (fail_allow(run, "NOP", wait_cqe(ring, &cqe) < 0 ? -EPROTO : cqe.res))
			return;
}

/* The failure is met by the thread that is lent. */
static int sweep_served(
	struct fail_run *run, void (*operations)(struct fail_run *, struct xsc_ring *))
{
	struct xsc_params params = {.sq_entries = 32, .no_thread = true};
	struct server server = {.run = run};
	struct xsc_ring ring;
	pthread_t thread;
	int err = xsc_setup(&ring, &params);

	if (err)
		return fail_say(run, "setup, which was not to fail: %s", strerror(-err));
	server.fd = ring.fd;
	if (pthread_create(&thread, NULL, server_main, &server))
		abort();
	operations(run, &ring);
	xsc_shutdown(&ring);
	pthread_join(thread, NULL);
	xsc_teardown(&ring);
	unlink(PATH);
	if (server.status != -ESHUTDOWN)
		fail_allow(run, "SERVE", server.status);
	return run->why[0] ? -1 : 0;
}

static int sweep_files(struct fail_run *run)
{
	return sweep_served(run, file_operations);
}

static int sweep_more(struct fail_run *run)
{
	return sweep_served(run, more_file_operations);
}

static int sweep_net(struct fail_run *run)
{
	return sweep_served(run, net_operations);
}

static int sweep_time(struct fail_run *run)
{
	return sweep_served(run, time_operations);
}

static int sweep_nops(struct fail_run *run)
{
	return sweep_served(run, batch_of_nops);
}

/* WAIT, WAKE, poll and SHUTDOWN, met by the thread that asks. */
static int sweep_waiter(struct fail_run *run)
{
	struct xsc_params params = {.sq_entries = 8, .idle_given = true};
	struct xsc_wait wait = {.size = sizeof(wait), .min_complete = 2};
	struct pollfd poll_fd = {.events = POLLIN};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int err = xsc_setup(&ring, &params), fail = fail_open();
	long woken, waited, polled;

	if (err)
		return fail_say(run, "setup, which was not to fail: %s", strerror(-err));
	xsc_prep_nop(xsc_get_sqe(&ring));
	xsc_prep_nop(xsc_get_sqe(&ring));
	xsc_submit(&ring);
	poll_fd.fd = ring.fd;

	fail_arm(fail, run);
	woken = sys(ioctl(ring.fd, XSC_IOC_WAKE, 0));
	waited = sys(ioctl(ring.fd, XSC_IOC_WAIT, &wait));
	polled = sys(poll(&poll_fd, 1, 1000));
	fail_disarm(fail, run);

	fail_allow(run, "WAKE", woken);
	fail_allow(run, "WAIT", waited);
	fail_allow(run, "poll", polled);
	for (int i = 0; i < 2; i++)
		if (xsc_wait_cqe(&ring, &cqe) != 1 || cqe.res)
			fail_say(run, "a completion was lost");
	xsc_teardown(&ring);
	close(fail);
	return run->why[0] ? -1 : 0;
}

/* The waiting thread leads, and passes on what it cannot do: no memory for that is its result. */
static int sweep_leader(struct fail_run *run)
{
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int err = xsc_setup(&ring, NULL), fail = fail_open(), pair[2];
	char byte;

	if (err || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return fail_say(run, "setup, which was not to fail: %s", strerror(-err));
	xsc_prep_recvfrom(xsc_get_sqe(&ring), pair[0], &byte, 1, 0, NULL, NULL);
	xsc_prep_sendto(xsc_get_sqe(&ring), pair[1], "x", 1, 0, NULL, 0);

	fail_arm(fail, run);
	err = xsc_submit_and_wait(&ring, 2, NULL);
	fail_disarm(fail, run);

	fail_allow(run, "WAIT that leads", err);
	for (int i = 0; i < 2; i++) {
		if (xsc_wait_cqe(&ring, &cqe) != 1)
			fail_say(run, "a completion was lost");
		else
			fail_allow(run, "passed on", cqe.res);
	}
	xsc_teardown(&ring);
	close(pair[0]);
	close(pair[1]);
	close(fail);
	return run->why[0] ? -1 : 0;
}

/* Files registered and unregistered, by the thread that asks. */
static int sweep_register(struct fail_run *run)
{
	struct xsc_params params = {.sq_entries = 8, .no_thread = true};
	struct xsc_ring ring;
	int err = xsc_setup(&ring, &params), fail = fail_open(), fds[600];

	if (err)
		return fail_say(run, "setup, which was not to fail: %s", strerror(-err));
	fds[0] = open(PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 1; i < 600; i++)
		fds[i] = i % 2 ? -1 : fds[0];

	fail_arm(fail, run);
	err = xsc_register_files(&ring, fds, 600);
	if (!err)
		xsc_unregister_files(&ring);
	fail_disarm(fail, run);

	fail_allow(run, "REGISTER_FILES", err);
	/* And once more, left to be undone by the end of the ring. */
	if (xsc_register_files(&ring, fds, 600))
		fail_say(run, "REGISTER_FILES after a failure: %m");
	close(fds[0]);
	xsc_teardown(&ring);
	unlink(PATH);
	close(fail);
	return run->why[0] ? -1 : 0;
}

/* An owner that ends without a word, while its ring is served, and meets the failure on its way. */
static int sweep_exit(struct fail_run *run)
{
	pid_t child = fork();
	siginfo_t info;
	char path[64], text[16] = "";
	int fail, status;

	if (!child) {
		struct xsc_params params = {.sq_entries = 8};
		struct fail_run own = *run;
		struct xsc_ring ring;
		int fd = fail_open(), err;

		fail_arm(fd, &own);
		err = xsc_setup(&ring, &params);
		if (!err) {
			xsc_prep_nop(xsc_get_sqe(&ring));
			xsc_submit(&ring);
		}
		/* No thread is a failure of pthread_create, which says EAGAIN. */
		_exit(!err || fail_allow(&own, "setup", err) == 0 ? 10 + (err < 0) : 1);
	}
	/* What was met on the way out is told by what is left of the child. */
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT))
		return fail_say(run, "waitid: %m");
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", child);
	fail = open(path, O_RDONLY | O_CLOEXEC);
	if (run->nth && fail >= 0 && read(fail, text, sizeof(text) - 1) > 0)
		run->injected = atoi(text) == 0;
	close(fail);
	if (waitpid(child, &status, 0) != child)
		return fail_say(run, "waitpid: %m");
	if (!WIFEXITED(status) || WEXITSTATUS(status) < 10)
		return fail_say(run, "the owner ended with status %#x", status);
	run->refused += WEXITSTATUS(status) == 11;
	if (!run->nth && run->refused)
		return fail_say(run, "setup failed without a failure");
	return 0;
}

static const struct sweep sweeps[] = {
	{"setup", "open, SETUP, mmap, munmap, close", sweep_setup},
	{"large", "the same with the largest ring", sweep_large},
	{"nops", "SERVE with a batch of NOP, in the serving thread", sweep_nops},
	{"files", "OPEN, PWRITE, WRITE, PREAD, READ, FSYNC, CLOSE, in the serving thread",
		sweep_files},
	{"vectors", "READV, WRITEV, STAT, LSTAT, FSTAT, links and registered files, likewise",
		sweep_more},
	{"net", "SOCKET, BIND, LISTEN, CONNECT, ACCEPT, SENDTO, RECVFROM, likewise", sweep_net},
	{"time", "POLL, EPOLL_WAIT, SELECT, NANOSLEEP, CLOCK_NANOSLEEP, FUTEX_*, likewise",
		sweep_time},
	{"waiter", "WAKE, WAIT and poll, in the thread that waits", sweep_waiter},
	{"leader", "WAIT with LEAD, in the thread that waits", sweep_leader},
	{"register", "REGISTER_FILES and UNREGISTER_FILES", sweep_register},
	{"exit", "an owner that ends while its ring is served", sweep_exit},
};

const struct sweep_set xsc_sweeps = {
	.device = XSC_DEVICE,
	.module = "xsc",
	.sweeps = sweeps,
	.count = sizeof(sweeps) / sizeof(sweeps[0]),
};
