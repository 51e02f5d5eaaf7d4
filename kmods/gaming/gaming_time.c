// SPDX-License-Identifier: GPL-2.0-only
/*
 * FRAME, NANOSLEEP, GET_TIME, SET_TIMER: waking when the time comes.
 */
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include <linux/gaming_time.h>

#include "gaming_caller_time.h"
#include "gaming_frame_pace.h"
#include "gaming.h"
#include "gaming_compat.h"

#ifdef CONFIG_X86
#include <asm/cpufeature.h>
#include <asm/tsc.h>
#elif defined(CONFIG_ARM64)
#include <clocksource/arm_arch_timer.h>
#include <asm/arch_timer.h>
#endif

struct timer {
	struct hrtimer hrtimer;
	struct eventfd_ctx *eventfd;
	bool expired;
};

struct times {
	unsigned long pacing;		/* bit 0: a thread is in FRAME or PACE */
	struct gaming_frame_pace pace;		/* whoever has the bit */
	struct mutex lock;		/* of the timers */
	struct timer *timers[GAMING_TIMERS];
};

static ktime_t boot_offset(void)
{
#ifdef CONFIG_TIME_NS
	return timespec64_to_ktime(current->nsproxy->time_ns->offsets.boottime);
#else
	return 0;
#endif
}

/*
 * Bounded by @end, which is as far away at most as the timer was set early, and behind
 * if it was that late. Others that want this CPU get it.
 */
static int spin_until(ktime_t end)
{
	while (ktime_before(ktime_get(), end)) {
		if (signal_pending(current))
			return -EINTR;
		if (need_resched())
			cond_resched();
		cpu_relax();
	}
	return 0;
}

static int sleep_until(ktime_t wake)
{
	while (ktime_before(ktime_get(), wake)) {
		if (signal_pending(current))
			return -EINTR;
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		schedule_hrtimeout_range(&wake, 0, HRTIMER_MODE_ABS);
	}
	return 0;
}

static u64 ns_behind(ktime_t then)
{
	return max_t(s64, ktime_to_ns(ktime_sub(ktime_get(), then)), 0);
}

static long do_nanosleep(struct gaming_session *s, void __user *arg)
{
	struct gaming_sleep sleep;
	ktime_t end;
	int ret;

	ret = copy_ioctl_arg(&sleep, sizeof(sleep), arg);
	if (ret)
		return ret;
	if (sleep.flags & ~GAMING_SLEEP_ABS || sleep.resv ||
	    sleep.spin_ns > GAMING_SPIN_MAX_NS)
		return -EINVAL;

	if (sleep.flags & GAMING_SLEEP_ABS)
		end = gaming_caller_time_in(sleep.ns);
	else
		end = ktime_add_safe(ktime_get(), min_t(u64, sleep.ns, KTIME_MAX));
	ret = sleep_until(ktime_sub_ns(end, sleep.spin_ns));
	if (!ret)
		ret = spin_until(end);
	sleep.late_ns = ret ? 0 : ns_behind(end);
	sleep.left_ns = ret ? max_t(s64, ktime_sub(end, ktime_get()), 0) : 0;
	if (copy_to_user(arg, &sleep, sizeof(sleep)))
		return -EFAULT;
	return ret;
}

static int pace_take(struct times *t)
{
	return test_and_set_bit_lock(0, &t->pacing) ? -EBUSY : 0;
}

static void pace_put(struct times *t)
{
	clear_bit_unlock(0, &t->pacing);
}

static long do_pace(struct gaming_session *s, void __user *arg)
{
	struct times *t = gaming_session_get(s, GAMING_TIME);
	struct gaming_pace pace;
	int ret;

	ret = copy_ioctl_arg(&pace, sizeof(pace), arg);
	if (ret)
		return ret;
	if (memchr_inv(pace.resv, 0, sizeof(pace.resv)))
		return -EINVAL;
	ret = pace_take(t);
	if (ret)
		return ret;
	ret = gaming_frame_pace_begin(&t->pace, &pace, ktime_get());
	pace_put(t);
	return ret;
}

