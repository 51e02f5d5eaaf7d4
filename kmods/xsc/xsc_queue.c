// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's ends of both queues: the consumer of the SQ, the producers of the
 * CQ.
 *
 * Everything in ring->shared can be changed by user space at any time. What user
 * space writes is loaded once, then checked; what the kernel writes there is
 * kept in struct xsc_ring and never loaded back.
 */
#include <linux/poll.h>
#include <linux/slab.h>

#include "xsc_arm.h"
#include "xsc_consume.h"
#include "xsc_server.h"

/**
 * xsc_sq_look - is there something to begin?
 * @ring: the ring; anyone who serves may ask
 *
 * For who does not lead the answer may be old at once, never a lasting "no" that
 * is wrong.
 *
 * Return: whether xsc_arm_take() has one, or xsc_sq_take() would say anything but 0.
 */
int xsc_sq_look(struct xsc_ring *ring)
{
	/* It has its place in the CQ. */
	return unlikely(xsc_arm_fired(ring)) || xsc_sq_queued(ring);
}

/* The same without what has fired: would xsc_sq_take() say anything but 0? */
bool xsc_sq_queued(struct xsc_ring *ring)
{
	u32 head = READ_ONCE(ring->sq_head);
	u32 wanted, used;

	/* C, pairs with B */
	if (smp_load_acquire(&ring->shared->sq_tail) == head)
		return 0;
	if (READ_ONCE(ring->draining) && READ_ONCE(ring->cq_tail) != head)
		return 0;
	wanted = READ_ONCE(ring->room_wanted);
	if (head - READ_ONCE(ring->cq_head_seen) + wanted <= ring->cq_entries)
		return 1;
	/* H, pairs with G */
	used = head - smp_load_acquire(&ring->shared->cq_head);
	return used + wanted <= ring->cq_entries || used > ring->cq_entries;
}

/* Places that are free in the CQ for operations not begun, or -EOVERFLOW. */
static int cq_room(struct xsc_ring *ring, u32 wanted)
{
	u32 used = ring->sq_head - ring->cq_head_seen;

	if (used + wanted > ring->cq_entries) {
		/* H, pairs with G */
		u32 head = smp_load_acquire(&ring->shared->cq_head);

		used = ring->sq_head - head;
		/* More reaped than completed, or more begun than there is room. */
		if (used > ring->cq_entries ||
		    READ_ONCE(ring->cq_tail) - head > used)
			return -EOVERFLOW;
		ring->cq_head_seen = head;
	}
	return ring->cq_entries - used;
}

/* Entries that are queued, as far as was seen, or -EOVERFLOW. */
static int sq_queued(struct xsc_ring *ring)
{
	u32 head = ring->sq_head;

	if (ring->sq_tail_seen == head) {
		/* C, pairs with B */
		u32 tail = smp_load_acquire(&ring->shared->sq_tail);

		if (tail - head > ring->sq_entries)
			return -EOVERFLOW;
		ring->sq_tail_seen = tail;
	}
	return ring->sq_tail_seen - head;
}

/**
 * xsc_sq_ready - how many entries at the head may begin now, if each goes by itself?
 * @ring: the ring; xsc_sq_is_plain()
 *
 * The leader's. They are queued, and have their places in the CQ.
 *
 * Return: the number, 0 if there is none, or -EOVERFLOW if a counter of user space's
 * cannot be true.
 */
int xsc_sq_ready(struct xsc_ring *ring)
{
	int queued, room;

	queued = sq_queued(ring);
	if (queued <= 0)
		return queued;
	room = cq_room(ring, 1);
	return min(queued, room);
}

/* Copy an entry, each word once. */
static void copy_entry(struct xsc_ring *ring, u32 at, struct xsc_sqe *sqe)
{
	const u64 *from = (const u64 *)&ring->sqes[at & (ring->sq_entries - 1)];
	u64 *to = (u64 *)sqe;
	int i;

	BUILD_BUG_ON(sizeof(struct xsc_sqe) != 64);
	BUILD_BUG_ON(sizeof(struct xsc_cqe) != 16);

	for (i = 0; i < sizeof(*sqe) / sizeof(*to); i++)
		to[i] = READ_ONCE(from[i]);
}

/*
 * The head is in srv->one, and says LINK: copy what is linked behind it. A chain
 * ends with the first without LINK, or with what is queued.
 */
