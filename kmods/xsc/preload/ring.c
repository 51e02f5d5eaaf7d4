// SPDX-License-Identifier: Apache-2.0
/*
 * A thread's ring: made at its first use, given up with the thread.
 *
 * A ring is usable by the process and the thread that made it. So before each use
 * it is asked, without a system call: is this a forked child (a page that fork
 * wipes), a vfork child (a mark left by vfork), or a signal handler that broke
 * into the use of this very ring (busy)?
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plain.h"
#include "preload.h"
#include "ring.h"
#include "state.h"

#define MAX_RINGS 64
/* Rings stay away from the numbers that programs and scripts choose. */
#define LOWEST_FD 256
/* A set-up that failed for want of memory or threads is tried again that often. */
#define MAX_FAILURES 3
/* Calls between two attempts while signals are blocked. */
#define LATER 64
/* The lent thread polls that long for the next call: programs do something in between. */
#define IDLE_US 300

struct thread {
	struct xsc_ring ring;
	int place; /* in ring_fds */
	bool up;
	bool over; /* the thread ends: no other ring */
	volatile sig_atomic_t busy;
	volatile sig_atomic_t vforked;
	int later;
};

static XP_THREAD struct thread self;

static int ring_fds[MAX_RINGS]; /* 0: free, -1: being set up */
static int ring_count;
static int ring_limit = MAX_RINGS;
static int failures;
static bool ended;
static pthread_key_t at_exit;
static bool has_key;
static volatile char *alive; /* 0 in a forked child, as the kernel wiped it */
static unsigned int generation = 1;
static void (*forget)(void);

void xp_ring_at_fork(void (*callback)(void))
{
	forget = callback;
}

/* The last fork's child: no ring is its own, and their descriptors only leak. */
static void after_fork(void)
{
	for (int i = 0; i < MAX_RINGS; i++) {
		if (ring_fds[i] > 0)
			xp_plain_close(ring_fds[i]);
		ring_fds[i] = 0;
	}
	ring_count = 0;
	generation++;
	if (forget)
		forget();
	self.up = false;
	self.busy = 0;
	*alive = 1;
}

static inline bool forked(void)
{
	return alive && !*alive;
}

static int take_place(void)
{
	if (__atomic_fetch_add(&ring_count, 1, __ATOMIC_RELAXED) < ring_limit) {
		for (int i = 0; i < MAX_RINGS; i++) {
			int free = 0;

			if (__atomic_compare_exchange_n(&ring_fds[i], &free, -1, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
				return i;
		}
	}
	__atomic_fetch_sub(&ring_count, 1, __ATOMIC_RELAXED);
	return -1;
}

static void leave_place(int place)
{
	__atomic_store_n(&ring_fds[place], 0, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&ring_count, 1, __ATOMIC_RELAXED);
}

static void drop(struct thread *thread)
{
	int saved = errno;

	if (!thread->up)
		return;
	thread->up = false;
	thread->busy = 1;
	xsc_teardown(&thread->ring);
	leave_place(thread->place);
	thread->busy = 0;
	errno = saved;
}

static void thread_ends(void *arg)
{
	struct thread *thread = arg;

	thread->over = true;
	if (!forked())
		drop(thread);
}

/*
 * Making a thread takes libc's locks. A signal handler may have broken into a
 * function that holds them, and then has its signal blocked: so no ring is made
 * while any signal is.
 */
static bool in_handler_perhaps(void)
{
	sigset_t now;

	return pthread_sigmask(SIG_BLOCK, NULL, &now) || !sigisemptyset(&now);
}

/*
 * For the first ring of the process: most programs come to an end without one.
 * With one CPU a ring only costs; in auto mode not all CPUs are for polling.
 */
static void prepare(void)
{
	cpu_set_t cpus;
	void *page;

	if (xp_mode == XP_AUTO && !sched_getaffinity(0, sizeof(cpus), &cpus)) {
		ring_limit = CPU_COUNT(&cpus) / 2;
		if (ring_limit > MAX_RINGS)
			ring_limit = MAX_RINGS;
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK)) {
		xp_mode = XP_OFF;
		return;
	}
	*(volatile char *)page = 1;
	has_key = !pthread_key_create(&at_exit, thread_ends);
	alive = page;
}

/* 0, or a negative errno; -EAGAIN: not now. xp_ring_owns() knows the ring's descriptor then. */
static int make_ring(struct xsc_ring *ring, const struct xsc_params *params, int *ret_place)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int saved = errno, cancel, err, place;

	if (ended || failures >= MAX_FAILURES || in_handler_perhaps())
		return -EAGAIN;
	pthread_once(&once, prepare);
	if (xp_mode == XP_OFF)
		return -EAGAIN;
	place = take_place();
	if (place < 0)
		return -EAGAIN;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	self.busy = 1;
	err = xsc_setup(ring, params);
	self.busy = 0;
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	if (err) {
		leave_place(place);
		if (err == -ENOMEM || err == -EAGAIN || err == -EMFILE || err == -ENFILE)
			__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		else
			xp_mode = XP_OFF; /* no device, or not for this process */
		return err;
	}
	__atomic_store_n(&ring_fds[place], ring->fd, __ATOMIC_RELAXED);
	*ret_place = place;
	return 0;
}