static long do_frame(struct gaming_session *s, void __user *arg)
{
	struct times *t = gaming_session_get(s, GAMING_TIME);
	struct gaming_frame frame;
	ktime_t end;
	int ret;

	ret = copy_ioctl_arg(&frame, sizeof(frame), arg);
	if (ret)
		return ret;
	if (frame.flags & ~GAMING_FRAME_EARLY || memchr_inv(frame.resv, 0, sizeof(frame.resv)))
		return -EINVAL;
	ret = pace_take(t);
	if (ret)
		return ret;
	ret = gaming_frame_pace_ready(&t->pace, ktime_get(), &end);
	if (!ret)
		ret = sleep_until(ktime_sub_ns(end, t->pace.spin_ns));
	if (!ret && !(frame.flags & GAMING_FRAME_EARLY))
		ret = spin_until(end);
	if (!ret) {
		frame.end_ns = gaming_caller_time_out(end);
		frame.late_ns = ns_behind(end);
		gaming_frame_pace_end(&t->pace, end, &frame);
	}
	pace_put(t);
	if (ret)
		return ret;
	return copy_to_user(arg, &frame, sizeof(frame)) ? -EFAULT : 0;
}

/* A process that may not read it by instruction does not read it through us. */
static bool may_read_counter(void)
{
#if defined(TIF_NOTSC)
	return !test_thread_flag(TIF_NOTSC);
#elif defined(TIF_TSC_SIGSEGV)
	return !test_thread_flag(TIF_TSC_SIGSEGV);
#else
	return true;
#endif
}

static u64 read_counter(void)
{
#ifdef CONFIG_X86
	return rdtsc_ordered();
#else
	return get_cycles();
#endif
}

static u64 counter_hz(void)
{
#ifdef CONFIG_X86
	return tsc_khz * 1000ULL;
#elif defined(CONFIG_ARM64)
	return arch_timer_get_cntfrq();
#else
	return 0;
#endif
}

static bool counter_is_steady(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && boot_cpu_has(X86_FEATURE_NONSTOP_TSC);
#else
	return IS_ENABLED(CONFIG_ARM64);
#endif
}

/* The narrowest of some: a cache miss or a hypervisor may come between. */
static ktime_t read_together(u64 *ret_cycles, u64 *ret_width)
{
	unsigned long flags;
	ktime_t mono = 0;
	int i;

	*ret_width = U64_MAX;
	for (i = 0; i < 5; i++) {
		u64 before, width;
		ktime_t now;

		local_irq_save(flags);
		before = read_counter();
		now = ktime_get();
		width = read_counter() - before;
		local_irq_restore(flags);
		if (width >= *ret_width)
			continue;
		*ret_width = width;
		*ret_cycles = before + width / 2;
		mono = now;
	}
	return mono;
}

static long do_get_time(struct gaming_session *s, void __user *arg)
{
	struct gaming_time time;
	ktime_t mono;
	int ret;

	ret = copy_ioctl_arg(&time, sizeof(time), arg);
	if (ret)
		return ret;
	if (time.flags || time.resv)
		return -EINVAL;
	if (!may_read_counter())
		return -EPERM;
	mono = read_together(&time.cycles, &time.width_cycles);
	time.flags = counter_is_steady() ? GAMING_TIME_STEADY : 0;
	time.hz = counter_hz();
	time.monotonic_ns = gaming_caller_time_out(mono);
	time.boot_ns = ktime_to_ns(ktime_add(ktime_mono_to_any(mono, TK_OFFS_BOOT),
					     boot_offset()));
	time.real_ns = ktime_to_ns(ktime_mono_to_real(mono));
	return copy_to_user(arg, &time, sizeof(time)) ? -EFAULT : 0;
}

static enum hrtimer_restart expire(struct hrtimer *hrtimer)
{
	struct timer *timer = container_of(hrtimer, struct timer, hrtimer);

	WRITE_ONCE(timer->expired, true);
	gaming_eventfd_signal(timer->eventfd);
	return HRTIMER_NORESTART;
}

static struct timer *timer_new(struct eventfd_ctx *eventfd)
{
	struct timer *timer = kzalloc(sizeof(*timer), GFP_KERNEL_ACCOUNT);

