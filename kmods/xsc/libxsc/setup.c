/* SPDX-License-Identifier: Apache-2.0 */
/* A ring's life: the descriptor, the mapping, the thread that is lent. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xsc.h"

/* It needs a frame or two of user space: all it does is to call ioctl. */
#define STACK_SIZE (64 * 1024)

int xsc_serve_loop(int fd)
{
	struct xsc_serve serve = {.size = sizeof(serve)};

	for (;;) {
		if (ioctl(fd, XSC_IOC_SERVE, &serve) < 0 && errno != EINTR)
			return -errno;
	}
}

static void *serve_thread(void *arg)
{
	xsc_serve_loop((int)(intptr_t)arg);
	return NULL;
}

/*
 * The thread has all signals blocked: a SIGPIPE or SIGXFSZ of an operation stays
 * with it, and no handler of the program runs on its small stack. What glibc
 * needs for setuid in all threads cannot be blocked and gets through.
 */
static int lend_thread(struct xsc_ring *ring)
{
	sigset_t all, before;
	pthread_attr_t attr;
	size_t stack = STACK_SIZE;
	int err;

	if (stack < (size_t)PTHREAD_STACK_MIN)
		stack = (size_t)PTHREAD_STACK_MIN;
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	err = pthread_attr_setstacksize(&attr, stack);
	if (!err) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		err = pthread_create(
			&ring->thread, &attr, serve_thread, (void *)(intptr_t)ring->fd);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	if (err)
		return -err;
	pthread_setname_np(ring->thread, "xsc-serve");
	ring->has_thread = true;
	return 0;
}

/* With one CPU for both, the thread's polling only keeps the submitter waiting. */
static bool one_cpu_only(void)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1;
}

int xsc_setup(struct xsc_ring *ret_ring, const struct xsc_params *params)
{
	static const struct xsc_params defaults;
	struct xsc_setup setup = {.size = sizeof(setup)};
	struct xsc_ring ring = {.owner = getpid(), .fd = -1, .map = MAP_FAILED};
	int err;

	if (!params)
		params = &defaults;
	setup.sq_entries = params->sq_entries ? params->sq_entries : XSC_DEFAULT_SQ_ENTRIES;
	setup.cq_entries = params->cq_entries ? params->cq_entries : setup.sq_entries * 2;
	if (!params->cq_entries && setup.cq_entries > XSC_MAX_ENTRIES)
		setup.cq_entries = XSC_MAX_ENTRIES;
	setup.first = params->first;
	ring.one_cpu = one_cpu_only();
	if (params->idle_given || ring.one_cpu) {
		setup.flags |= XSC_SETUP_IDLE;
		setup.idle_us = params->idle_us;
	}

	ring.fd = open(XSC_DEVICE, O_RDWR | O_CLOEXEC);
	if (ring.fd < 0)
		return -errno;
	if (ioctl(ring.fd, XSC_IOC_SETUP, &setup) < 0)
		goto fail;

	ring.map_size = setup.mmap_size;
	ring.map = mmap(NULL, ring.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	if (ring.map == MAP_FAILED)
		goto fail;

#define AT(offset) ((void *)((char *)ring.map + (offset)))
	ring.sq_head = AT(setup.off.sq_head);
	ring.sq_tail = AT(setup.off.sq_tail);
	ring.sq_flags = AT(setup.off.sq_flags);
	ring.sqes = AT(setup.off.sqes);
	ring.cq_head = AT(setup.off.cq_head);
	ring.cq_tail = AT(setup.off.cq_tail);
	ring.cqes = AT(setup.off.cqes);
#undef AT
	ring.sq_entries = setup.sq_entries;
	ring.cq_entries = setup.cq_entries;
	ring.features = setup.features;
	ring.ops = setup.ops;
	ring.prepared = ring.submitted = ring.taken = setup.first;
	ring.reaped = ring.completed = setup.first;

	if (!params->no_thread) {
		err = lend_thread(&ring);
		if (err) {
			errno = -err;
			goto fail;
		}
	}
	*ret_ring = ring;
	return 0;

fail:
	err = -errno;
	xsc_teardown(&ring);
	return err;
}

int xsc_shutdown(struct xsc_ring *ring)
{
	return ioctl(ring->fd, XSC_IOC_SHUTDOWN, 0) < 0 ? -errno : 0;
}

/*
 * Before close(), as the number could be another file's by the time the thread
 * makes its next call.
 */
void xsc_teardown(struct xsc_ring *ring)
{
	if (!ring || ring->fd < 0)
		return;
	/* In a child there is no thread, and at the mapping's place may be another. */
	if (ring->owner == getpid()) {
		if (ring->has_thread) {
			xsc_shutdown(ring);
			pthread_join(ring->thread, NULL);
		}
		if (ring->map != MAP_FAILED)
			munmap(ring->map, ring->map_size);
	}
	ring->has_thread = false;
	ring->map = MAP_FAILED;
	close(ring->fd);
	ring->fd = -1;
}
