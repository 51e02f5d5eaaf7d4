/* SPDX-License-Identifier: Apache-2.0 */
/* POLL, EPOLL_WAIT, SELECT, FUTEX_WAIT, FUTEX_WAKE, NANOSLEEP, CLOCK_NANOSLEEP, SPAWN. */
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

int test_poll(void)
{
	int fds[2], events[2] = {POLLIN | POLLOUT, POLLIN | POLLPRI};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	uint64_t start;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(pipe(fds), 0);
	for (int filled = 0; filled < 2; filled++) {
		for (size_t e = 0; e < ARRAY_LEN(events); e++) {
			struct pollfd ours[] = {{fds[0], (short)events[e], 77},
				{fds[1], (short)events[e], 77}, {-1, POLLIN, 77}, {999, POLLIN, 77},
				{open("/dev/null", O_RDWR), POLLIN, 77}};
			struct pollfd theirs[ARRAY_LEN(ours)];

			for (uint32_t n = 0; n <= ARRAY_LEN(ours); n++) {
				memcpy(theirs, ours, sizeof(ours));
				SAME(ONE(&ring, poll, ours, n, 0), poll(theirs, n, 0));
				EXPECT(memcmp(ours, theirs, sizeof(ours)), 0);
			}
		}
		EXPECT(write(fds[1], "x", 1), 1);
	}
	EXPECT(ONE(&ring, poll, (void *)8, 1, 0), -EFAULT);
	SAME(ONE(&ring, poll, NULL, 1u << 30, 0),
		syscall(SYS_ppoll, NULL, 1u << 30, &(struct timespec){0}, NULL, 0));

	/* In time, and out of time. */
	EXPECT(pipe(fds), 0);
	struct pollfd one = {fds[0], POLLIN, 0};
	start = now_ns();
	EXPECT(ONE(&ring, poll, &one, 1, 20), 0);
	REQUIRE(now_ns() - start >= 20000000, "POLL of 20 ms came early");
	for (int i = 0; i < 20; i++) {
		char byte;

		xsc_prep_poll(xsc_get_sqe(&ring), &one, 1, i & 1 ? -1 : 10000);
		EXPECT(xsc_submit(&ring), 1);
		if (i & 2)
			usleep(1000);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		EXPECT(ONE(&ring, write, fds[1], "x", 1), 1);
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(one.revents, POLLIN);
		EXPECT(read(fds[0], &byte, 1), 1);
	}
	xsc_teardown(&ring);
	return 0;
}

int test_epoll_select(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1234567890}, got[4];
	int fds[2], epoll = epoll_create1(0);
	struct timeval none = {0, 0};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	fd_set set;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(pipe(fds), 0);
	EXPECT(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event), 0);
	EXPECT(ONE(&ring, epoll_wait, epoll, got, 4, 0), 0);
	SAME(ONE(&ring, epoll_wait, fds[0], got, 4, 0), epoll_wait(fds[0], got, 4, 0));
	SAME(ONE(&ring, epoll_wait, epoll, got, 0, 0), epoll_wait(epoll, got, 0, 0));
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	EXPECT(ONE(&ring, select, fds[0] + 1, &set, NULL, NULL, &none), 0);
	EXPECT(FD_ISSET(fds[0], &set), 0);
	FD_SET(fds[0], &set);
	for (int selects = 0; selects < 2; selects++) {
		if (selects)
			xsc_prep_select(xsc_get_sqe(&ring), fds[0] + 1, &set, NULL, NULL, NULL);
		else
			xsc_prep_epoll_wait(xsc_get_sqe(&ring), epoll, got, 4, -1);
		EXPECT(xsc_submit(&ring), 1);
		usleep(1000);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		xsc_prep_write(xsc_get_sqe(&ring), fds[1], "x", 1);
		EXPECT(xsc_submit(&ring), 1);
		for (int i = 0; i < 2; i++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			EXPECT(cqe.res, 1);
		}
		EXPECT(ONE(&ring, read, fds[0], got + 1, 1), 1);
	}
	EXPECT(got[0].data.u64, 0x1234567890);
	EXPECT(FD_ISSET(fds[0], &set) != 0, 1);
	xsc_teardown(&ring);
	return 0;
}

static uint32_t word;

static void *plain_waiter(void *arg)
{
	(void)arg;
	return (void *)syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0);
}

