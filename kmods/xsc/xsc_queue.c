// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's ends of both queues: the consumer of the SQ, the producer of the
 * CQ, and those who wait for completions.
 *
 * Everything in ring->shared can be changed by user space at any time. What user
 * space writes is loaded once, then checked; what the kernel writes there is
 * kept in struct xsc_ring and never loaded back.
 */
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "xsc_ring.h"

/**
 * xsc_sq_ready - can an entry be consumed?
 * @ring: the ring; the caller is its serving thread
 *
 * Return: 1 if there is one and a place for its completion, 0 if not,
 * -EOVERFLOW if a counter of user space's cannot be true.
 */
int xsc_sq_ready(struct xsc_ring *ring)
{
	/* C, pairs with B */
	u32 queued = smp_load_acquire(&ring->shared->sq_tail) - ring->sq_head;

	if (!queued)
		return 0;
	if (queued > ring->sq_entries)
		return -EOVERFLOW;

	if (ring->cq_tail - ring->cq_head_seen == ring->cq_entries) {
		/* H, pairs with G */
		u32 head = smp_load_acquire(&ring->shared->cq_head);
		u32 used = ring->cq_tail - head;

		if (used > ring->cq_entries)
			return -EOVERFLOW;
		ring->cq_head_seen = head;
		if (used == ring->cq_entries)
			return 0;
	}
	return 1;
}

/**
 * xsc_sq_copy - copy the entry at the head, each word once
 * @ring: the ring; the caller is its serving thread
 * @sqe: where to
 */
void xsc_sq_copy(struct xsc_ring *ring, struct xsc_sqe *sqe)
{
	const u64 *from = (const u64 *)&ring->sqes[ring->sq_head &
						   (ring->sq_entries - 1)];
	u64 *to = (u64 *)sqe;
	int i;

	BUILD_BUG_ON(sizeof(struct xsc_sqe) != 64);
	BUILD_BUG_ON(sizeof(struct xsc_cqe) != 16);

	for (i = 0; i < sizeof(*sqe) / sizeof(*to); i++)
		to[i] = READ_ONCE(from[i]);
}

/**
 * xsc_sq_set_flags - tell user space whether the serving thread sleeps
 * @ring: the ring; the caller is its serving thread
 * @flags: XSC_SQ_NEED_WAKEUP or 0
 */
void xsc_sq_set_flags(struct xsc_ring *ring, u32 flags)
{
	WRITE_ONCE(ring->shared->sq_flags, flags);
	if (flags)
		smp_mb(); /* J, pairs with I: the caller looks at the queues next */
}

/*
 * For those who are not the serving thread: a counter of the kernel's and one of
 * user space's, as they were at one moment. Read one after the other, an honest
 * pair could look impossible, or full when it is not.
 */
static u32 read_pair(const u32 *kernels, const u32 *users, u32 *ret_users)
{
	u32 before, after = READ_ONCE(*kernels);

	do {
		before = after;
		smp_rmb(); /* in this order, as for a seqcount */
		*ret_users = READ_ONCE(*users);
		smp_rmb(); /* in this order, as for a seqcount */
		after = READ_ONCE(*kernels);
	} while (before != after);
	return after;
}

/* For poll(2): the answer may be old at once, but then a wake-up follows. */
bool xsc_sq_full(struct xsc_ring *ring)
{
	u32 tail, head = read_pair(&ring->sq_head, &ring->shared->sq_tail, &tail);

	return tail - head >= ring->sq_entries;
}

/**
 * xsc_cq_post - complete the entry at the head of the SQ
 * @ring: the ring; the caller is its serving thread, and xsc_sq_ready() said 1
 * @user_data: of the SQE
 * @res: the result
 */
