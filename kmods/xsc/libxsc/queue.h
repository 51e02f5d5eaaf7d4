/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's ends of both queues, as far as they are walked for every operation:
 * inline, as a call costs as much as what these do. The contracts are in xsc.h; the
 * letters are those of the picture in <linux/xsc.h>.
 */
#ifndef XSC_QUEUE_H
#define XSC_QUEUE_H

/* Somebody must be woken: what the inline functions leave to queue.c. */
int xsc_wake(struct xsc_ring *ring);

static inline struct xsc_sqe *xsc_get_sqe(struct xsc_ring *ring)
{
	struct xsc_sqe *sqe;

	if (__builtin_expect(ring->prepared - ring->taken == ring->sq_entries, 0)) {
		ring->taken = xsc_load_acquire(ring->sq_head); /* A, pairs with D */
		if (ring->prepared - ring->taken >= ring->sq_entries)
			return NULL;
	}
	sqe = &ring->sqes[ring->prepared++ & (ring->sq_entries - 1)];
	/* What xsc_prep() does not write: nothing is written twice. */
	sqe->flags = 0;
	sqe->resv = 0;
	sqe->user_data = 0;
	memset(sqe->arg, 0, sizeof(sqe->arg));
	return sqe;
}

static inline int xsc_submit(struct xsc_ring *ring)
{
	uint32_t count = ring->prepared - ring->submitted;

	if (!count)
		return 0;
	ring->submitted = ring->prepared;
	xsc_store_release(ring->sq_tail, ring->submitted); /* B, pairs with C */
	xsc_full_barrier();				   /* I, pairs with J */
	if (__builtin_expect(xsc_load_relaxed(ring->sq_flags) & XSC_SQ_NEED_WAKEUP, 0)) {
		int err = xsc_wake(ring);

		if (err)
			return err;
	}
	return (int)count;
}

static inline int xsc_peek_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
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
	if (__builtin_expect(crowded, 0)) {
		xsc_full_barrier(); /* I, pairs with J */
		if (xsc_load_relaxed(ring->sq_flags) & XSC_SQ_NEED_WAKEUP)
			xsc_wake(ring); /* fails with the ring, which the next wait tells */
	}
	return 1;
}

static inline bool xsc_poll_cq(const struct xsc_ring *ring)
{
	uint64_t start = xsc_ticks();

	do {
		/* Others may reap: as in the library of preload/. */
		uint32_t reaped = xsc_load_relaxed(&ring->reaped);

		if (xsc_load_acquire(ring->cq_tail) != reaped)
			return true;
		xsc_relax();
	} while (!ring->one_cpu && !xsc_long_since(start));
	return false;
}

static inline void xsc_spin_cqe(struct xsc_ring *ring, struct xsc_cqe *ret_cqe)
{
	while (!xsc_peek_cqe(ring, ret_cqe))
		xsc_relax();
}

#endif
