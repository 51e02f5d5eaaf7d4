/* SPDX-License-Identifier: Apache-2.0 */
/* What sleeps holds nothing up; links, drains, registered files. */
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

static struct xsc_sqe *tagged(struct xsc_ring *ring, uint64_t user_data, uint8_t flags)
{
	struct xsc_sqe *sqe = xsc_get_sqe(ring);

	sqe->user_data = user_data;
	sqe->flags = flags;
	return sqe;
}

/* The completion of @user_data, by polling alone; the others are left out. */
static int completed(struct xsc_ring *ring, uint64_t user_data, int32_t res)
{
	uint64_t until = now_ns() + 5000000000u;
	struct xsc_cqe cqe;

	for (;;) {
		if (xsc_peek_cqe(ring, &cqe) && cqe.user_data == user_data)
			break;
		REQUIRE(now_ns() < until, "no completion of %llu", (unsigned long long)user_data);
	}
	REQUIRE(cqe.res == res, "%llu completed with %d, not %d", (unsigned long long)user_data,
		cqe.res, res);
	return 0;
}

enum { ASLEEP = 40 };

/* Many operations sleep, each in its way, and each time what is behind them is done. */
int test_blocking(void)
{
	static uint32_t futex;
	int pipes[ASLEEP][2], pair[2], epoll = epoll_create1(0);
	struct timespec long_time = {1000, 0};
	struct epoll_event event;
	struct xsc_ring ring;
	char bytes[ASLEEP];

	EXPECT(xsc_setup(&ring, &busy), 0);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < ASLEEP; i++) {
		struct xsc_sqe *sqe = tagged(&ring, (uint64_t)i, 0);

		EXPECT(pipe(pipes[i]), 0);
		switch (i % 5) {
		case 0:
			xsc_prep_read(sqe, pipes[i][0], &bytes[i], 1);
			break;
		case 1:
			xsc_prep_nanosleep(sqe, &long_time);
			break;
		case 2:
			xsc_prep_futex_wait(sqe, &futex, 0, NULL, 0);
			break;
		case 3:
			xsc_prep_recvfrom(sqe, pair[0], &bytes[i], 1, 0, NULL, NULL);
			break;
		default:
			xsc_prep_epoll_wait(sqe, epoll, &event, 1, -1);
		}
		xsc_prep_nop(tagged(&ring, 1000 + (uint64_t)i, 0));
		EXPECT(xsc_submit(&ring), 2);
		if (completed(&ring, 1000 + (uint64_t)i, 0))
			return 1;
	}
	/* The last that slept is the first that ends. */
	for (int i = ASLEEP - 5; i >= 0; i -= 5) {
		EXPECT(write(pipes[i][1], "x", 1), 1);
		if (completed(&ring, (uint64_t)i, 1))
			return 1;
	}
	/* Breaks off the rest, in the kernel and in user space. */
	xsc_teardown(&ring);
	return 0;
}

/* A ring whose one thread sleeps stands still, and goes on after. */
int test_one_thread(void)
{
	struct xsc_params params = {.max_threads = 1};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int fds[2];
	char byte;

	EXPECT(xsc_setup(&ring, &params), 0);
	EXPECT(pipe(fds), 0);
	xsc_prep_read(tagged(&ring, 1, 0), fds[0], &byte, 1);
	xsc_prep_nop(tagged(&ring, 2, 0));
	EXPECT(xsc_submit(&ring), 2);
	usleep(5000);
	EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
	EXPECT(write(fds[1], "x", 1), 1);
	for (uint64_t i = 1; i <= 2; i++) {
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.user_data, i);
	}
	xsc_teardown(&ring);
	return 0;
}

