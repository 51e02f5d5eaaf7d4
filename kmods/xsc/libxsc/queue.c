/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's ends of both queues, as far as a system call is made: see queue.h.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "xsc.h"

int xsc_wake(struct xsc_ring *ring)
{
	return ioctl(ring->fd, XSC_IOC_WAKE, 0) < 0 ? -errno : 0;
}

bool xsc_poll_cq(const struct xsc_ring *ring)
{
	uint64_t start = xsc_ticks();

	do {
		/* Others may reap: as in the library of preload/. */
		uint32_t reaped = __atomic_load_n(&ring->reaped, __ATOMIC_RELAXED);

		if (xsc_load_acquire(ring->cq_tail) != reaped)
			return true;
		xsc_relax();
	} while (!ring->one_cpu && !xsc_long_since(start));
	return false;
}

int xsc_wait_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	for (;;) {
		int err;

		if (xsc_poll_cq(ring) && xsc_peek_cqe(ring, ret_cqe))
			return 1;
		err = xsc_wait(ring, 1, NULL);
		if (err && err != -EINTR)
			return err;
	}
}

int xsc_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns)
{
	struct xsc_wait wait = {.size = sizeof(wait), .min_complete = min};

	if (timeout_ns) {
		wait.flags = XSC_WAIT_TIMEOUT;
		wait.timeout_ns = *timeout_ns;
	}
	return ioctl(ring->fd, XSC_IOC_WAIT, &wait) < 0 ? -errno : 0;
}
