// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carrying out what was taken from the SQ.
 */
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "xsc_arm.h"
#include "xsc_carry.h"
#include "xsc_consume.h"

/* Operations between two looks at signals and at the scheduler. */
#define LAP_OPS		64
/* What has been done is published before a transfer of more bytes than this. */
#define PUBLISH_BYTES	SZ_16K

/*
 * A sleep that a signal broke. To its caller a system call would seem to go on
 * after the signal was handled; so does an operation: it is kept and begins anew.
 * Such results say that nothing was transferred yet.
 */
static bool broken_by_signal(int res)
{
	switch (res) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return true;
	default:
		return false;
	}
}

/* Complete the operation at hand; if it broke its chain, those behind it too. */
static void finish(struct xsc_server *srv, int res)
{
	const struct xsc_sqe *sqe = &srv->ops[srv->next++];
	bool broken = sqe->flags & XSC_SQE_LINK &&
		      xsc_consume_short(srv, sqe, res);

	srv->stage = XSC_STAGE_TODO;
	srv->until_set = false;
	xsc_cq_post(srv, sqe->user_data, res);
	while (unlikely(broken) && srv->next < srv->nr_ops)
		xsc_cq_post(srv, srv->ops[srv->next++].user_data, -ECANCELED);
}

/*
 * An operation that sleeps leaves the batch to an interrupt (xsc_lead.c). Where
 * none would come, everything is published before it may sleep.
 */
static bool publish_before(const struct xsc_sqe *sqe)
{
	return !IS_ENABLED(CONFIG_PREEMPT_NOTIFIERS) ||
	       sqe->len > PUBLISH_BYTES;
}

/* Get the batch back: who published it may still be at it, on another CPU. */
static void take_batch_back(struct xsc_server *srv)
{
	xsc_cq_publish_left(srv->ring);
	while (smp_load_acquire(&srv->batch.left)) /* pairs with the release there */
		cpu_relax();
}

/* The operation at hand does not wait any more. */
static void disarm(struct xsc_server *srv)
{
	xsc_armed_free(srv->armed);
	srv->armed = NULL;
}

/*
 * Carry out what was taken; the caller has asked xsc_must_leave() for the first of it.
 *
 * Return: 0, or why to leave, with the operation at hand still there.
 */
static int carry_out(struct xsc_server *srv)
{
	int ret, res;

	for (;;) {
		if (publish_before(&srv->ops[srv->next]))
			xsc_cq_publish(srv);
		WRITE_ONCE(srv->working, true);
		res = xsc_consume(srv, &srv->ops[srv->next]);
		WRITE_ONCE(srv->working, false);
		/* Pairs with the release there: behind a "no" the batch is whole. */
		if (unlikely(smp_load_acquire(&srv->batch.left)))
			take_batch_back(srv);

		if (unlikely(res < 0)) {
			if (res == XSC_ARMED) {
				srv->next++;
				return 0;
			}
			if (broken_by_signal(res)) {
				if (signal_pending(current))
					return -EINTR;
				res = -EINTR;
			}
		}
		if (unlikely(srv->armed))
			disarm(srv);
		if (unlikely(res == XSC_IN_USER_SPACE ||
			     res == XSC_IN_USER_SPACE_SOON)) {
			if (srv->may & XSC_SERVE_MAY_CALL) {
				srv->soon = res == XSC_IN_USER_SPACE_SOON;
				srv->stage = XSC_STAGE_CALLED;
				return XSC_SERVE_CALL;
			}
			res = -EOPNOTSUPP;
		}

		/*
		 * The last reference of a file is dropped on the way to user
		 * mode. Who sees the completion of a CLOSE may count on it, as
		 * after close(2). What does not sleep is not held up for it:
		 * another thread would complete what comes behind first.
		 */
		if (unlikely(srv->ops[srv->next].opcode == XSC_OP_CLOSE) &&
		    task_work_pending(current)) {
			srv->res = res;
			srv->stage = XSC_STAGE_DONE;
			return -EINTR;
		}
		finish(srv, res);
		if (likely(srv->next == srv->nr_ops))
			return 0;
		ret = xsc_must_leave(srv);
		if (ret)
			return ret;
	}
}

/**
 * xsc_carry_out_parked - what an earlier stay in the kernel left behind, if anything
 * @srv: the current thread
 *
 * Return: 0, or why to leave.
 */
int xsc_carry_out_parked(struct xsc_server *srv)
{
	int ret;

	if (srv->stage == XSC_STAGE_DONE)
		finish(srv, srv->res);
	if (srv->next == srv->nr_ops)
		return 0;
	ret = xsc_must_leave(srv);
	return ret ? ret : carry_out(srv);
}

/**
 * xsc_carry_out_lap - take and carry out until it is time to look around
 * @srv: the leader, with nothing at hand
 *
 * Return: 1 if there may be more to do, 0 if not for this thread, or why to leave;
 * 0 with something at hand is for user space.
 */
int xsc_carry_out_lap(struct xsc_server *srv)
{
	int done, ret;

	for (done = 0; done < LAP_OPS; done++) {
		ret = xsc_must_leave(srv);
		if (ret)
			return ret;
		if (unlikely(xsc_arm_fired(srv->ring)) && xsc_arm_take(srv))
			ret = 1;
		else
			ret = xsc_sq_take(srv);
		if (ret <= 0)
			return ret;
		ret = carry_out(srv);
		if (ret)
			return ret < 0 ? ret : 0;
		if (!xsc_lead_held(srv))
			return 0;
	}
	return 1;
}