/* Sleepers and the others race for the lead; each operation completes, once. */
int test_handover(void)
{
	struct xsc_params params = {.idle_given = true, .idle_us = 20, .max_threads = 4};
	uint32_t seed = 11, done = 0, sent = 0;
	static uint8_t seen[6000];
	struct timespec little = {0, 1};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int fds[2];
	char byte;

	EXPECT(xsc_setup(&ring, &params), 0);
	EXPECT(pipe(fds), 0);
	while (done < sizeof(seen)) {
		struct xsc_sqe *sqe = sent < sizeof(seen) ? xsc_get_sqe(&ring) : NULL;

		if (sqe) {
			xsc_prep_nop(sqe);
			switch (random_next(&seed) % 8) {
			case 0:
				xsc_prep_nanosleep(sqe, &little);
				break;
			case 1:
				xsc_prep_write(sqe, fds[1], "x", 1);
				if (sent == sizeof(seen) - 1)
					break;
				sqe->user_data = sent++;
				sqe = xsc_get_sqe(&ring);
				if (sqe)
					xsc_prep_read(sqe, fds[0], &byte, 1);
				break;
			case 2:
				xsc_prep_close(sqe, dup(0));
				break;
			case 3:
				xsc_prep_futex_wake(sqe, &seed, 1, 0);
				break;
			default:
				break;
			}
			if (sqe)
				sqe->user_data = sent++;
			if (random_next(&seed) & 1)
				xsc_submit(&ring);
		} else {
			xsc_submit(&ring);
			EXPECT(xsc_wait(&ring, 1, NULL), 0);
		}
		while (xsc_peek_cqe(&ring, &cqe)) {
			REQUIRE(cqe.user_data < sizeof(seen) && !seen[cqe.user_data],
				"completion of %llu twice", (unsigned long long)cqe.user_data);
			seen[cqe.user_data] = 1;
			done++;
		}
	}
	xsc_teardown(&ring);
	return 0;
}

static void *serve_plainly(void *arg)
{
	struct xsc_serve serve = {.size = sizeof(serve)};

	while (ioctl_arg(*(int *)arg, XSC_IOC_SERVE, &serve) == -EINTR)
		;
	return NULL;
}

static long serve_once(struct xsc_ring *ring, struct xsc_serve *serve)
{
	return ioctl_arg(ring->fd, XSC_IOC_SERVE, serve);
}