void xsc_cq_post(struct xsc_ring *ring, u64 user_data, s32 res)
{
	struct xsc_cqe *cqe = &ring->cqes[ring->cq_tail &
					  (ring->cq_entries - 1)];

	WRITE_ONCE(cqe->user_data, user_data);
	WRITE_ONCE(cqe->res, res);
	WRITE_ONCE(cqe->flags, 0);

	/* The kernel's own first: they say what user space could know by now. */
	WRITE_ONCE(ring->sq_head, ring->sq_head + 1);
	WRITE_ONCE(ring->cq_tail, ring->cq_tail + 1);
	/* D, pairs with A */
	smp_store_release(&ring->shared->sq_head, ring->sq_head);
	/* E, pairs with F */
	smp_store_release(&ring->shared->cq_tail, ring->cq_tail);

	/*
	 * wq_has_sleeper() begins with a full barrier; it pairs with that of
	 * set_current_state() in xsc_cq_wait() and with that in xsc_poll().
	 */
	if (wq_has_sleeper(&ring->cq_wait))
		wake_up_interruptible_poll(&ring->cq_wait,
					   EPOLLIN | EPOLLRDNORM |
					   EPOLLOUT | EPOLLWRNORM);
}

/**
 * xsc_cq_unreaped - how many completions does user space not have yet?
 * @ring: the ring, set up
 * @ret_head: the cq_head that the answer is based on, or NULL
 *
 * Return: the number, or -EOVERFLOW if cq_head cannot be true.
 */
int xsc_cq_unreaped(struct xsc_ring *ring, u32 *ret_head)
{
	u32 head, used;

	used = read_pair(&ring->cq_tail, &ring->shared->cq_head, &head) - head;
	if (used > ring->cq_entries)
		return -EOVERFLOW;
	if (ret_head)
		*ret_head = head;
	return used;
}

struct cq_waiter {
	struct wait_queue_entry entry;
	struct xsc_ring *ring;
	u32 target;
};

static int cq_reached(struct xsc_ring *ring, u32 target)
{
	if ((s32)(READ_ONCE(ring->cq_tail) - target) >= 0)
		return 1;
	if (READ_ONCE(ring->shut))
		return -ESHUTDOWN;
	return READ_ONCE(ring->error);
}

/* A thread that waits for sixteen completions is woken once, not sixteen times. */
static int cq_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
		   void *key)
{
	struct cq_waiter *waiter = container_of(entry, struct cq_waiter, entry);

	if (!cq_reached(waiter->ring, waiter->target))
		return 0;
	return default_wake_function(entry, mode, sync, key);
}

/**
 * xsc_cq_wait - sleep until completions are there
 * @ring: the ring, set up
 * @min_complete: how many unreaped ones, 1 to cq_entries
 * @timeout_ns: absolute, CLOCK_MONOTONIC, or NULL
 *
 * Return: 0, -EINTR, -ETIME, or why there will be none: -EACCES, -EOVERFLOW,
 * -ESHUTDOWN.
 */
int xsc_cq_wait(struct xsc_ring *ring, u32 min_complete, const u64 *timeout_ns)
{
	ktime_t until = timeout_ns ? ns_to_ktime(*timeout_ns) : KTIME_MAX;
	struct cq_waiter waiter = { .ring = ring };
	int ret;

	ret = xsc_cq_unreaped(ring, &waiter.target);
	if (ret < 0)
		return ret;
	waiter.target += min_complete;
	init_waitqueue_func_entry(&waiter.entry, cq_wake);
	waiter.entry.private = current;

	add_wait_queue(&ring->cq_wait, &waiter.entry);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		ret = cq_reached(ring, waiter.target);
		if (ret)
			break;
		ret = -EINTR;
		if (signal_pending(current))
			break;
		ret = -ETIME;
		if (!schedule_hrtimeout(timeout_ns ? &until : NULL,
					HRTIMER_MODE_ABS))
			break;
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&ring->cq_wait, &waiter.entry);
	/* What came while time ran out has come. */
	if (ret == -ETIME && cq_reached(ring, waiter.target) > 0)
		ret = 1;
	return ret < 0 ? ret : 0;
}
