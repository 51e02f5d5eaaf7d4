// SPDX-License-Identifier: GPL-2.0-only
/*
 * The serving thread: a thread of the ring's owner, inside XSC_IOC_SERVE.
 *
 * It polls while there is work and for idle_us after, then sleeps. It leaves the
 * kernel, to be sent back at once by user space's loop, whenever something waits
 * to be done on the way to user mode. That way needs no copy of what the kernel
 * does there (signals, task work, the freezer, live patching, memory.high).
 */
#include <linux/audit.h>
#include <linux/cpumask.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/seccomp.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/thread_info.h>
#include <linux/wait.h>

#include "xsc_consume.h"
#include "xsc_serve.h"

/* Polls between two looks at the clock, at signals and at the scheduler. */
#define POLLS		64
/* Operations between two looks at signals and at the scheduler. */
#define LAP_OPS		64
/*
 * An audited process gets a record per path, kept until its system call ends.
 * XSC_IOC_SERVE could last for days, so it ends after that many.
 */
#define AUDITED_PATHS	64

/**
 * xsc_serve_confined - is the current thread under seccomp?
 *
 * Operations do not pass through a filter. So they are refused to threads that
 * have one, or nobody could be confined where this module is loaded.
 */
bool xsc_serve_confined(void)
{
#ifdef CONFIG_SECCOMP
	return READ_ONCE(current->seccomp.mode) != SECCOMP_MODE_DISABLED;
#else
	return false;
#endif
}

/*
 * Must the thread leave? Asked before each operation. -EINTR means: to come back
 * at once.
 */
static int must_leave(struct xsc_server *srv)
{
	if (READ_ONCE(srv->ring->shut))
		return -ESHUTDOWN;
	if (xsc_serve_confined())
		return -EACCES;
	if (signal_pending(current))
		return -EINTR;
	if (srv->path_ops >= AUDITED_PATHS && !audit_dummy_context())
		return -EINTR;
	return 0;
}

/*
 * A sleep that a signal broke. To its caller a system call would seem to go on
 * after the signal was handled; so does an operation: it stays in the queue and
 * begins anew. Such results say that nothing was transferred yet.
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

/* Carry out the entry at the head of the SQ; xsc_sq_ready() said 1. */
static int serve_one(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	struct xsc_sqe sqe;
	int res;

	xsc_sq_copy(ring, &sqe);
	res = xsc_consume(srv, &sqe);

	if (broken_by_signal(res)) {
		if (signal_pending(current))
			return -EINTR;
		res = -EINTR;
	}

	/*
	 * The last reference of a file is dropped on the way to user mode. Who
	 * sees the completion of a CLOSE may count on it, as after close(2).
	 */
	if (task_work_pending(current)) {
		ring->held.user_data = sqe.user_data;
		ring->held.res = res;
		ring->holding = true;
		return -EINTR;
	}

	xsc_cq_post(ring, sqe.user_data, res);
	return 0;
}

/* Return: how many operations were carried out, or why to leave. */
static int serve_lap(struct xsc_server *srv)
{
	int done, ret;

	for (done = 0; done < LAP_OPS; done++) {
		ret = xsc_sq_ready(srv->ring);
		if (!ret)
			break;
		if (ret > 0)
			ret = must_leave(srv);
		if (!ret)
			ret = serve_one(srv);
		if (ret < 0)
			return ret;
	}
	return done;
}

/* Poll until there is work (1), idle_us is over (0) or it is time to leave. */
static int poll_for_work(struct xsc_server *srv)
{
	u64 until = 0;
	int i, ret;

	/* Whoever should bring work cannot run while this CPU, the only one, polls. */
	if (num_online_cpus() == 1)
		return xsc_sq_ready(srv->ring);

	for (;;) {
		for (i = 0; i < POLLS; i++) {
			ret = xsc_sq_ready(srv->ring);
			if (ret)
				return ret;
			cpu_relax();
		}
		ret = must_leave(srv);
		if (ret)
			return ret;
		cond_resched();
		if (!until)
			until = ktime_get_ns() +
				srv->ring->idle_us * (u64)NSEC_PER_USEC;
		else if (ktime_get_ns() >= until)
			return 0;
	}
}

