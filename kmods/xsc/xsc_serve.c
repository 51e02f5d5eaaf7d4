// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lent thread: a thread of the ring's owner, inside XSC_IOC_SERVE.
 *
 * The leader polls while there is work and for idle_us after, then sleeps as the
 * others do. A thread leaves the kernel, to be sent back at once by user space's
 * loop, whenever something waits to be done on the way to user mode. That way
 * needs no copy of what the kernel does there (signals, task work, the freezer,
 * live patching, memory.high).
 */
#include <linux/cpumask.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "xsc_arm.h"
#include "xsc_carry.h"
#include "xsc_files.h"
#include "xsc_lead.h"
#include "xsc_serve.h"

/* Polls without a pause, then with, between two looks at clock, signals and scheduler. */
#define HASTY_POLLS	64
#define POLLS		16
/* For how long others may want the CPU that is polled on: a kernel thread does now and then. */
#define CROWDED_NS	(30 * NSEC_PER_USEC)

/* Return: 1 if there may be more to do, 0 if not for this thread, or why to leave. */
static int serve_lap(struct xsc_server *srv)
{
	int ret = xsc_carry_out_lap(srv);

	xsc_files_unpin(srv);
	xsc_cq_publish(srv);
	return ret;
}

static int give_up_polling(struct xsc_server *srv, int ret)
{
	xsc_lead_work(srv);
	return ret;
}

/*
 * Poll until there is work (1), idle_us is over, others want this CPU for longer
 * than a kernel thread does now and then, or one that waits leads (0), or it is time to
 * leave. To sleep costs
 * who submits a wake-up; to poll on costs the others more, who may be who submits.
 * Who says how long to poll, has it so.
 */
static int poll_for_work(struct xsc_server *srv)
{
	u64 now, until = 0, crowded = 0;
	int i, ret;

	/* Whoever should bring work cannot run while this CPU, the only one, polls. */
	if (num_online_cpus() == 1)
		return xsc_sq_look(srv->ring);

	/* What comes soon is not missed for a pause. */
	for (i = 0; i < HASTY_POLLS; i++)
		if (xsc_sq_look(srv->ring))
			return 1;
	while (xsc_lead_poll(srv)) {
		for (i = 0; i < POLLS; i++) {
			if (xsc_sq_look(srv->ring))
				return xsc_lead_work(srv);
			cpu_relax();
		}
		ret = xsc_must_leave(srv);
		if (ret)
			return give_up_polling(srv, ret);
		cond_resched();
		now = ktime_get_ns();
		if (!until)
			until = now + srv->ring->idle_us * (u64)NSEC_PER_USEC;
		else if (now >= until)
			break;
		if (single_task_running())
			crowded = 0;
		else if (!crowded)
			crowded = now;
		else if (now - crowded >= CROWDED_NS && srv->ring->gives_way)
			break;
	}
	return give_up_polling(srv, 0);
}

/*
 * Sleep until a leader is wanted (0) or it is time to leave. The last to lie down
 * is the first to be woken: its stack and its CPU are warm.
 */
static int sleep_for_work(struct xsc_server *srv)
{
	struct wait_queue_head *wq = &srv->ring->sq_wait;
	unsigned long irq;
	DEFINE_WAIT(wait);
	int ret;

	wait.flags = WQ_FLAG_EXCLUSIVE;
	atomic_inc(&srv->ring->lent_asleep);
	for (;;) {
		spin_lock_irqsave(&wq->lock, irq);
		if (list_empty(&wait.entry))
			__add_wait_queue(wq, &wait);
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock_irqrestore(&wq->lock, irq);

		if (xsc_lead_held(srv))
			xsc_lead_doze(srv);
		ret = xsc_must_leave(srv);
		if (ret || xsc_lead_wanted(srv->ring))
			break;
		schedule();
	}
	finish_wait(wq, &wait);
	atomic_dec(&srv->ring->lent_asleep);
	return ret;
}

