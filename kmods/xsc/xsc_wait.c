// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for completions: asleep, or carrying out meanwhile what ends them.
 */
#include <linux/hrtimer.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>

#include "xsc_carry.h"
#include "xsc_consume.h"
#include "xsc_files.h"
#include "xsc_lead.h"

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

/*
 * A time of the caller's CLOCK_MONOTONIC as the machine has it. What the kernel has
 * for it, timens_ktime_to_host(), is not exported. One from before the machine
 * started is over, one behind the last never comes.
 */
static ktime_t time_to_host(ktime_t time)
{
#ifdef CONFIG_TIME_NS
	s64 offset = timespec64_to_ns(&current->nsproxy->time_ns->offsets.monotonic);

	if (offset > time)
		return 0;
	if (offset < 0 && time > KTIME_MAX + offset)
		return KTIME_MAX;
	return time - offset;
#else
	return time;
#endif
}

/* What was to be asked before each sleep. Return: 1 if they are there, 0, or an error. */
static int over(struct cq_waiter *waiter)
{
	int ret = cq_reached(waiter->ring, waiter->target);

	if (ret)
		return ret;
	return signal_pending(current) ? -EINTR : 0;
}

/* Sleep until they are there: 1, or an error. */
static int sleep_for_them(struct cq_waiter *waiter, ktime_t *until)
{
	int ret;

	add_wait_queue(&waiter->ring->cq_wait, &waiter->entry);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		ret = over(waiter);
		if (ret)
			break;
		ret = -ETIME;
		if (!schedule_hrtimeout(until, HRTIMER_MODE_ABS))
			break;
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&waiter->ring->cq_wait, &waiter->entry);
	return ret;
}

/*
 * The same for a thread that would lead. It lies among the lent threads, too, so what
 * wakes one of them wakes it: the last to lie down is the first to be woken.
 *
 * Return: 0 if it is worth looking again, or as sleep_for_them().
 */
static int sleep_to_lead(struct xsc_server *srv, struct cq_waiter *waiter,
			 ktime_t *until)
{
	struct wait_queue_head *wq = &srv->ring->sq_wait;
	unsigned long irq;
	DEFINE_WAIT(wait);
	int ret;

	wait.flags = WQ_FLAG_EXCLUSIVE;
	/* Only now: what this thread has just published has not to wake it. */
	add_wait_queue(&srv->ring->cq_wait, &waiter->entry);
	spin_lock_irqsave(&wq->lock, irq);
	__add_wait_queue(wq, &wait);
	set_current_state(TASK_INTERRUPTIBLE);
	spin_unlock_irqrestore(&wq->lock, irq);

	if (xsc_lead_held(srv))
		xsc_lead_doze(srv);
	ret = over(waiter);
	if (!ret && !xsc_lead_wanted(srv->ring) &&
	    !schedule_hrtimeout(until, HRTIMER_MODE_ABS))
		ret = -ETIME;
	finish_wait(wq, &wait);
	remove_wait_queue(&srv->ring->cq_wait, &waiter->entry);
	return ret;
}

/* A guess by what stands at the head of the SQ: what is taken is looked at anew. */
static bool could_lead(struct xsc_ring *ring)
{
	u32 head = READ_ONCE(ring->sq_head);
	const struct xsc_sqe *sqe = &ring->sqes[head & (ring->sq_entries - 1)];

	/* C, pairs with B */
	return smp_load_acquire(&ring->shared->sq_tail) == head ||
	       xsc_consume_op_that(READ_ONCE(sqe->opcode), XSC_IS_LIGHT);
}

/*
 * Lead while waiting, for what does not sleep. Once there is anything else the lead is
 * passed on, and this thread only waits: it would have to be woken twice for each that
 * it cannot do.
 *
 * Return: as sleep_for_them().
 */
static int lead_for_them(struct cq_waiter *waiter, ktime_t *until)
{
	struct xsc_server srv = { .ring = waiter->ring, .light = true };
	enum xsc_leave how = XSC_LEAVE_FOR_LONG;
	int ret;

	xsc_lead_enter(&srv);
	for (;;) {
		ret = 0;
		if (xsc_lead_held(&srv) || xsc_lead_take(&srv)) {
			ret = xsc_carry_out_light(&srv);
			xsc_files_unpin(&srv);
			xsc_cq_publish(&srv);
		}
		if (ret > 0) {
			cond_resched();
			continue;
		}
		if (!ret)
			ret = over(waiter);
		if (!ret)
			ret = sleep_to_lead(&srv, waiter, until);
		if (ret)
			break;
	}
	if (ret == 1)
		how = XSC_LEAVE_TO_COME_BACK;
	else if (ret == XSC_NOT_LIGHT)
		how = XSC_LEAVE_TO_CALL;
	xsc_lead_leave(&srv, how);
	return ret == XSC_NOT_LIGHT ? sleep_for_them(waiter, until) : ret;
}

/**
 * xsc_wait - wait until completions are there
 * @ring: the ring, set up
 * @min_complete: how many unreaped ones, 1 to cq_entries
 * @timeout_ns: absolute, CLOCK_MONOTONIC as the caller has it, or NULL
 * @lead: carry out what ends the wait, as far as the caller can
 *
 * Return: 0, -EINTR, -ETIME, or why there will be none: -EACCES, -EOVERFLOW,
 * -ESHUTDOWN.
 */
int xsc_wait(struct xsc_ring *ring, u32 min_complete, const u64 *timeout_ns,
	     bool lead)
{
	ktime_t until = timeout_ns ? time_to_host(*timeout_ns) : KTIME_MAX;
	ktime_t *limit = timeout_ns ? &until : NULL;
	struct cq_waiter waiter = { .ring = ring };
	int ret;

	ret = xsc_cq_unreaped(ring, &waiter.target);
	if (ret < 0)
		return ret;
	waiter.target += min_complete;
	init_waitqueue_func_entry(&waiter.entry, cq_wake);
	waiter.entry.private = current;

	lead = lead && could_lead(ring);
	if (!lead)
		xsc_lead_wake(ring);
	ret = lead ? lead_for_them(&waiter, limit) :
		     sleep_for_them(&waiter, limit);
	/* What came while time ran out has come. */
	if (ret == -ETIME && cq_reached(ring, waiter.target) > 0)
		ret = 1;
	if (ret < 0)
		return ret;
	xsc_cq_settle(ring);
	return 0;
}
