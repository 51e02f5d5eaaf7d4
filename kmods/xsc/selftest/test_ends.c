/* SPDX-License-Identifier: Apache-2.0 */
/* How a service ends, is interrupted, or is refused: signals, fork, execve, close, seccomp. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

int test_shutdown_blocked(void)
{
	for (int i = 0; i < 50; i++) {
		struct xsc_ring ring;
		struct xsc_cqe cqe;
		int fds[2];
		char buf[4];

		EXPECT(xsc_setup(&ring, NULL), 0);
		EXPECT(pipe(fds), 0);
		xsc_prep_read(xsc_get_sqe(&ring), fds[0], buf, 4);
		EXPECT(xsc_submit(&ring), 1);
		if (i & 1)
			usleep(500);
		EXPECT(xsc_shutdown(&ring), 0);
		EXPECT(xsc_wait(&ring, 1, NULL), -ESHUTDOWN);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		EXPECT(xsc_serve_loop(ring.fd), -ESHUTDOWN);
		/* Waits for the thread: no operation is left that could take the byte. */
		xsc_teardown(&ring);
		EXPECT(write(fds[1], "y", 1), 1);
		EXPECT(read(fds[0], buf, 4), 1);
		close(fds[0]);
		close(fds[1]);
	}
	return 0;
}

static _Atomic int handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static _Atomic pid_t serving_tid;

static void *serve_with_signals(void *arg)
{
	serving_tid = gettid();
	return serve_main(arg);
}

/* A signal in the middle of an operation: its handler runs, the operation goes on. */
int test_signal(void)
{
	struct xsc_params params = {.no_thread = true};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;
	char buf[4] = "";
	int fds[2];

	struct sigaction action = {.sa_handler = on_signal};
	EXPECT(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT(xsc_setup(&ring, &params), 0);
	EXPECT(pipe(fds), 0);
	EXPECT(pthread_create(&thread, NULL, serve_with_signals, &ring.fd), 0);
	xsc_prep_read(xsc_get_sqe(&ring), fds[0], buf, 4);
	EXPECT(xsc_submit(&ring), 1);
	for (int i = 1; i <= 50; i++) {
		while (!serving_tid)
			sched_yield();
		EXPECT(syscall(SYS_tgkill, getpid(), serving_tid, SIGUSR1), 0);
		while (handled < i)
			sched_yield();
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
	}
	EXPECT(write(fds[1], "abc", 3), 3);
	EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
	EXPECT(cqe.res, 3);
	EXPECT(memcmp(buf, "abc", 3), 0);
	xsc_shutdown(&ring);
	pthread_join(thread, NULL);
	xsc_teardown(&ring);
	return 0;
}

int test_fork(void)
{
	struct xsc_ring ring;
	pid_t child;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nop), 0);
	EXPECT(sys(madvise(ring.map, ring.map_size, MADV_DOFORK)), -EINVAL);
	child = fork();
	if (!child) {
		struct xsc_wait wait = {.size = sizeof(wait), .min_complete = 1};
		unsigned char seen;

		if (xsc_serve_loop(ring.fd) != -EPERM)
			_exit(1);
		if (ioctl_arg(ring.fd, XSC_IOC_WAKE, NULL) != -EPERM ||
			ioctl_arg(ring.fd, XSC_IOC_WAIT, &wait) != -EPERM ||
			ioctl_arg(ring.fd, XSC_IOC_SHUTDOWN, NULL) != -EPERM)
			_exit(2);
		if (mmap(NULL, ring.map_size, PROT_READ, MAP_SHARED, ring.fd, 0) != MAP_FAILED ||
			errno != EPERM)
			_exit(3);
		/* The mapping is not inherited. */
		if (!mincore(ring.map, 1, &seen) || errno != ENOMEM)
			_exit(4);
		xsc_teardown(&ring); /* which closes the descriptor: not the owner's doing */
		_exit(0);
	}
	EXPECT(child_status(child), 0);
	/* The same memory, and yet another process. */
	child = vfork();
	if (!child)
		_exit(!ioctl(ring.fd, XSC_IOC_WAKE, 0) || errno != EPERM);
	EXPECT(child_status(child), 0);
	EXPECT(ONE(&ring, nop), 0);
	xsc_teardown(&ring);
	return 0;
}

/* Run by test_exec as `xsc_ring_test --exec-probe FD`: the ring was another program's. */
int exec_probe(int fd)
{
	if (ioctl_arg(fd, XSC_IOC_WAKE, NULL) != -EPERM)
		return 1;
	if (xsc_serve_loop(fd) != -EPERM)
		return 2;
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
}

int test_exec(void)
{
	int refs = module_refs();

	for (int keep = 0; keep < 2; keep++) {
		pid_t child = fork();

		if (!child) {
			struct xsc_ring ring;
			char number[16];

			if (xsc_setup(&ring, NULL))
				_exit(10);
			if (ONE(&ring, nop))
				_exit(11);
			if (keep)
				fcntl(ring.fd, F_SETFD, 0);
			snprintf(number, sizeof(number), "%d", ring.fd);
			execl(self, self, keep ? "--exec-probe" : "--exec-gone", number, NULL);
			_exit(12);
		}
		EXPECT(child_status(child), 0);
	}
	return wait_for_refs(refs);
}

int test_close(void)
{
	int refs = module_refs();

	/* By another thread, while one serves and one waits; then by the ring itself. */
	for (int i = 0; i < 30; i++) {
		struct xsc_params params = {.no_thread = true};
		struct xsc_ring ring;
		pthread_t thread;
		void *why;

		EXPECT(xsc_setup(&ring, &params), 0);
		EXPECT(pthread_create(&thread, NULL, serve_main, &ring.fd), 0);
		EXPECT(ONE(&ring, nop), 0);
		if (i & 1) {
			EXPECT(close(ring.fd), 0);
		} else {
			xsc_prep_close(xsc_get_sqe(&ring), ring.fd);
			xsc_submit(&ring);
		}
		EXPECT(pthread_join(thread, &why), 0);
		/* The loop may have called once more, and found no such descriptor. */
		REQUIRE((intptr_t)why == -ESHUTDOWN || (intptr_t)why == -EBADF,
			"the service ended with %ld", (long)(intptr_t)why);
		EXPECT(module_refs(), refs + 1);
		munmap(ring.map, ring.map_size);
		if (wait_for_refs(refs))
			return 1;
	}
	return 0;
}

static int allow_all(unsigned int flags)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 1, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return (int)sys(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

int test_seccomp(void)
{
	struct xsc_ring ring, other;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nop), 0);
	/* The filter reaches the serving thread inside the kernel. */
	EXPECT(allow_all(SECCOMP_FILTER_FLAG_TSYNC), 0);
	xsc_prep_nop(xsc_get_sqe(&ring));
	EXPECT(xsc_submit(&ring), 1);
	EXPECT(xsc_wait(&ring, 1, NULL), -EACCES);
	EXPECT(xsc_serve_loop(ring.fd), -EACCES);
	EXPECT(xsc_setup(&other, NULL), -EACCES);
	xsc_teardown(&ring);
	return 0;
}