/* What comes back to user space, and what may be brought. The ring has no thread. */
int test_calls(void)
{
	struct xsc_params params = {.no_thread = true};
	struct xsc_serve serve = {.size = sizeof(serve)};
	long page = sysconf(_SC_PAGESIZE);
	struct xsc_serve *unwritable = mmap(
		NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;
	uint64_t token;
	pid_t child;

	EXPECT(xsc_setup(&ring, &params), 0);
	/* The first to lead has nobody behind it. Asked once, it is not asked again. */
	serve.flags = XSC_SERVE_MAY_LEND | XSC_SERVE_MAY_CALL;
	EXPECT(serve_once(&ring, &serve), XSC_SERVE_LEND);
	for (uint64_t i = 1; i <= 2; i++) {
		xsc_prep_listen(tagged(&ring, i, 0), 77, 5);
		EXPECT(xsc_submit(&ring), 1);
		EXPECT(serve_once(&ring, &serve), XSC_SERVE_CALL);
		EXPECT(serve.sqe.opcode, XSC_OP_LISTEN);
		EXPECT(serve.sqe.fd, 77);
		EXPECT(serve.sqe.user_data, i);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		token = serve.token;
		serve.token = 0;
	}
	/* The one after was called last: its result first. A wrong one, twice, and another's. */
	serve.flags = XSC_SERVE_RESULT | XSC_SERVE_MAY_CALL;
	serve.token = token + 1;
	EXPECT(serve_once(&ring, &serve), -EINVAL);
	serve.token = token;
	child = fork();
	if (!child)
		_exit(serve_once(&ring, &serve) != -EPERM);
	EXPECT(child_status(child), 0);
	xsc_prep_listen(tagged(&ring, 3, 0), 78, 5);
	EXPECT(xsc_submit(&ring), 1);
	serve.res = -1234;
	EXPECT(serve_once(&ring, &serve), XSC_SERVE_CALL);
	EXPECT(serve.sqe.user_data, 3);
	EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
	EXPECT(cqe.user_data, 2);
	EXPECT(cqe.res, -1234);
	serve.token = token;
	EXPECT(serve_once(&ring, &serve), -EINVAL);

	/* One that could not be told of begins anew. */
	xsc_prep_listen(tagged(&ring, 4, 0), 79, 5);
	EXPECT(xsc_submit(&ring), 1);
	*unwritable = (struct xsc_serve){.size = sizeof(serve), .flags = XSC_SERVE_MAY_CALL};
	EXPECT(mprotect(unwritable, (size_t)page, PROT_READ), 0);
	EXPECT(serve_once(&ring, unwritable), -EFAULT);
	serve = (struct xsc_serve){.size = sizeof(serve), .flags = XSC_SERVE_MAY_CALL};
	EXPECT(serve_once(&ring, &serve), XSC_SERVE_CALL);
	EXPECT(serve.sqe.user_data, 4);

	/* A thread that cannot. Those called before have no completion, now and for ever. */
	xsc_prep_listen(tagged(&ring, 5, 0), 80, 5);
	EXPECT(xsc_submit(&ring), 1);
	EXPECT(pthread_create(&thread, NULL, serve_plainly, &ring.fd), 0);
	EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
	EXPECT(cqe.user_data, 5);
	EXPECT(cqe.res, -EOPNOTSUPP);
	EXPECT(xsc_shutdown(&ring), 0);
	EXPECT(pthread_join(thread, NULL), 0);
	serve.flags = XSC_SERVE_RESULT;
	EXPECT(serve_once(&ring, &serve), -ESHUTDOWN);
	EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
	xsc_teardown(&ring);
	return 0;
}

int test_links(void)
{
	struct timespec some = {0, 5000000};
	struct xsc_params params = {.sq_entries = 256, .cq_entries = 32};
	static const int broken_by[] = {-EBADF, 4, 4, 4096, 4};
	static char page[4096];
	char buf[16] = "";
	struct iovec halves[2] = {{buf, 8}, {buf + 8, 8}}, pages[2] = {{page, 4096}, {page, 4096}};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int fd, fds[2], narrow[2], pair[2];

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(pipe(fds), 0);
	fd = new_file("linked", NULL, 0);
	/* A chain is in order although its first sleeps; what is behind it does not wait. */
	xsc_prep_read(tagged(&ring, 1, 0), fds[0], buf, 4);
	ring.sqes[0].flags = XSC_SQE_LINK;
	xsc_prep_pwrite(tagged(&ring, 2, XSC_SQE_LINK), fd, buf, 4, 0);
	xsc_prep_fsync(tagged(&ring, 3, 0), fd, 0);
	xsc_prep_nop(tagged(&ring, 4, 0));
	EXPECT(xsc_submit(&ring), 4);
	if (completed(&ring, 4, 0))
		return 1;
	EXPECT(write(fds[1], "abcd", 4), 4);
	for (uint64_t i = 1; i <= 3; i++) {
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.user_data, i);
		EXPECT(cqe.res, i == 3 ? 0 : 4);
	}
	EXPECT(pread(fd, buf, 16, 0), 4);
	REQUIRE(!memcmp(buf, "abcd", 4), "what was linked wrote something else");

	/* A failure, and a transfer that is short, cancel the rest of the chain only. */
	EXPECT(pipe2(narrow, O_NONBLOCK), 0);
	EXPECT(fcntl(narrow[1], F_SETPIPE_SZ, 4096), 4096);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t way = 0; way < ARRAY_LEN(broken_by); way++) {
		struct xsc_sqe *first = tagged(&ring, 1, XSC_SQE_LINK);

		EXPECT(lseek(fd, 0, SEEK_SET), 0);
		switch (way) {
		case 0:
			xsc_prep_fsync(first, -1, 0);
			break;
		case 1:
			xsc_prep_pread(first, fd, buf, 16, 0);
			break;
		case 2:
			xsc_prep_readv(first, fd, halves, 2);
			break;
		case 3:
			xsc_prep_writev(first, narrow[1], pages, 2);
			break;
		case 4:
			EXPECT(write(pair[1], "abcd", 4), 4);
			xsc_prep_recvfrom(first, pair[0], buf, 16, 0, NULL, NULL);
			break;
		}
		xsc_prep_write(tagged(&ring, 2, XSC_SQE_LINK), fd, "never", 5);
		xsc_prep_nanosleep(tagged(&ring, 3, 0), &some);
		xsc_prep_nop(tagged(&ring, 4, 0));
		EXPECT(xsc_submit(&ring), 4);
		/* What is not linked may come in between: the first may have slept. */
		for (uint64_t done = 0, next = 1; done < 4; done++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			if (cqe.user_data == 4) {
				EXPECT(cqe.res, 0);
				continue;
			}
			EXPECT(cqe.user_data, next);
			REQUIRE(cqe.res == (next > 1 ? -ECANCELED : broken_by[way]),
				"way %zu: entry %d of the chain: %d", way, (int)next, cqe.res);
			next++;
		}
	}
	EXPECT(lseek(fd, 0, SEEK_END), 4);
	/* Buffers that are filled, or emptied, break nothing. */
	EXPECT(lseek(fd, 0, SEEK_SET), 0);
	halves[1].iov_len = 2;
	halves[0].iov_len = 2;
	xsc_prep_readv(tagged(&ring, 1, XSC_SQE_LINK), fd, halves, 2);
	xsc_prep_writev(tagged(&ring, 2, XSC_SQE_LINK), fd, halves, 2);
	xsc_prep_nop(tagged(&ring, 3, 0));
	EXPECT(xsc_submit(&ring), 3);
	if (completed(&ring, 3, 0))
		return 1;
	EXPECT(lseek(fd, 0, SEEK_END), 8);
	/* A DRAIN in the middle of a chain. */
	xsc_prep_nop(tagged(&ring, 1, XSC_SQE_LINK));
	xsc_prep_nop(tagged(&ring, 2, XSC_SQE_DRAIN));
	EXPECT(xsc_submit(&ring), 2);
	if (completed(&ring, 2, -EINVAL))
		return 1;
	xsc_teardown(&ring);

	/* As long as it may be, with a CQ that has to be emptied first; and longer. */
	EXPECT(xsc_setup(&ring, &params), 0);
	for (int length = 31; length <= 33; length++) {
		for (int i = 0; i < 20; i++)
			xsc_prep_nop(tagged(&ring, 7, 0));
		for (int i = 0; i < length; i++)
			xsc_prep_nop(tagged(&ring, 8, i < length - 1 ? XSC_SQE_LINK : 0));
		EXPECT(xsc_submit(&ring), 20 + length);
		for (int i = 0; i < 20; i++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			EXPECT(cqe.user_data, 7);
		}
		for (int i = 0; i < length; i++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			EXPECT(cqe.res, length < 33 || i == 32 ? 0 : i ? -ECANCELED : -EINVAL);
		}
	}
	xsc_teardown(&ring);
	return 0;
}