/* Sleep until there is work (1) or it is time to leave. */
static int sleep_for_work(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	DEFINE_WAIT(wait);
	int ret;

	for (;;) {
		prepare_to_wait(&ring->sq_wait, &wait, TASK_INTERRUPTIBLE);
		xsc_sq_set_flags(ring, XSC_SQ_NEED_WAKEUP);
		ret = xsc_sq_ready(ring);
		if (ret)
			break;
		ret = must_leave(srv);
		if (ret)
			break;
		schedule();
	}
	finish_wait(&ring->sq_wait, &wait);
	xsc_sq_set_flags(ring, 0);
	return ret;
}

static int serve(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	int ret;

	/* Its place was found free before it was carried out; nobody took it. */
	if (ring->holding) {
		ring->holding = false;
		xsc_cq_post(ring, ring->held.user_data, ring->held.res);
	}

	ret = must_leave(srv);
	if (ret)
		return ret;

	for (;;) {
		ret = serve_lap(srv);
		if (ret < 0)
			return ret;

		/*
		 * Memory throttling and the like are asked for by this flag. It
		 * also stands after each switch away from a thread that has
		 * restartable sequences: hence not before the work is done.
		 */
		if (test_thread_flag(TIF_NOTIFY_RESUME))
			return -EINTR;

		if (ret) {
			cond_resched();
			continue;
		}

		ret = poll_for_work(srv);
		if (!ret)
			ret = sleep_for_work(srv);
		if (ret < 0)
			return ret;
	}
}

/**
 * xsc_serve_run - serve a ring with the current thread
 * @ring: the ring; the caller is its owner, and its file is referenced
 *
 * Return: -EINTR to be called again, or why the service is over. Never 0.
 */
int xsc_serve_run(struct xsc_ring *ring)
{
	struct xsc_server srv = { .ring = ring };
	int ret = 0;

	mutex_lock(&ring->lock);
	if (ring->shut)
		ret = -ESHUTDOWN;
	else if (ring->server)
		ret = -EBUSY;
	else
		ring->server = current;
	mutex_unlock(&ring->lock);
	if (ret)
		return ret;

	WRITE_ONCE(ring->error, 0);
	srv.path = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	if (srv.path) {
		ret = serve(&srv);
		kfree(srv.path);
	} else {
		ret = -ENOMEM;
	}
	/* Those who wait for completions must not wait for nobody. */
	if (ret != -EINTR)
		WRITE_ONCE(ring->error, ret);

	/* From here on xsc_serve_interrupt() does not know this thread. */
	mutex_lock(&ring->lock);
	ring->server = NULL;
	mutex_unlock(&ring->lock);

	if (ret != -EINTR)
		wake_up_all(&ring->cq_wait);
	return ret;
}

/**
 * xsc_serve_wake - wake the serving thread if it sleeps
 * @ring: the ring, set up
 */
void xsc_serve_wake(struct xsc_ring *ring)
{
	/* Begins with a full barrier; pairs with that of prepare_to_wait(). */
	if (wq_has_sleeper(&ring->sq_wait))
		wake_up_interruptible(&ring->sq_wait);
}

/**
 * xsc_serve_interrupt - get the serving thread out of whatever it sleeps in
 * @ring: the ring; @ring->shut is set
 *
 * This is set_notify_signal(), which modules cannot call: the flag makes
 * signal_pending() true without a signal, and the way to user mode clears it.
 * kick_process() is not needed: the thread is inside the kernel.
 */
void xsc_serve_interrupt(struct xsc_ring *ring)
{
	struct wait_queue_entry entry = { .private = ring->server };

	lockdep_assert_held(&ring->lock);

	if (!ring->server)
		return;
	set_tsk_thread_flag(ring->server, TIF_NOTIFY_SIGNAL);
	default_wake_function(&entry, TASK_INTERRUPTIBLE, 0, NULL);
}
