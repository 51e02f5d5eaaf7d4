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

static int wait_with(
	struct xsc_ring *ring, uint32_t flags, uint32_t min, const uint64_t *timeout_ns)
{
	struct xsc_wait wait = {.size = sizeof(wait), .flags = flags, .min_complete = min};

	if (timeout_ns) {
		wait.flags |= XSC_WAIT_TIMEOUT;
		wait.timeout_ns = *timeout_ns;
	}
	return ioctl(ring->fd, XSC_IOC_WAIT, &wait) < 0 ? -errno : 0;
}

int xsc_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns)
{
	return wait_with(ring, 0, min, timeout_ns);
}

int xsc_submit_and_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns)
{
	if (!(ring->features & XSC_FEAT_WAIT_LEADS)) {
		int err = xsc_submit(ring);

		return err < 0 ? err : xsc_wait(ring, min, timeout_ns);
	}
	/* Without a look at sq_flags: the call itself sees to what is submitted. */
	ring->submitted = ring->prepared;
	xsc_store_release(ring->sq_tail, ring->submitted); /* B, pairs with C */
	return wait_with(ring, XSC_WAIT_LEAD, min, timeout_ns);
}
