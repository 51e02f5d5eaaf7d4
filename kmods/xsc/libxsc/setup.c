/* SPDX-License-Identifier: Apache-2.0 */
/* A ring's life: the descriptor, the mapping, the threads that are lent. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lend.h"
#include "xsc.h"

/* With one CPU for all, a lent thread's polling only keeps the submitter waiting. */
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
	ring.ops_user = setup.ops_user;
	ring.prepared = ring.submitted = ring.taken = setup.first;
	ring.reaped = ring.completed = setup.first;

	if (!params->no_thread) {
		uint32_t most = params->max_threads ? params->max_threads : ring.cq_entries + 1;

		err = xsc_pool_start(ring.fd, most, &ring.pool);
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

int xsc_register_files(struct xsc_ring *ring, const int *fds, uint32_t count)
{
	struct xsc_files files = {
		.size = sizeof(files), .count = count, .addr = (uint64_t)(uintptr_t)fds};

	return ioctl(ring->fd, XSC_IOC_REGISTER_FILES, &files) < 0 ? -errno : 0;
}

int xsc_unregister_files(struct xsc_ring *ring)
{
	return ioctl(ring->fd, XSC_IOC_UNREGISTER_FILES, 0) < 0 ? -errno : 0;
}

/*
 * Threads before close(), as the number could be another file's by the time one of
 * them makes its next call.
 */
void xsc_teardown(struct xsc_ring *ring)
{
	if (!ring || ring->fd < 0)
		return;
	/* In a child there is no thread, and at the mapping's place may be another. */
	if (ring->owner == getpid()) {
		if (ring->pool)
			xsc_shutdown(ring);
		ring->pool = xsc_pool_stop(ring->pool);
		if (ring->map != MAP_FAILED)
			munmap(ring->map, ring->map_size);
	}
	ring->pool = xsc_pool_forget(ring->pool);
	ring->map = MAP_FAILED;
	close(ring->fd);
	ring->fd = -1;
}
