// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which of the lent threads consumes the SQ, and how the lead passes on when one
 * sleeps in an operation. "Several threads" in include/uapi/linux/xsc.h is the
 * picture.
 *
 * That a thread sleeps is learnt from the scheduler, by a preempt notifier, the
 * hook that KVM has on its own threads. So no operation has to be tried without
 * blocking first, and none that does not sleep costs anything.
 */
#include <linux/irq_work.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/wait.h>

#include "xsc_files.h"
#include "xsc_lead.h"

#ifdef CONFIG_PREEMPT_NOTIFIERS
/* Has the current thread been preempted only, not put to sleep? */
static bool preempted(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return task_is_runnable(current);
#else
	return current->on_rq;
#endif
}

/*
 * K, pairs with L. With the run queue locked and interrupts off nobody can be
 * woken here, and cq_lock not be taken: that is left to an interrupt that comes as
 * soon as they are on. The batch is left to it too, and does not wait for a thread
 * that is only preempted either.
 */
static void sched_out(struct preempt_notifier *notifier,
		      struct task_struct *next)
{
	struct xsc_server *srv = container_of(notifier, struct xsc_server,
					      notifier);
	unsigned long me = (unsigned long)srv;

	bool sleeps = !preempted();

	if (!srv->working)
		return;
	if (sleeps && xsc_files_sleep(srv))
		irq_work_queue(&srv->ring->handover);
	if (READ_ONCE(srv->ring->lead) != me)
		return;
	if ((sleeps || srv->batch.nr) && !srv->batch.left) {
		srv->batch.left = true;
		llist_add(&srv->batch.node, &srv->ring->left);
	}
	if (sleeps)
		cmpxchg(&srv->ring->lead, me, XSC_LEAD_NOBODY);
	irq_work_queue(&srv->ring->handover);
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
}

static struct preempt_ops notifier_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

static void listen_to_scheduler(struct xsc_server *srv)
{
	preempt_notifier_init(&srv->notifier, &notifier_ops);
	preempt_disable();
	preempt_notifier_register(&srv->notifier);
	preempt_enable();
}

static void listen_no_more(struct xsc_server *srv)
{
	preempt_disable();
	preempt_notifier_unregister(&srv->notifier);
	preempt_enable();
}

u64 xsc_lead_features(void)
{
	return XSC_FEAT_HANDOVER;
}

void xsc_lead_load(void)
{
	preempt_notifier_inc();
}

void xsc_lead_unload(void)
{
	preempt_notifier_dec();
}
#else
static void listen_to_scheduler(struct xsc_server *srv)
{
}

static void listen_no_more(struct xsc_server *srv)
{
}

u64 xsc_lead_features(void)
{
	return 0;
}

void xsc_lead_load(void)
{
}

void xsc_lead_unload(void)
{
}
#endif

static void hand_over(struct irq_work *work)
{
	struct xsc_ring *ring = container_of(work, struct xsc_ring, handover);

	xsc_cq_publish_left(ring);
	xsc_files_reap(ring);
	if (READ_ONCE(ring->lead) != XSC_LEAD_NOBODY)
		return;
	/* Begins with a full barrier; pairs with that of whoever lies down. */
	if (wq_has_sleeper(&ring->sq_wait))
		wake_up_interruptible(&ring->sq_wait);
}

void xsc_lead_init(struct xsc_ring *ring)
{
	init_irq_work(&ring->handover, hand_over);
}

/**
 * xsc_lead_enter - the current thread comes in
 * @srv: the thread
 */
void xsc_lead_enter(struct xsc_server *srv)
{
	listen_to_scheduler(srv);
}

/**
 * xsc_lead_try - lead, if nobody does
 * @srv: the current thread
 *
 * Return: whether it leads now.
 */
bool xsc_lead_try(struct xsc_server *srv)
{
	unsigned long old = READ_ONCE(srv->ring->lead);

	/* L, pairs with K */
	if (old > XSC_LEAD_ASLEEP ||
	    cmpxchg(&srv->ring->lead, old, (unsigned long)srv) != old)
		return false;
	if (old == XSC_LEAD_ASLEEP)
		xsc_sq_set_flags(srv->ring, 0);
	return true;
}

/**
 * xsc_lead_take - lead, if nobody does or who does has nothing to do
 * @srv: the current thread, which waits for completions
 *
 * Return: whether it leads now.
 */
bool xsc_lead_take(struct xsc_server *srv)
{
	unsigned long old = READ_ONCE(srv->ring->lead);

	if (old > XSC_LEAD_AWAY && !(old & XSC_LEAD_POLLS))
		return false;
	/* L, pairs with K; and with what the one that polls did before */
	if (cmpxchg(&srv->ring->lead, old, (unsigned long)srv) != old)
		return false;
	if (old == XSC_LEAD_ASLEEP || old == XSC_LEAD_AWAY)
		xsc_sq_set_flags(srv->ring, 0);
	return true;
}

