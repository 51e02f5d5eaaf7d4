/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's ends of both queues. The letters are those of the picture in
 * <linux/xsc.h>.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "xsc.h"

/* Looks at the CQ before a waiting thread goes to sleep: tens of microseconds. */
#define POLLS 2000

static int wake(struct xsc_ring *ring)
{
	return ioctl(ring->fd, XSC_IOC_WAKE, 0) < 0 ? -errno : 0;
}

struct xsc_sqe *xsc_get_sqe(struct xsc_ring *ring)
{
	struct xsc_sqe *sqe;

	if (ring->prepared - ring->taken == ring->sq_entries) {
		ring->taken = xsc_load_acquire(ring->sq_head); /* A, pairs with D */
		if (ring->prepared - ring->taken >= ring->sq_entries)
			return NULL;
	}
	sqe = &ring->sqes[ring->prepared++ & (ring->sq_entries - 1)];
	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

int xsc_submit(struct xsc_ring *ring)
{
	uint32_t count = ring->prepared - ring->submitted;

	if (!count)
		return 0;
	ring->submitted = ring->prepared;
	xsc_store_release(ring->sq_tail, ring->submitted); /* B, pairs with C */
	xsc_full_barrier();				   /* I, pairs with J */
	if (xsc_load_relaxed(ring->sq_flags) & XSC_SQ_NEED_WAKEUP) {
		int err = wake(ring);

		if (err)
			return err;
	}
	return (int)count;
}

int xsc_peek_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	bool crowded;

	if (ring->completed == ring->reaped) {
		ring->completed = xsc_load_acquire(ring->cq_tail); /* F, pairs with E */
		if (ring->completed == ring->reaped)
			return 0;
	}
	*ret_cqe = ring->cqes[ring->reaped & (ring->cq_entries - 1)];
	/* An SQE is left that may not have found a place: the thread may sleep. */
	crowded = ring->submitted - ring->reaped > ring->cq_entries;
	xsc_store_release(ring->cq_head, ++ring->reaped); /* G, pairs with H */
	if (crowded) {
		xsc_full_barrier(); /* I, pairs with J */
		if (xsc_load_relaxed(ring->sq_flags) & XSC_SQ_NEED_WAKEUP)
			wake(ring); /* fails with the ring, which the next wait tells */
	}
	return 1;
}

void xsc_spin_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	while (!xsc_peek_cqe(ring, ret_cqe))
		xsc_relax();
}

int xsc_wait_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	for (;;) {
		int err;

		for (int i = 0; i < (ring->one_cpu ? 1 : POLLS); i++) {
			if (xsc_peek_cqe(ring, ret_cqe))
				return 1;
			xsc_relax();
		}
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