static int copy_chain(struct xsc_server *srv, u32 queued)
{
	struct xsc_ring *ring = srv->ring;
	u32 most = min3(queued, ring->cq_entries, (u32)XSC_MAX_LINK);
	u32 nr = 1;

	if (!srv->chain)
		srv->chain = kmalloc_array(XSC_MAX_LINK, sizeof(*srv->chain),
					   GFP_KERNEL_ACCOUNT);
	if (!srv->chain)
		return -ENOMEM;

	srv->chain[0] = srv->one;
	while (srv->chain[nr - 1].flags & XSC_SQE_LINK && nr < most) {
		copy_entry(ring, ring->sq_head + nr, &srv->chain[nr]);
		nr++;
	}
	srv->ops = srv->chain;
	srv->nr_ops = nr;
	/* It goes on beyond what can be carried out as one. */
	if (srv->chain[nr - 1].flags & XSC_SQE_LINK && nr < queued)
		srv->chain[0].flags |= XSC_SQE_TOO_LONG;
	return 0;
}

/*
 * There is no memory for the chain whose head is in srv->one: it completes with
 * ENOMEM, what is linked behind it with ECANCELED, and the thread goes on. As
 * xsc_sq_take(), but for 1: nothing is at hand.
 */
static noinline int fail_chain(struct xsc_server *srv, u32 queued)
{
	struct xsc_ring *ring = srv->ring;
	u32 most = min3(queued, ring->cq_entries, (u32)XSC_MAX_LINK);
	u64 user_data[XSC_MAX_LINK];
	u32 i, nr = 0;
	int room;

	do {
		copy_entry(ring, ring->sq_head + nr, &srv->one);
		user_data[nr++] = srv->one.user_data;
	} while (srv->one.flags & XSC_SQE_LINK && nr < most);

	room = cq_room(ring, nr);
	if (room < (int)nr) {
		WRITE_ONCE(ring->room_wanted, nr);
		return min(room, 0);
	}
	WRITE_ONCE(ring->room_wanted, 1);
	WRITE_ONCE(ring->draining, false);
	/* Before the completions: no more can have ended than have begun. */
	smp_store_release(&ring->sq_head, ring->sq_head + nr);
	for (i = 0; i < nr; i++)
		xsc_cq_post(srv, user_data[i], i ? -ECANCELED : -ENOMEM);
	return 0;
}

/* The entry in srv->one says DRAIN or LINK. As xsc_sq_take(). */
static noinline int take_ordered(struct xsc_server *srv, int room)
{
	struct xsc_ring *ring = srv->ring;
	u32 queued = ring->sq_tail_seen - ring->sq_head;

	if (srv->one.flags & XSC_SQE_DRAIN) {
		xsc_cq_publish(srv);
		if (READ_ONCE(ring->cq_tail) != ring->sq_head) {
			WRITE_ONCE(ring->draining, true);
			return 0;
		}
	}
	if (srv->one.flags & XSC_SQE_LINK) {
		if (copy_chain(srv, queued))
			return fail_chain(srv, queued);
		if (srv->nr_ops > room)
			room = cq_room(ring, srv->nr_ops);
		if (room < (int)srv->nr_ops) {
			WRITE_ONCE(ring->room_wanted, srv->nr_ops);
			return min(room, 0);
		}
	}
	WRITE_ONCE(ring->room_wanted, 1);
	WRITE_ONCE(ring->draining, srv->one.flags & XSC_SQE_DRAIN);
	return 1;
}

/**
 * xsc_sq_take - take the entry at the head, and those linked behind it
 * @srv: the leader, with nothing at hand; gets kernel copies
 *
 * Return: 1, 0 if there is nothing that may begin now, -EOVERFLOW if a counter of
 * user space's cannot be true.
 */
int xsc_sq_take(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	u32 head = ring->sq_head;
	int room, ret;

	srv->nr_ops = 0;
	srv->next = 0;
	ret = sq_queued(ring);
	if (ret <= 0)
		return ret;
	if (unlikely(ring->draining)) {
		xsc_cq_publish(srv);
		if (READ_ONCE(ring->cq_tail) != head)
			return 0;
	}
	room = cq_room(ring, 1);
	if (room <= 0)
		return room;

	copy_entry(ring, head, &srv->one);
	srv->ops = &srv->one;
	srv->nr_ops = 1;
	if (unlikely(srv->one.flags & (XSC_SQE_DRAIN | XSC_SQE_LINK))) {
		ret = take_ordered(srv, room);
		if (ret <= 0) {
			srv->nr_ops = 0;
			return ret;
		}
	} else if (unlikely(ring->draining || ring->room_wanted != 1)) {
		WRITE_ONCE(ring->room_wanted, 1);
		WRITE_ONCE(ring->draining, false);
	}
	/*
	 * Behind the reads of the entries: who publishes this may be on another
	 * CPU. Pairs with the load in publish().
	 */
	smp_store_release(&ring->sq_head, head + srv->nr_ops);
	return 1;
}

