// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping: NANOSLEEP, CLOCK_NANOSLEEP. CPU clocks, alarms, dynamic clocks, TAI and
 * time namespaces, which nothing exported knows, are left to user space.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "xsc_consume.h"

static int read_time(u64 addr, ktime_t *ret_time)
{
	struct timespec64 ts;

	if (get_timespec64(&ts, u64_to_user_ptr(addr)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	*ret_time = timespec64_to_ktime(ts);
	return 0;
}

static int sleep_until(ktime_t until, clockid_t clock)
{
	u64 slack = rt_task(current) ? 0 : current->timer_slack_ns;

	for (;;) {
		if (signal_pending(current))
			return -ERESTARTNOHAND;
		set_current_state(TASK_INTERRUPTIBLE);
		if (!schedule_hrtimeout_range_clock(&until, slack,
						    HRTIMER_MODE_ABS, clock))
			return 0;
	}
}

/* A signal does not make it sleep longer: the end is kept. */
static int sleep_for(struct xsc_server *srv, ktime_t time, clockid_t clock)
{
	ktime_t now = clock == CLOCK_BOOTTIME ? ktime_get_boottime() :
						ktime_get();

	if (!srv->until_set) {
		srv->until_set = true;
		srv->until = ktime_add_safe(now, time);
	}
	return sleep_until(srv->until, clock);
}

static int do_nanosleep(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	ktime_t time;
	int ret = read_time(sqe->addr, &time);

	return ret ? ret : sleep_for(srv, time, CLOCK_MONOTONIC);
}

/* Do the clocks of this process differ from those of the machine? */
static bool clocks_shifted(void)
{
#ifdef CONFIG_TIME_NS
	const struct timens_offsets *offsets =
		&current->nsproxy->time_ns->offsets;

	return offsets->monotonic.tv_sec || offsets->monotonic.tv_nsec ||
	       offsets->boottime.tv_sec || offsets->boottime.tv_nsec;
#else
	return false;
#endif
}

static int do_clock_nanosleep(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	bool absolute = sqe->op_flags & TIMER_ABSTIME;
	clockid_t clock = sqe->fd;
	ktime_t time;
	int ret;

	if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_REALTIME)
		return XSC_IN_USER_SPACE;
	if (absolute && clock != CLOCK_REALTIME && clocks_shifted())
		return XSC_IN_USER_SPACE;
	ret = read_time(sqe->addr, &time);
	if (ret)
		return ret;
	if (absolute)
		return sleep_until(time, clock);
	/* Setting the clock does not change how long a second is. */
	return sleep_for(srv, time, clock == CLOCK_REALTIME ? CLOCK_MONOTONIC :
							      clock);
}

const struct xsc_op xsc_timer_ops[XSC_OP_COUNT] = {
	[XSC_OP_NANOSLEEP]	 = { do_nanosleep, XSC_USES_ADDR },
	[XSC_OP_CLOCK_NANOSLEEP] = { do_clock_nanosleep,
				     XSC_USES_FD | XSC_USES_ADDR |
				     XSC_USES_OP_FLAGS },
};