/* Against futex(2) on the other side, both ways. */
int test_futex(void)
{
	struct timespec soon = {0, 5000000};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;
	void *result;

	EXPECT(xsc_setup(&ring, NULL), 0);
	word = 5;
	EXPECT(ONE(&ring, futex_wait, &word, 4, NULL, 0), -EAGAIN);
	EXPECT(ONE(&ring, futex_wait, &word, 5, &soon, FUTEX_PRIVATE_FLAG), -ETIMEDOUT);
	EXPECT(ONE(&ring, futex_wait, (void *)2, 5, NULL, 0), -EINVAL);
	EXPECT(ONE(&ring, futex_wait, &word, 5, NULL, FUTEX_LOCK_PI), -EINVAL);
	EXPECT(ONE(&ring, futex_wake, &word, 1, FUTEX_PRIVATE_FLAG), 0);
	for (int i = 0; i < 10; i++) {
		xsc_prep_futex_wait(xsc_get_sqe(&ring), &word, 5, NULL, FUTEX_PRIVATE_FLAG);
		EXPECT(xsc_submit(&ring), 1);
		while (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1) != 1)
			usleep(100);
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.res, 0);
		EXPECT(pthread_create(&thread, NULL, plain_waiter, NULL), 0);
		while (ONE(&ring, futex_wake, &word, 1, FUTEX_PRIVATE_FLAG) != 1)
			usleep(100);
		EXPECT(pthread_join(thread, &result), 0);
		EXPECT((intptr_t)result, 0);
	}
	xsc_teardown(&ring);
	return 0;
}

int test_sleep(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_PROCESS_CPUTIME_ID};
	struct timespec none = {0, 0}, bad = {0, 1000000000}, past = {1, 0}, some = {0, 3000000};
	struct timespec at;
	struct xsc_ring ring;
	uint64_t start;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nanosleep, &none), 0);
	EXPECT(ONE(&ring, nanosleep, &bad), -EINVAL);
	EXPECT(ONE(&ring, nanosleep, (void *)8), -EFAULT);
	start = now_ns();
	EXPECT(ONE(&ring, nanosleep, &some), 0);
	REQUIRE(now_ns() - start >= 3000000, "NANOSLEEP came early");
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		int clock = clocks[i];

		EXPECT(ONE(&ring, clock_nanosleep, clock, TIMER_ABSTIME, &none), 0);
		SAME(ONE(&ring, clock_nanosleep, clock, 0, &bad),
			syscall(SYS_clock_nanosleep, clock, 0, &bad, NULL));
		if (clock == CLOCK_PROCESS_CPUTIME_ID)
			continue;
		EXPECT(ONE(&ring, clock_nanosleep, clock, TIMER_ABSTIME, &past), 0);
		for (int absolute = 0; absolute < 2; absolute++) {
			clock_gettime(clock, &at);
			at.tv_nsec += 4000000;
			if (at.tv_nsec >= 1000000000) {
				at.tv_sec++;
				at.tv_nsec -= 1000000000;
			}
			start = now_ns();
			EXPECT(ONE(&ring, clock_nanosleep, clock, absolute ? TIMER_ABSTIME : 0,
				       absolute ? &at : &some),
				0);
			REQUIRE(now_ns() - start >= 2900000, "clock %d came early", clock);
			REQUIRE(now_ns() - start < 2000000000, "clock %d came late", clock);
		}
	}
	SAME(ONE(&ring, clock_nanosleep, 77, 0, &some),
		syscall(SYS_clock_nanosleep, 77, 0, &some, NULL));
	xsc_teardown(&ring);
	return 0;
}

/* Run by test_spawn as `xsc_ring_test --spawned`: no signal may be blocked. */
int spawned(void)
{
	sigset_t mask;

	if (sigprocmask(SIG_BLOCK, NULL, &mask))
		return 1;
	for (int number = 1; number < 32; number++)
		if (sigismember(&mask, number))
			return 2;
	return getenv("XSC_SPAWNED") ? 43 : 42;
}

int test_spawn(void)
{
	char *argv[] = {(char *)"xsc_ring_test", (char *)"--spawned", NULL};
	char *envp[] = {(char *)"XSC_SPAWNED=1", NULL};
	struct xsc_ring ring;
	long pid;

	EXPECT(xsc_setup(&ring, NULL), 0);
	for (int i = 0; i < 2; i++) {
		pid = ONE(&ring, spawn, self, argv, i ? envp : NULL);
		REQUIRE(pid > 0, "SPAWN: %ld", pid);
		EXPECT(child_status((pid_t)pid), 42 + i);
	}
	EXPECT(ONE(&ring, spawn, "/nowhere", argv, NULL), -ENOENT);
	EXPECT(ONE(&ring, spawn, "/dev/null", argv, NULL), -EACCES);
	xsc_teardown(&ring);
	return 0;
}
