// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carrying out what was taken from the SQ.
 */
#include <linux/limits.h>
#include <linux/prefetch.h>
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

/* Run the operation at hand. It may sleep, and be overtaken by others meanwhile. */
static __always_inline int run(struct xsc_server *srv, const struct xsc_op *op)
{
	const struct xsc_sqe *sqe = &srv->ops[srv->next];
	int res;

	if (unlikely(publish_before(sqe)))
		xsc_cq_publish(srv);
	WRITE_ONCE(srv->working, true);
	res = op ? op->run(srv, sqe) : xsc_consume(srv, sqe);
	WRITE_ONCE(srv->working, false);
	/* Pairs with the release there: behind a "no" the batch is whole. */
	if (unlikely(smp_load_acquire(&srv->batch.left)))
		take_batch_back(srv);
	return res;
}

/* The operation at hand is for a lent thread, which begins it anew. */
static int pass_on(struct xsc_server *srv)
{
	if (!xsc_arm_pass_on(srv)) {
		finish(srv, -ENOMEM);
		return 0;
	}
	srv->next++;
	return XSC_NOT_LIGHT;
}

/*
 * What the operation at hand has come to: it is completed, or the ring's again (0), or
 * still at hand, and that is why the thread leaves.
 */
static int settle(struct xsc_server *srv, int res)
{
	if (unlikely(res < 0)) {
		if (res == XSC_ARMED) {
			srv->next++;
			return 0;
		}
		/* Nobody would come back for what this thread left behind. */
		if (srv->light &&
		    (res == XSC_NOT_LIGHT || broken_by_signal(res)))
			return pass_on(srv);
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
	return 0;
}

/*
 * Carry out what was taken; the caller has asked xsc_must_leave() for the first of it.
 *
 * Return: 0, or why to leave, with the operation at hand still there.
 */
static int carry_out(struct xsc_server *srv)
{
	int ret;

	for (;;) {
		ret = settle(srv, run(srv, NULL));
		if (ret || likely(srv->next == srv->nr_ops))
			return ret;
		ret = xsc_must_leave(srv);
		if (ret)
			return ret;
	}
}

/*
 * Copy an entry that goes by itself, each word once, and check the copy. Others, what
 * nobody knows, and operations without @uses are left to xsc_sq_take(), which copies
 * them anew.
 *
 * Return: the operation, or NULL; *ret_bad: is there a field that should be zero?
 */
static __always_inline const struct xsc_op *
copy_alone(struct xsc_sqe *to, const struct xsc_sqe *from, unsigned int uses,
	   bool *ret_bad)
{
	const u64 *words = (const u64 *)from;
	const struct xsc_op *op;
	struct xsc_sqe first;
	u64 word, bad;
	int i;

	word = READ_ONCE(words[0]);
	memcpy(&first, &word, sizeof(word));
	if (unlikely(first.flags & (XSC_SQE_LINK | XSC_SQE_DRAIN)))
		return NULL;
	op = xsc_consume_op_that(first.opcode, uses);
	if (unlikely(!op))
		return NULL;
	((u64 *)to)[0] = word;
	bad = word & op->forbidden[0];
	for (i = 1; i < sizeof(*to) / sizeof(word); i++) {
		word = READ_ONCE(words[i]);
		((u64 *)to)[i] = word;
		bad |= word & op->forbidden[i];
	}
	*ret_bad = bad;
	return op;
}

/*
 * Take and carry out what goes by itself: no chain, no drain, and nothing that is ended
 * in user mode. The caller has asked xsc_must_leave(). It is asked again behind what has
 * moved much, and what has slept ends the burst, so that what happens meanwhile is seen as
 * soon as by a thread that asks before each operation; a NOP takes less time than the
 * question.
 *
 * Return: how many, or 0: xsc_sq_take() has to look, or why to go no further: see
 * xsc_carry_out_lap(), whose 0 is NOT_HERE.
 */
#define NOT_HERE	INT_MAX

static int burst(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	const unsigned int uses = srv->light ? XSC_IS_LIGHT : XSC_IN_BURST;
	const u32 mask = ring->sq_entries - 1;
	u32 head = ring->sq_head;
	int i, ready, ret;

	ready = xsc_sq_ready(ring);
	if (ready <= 0)
		return ready ? ready : NOT_HERE;
	ready = min_t(int, ready, XSC_BATCH - srv->batch.nr);
	srv->ops = &srv->one;
	srv->nr_ops = 1;
	srv->next = 1;
	for (i = 0; i < ready; i++) {
		const struct xsc_op *op;
		bool bad;

		op = copy_alone(&srv->one, &ring->sqes[head & mask], uses,
				&bad);
		if (!op)
			break;
		head++;
		prefetch(&ring->sqes[head & mask]);
		/* As in xsc_sq_take(). */
		smp_store_release(&ring->sq_head, head);
		if (unlikely(bad) || srv->one.opcode == XSC_OP_NOP) {
			struct xsc_cqe *cqe = &srv->batch.done[srv->batch.nr++];

			cqe->user_data = srv->one.user_data;
			cqe->res = bad ? -EINVAL : 0;
			continue;
		}
		srv->next = 0;
		ret = settle(srv, run(srv, op));
		if (unlikely(ret))
			return ret < 0 ? ret : NOT_HERE;
		/* It slept, and there is no burst any more. */
		if (unlikely(!xsc_lead_held(srv)))
			return NOT_HERE;
		if (unlikely(publish_before(&srv->one))) {
			ret = xsc_must_leave(srv);
			if (ret)
				return ret;
		}
	}
	/* Not to be kept back while the next look finds nothing. */
	if (srv->batch.nr == XSC_BATCH ||
	    READ_ONCE(ring->shared->sq_tail) == head)
		xsc_cq_publish(srv);
	return i;
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
	struct xsc_ring *ring = srv->ring;
	int done, ret;

	for (done = 0; done < LAP_OPS; done++) {
		ret = xsc_must_leave(srv);
		if (ret)
			return ret;
		if (unlikely(xsc_arm_fired(ring)) && xsc_arm_take(srv)) {
			ret = 1;
		} else {
			if (likely(xsc_sq_is_plain(ring))) {
				ret = burst(srv);
				if (ret < 0 || ret == NOT_HERE)
					return ret < 0 ? ret : 0;
				done += ret;
				if (ret)
					continue;
			}
			ret = xsc_sq_take(srv);
		}
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

/**
 * xsc_carry_out_light - the same for a thread that waits for completions
 * @srv: the leader, with nothing at hand and ->light
 *
 * It must not be held up in an operation, nor leave one behind, as it may not come back;
 * and no signal of an operation may reach it, which would be the program's own thread.
 *
 * Return: 1 if there may be more to do, 0 if not now, XSC_NOT_LIGHT if a lent thread has
 * to lead, -EOVERFLOW or -ESHUTDOWN.
 */
int xsc_carry_out_light(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	int done, ret;

	for (done = 0; done < LAP_OPS; done++) {
		ret = xsc_must_leave(srv);
		if (ret == -EACCES)
			return XSC_NOT_LIGHT;
		/* A file that was let go is released when the wait is over. */
		if (ret == -EINTR && signal_pending(current))
			return 0;
		if (ret && ret != -EINTR)
			return ret;
		if (xsc_arm_fired(ring)) {
			ret = XSC_NOT_LIGHT;
			if (xsc_arm_take(srv))
				ret = settle(srv, run(srv, NULL));
		} else {
			if (!xsc_sq_is_plain(ring))
				return xsc_sq_queued(ring) ? XSC_NOT_LIGHT : 0;
			ret = burst(srv);
			if (ret == NOT_HERE)
				return 0;
			if (!ret)
				return XSC_NOT_LIGHT;
		}
		if (ret == -EINTR || ret == -EACCES)
			continue;
		if (ret < 0)
			return ret;
		if (!xsc_lead_held(srv))
			return 0;
	}
	return 1;
}
