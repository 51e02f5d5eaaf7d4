// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that wait in the ring, for a file to become ready, without a thread.
 *
 * A receive or an accept that finds nothing would put its lent thread to sleep: two
 * switches between threads for each, and a kernel stack. Such an operation is armed
 * instead: kept, with an entry of its own in the wait queue of the socket. What wakes
 * the queue fires it, and whoever leads begins it anew. It then makes the call that
 * it would have made: should that find nothing after all, because another one was
 * faster, it is armed again or, past that, sleeps as any operation does. So this only
 * ever decides on when to begin, never on what is done.
 *
 * Sockets of TCP and UDP only. They cannot hold the ring's own file in turn, which
 * this reference on them would keep for ever; one wait queue tells all of them; and
 * "ready" means that the call does not sleep.
 *
 *   state     in ring->armed   wait entry queued   touched by
 *   --------  ---------------  ------------------  ---------------------------------
 *   ARMING    no               yes, or fired       the thread that arms
 *   ARMED     yes              yes                 who fires; xsc_arm_shut()
 *   FIRED     until taken      no                  in ring->fired or ->due: who
 *                                                  leads; xsc_arm_shut(). Not there,
 *                                                  if it fired while it was armed: as
 *                                                  ARMING
 */
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "xsc_arm.h"
#include "xsc_consume.h"

#define EVENTS	(EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLERR | EPOLLHUP)

enum { ARMING, ARMED, FIRED };

/**
 * struct xsc_armed - an operation, and what it waits for
 * @state: ARMING, ARMED or FIRED
 * @ring: the ring
 * @link: in ring->armed; protected by ring->arm_lock
 * @node: in ring->fired, then in ring->due
 * @file: referenced; NULL after xsc_arm_shut(), or if none was looked up yet
 * @heavy: not for a thread that waits
 * @sqe: the operation
 * @pt: for the file's ->poll
 * @head: the wait queue that @wait is or was in, or NULL
 * @wait: the entry; protected by the lock of @head
 */
struct xsc_armed {
	int state;
	struct xsc_ring *ring;
	struct list_head link;
	struct llist_node node;
	struct file *file;
	bool heavy;
	struct xsc_sqe sqe;
	poll_table pt;
	struct wait_queue_head *head;
	struct wait_queue_entry wait;
};

void xsc_arm_init(struct xsc_ring *ring)
{
	spin_lock_init(&ring->arm_lock);
	INIT_LIST_HEAD(&ring->armed);
	init_llist_head(&ring->fired);
}

/*
 * Would the call sleep, for as long as there is nothing? One for data on a socket that
 * listens, or for connections on one that does not, fails at once.
 */
static bool can_wait(struct file *file, enum xsc_awaited what)
{
	struct socket *sock = sock_from_file(file);
	const struct sock *sk = sock ? sock->sk : NULL;

	if (!sk || (sk->sk_family != AF_INET && sk->sk_family != AF_INET6) ||
	    (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_UDP))
		return false;
	if ((READ_ONCE(sk->sk_state) == TCP_LISTEN) !=
	    (what == XSC_AWAITS_CONNECTION))
		return false;
	return !(file->f_flags & O_NONBLOCK) &&
	       READ_ONCE(sk->sk_rcvtimeo) == MAX_SCHEDULE_TIMEOUT;
}

/* Called with the lock of the wait queue held, interrupts off: thus under RCU. */
static int fire(struct wait_queue_entry *wait, unsigned int mode, int sync,
		void *key)
{
	struct xsc_armed *armed = container_of(wait, struct xsc_armed, wait);
	struct xsc_ring *ring = armed->ring;

	if (key && !(key_to_poll(key) & EVENTS))
		return 0;
	list_del_init(&wait->entry);
	if (xchg(&armed->state, FIRED) != ARMED)
		return 0;
	/* Then it is the leader's, and perhaps no memory any more. */
	llist_add(&armed->node, &ring->fired);
	/* M: llist_add() is a full barrier; pairs with J and K */
	if (READ_ONCE(ring->lead) <= XSC_LEAD_ASLEEP &&
	    wq_has_sleeper(&ring->sq_wait))
		wake_up_interruptible(&ring->sq_wait);
	return 0;
}

/* From the file's ->poll: TCP and UDP have one wait queue, and call this once. */
static void queue(struct file *file, struct wait_queue_head *head, poll_table *pt)
{
	struct xsc_armed *armed = container_of(pt, struct xsc_armed, pt);

	if (WARN_ON_ONCE(armed->head))
		return;
	armed->head = head;
	init_waitqueue_func_entry(&armed->wait, fire);
	add_wait_queue(head, &armed->wait);
}

/* Behind this it is not fired any more, though it may have been. */
static void unqueue(struct xsc_armed *armed)
{
	unsigned long irq;

	if (!armed->head)
		return;
	spin_lock_irqsave(&armed->head->lock, irq);
	list_del_init(&armed->wait.entry);
	spin_unlock_irqrestore(&armed->head->lock, irq);
}

static struct xsc_armed *armed_new(struct xsc_server *srv, struct file *file)
{
	struct xsc_armed *armed = kmalloc(sizeof(*armed), GFP_KERNEL_ACCOUNT);

