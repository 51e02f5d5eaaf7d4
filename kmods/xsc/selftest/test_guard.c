/* SPDX-License-Identifier: Apache-2.0 */
/* The trap guard of libxsc. */
#include <signal.h>
#include <sys/syscall.h>
#include "guard.h"
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

static volatile int guard_signals;

static void count_signal(int number)
{
	(void)number;
	guard_signals++;
}

static void *unguarded(void *arg)
{
	*(uint64_t *)arg = xsc_guard_count(NULL);
	return (void *)syscall(SYS_getppid);
}

int test_guard(void)
{
	static const int allowed[] = {SYS_getpid};
	char buf[4096], data[4096];
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;
	uint64_t count;
	void *result;
	pid_t child;
	int off, err, fd;

	memset(data, 7, sizeof(data));
	fd = new_file("guarded", data, sizeof(data));
	EXPECT(xsc_setup(&ring, &busy), 0);
	EXPECT(xsc_guard_disable(), -EINVAL);
	err = xsc_guard_enable(2, NULL, 0);
	if (err == -EOPNOTSUPP)
		return skip("the trap guard is for x86-64");
	EXPECT(err, -EINVAL);
	EXPECT(xsc_guard_enable(XSC_GUARD_COUNT, (int[]){-1}, 1), -EINVAL);
	err = xsc_guard_enable(XSC_GUARD_COUNT, allowed, 1);
	if (err == -EOPNOTSUPP)
		return skip("no syscall user dispatch here");
	EXPECT(err, 0);
	EXPECT(xsc_guard_enable(XSC_GUARD_COUNT, NULL, 0), -EBUSY);

	/* Each is counted and made; what is allowed is made. */
	EXPECT(syscall(SYS_getpid) == ring.owner, 1);
	EXPECT(xsc_guard_count(NULL), 0);
	EXPECT(sys(close(-1)), -EBADF);
	EXPECT(pread(fd, buf, 100, 0), 100);
	EXPECT(xsc_guard_count(NULL), 2);
	EXPECT(xsc_guard_last(), SYS_pread64);
	/* Operations by the ring are none. */
	for (int i = 0; i < 100; i++) {
		xsc_prep_pread(xsc_get_sqe(&ring), fd, buf, sizeof(buf), 0);
		EXPECT(xsc_submit(&ring), 1);
		xsc_spin_cqe(&ring, &cqe);
		EXPECT(cqe.res, 4096);
	}
	EXPECT(memcmp(buf, data, sizeof(buf)), 0);
	EXPECT(xsc_guard_count(NULL), 2);
	/* Handlers come back, and masks are those of the thread. */
	EXPECT(signal(SIGUSR1, count_signal) != SIG_ERR, 1);
	count = xsc_guard_count(NULL);
	EXPECT(raise(SIGUSR1), 0);
	EXPECT(guard_signals, 1);
	sigset_t one, before;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	EXPECT(sigprocmask(SIG_BLOCK, &one, NULL), 0);
	EXPECT(raise(SIGUSR1), 0);
	EXPECT(guard_signals, 1);
	EXPECT(sigprocmask(SIG_UNBLOCK, &one, &before), 0);
	EXPECT(sigismember(&before, SIGUSR1), 1);
	(void)close(-1);
	EXPECT(guard_signals, 2);
	/* A child that is forked is not guarded, and neither is another thread. */
	EXPECT(xsc_guard_disable(), 0);
	count = xsc_guard_count(&off);
	EXPECT(off, 0);
	(void)close(-1);
	EXPECT(xsc_guard_count(NULL), count);
	EXPECT(xsc_guard_enable(XSC_GUARD_COUNT, NULL, 0), 0);
	EXPECT(pthread_create(&thread, NULL, unguarded, &count), 0);
	EXPECT(xsc_guard_count(&off) > 0, 1);
	EXPECT(off, 1); /* a thread was made */
	EXPECT(pthread_join(thread, &result), 0);
	EXPECT(count, 0);
	EXPECT((intptr_t)result == getppid(), 1);
	EXPECT(xsc_guard_disable(), 0);
	xsc_teardown(&ring);

	child = fork();
	if (!child) {
		if (xsc_guard_enable(XSC_GUARD_KILL, allowed, 1))
			_exit(1);
		if (syscall(SYS_getpid) <= 0)
			_exit(2);
		syscall(SYS_getppid);
		_exit(3);
	}
	EXPECT(child_status(child), 128 + SIGSYS);
	/* _exit is allowed. */
	child = fork();
	if (!child)
		_exit(xsc_guard_enable(XSC_GUARD_KILL, NULL, 0) ? 1 : 17);
	EXPECT(child_status(child), 17);
	return 0;
}