static bool set_up(struct thread *thread)
{
	static const struct xsc_params params = {
		.sq_entries = 4, .cq_entries = 8, .idle_given = true, .idle_us = IDLE_US};

	if (thread->over)
		return false;
	if (thread->later > 0) {
		thread->later--;
		return false;
	}
	thread->later = LATER;
	if (make_ring(&thread->ring, &params, &thread->place))
		return false;
	thread->up = true;
	if (has_key)
		pthread_setspecific(at_exit, thread);
	return true;
}

bool xp_ring_shared(struct xsc_ring *ret_ring, const struct xsc_params *params)
{
	int place;

	return xp_ring_usable() && !make_ring(ret_ring, params, &place);
}

unsigned int xp_ring_generation(void)
{
	if (forked())
		after_fork();
	return generation;
}

/* libxsc's open(): the ring's descriptor goes where it is in nobody's way. */
int xp_open_device(const char *path, int flags, mode_t mode) __asm__("__wrap_open");
int xp_open_device(const char *path, int flags, mode_t mode)
{
	int low = (int)xp_plain_syscall(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0);
	struct rlimit limit;
	int high = -1;

	if (low < 0)
		return -1;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur > LOWEST_FD) {
		rlim_t floor = limit.rlim_cur - MAX_RINGS;

		if (floor < LOWEST_FD || limit.rlim_cur < LOWEST_FD + MAX_RINGS)
			floor = LOWEST_FD;
		/* A table as large as a limit of a million allows is memory for nothing. */
		if (floor > 1024 - MAX_RINGS)
			floor = 1024 - MAX_RINGS;
		high = fcntl(low, F_DUPFD_CLOEXEC, (int)floor);
	}
	xp_plain_close(low);
	if (high < 0)
		errno = EMFILE;
	return high;
}

bool xp_ring_usable(void)
{
	if (forked())
		after_fork();
	return !self.busy && !self.vforked && !ended && !self.over;
}

bool xp_ring_has(enum xsc_opcode opcode)
{
	return self.up && self.ring.ops & 1ull << opcode;
}

bool xp_ring_owns(int fd)
{
	if (fd < LOWEST_FD || !__atomic_load_n(&ring_count, __ATOMIC_RELAXED))
		return false;
	if (forked())
		after_fork();
	for (int i = 0; i < MAX_RINGS; i++)
		if (__atomic_load_n(&ring_fds[i], __ATOMIC_RELAXED) == fd)
			return true;
	return false;
}

void xp_ring_drop(void)
{
	if (!self.busy && !self.vforked && !forked())
		drop(&self);
}

void xp_ring_leave(void)
{
	if (self.up && xp_ring_usable() && !in_handler_perhaps())
		drop(&self);
}

void xp_ring_end(void)
{
	if (self.vforked)
		return; /* it is the parent's */
	ended = true;
	xp_ring_drop();
}

void xp_vfork_begin(void)
{
	self.vforked = 1;
}

void xp_vfork_end(void)
{
	self.vforked = 0;
}

/*
 * An OPEN may sleep for ever (a FIFO). When a handler without SA_RESTART may have
 * run, open(2) would end: the ring is shut down, which ends the sleep.
 */
static int wait_open(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	for (;;) {
		int err;

		if (xsc_poll_cq(ring) && xsc_peek_cqe(ring, ret_cqe))
			return 1;
		err = xsc_wait(ring, 1, NULL);
		if (err == -EINTR && xp_has_interrupting_handler()) {
			xsc_shutdown(ring);
			return xsc_peek_cqe(ring, ret_cqe) ? 1 : -EINTR;
		}
		if (err && err != -EINTR)
			return xsc_peek_cqe(ring, ret_cqe) ? 1 : err;
	}
}

bool xp_ring_call(const struct xsc_sqe *sqe, long *ret_res)
{
	struct thread *thread = &self;
	struct xsc_sqe *slot;
	struct xsc_cqe cqe;
	int saved = errno, err;

	if (!thread->up && !set_up(thread))
		return false;
	if (!xp_ring_has(sqe->opcode))
		return false;
	thread->busy = 1;
	slot = xsc_get_sqe(&thread->ring);
	*slot = *sqe;
	err = xsc_submit(&thread->ring);
	if (err >= 0)
		err = sqe->opcode == XSC_OP_OPEN ? wait_open(&thread->ring, &cqe)
						 : xsc_wait_cqe(&thread->ring, &cqe);
	thread->busy = 0;
	errno = saved;
	if (err < 0) {
		/* Served no more (seccomp, a closed descriptor): what was not done, will not be. */
		drop(thread);
		if (err == -EACCES || err == -EPERM)
			ended = true;
		if (err != -EINTR)
			return false;
		*ret_res = -EINTR;
		return true;
	}
	*ret_res = cqe.res;
	return true;
}

long xp_result(long res)
{
	if (res >= 0)
		return res;
	errno = (int)-res;
	return -1;
}