	if (!armed)
		return NULL;
	armed->ring = srv->ring;
	armed->file = file ? get_file(file) : NULL;
	armed->heavy = false;
	armed->sqe = srv->one;
	return armed;
}

void xsc_armed_free(struct xsc_armed *armed)
{
	if (armed->file)
		fput(armed->file);
	kfree(armed);
}

/* Its file, whatever the descriptor means by now. */
struct file *xsc_armed_file(const struct xsc_armed *armed)
{
	return armed->file;
}

/**
 * xsc_arm - wait for a file to have something to read, without a thread
 * @srv: the thread; the operation is the one at hand
 * @file: its file
 * @what: what it would take from that
 *
 * Only an operation alone: the members of a chain stay with their thread.
 *
 * Return: XSC_ARM_DONE, or the operation should be carried out.
 */
enum xsc_arming xsc_arm(struct xsc_server *srv, struct file *file,
			enum xsc_awaited what)
{
	struct xsc_ring *ring = srv->ring;
	struct xsc_armed *armed = srv->armed;
	bool done;

	if (srv->nr_ops != 1 || !can_wait(file, what))
		return XSC_ARM_NOT;
	if (vfs_poll(file, NULL) & EVENTS)
		return XSC_ARM_READY;
	if (!armed)
		armed = armed_new(srv, file);
	if (!armed)
		return XSC_ARM_NOT;
	srv->armed = armed;
	if (!armed->file)
		armed->file = get_file(file);

	armed->state = ARMING;
	armed->heavy = false;
	armed->head = NULL;
	init_poll_funcptr(&armed->pt, queue);
	armed->pt._key = EVENTS;
	done = !(vfs_poll(file, &armed->pt) & EVENTS) && armed->head;

	/* From the exchange on others may fire it; they take it with the lock held. */
	spin_lock(&ring->arm_lock);
	done = done && !READ_ONCE(ring->shut) &&
	       cmpxchg(&armed->state, ARMING, ARMED) == ARMING;
	if (done)
		list_add_tail(&armed->link, &ring->armed);
	spin_unlock(&ring->arm_lock);
	if (done) {
		srv->armed = NULL;
		return XSC_ARM_DONE;
	}
	unqueue(armed);
	return XSC_ARM_READY;
}

/**
 * xsc_arm_take - begin an operation anew that has fired
 * @srv: the leader, with nothing at hand; xsc_arm_fired() is true
 *
 * Those that fired at one event were queued last to first, and so was ring->fired:
 * they are begun in the order in which they were armed.
 *
 * Return: whether there was one for this thread: it is at hand.
 */
bool xsc_arm_take(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	struct xsc_armed *armed;

	spin_lock(&ring->arm_lock);
	/* xsc_arm_free() finds them in ring->armed. */
	if (READ_ONCE(ring->shut)) {
		spin_unlock(&ring->arm_lock);
		return false;
	}
	if (!ring->due)
		WRITE_ONCE(ring->due, llist_del_all(&ring->fired));
	armed = llist_entry(ring->due, struct xsc_armed, node);
	if (srv->light &&
	    (armed->heavy ||
	     !xsc_consume_op_that(armed->sqe.opcode, XSC_IS_LIGHT))) {
		spin_unlock(&ring->arm_lock);
		return false;
	}
	WRITE_ONCE(ring->due, armed->node.next);
	list_del(&armed->link);
	spin_unlock(&ring->arm_lock);

	srv->armed = armed;
	srv->one = armed->sqe;
	srv->ops = &srv->one;
	srv->nr_ops = 1;
	srv->next = 0;
	return true;
}

/**
 * xsc_arm_pass_on - leave the operation at hand to whoever leads next, and is lent
 * @srv: the thread, which waits
 *
 * As if it had waited for something, and that had fired.
 *
 * Return: whether there is memory for that.
 */
bool xsc_arm_pass_on(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	struct xsc_armed *armed = srv->armed;

	if (!armed)
		armed = armed_new(srv, NULL);
	if (!armed)
		return false;
	srv->armed = NULL;
	armed->state = FIRED;
	armed->heavy = true;
	armed->head = NULL;

	spin_lock(&ring->arm_lock);
	if (READ_ONCE(ring->shut) && armed->file) {
		fput(armed->file);
		armed->file = NULL;
	}
	list_add_tail(&armed->link, &ring->armed);
	spin_unlock(&ring->arm_lock);
	llist_add(&armed->node, &ring->fired);
	return true;
}

/**
 * xsc_arm_shut - let all go that wait
 * @ring: the ring; @ring->shut is set, so none comes and none is taken any more
 */
void xsc_arm_shut(struct xsc_ring *ring)
{
	struct xsc_armed *armed;

	spin_lock(&ring->arm_lock);
	list_for_each_entry(armed, &ring->armed, link) {
		if (!armed->file)
			continue;
		unqueue(armed);
		fput(armed->file);
		armed->file = NULL;
	}
	spin_unlock(&ring->arm_lock);
}

/**
 * xsc_arm_free - the end of it
 * @ring: the ring, which nobody uses any more
 */
void xsc_arm_free(struct xsc_ring *ring)
{
	struct xsc_armed *armed, *after;

	WRITE_ONCE(ring->shut, true);
	xsc_arm_shut(ring);
	list_for_each_entry_safe(armed, after, &ring->armed, link)
		xsc_armed_free(armed);
}