/* Is there nobody who could lead when this leader sleeps? Asked once in a while. */
static bool needs_another(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;

	if (!(srv->may & XSC_SERVE_MAY_LEND) || READ_ONCE(ring->lend_asked))
		return false;
	/* Without a barrier: the answer decides on a thread more or less, no more. */
	if (atomic_read(&ring->lent_asleep))
		return false;
	mutex_lock(&ring->lock);
	WRITE_ONCE(ring->lend_asked, true);
	mutex_unlock(&ring->lock);
	return true;
}

static int serve(struct xsc_server *srv)
{
	int ret;

	ret = xsc_carry_out_parked(srv);
	xsc_files_unpin(srv);
	if (ret)
		return ret;

	for (;;) {
		if (!xsc_lead_held(srv)) {
			ret = xsc_must_leave(srv);
			if (ret)
				return ret;
			if (!xsc_lead_try(srv)) {
				ret = sleep_for_work(srv);
				if (ret)
					return ret;
				continue;
			}
			if (needs_another(srv))
				return XSC_SERVE_LEND;
		}

		ret = serve_lap(srv);
		if (ret < 0)
			return ret;
		if (srv->stage == XSC_STAGE_CALLED)
			return XSC_SERVE_CALL;

		/*
		 * Memory throttling and the like are asked for by this flag. It
		 * also stands after each switch away from a thread that has
		 * restartable sequences: hence not before the work is done.
		 */
		if (test_thread_flag(TIF_NOTIFY_RESUME))
			return -EINTR;

		if (ret)
			cond_resched();
		else if (xsc_lead_held(srv))
			ret = poll_for_work(srv);
		else
			continue;
		if (!ret)
			ret = sleep_for_work(srv);
		if (ret < 0)
			return ret;
	}
}

void xsc_serve_free(struct xsc_server *srv)
{
	if (srv->closer)
		put_task_struct(srv->closer);
	if (srv->armed)
		xsc_armed_free(srv->armed);
	kfree(srv->path);
	kfree(srv->chain);
	kfree(srv);
}

/*
 * May the current thread complete what another one has done? That one may not have
 * been in user mode yet, and not have released the file. If it has ended, it has.
 */
static bool may_complete(const struct xsc_server *srv)
{
	/* What it did before is seen behind this. */
	return !srv->closer || smp_load_acquire(&srv->closer->exit_state);
}

/*
 * What another thread, or this one, has left behind: the one whose result is
 * brought, else this one's own, else the oldest that anybody can go on with.
 */
static struct xsc_server *take_parked(struct xsc_ring *ring,
				      const struct xsc_serve *arg)
{
	bool result = arg->flags & XSC_SERVE_RESULT;
	struct xsc_server *srv, *found = NULL;

	lockdep_assert_held(&ring->lock);

	list_for_each_entry(srv, &ring->parked, link) {
		bool called = srv->stage == XSC_STAGE_CALLED;

		if (called != result || (result && srv->token != arg->token))
			continue;
		if (srv->closer == current) {
			found = srv;
			break;
		}
		if (!found && may_complete(srv))
			found = srv;
	}
	if (found)
		list_del(&found->link);
	return found;
}

/* Register the current thread. A new struct is made before the lock is taken. */
static int come_in(struct xsc_ring *ring, const struct xsc_serve *arg,
		   struct xsc_server **ret_srv)
{
	struct xsc_server *fresh = NULL, *srv;

	if (!(arg->flags & XSC_SERVE_RESULT)) {
		/* Without this thread perhaps nobody would say that nobody serves. */
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		fresh->ring = ring;
	}
	mutex_lock(&ring->lock);
	if (arg->flags & XSC_SERVE_ARRIVED)
		WRITE_ONCE(ring->lend_asked, false);
	if (ring->shut) {
		mutex_unlock(&ring->lock);
		kfree(fresh);
		return -ESHUTDOWN;
	}
	srv = take_parked(ring, arg);
	if (!srv)
		swap(srv, fresh);
	if (srv) {
		srv->task = current;
		srv->may = arg->flags;
		srv->path_ops = 0;
		list_add(&srv->link, &ring->servers);
	}
	mutex_unlock(&ring->lock);
	kfree(fresh);
	if (!srv)
		return -EINVAL;
	if (srv->closer) {
		put_task_struct(srv->closer);
		srv->closer = NULL;
	}
	if (arg->flags & XSC_SERVE_RESULT) {
		srv->res = arg->res;
		srv->stage = XSC_STAGE_DONE;
	}
	*ret_srv = srv;
	return 0;
}