	if (!timer)
		return NULL;
	hrtimer_init(&timer->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->hrtimer.function = expire;
	timer->eventfd = eventfd;
	return timer;
}

static void timer_free(struct timer *timer)
{
	if (!timer)
		return;
	hrtimer_cancel(&timer->hrtimer);
	eventfd_ctx_put(timer->eventfd);
	kfree(timer);
}

/* The slot of timer @number, or for 0 a free one. */
static struct timer **find_timer(struct times *t, u32 number)
{
	int i;

	lockdep_assert_held(&t->lock);
	if (number > GAMING_TIMERS)
		return ERR_PTR(-ENOENT);
	if (number)
		return t->timers[number - 1] ? &t->timers[number - 1] : ERR_PTR(-ENOENT);
	for (i = 0; i < GAMING_TIMERS; i++)
		if (!t->timers[i])
			return &t->timers[i];
	return ERR_PTR(-EBUSY);
}

/* Takes over @eventfd if it returns 0; NULL: the timer is to end. */
static int set_timer(struct times *t, struct gaming_timer *set, struct eventfd_ctx *eventfd)
{
	struct timer **slot = find_timer(t, set->timer);
	struct timer *timer = NULL;
	ktime_t first;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	if (eventfd) {
		timer = timer_new(eventfd);
		if (!timer)
			return -ENOMEM;
	}
	if (*slot) {
		hrtimer_cancel(&(*slot)->hrtimer);
		set->expired = (*slot)->expired;
	} else {
		set->expired = 0;
	}
	timer_free(*slot);
	*slot = timer;
	set->timer = slot - t->timers + 1;
	if (!timer)
		return 0;
	if (set->flags & GAMING_TIMER_ABS)
		first = gaming_caller_time_in(set->ns);
	else
		first = ktime_add_safe(ktime_get(), min_t(u64, set->ns, KTIME_MAX));
	hrtimer_start(&timer->hrtimer, first, HRTIMER_MODE_ABS);
	return 0;
}

static bool timer_is_valid(const struct gaming_timer *set)
{
	if (set->flags & ~(GAMING_TIMER_ABS | GAMING_TIMER_END) || set->resv)
		return false;
	if (set->flags & GAMING_TIMER_END)
		return set->flags == GAMING_TIMER_END && set->timer && set->eventfd == -1 &&
		       !set->ns;
	return true;
}

static long do_set_timer(struct gaming_session *s, void __user *arg)
{
	struct times *t = gaming_session_get(s, GAMING_TIME);
	struct eventfd_ctx *eventfd = NULL;
	struct gaming_timer set;
	int ret;

	ret = copy_ioctl_arg(&set, sizeof(set), arg);
	if (ret)
		return ret;
	if (!timer_is_valid(&set))
		return -EINVAL;
	if (!(set.flags & GAMING_TIMER_END)) {
		eventfd = eventfd_ctx_fdget(set.eventfd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	mutex_lock(&t->lock);
	ret = set_timer(t, &set, eventfd);
	mutex_unlock(&t->lock);
	if (ret) {
		if (eventfd)
			eventfd_ctx_put(eventfd);
		return ret;
	}
	return copy_to_user(arg, &set, sizeof(set)) ? -EFAULT : 0;
}

static int times_open(struct gaming_session *s)
{
	struct times *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return -ENOMEM;
	mutex_init(&t->lock);
	gaming_session_set(s, GAMING_TIME, t);
	return 0;
}

static void times_release(struct gaming_session *s)
{
	struct times *t = gaming_session_get(s, GAMING_TIME);
	int i;

	for (i = 0; i < GAMING_TIMERS; i++)
		timer_free(t->timers[i]);
	kfree(t);
}

static u64 times_features(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_TSC_DEADLINE_TIMER) ? GAMING_FEAT_TSC_DEADLINE : 0;
#else
	return 0;
#endif
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_FRAME), do_frame },
	{ GAMING_IOC(GAMING_CALL_NANOSLEEP), do_nanosleep },
	{ GAMING_IOC(GAMING_CALL_GET_TIME), do_get_time },
	{ GAMING_IOC(GAMING_CALL_SET_TIMER), do_set_timer },
	{ GAMING_IOC_PACE, do_pace },
};

const struct gaming_feature gaming_time_feature = {
	.id = GAMING_TIME,
	.calls = calls,
	.call_count = ARRAY_SIZE(calls),
	.features = times_features,
	.open = times_open,
	.release = times_release,
};