int test_drain(void)
{
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int a[2], b[2];
	char byte;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(pipe(a), 0);
	EXPECT(pipe(b), 0);
	for (int round = 0; round < 20; round++) {
		xsc_prep_read(tagged(&ring, 1, 0), a[0], &byte, 1);
		xsc_prep_read(tagged(&ring, 2, 0), b[0], &byte, 1);
		ring.sqes[(ring.prepared - 1) & (ring.sq_entries - 1)].flags = XSC_SQE_DRAIN;
		xsc_prep_nop(tagged(&ring, 3, 0));
		EXPECT(write(b[1], "x", 1), 1); /* it could, were it not for the first */
		EXPECT(xsc_submit(&ring), 3);
		usleep(round & 1 ? 2000 : 100);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		EXPECT(write(a[1], "x", 1), 1);
		for (uint64_t i = 1; i <= 3; i++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			EXPECT(cqe.user_data, i);
		}
	}
	/* It sleeps itself: what is behind it waits. */
	xsc_prep_read(tagged(&ring, 1, 0), a[0], &byte, 1);
	ring.sqes[(ring.prepared - 1) & (ring.sq_entries - 1)].flags = XSC_SQE_DRAIN;
	xsc_prep_nop(tagged(&ring, 2, 0));
	EXPECT(xsc_submit(&ring), 2);
	usleep(2000);
	EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
	EXPECT(write(a[1], "x", 1), 1);
	EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
	EXPECT(cqe.user_data, 1);
	xsc_teardown(&ring);
	return 0;
}