static enum xsc_leave how_to_leave(const struct xsc_server *srv, int ret)
{
	/* Nobody has to lead meanwhile, but could, should it sleep after all. */
	if (ret == XSC_SERVE_CALL)
		return srv->soon ? XSC_LEAVE_FOR_LONG : XSC_LEAVE_TO_CALL;
	if (ret == XSC_SERVE_LEND || (ret == -EINTR && !signal_pending(current)))
		return XSC_LEAVE_AND_RETURN;
	return XSC_LEAVE_FOR_LONG;
}

/**
 * xsc_serve_run - serve a ring with the current thread
 * @ring: the ring; the caller is its owner, and its file is referenced
 * @arg: checked by the caller; @arg->token and @arg->sqe are filled for
 *	XSC_SERVE_CALL
 *
 * Return: -EINTR to be called again, XSC_SERVE_*, or why the service is over.
 * Never 0.
 */
int xsc_serve_run(struct xsc_ring *ring, struct xsc_serve *arg)
{
	struct xsc_server *srv;
	bool keep;
	int ret;

	ret = come_in(ring, arg, &srv);
	if (ret)
		return ret;

	WRITE_ONCE(ring->error, 0);
	xsc_lead_enter(srv);
	ret = serve(srv);
	xsc_lead_leave(srv, how_to_leave(srv, ret));

	/* Those who wait for completions must not wait for nobody. */
	if (ret < 0 && ret != -EINTR)
		WRITE_ONCE(ring->error, ret);
	keep = srv->next < srv->nr_ops;

	/* From here on xsc_serve_interrupt() does not know this thread. */
	mutex_lock(&ring->lock);
	list_del(&srv->link);
	srv->task = NULL;
	if (ret == XSC_SERVE_CALL) {
		srv->token = ++ring->next_token;
		arg->token = srv->token;
		arg->sqe = srv->ops[srv->next];
	}
	if (keep) {
		if (srv->stage == XSC_STAGE_DONE)
			srv->closer = get_task_struct(current);
		list_add_tail(&srv->link, &ring->parked);
	}
	mutex_unlock(&ring->lock);

	if (!keep)
		xsc_serve_free(srv);
	if (ret < 0 && ret != -EINTR)
		wake_up_all(&ring->cq_wait);
	return ret;
}

/**
 * xsc_serve_not_called - user space was not told of XSC_SERVE_CALL
 * @ring: the ring
 * @token: that of the call
 *
 * The operation begins anew with the next thread that comes.
 */
void xsc_serve_not_called(struct xsc_ring *ring, u64 token)
{
	struct xsc_server *srv;

	mutex_lock(&ring->lock);
	list_for_each_entry(srv, &ring->parked, link)
		if (srv->stage == XSC_STAGE_CALLED && srv->token == token)
			srv->stage = XSC_STAGE_TODO;
	mutex_unlock(&ring->lock);
}

/**
 * xsc_serve_interrupt - get the lent threads out of whatever they sleep in
 * @ring: the ring; @ring->shut is set
 *
 * This is set_notify_signal(), which modules cannot call: the flag makes
 * signal_pending() true without a signal, and the way to user mode clears it.
 * kick_process() is not needed: the threads are inside the kernel.
 */
void xsc_serve_interrupt(struct xsc_ring *ring)
{
	struct xsc_server *srv;

	lockdep_assert_held(&ring->lock);

	list_for_each_entry(srv, &ring->servers, link) {
		struct wait_queue_entry entry = { .private = srv->task };

		set_tsk_thread_flag(srv->task, TIF_NOTIFY_SIGNAL);
		default_wake_function(&entry, TASK_INTERRUPTIBLE, 0, NULL);
	}
}
