/* SPDX-License-Identifier: Apache-2.0 */
/* Both queues: wrapped, full, asleep, waited for, lied to. */
#include <poll.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

/* @count NOPs, up to @batch at a time; each completion in its order. */
static int run_nops(struct xsc_ring *ring, uint64_t count, uint32_t batch)
{
	uint64_t sent = 0, seen = 0;
	struct xsc_cqe cqe;

	while (seen < count) {
		for (uint32_t i = 0; i < batch && sent < count; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(ring);

			if (!sqe)
				break;
			xsc_prep_nop(sqe);
			sqe->user_data = sent++;
		}
		xsc_submit(ring);
		do {
			EXPECT(xsc_wait_cqe(ring, &cqe), 1);
			REQUIRE(cqe.user_data == seen && cqe.res == 0,
				"completion %llu is %llu with %d", (unsigned long long)seen,
				(unsigned long long)cqe.user_data, cqe.res);
			seen++;
		} while (seen + batch / 2 < sent);
	}
	EXPECT(xsc_peek_cqe(ring, &cqe), 0);
	return 0;
}

int test_wrap(void)
{
	static const struct {
		uint32_t sq, cq, batch;
	} shapes[] = {{1, 1, 1}, {8, 8, 8}, {8, 16, 5}, {64, 4, 64}, {4, 64, 3}};

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		/* The counters pass 2^32 early on. */
		struct xsc_params params = {.sq_entries = shapes[i].sq,
			.cq_entries = shapes[i].cq,
			.first = UINT32_MAX - 1000};
		struct xsc_ring ring;

		EXPECT(xsc_setup(&ring, &params), 0);
		if (run_nops(&ring, 20000, shapes[i].batch))
			return 1;
		EXPECT(xsc_load_acquire(ring.sq_head), (uint32_t)(params.first + 20000));
		EXPECT(xsc_load_acquire(ring.cq_tail), (uint32_t)(params.first + 20000));
		xsc_teardown(&ring);
	}
	return 0;
}

int test_full_sq(void)
{
	struct xsc_params params = {.sq_entries = 16, .cq_entries = 64, .no_thread = true};
	struct pollfd pfd = {.events = POLLIN | POLLOUT};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;

	EXPECT(xsc_setup(&ring, &params), 0);
	pfd.fd = ring.fd;
	EXPECT(poll(&pfd, 1, 0), 1);
	EXPECT(pfd.revents, POLLOUT);
	for (int i = 0; i < 16; i++) {
		struct xsc_sqe *sqe = xsc_get_sqe(&ring);

		REQUIRE(sqe, "no SQE %d of 16", i);
		xsc_prep_nop(sqe);
		sqe->user_data = (uint64_t)i;
	}
	REQUIRE(!xsc_get_sqe(&ring), "a 17th SQE of 16");
	EXPECT(xsc_submit(&ring), 16);
	REQUIRE(!xsc_get_sqe(&ring), "an SQE while 16 of 16 are queued");
	EXPECT(poll(&pfd, 1, 0), 0);
	EXPECT(pthread_create(&thread, NULL, serve_main, &ring.fd), 0);
	EXPECT(xsc_wait(&ring, 16, NULL), 0);
	EXPECT(poll(&pfd, 1, 0), 1);
	EXPECT(pfd.revents, POLLIN | POLLOUT);
	for (uint64_t i = 0; i < 16; i++) {
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.user_data, i);
	}
	REQUIRE(xsc_get_sqe(&ring), "no SQE when all are free");
	xsc_shutdown(&ring);
	pthread_join(thread, NULL);
	xsc_teardown(&ring);
	return 0;
}

/* Nothing is lost when completions have no room; the thread even sleeps meanwhile. */
int test_full_cq(void)
{
	for (int idle = 0; idle < 2; idle++) {
		struct xsc_params params = {.sq_entries = 64,
			.cq_entries = 4,
			.idle_given = true,
			.idle_us = idle ? XSC_MAX_IDLE_US : 0};
		uint64_t until = now_ns() + 5000000000u;
		struct xsc_ring ring;
		struct xsc_cqe cqe;

		EXPECT(xsc_setup(&ring, &params), 0);
		for (uint64_t i = 0; i < 64; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(&ring);

			xsc_prep_nop(sqe);
			sqe->user_data = i;
		}
		EXPECT(xsc_submit(&ring), 64);
		EXPECT(xsc_wait(&ring, 4, NULL), 0);
		while (!idle && !(xsc_load_acquire(ring.sq_flags) & XSC_SQ_NEED_WAKEUP))
			REQUIRE(now_ns() < until, "the thread does not sleep on a full CQ");
		EXPECT(xsc_load_acquire(ring.cq_tail), 4);
		EXPECT(xsc_load_acquire(ring.sq_head), 4);
		for (uint64_t i = 0; i < 64; i++) {
			/* Polling alone: it is the reaping that has to wake the thread. */
			while (!xsc_peek_cqe(&ring, &cqe))
				REQUIRE(now_ns() < until, "no completion %llu",
					(unsigned long long)i);
			EXPECT(cqe.user_data, i);
		}
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		xsc_teardown(&ring);
	}
	return 0;
}