/**
 * xsc_sq_set_flags - tell user space whether somebody has to be woken
 * @ring: the ring; the caller leads it
 * @flags: XSC_SQ_NEED_WAKEUP or 0
 */
void xsc_sq_set_flags(struct xsc_ring *ring, u32 flags)
{
	WRITE_ONCE(ring->shared->sq_flags, flags);
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
	u32 tail, head = read_pair(&ring->sq_told, &ring->shared->sq_tail, &tail);

	return tail - head >= ring->sq_entries;
}

static void write_cqe(struct xsc_ring *ring, u32 at, u64 user_data, s32 res)
{
	struct xsc_cqe *cqe = &ring->cqes[at & (ring->cq_entries - 1)];

	WRITE_ONCE(cqe->user_data, user_data);
	WRITE_ONCE(cqe->res, res);
	WRITE_ONCE(cqe->flags, 0);
}

/* What is in @batch, and all that was taken, becomes visible. Any context. */
static noinline void publish(struct xsc_ring *ring, const struct xsc_batch *batch)
{
	unsigned long irq;
	u32 i, tail;

	spin_lock_irqsave(&ring->cq_lock, irq);
	tail = ring->cq_tail;
	for (i = 0; i < batch->nr; i++)
		write_cqe(ring, tail++, batch->done[i].user_data,
			  batch->done[i].res);

	/* Pairs with the release in xsc_sq_take(): D is behind those reads, too. */
	ring->sq_told = smp_load_acquire(&ring->sq_head);
	/* D, pairs with A */
	smp_store_release(&ring->shared->sq_head, ring->sq_told);
	/* The kernel's own first: it says what user space could know by now. */
	WRITE_ONCE(ring->cq_tail, tail);
	/* E, pairs with F */
	smp_store_release(&ring->shared->cq_tail, tail);
	spin_unlock_irqrestore(&ring->cq_lock, irq);

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
 * xsc_cq_publish - show user space what the leader has taken and completed
 * @srv: the leader, or who led
 *
 * Once for many operations: the line that it writes is the one that user space
 * polls, and it goes back and forth between their CPUs each time.
 */
void xsc_cq_publish(struct xsc_server *srv)
{
	if (!srv->batch.nr && srv->ring->sq_told == srv->ring->sq_head)
		return;
	publish(srv->ring, &srv->batch);
	srv->batch.nr = 0;
}

/**
 * xsc_cq_publish_left - the same for the batches of those who were put to sleep
 * @ring: the ring; any context
 */
void xsc_cq_publish_left(struct xsc_ring *ring)
{
	struct llist_node *first = llist_del_all(&ring->left);
	struct xsc_batch *batch, *next;

	llist_for_each_entry_safe(batch, next, first, node) {
		publish(ring, batch);
		batch->nr = 0;
		/* The thread's again, and then perhaps no memory any more. */
		smp_store_release(&batch->left, false);
	}
}

/**
 * xsc_cq_post - complete an operation
 * @srv: the thread that took it from the SQ
 * @user_data: of the SQE
 * @res: the result
 *
 * User space sees it when the leader publishes: see xsc_cq_publish(). Others than
 * the leader do it at once.
 */
void xsc_cq_post(struct xsc_server *srv, u64 user_data, s32 res)
{
	struct xsc_cqe *cqe = &srv->batch.done[srv->batch.nr++];

	cqe->user_data = user_data;
	cqe->res = res;
	if (unlikely(srv->batch.nr == XSC_BATCH || !xsc_lead_held(srv)))
		xsc_cq_publish(srv);
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

/**
 * xsc_cq_settle - what the kernel's own counter said can be seen by user space
 * @ring: the ring; for those who answer user space by that counter
 *
 * publish() counts first, then shows, both under the lock.
 */
void xsc_cq_settle(struct xsc_ring *ring)
{
	unsigned long irq;

	spin_lock_irqsave(&ring->cq_lock, irq);
	spin_unlock_irqrestore(&ring->cq_lock, irq);
}