/**
 * xsc_lead_poll - lead without work: a thread that waits may lead instead
 * @srv: the leader, or who was until now
 *
 * Return: whether it still leads. xsc_lead_held() says no to it.
 */
bool xsc_lead_poll(struct xsc_server *srv)
{
	unsigned long me = (unsigned long)srv, old = READ_ONCE(srv->ring->lead);

	if (old == me)
		old = cmpxchg(&srv->ring->lead, me, me | XSC_LEAD_POLLS);
	return (old & ~XSC_LEAD_POLLS) == me;
}

/**
 * xsc_lead_work - go back to work
 * @srv: the leader, or who was until now
 *
 * Return: whether it leads.
 */
bool xsc_lead_work(struct xsc_server *srv)
{
	unsigned long me = (unsigned long)srv;

	if (READ_ONCE(srv->ring->lead) == me)
		return true;
	/* L, pairs with K */
	return cmpxchg(&srv->ring->lead, me | XSC_LEAD_POLLS, me) ==
	       (me | XSC_LEAD_POLLS);
}

/* What is ready may not wait any more for one that is away. Return: whether it would. */
static bool heed(struct xsc_ring *ring)
{
	return READ_ONCE(ring->lead) == XSC_LEAD_AWAY &&
	       cmpxchg(&ring->lead, XSC_LEAD_AWAY, XSC_LEAD_ASLEEP) ==
		       XSC_LEAD_AWAY;
}

/**
 * xsc_lead_back - the thread that is away waits in another way
 * @ring: the ring, set up
 */
void xsc_lead_back(struct xsc_ring *ring)
{
	if (heed(ring) && xsc_sq_look(ring) && wq_has_sleeper(&ring->sq_wait))
		wake_up_interruptible(&ring->sq_wait);
}

/**
 * xsc_lead_doze - stop leading; who submits has to wake somebody
 * @srv: the leader. It looks at xsc_lead_wanted() next
 *
 * The flag is written while nobody else can: the next leader clears it.
 */
void xsc_lead_doze(struct xsc_server *srv)
{
	xsc_sq_set_flags(srv->ring, XSC_SQ_NEED_WAKEUP);
	/* J, pairs with I: a full barrier, before the queues are looked at */
	xchg(&srv->ring->lead, XSC_LEAD_ASLEEP);
}

/**
 * xsc_lead_wanted - is there something to do for a thread that does not lead?
 * @ring: the ring; a full barrier stands between the last store and this
 */
bool xsc_lead_wanted(struct xsc_ring *ring)
{
	unsigned long lead = READ_ONCE(ring->lead);

	return lead == XSC_LEAD_NOBODY ||
	       (lead == XSC_LEAD_ASLEEP && xsc_sq_look(ring));
}

/* As xsc_lead_doze(), for one that is back before long: see XSC_WAIT_LEAD. */
static void go_away(struct xsc_server *srv)
{
	xsc_sq_set_flags(srv->ring, XSC_SQ_NEED_WAKEUP);
	/* J, pairs with I */
	xchg(&srv->ring->lead, XSC_LEAD_AWAY);
	/* Who submitted before the flag could be seen has woken nobody. */
	if (xsc_sq_queued(srv->ring))
		heed(srv->ring);
}

/**
 * xsc_lead_leave - the current thread leaves the kernel
 * @srv: the thread
 * @how: what for
 *
 * Whoever leaves may have been woken for work that it does not do now.
 */
void xsc_lead_leave(struct xsc_server *srv, enum xsc_leave how)
{
	struct xsc_ring *ring = srv->ring;
	bool led = xsc_lead_held(srv);
	bool wanted;

	listen_no_more(srv);
	if (led && how == XSC_LEAVE_TO_COME_BACK)
		go_away(srv);
	else if (led && how == XSC_LEAVE_FOR_LONG)
		xsc_lead_doze(srv);
	else if (led)
		xchg(&ring->lead, XSC_LEAD_NOBODY);
	else
		smp_mb(); /* completions, then the lead: as if lying down */

	/* For one who is back at once nobody is woken unless there is work. */
	if (led && how == XSC_LEAVE_AND_RETURN)
		wanted = xsc_sq_look(ring);
	else
		wanted = xsc_lead_wanted(ring);
	if (wanted && wq_has_sleeper(&ring->sq_wait))
		wake_up_interruptible(&ring->sq_wait);
}

/**
 * xsc_lead_wake - see to it that somebody leads
 * @ring: the ring, set up
 */
void xsc_lead_wake(struct xsc_ring *ring)
{
	heed(ring);
	smp_mb(); /* the caller's tail, then the lead; pairs with J */
	if (READ_ONCE(ring->lead) <= XSC_LEAD_ASLEEP &&
	    wq_has_sleeper(&ring->sq_wait))
		wake_up_interruptible(&ring->sq_wait);
}