/* The race of the last submission against the thread that goes to sleep. */
int test_sleep_wake(void)
{
	static const uint32_t idles[] = {0, 1, 30};
	uint32_t seed = 7, slept = 0;

	for (size_t i = 0; i < ARRAY_LEN(idles); i++) {
		struct xsc_params params = {.idle_given = true, .idle_us = idles[i]};
		struct xsc_ring ring;
		struct xsc_cqe cqe = {.user_data = UINT64_MAX};

		EXPECT(xsc_setup(&ring, &params), 0);
		for (int n = 0; n < 4000; n++) {
			uint32_t pause = random_next(&seed) % 400;
			struct xsc_sqe *sqe = xsc_get_sqe(&ring);

			xsc_prep_nop(sqe);
			sqe->user_data = (uint64_t)n;
			slept += xsc_load_relaxed(ring.sq_flags) & XSC_SQ_NEED_WAKEUP;
			EXPECT(xsc_submit(&ring), 1);
			/* In turn: no help but the wake of the submission, and asleep. */
			if (n & 1)
				xsc_spin_cqe(&ring, &cqe);
			else
				EXPECT(xsc_wait(&ring, 1, NULL) ?: xsc_peek_cqe(&ring, &cqe), 1);
			EXPECT(cqe.user_data, n);
			while (pause--)
				xsc_relax();
		}
		xsc_teardown(&ring);
	}
	REQUIRE(slept > 100, "the thread slept %u times in 12000: nothing was raced", slept);
	return 0;
}

int test_wait(void)
{
	struct pollfd pfd = {.events = POLLIN};
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;
	uint64_t start = now_ns(), until = start + 20000000;
	char buf[4];
	int fds[2];

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(xsc_wait(&ring, 1, &until), -ETIME);
	REQUIRE(now_ns() >= until, "the wait ended early");

	/* A completion that comes later wakes both kinds of waiters. */
	EXPECT(pipe(fds), 0);
	pfd.fd = ring.fd;
	for (int i = 0; i < 20; i++) {
		pid_t child;

		sqe = xsc_get_sqe(&ring);
		xsc_prep_read(sqe, fds[0], buf, 1);
		EXPECT(xsc_submit(&ring), 1);
		EXPECT(poll(&pfd, 1, 0), 0);
		child = fork();
		if (!child) {
			usleep(1000);
			_exit(write(fds[1], "x", 1) != 1);
		}
		if (i & 1)
			EXPECT(poll(&pfd, 1, 5000), 1);
		else
			EXPECT(xsc_wait(&ring, 1, NULL), 0);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
		EXPECT(cqe.res, 1);
		waitpid(child, NULL, 0);
	}
	xsc_teardown(&ring);
	return 0;
}

/* In a time namespace of its own: the exit status says what happened. */
static int wait_shifted(const char *offset)
{
	struct xsc_ring ring;
	uint64_t start, until;
	int fd, status;
	pid_t child;

	if (unshare(CLONE_NEWTIME))
		return 77;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, offset, strlen(offset)) != (ssize_t)strlen(offset))
		return 2;
	close(fd);
	child = fork(); /* the first in it */
	if (child)
		return waitpid(child, &status, 0) == child && WIFEXITED(status)
			       ? WEXITSTATUS(status)
			       : 3;
	alarm(5);
	if (xsc_setup(&ring, NULL))
		_exit(4);
	start = now_ns();
	until = start + 50000000;
	if (xsc_wait(&ring, 1, &until) != -ETIME)
		_exit(5);
	if (now_ns() < until)
		_exit(6);
	/* Times that the machine does not have. */
	until = 1;
	if (xsc_wait(&ring, 1, &until) != -ETIME)
		_exit(7);
	until = INT64_MAX;
	xsc_prep_nop(xsc_get_sqe(&ring));
	if (xsc_submit(&ring) != 1 || xsc_wait(&ring, 1, &until))
		_exit(8);
	_exit(0);
}

/* The clock by which the caller reckons its deadline is not always the machine's. */
int test_wait_namespace(void)
{
	static const char *const offsets[] = {"monotonic 100000 0\n", "monotonic -1 0\n"};

	for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
		pid_t child = fork();
		int status;

		if (!child)
			_exit(wait_shifted(offsets[i]));
		status = child_status(child);
		if (status == 77)
			return skip("no time namespace for this process");
		REQUIRE(!status, "%.*s: %s (%d)", (int)strlen(offsets[i]) - 1, offsets[i],
			status == 3   ? "still waiting after seconds"
			: status == 6 ? "the wait ended early"
				      : "failed",
			status);
	}
	return 0;
}

int test_counters(void)
{
	static const uint32_t lies[] = {9, 10, 1000, 0x80000000, 0xfffffff0};
	struct xsc_ring ring;
	struct xsc_params params = {.sq_entries = 8, .cq_entries = 8, .no_thread = true};

	EXPECT(xsc_setup(&ring, &params), 0);
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		xsc_store_release(ring.sq_tail, lies[i]);
		EXPECT(xsc_serve_loop(ring.fd), -EOVERFLOW);
		EXPECT(xsc_wait(&ring, 1, NULL), -EOVERFLOW);
	}
	xsc_store_release(ring.sq_tail, 0);
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		xsc_store_release(ring.cq_head, -lies[i]);
		EXPECT(xsc_wait(&ring, 1, NULL), -EOVERFLOW);
	}
	xsc_store_release(ring.cq_head, 0);

	/* What the kernel writes is not what it reads: lies there change nothing. */
	xsc_store_release(ring.sq_head, 77);
	xsc_store_release(ring.cq_tail, 77);
	{
		pthread_t thread;
		struct xsc_cqe cqe;

		EXPECT(pthread_create(&thread, NULL, serve_main, &ring.fd), 0);
		xsc_prep_nop(xsc_get_sqe(&ring));
		EXPECT(xsc_submit(&ring), 1);
		while (xsc_load_acquire(ring.cq_tail) != 1)
			xsc_relax();
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(xsc_load_acquire(ring.sq_head), 1);
		xsc_shutdown(&ring);
		pthread_join(thread, NULL);
	}
	xsc_teardown(&ring);
	return 0;
}