static long fixed(struct xsc_ring *ring, int opcode, int index, void *buf, uint32_t len)
{
	struct xsc_sqe *sqe = tagged(ring, 0, XSC_SQE_FIXED_FILE);

	xsc_prep(sqe, (uint8_t)opcode, index, buf, len, 0, 0);
	sqe->flags = XSC_SQE_FIXED_FILE;
	return finish_one(ring);
}

int test_fixed(void)
{
	struct rlimit files = {20, 20};
	struct xsc_ring ring, other;
	int pair[2], fds[4], many[XSC_MAX_FILES + 1], pipes[2], refs = module_refs();
	char buf[16];

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(xsc_setup(&other, NULL), 0);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	EXPECT(pipe2(pipes, O_NONBLOCK), 0);
	EXPECT(fixed(&ring, XSC_OP_READ, 0, buf, 1), -EBADF);
	EXPECT(xsc_unregister_files(&ring), -ENXIO);
	memset(many, 0xff, sizeof(many));
	fds[0] = new_file("fixed", "0123456789", 10);
	EXPECT(lseek(fds[0], 0, SEEK_SET), 0);
	fds[1] = -1;
	fds[2] = pipes[1];
	fds[3] = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(xsc_register_files(&ring, fds, 0), -EINVAL);
	EXPECT(xsc_register_files(&ring, many, XSC_MAX_FILES + 1), -EINVAL);
	EXPECT(xsc_register_files(&ring, (int *)8, 1), -EFAULT);
	EXPECT(xsc_register_files(&ring, (int[]){999}, 1), -EBADF);
	/* What could hold the ring's file in turn. */
	EXPECT(xsc_register_files(&ring, &ring.fd, 1), -EINVAL);
	EXPECT(xsc_register_files(&ring, &other.fd, 1), -EINVAL);
	EXPECT(xsc_register_files(&ring, pair, 1), -EINVAL);
	EXPECT(xsc_register_files(&ring, (int[]){fds[0], epoll_create1(0)}, 2), -EINVAL);
	EXPECT(xsc_register_files(&ring, fds, 4), 0);
	EXPECT(xsc_register_files(&ring, fds, 4), -EBUSY);

	close(fds[0]);
	close(pipes[1]);
	EXPECT(fixed(&ring, XSC_OP_READ, 0, buf, 4), 4);
	EXPECT(fixed(&ring, XSC_OP_READ, 0, buf + 4, 4), 4);
	REQUIRE(!memcmp(buf, "01234567", 8), "other bytes of a registered file");
	EXPECT(fixed(&ring, XSC_OP_WRITE, 2, buf, 3), 3);
	EXPECT(fixed(&ring, XSC_OP_READ, 1, buf, 4), -EBADF);
	EXPECT(fixed(&ring, XSC_OP_READ, 4, buf, 4), -EBADF);
	EXPECT(fixed(&ring, XSC_OP_READ, -1, buf, 4), -EBADF);
	EXPECT(fixed(&ring, XSC_OP_CLOSE, 0, NULL, 0), -EINVAL);
	EXPECT(fixed(&ring, XSC_OP_LISTEN, 3, NULL, 0), -EINVAL);
	/* The other end of a pipe is told when it is unregistered, not before. */
	EXPECT(read(pipes[0], buf, 16), 3);
	EXPECT(sys(read(pipes[0], buf, 16)), -EAGAIN);
	EXPECT(xsc_unregister_files(&ring), 0);
	EXPECT(read(pipes[0], buf, 16), 0);
	EXPECT(fixed(&ring, XSC_OP_READ, 0, buf, 4), -EBADF);
	EXPECT(setrlimit(RLIMIT_NOFILE, &files), 0);
	EXPECT(xsc_register_files(&ring, many, 21), -EMFILE);
	EXPECT(xsc_register_files(&ring, many, 20), 0);
	xsc_teardown(&ring);
	xsc_teardown(&other);
	return wait_for_refs(refs);
}
