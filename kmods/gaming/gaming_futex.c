// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping on an address: FUTEX and BARRIER_WAIT, and the table of what sleeps.
 * The manual is include/uapi/linux/gaming_sync.h.
 *
 * How no wake-up is lost: WAIT looks at the word and queues itself under the session's
 * lock, WAKE comes to the queue under the same lock after its caller has changed the
 * word. Either WAIT sees the change, or WAKE sees the waiter.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/gaming_sync.h>

#include "gaming_mutex.h"
#include "gaming_priority.h"
#include "gaming_sync.h"

/* Takes @w out if nobody has woken it: then it has not slept in vain, and that counts. */
static bool give_up(struct gaming_sync *sync, struct gaming_waiter *w)
{
	bool woken;

	spin_lock(&sync->lock);
	woken = w->woken;
	if (!woken)
		list_del_init(&w->entry);
	spin_unlock(&sync->lock);
	return !woken;
}

static long sleep_until_woken(struct gaming_sync *sync, struct gaming_waiter *w,
			      const struct gaming_wait *wait)
{
	int ret = gaming_sleep(w, wait, TASK_INTERRUPTIBLE);

	if (!ret || !give_up(sync, w))
		return 0;
	return ret == -EINTR ? wait->interrupted : ret;
}

/* With the lock: is the word still what the caller believes? 0, -EAGAIN, -EFAULT. */
static int compare(unsigned long addr, u32 value)
{
	u32 seen;

	if (gaming_read_word(&seen, addr))
		return -EFAULT;
	return seen == value ? 0 : -EAGAIN;
}

static long futex_wait(struct gaming_sync *sync, const struct gaming_futex *arg)
{
	struct gaming_waiter w;
	struct gaming_wait wait;
	int ret;

	if (arg->count || arg->addr2 || arg->count2 || arg->class >= GAMING_CLASS_COUNT)
		return -EINVAL;
	ret = gaming_wait_init(&wait, arg->flags, arg->timeout_ns);
	if (ret)
		return ret;
	gaming_waiter_init(&w, GAMING_WAITS_WORD, arg->addr, arg->class);
	for (;;) {
		spin_lock(&sync->lock);
		ret = compare(arg->addr, arg->value);
		if (!ret)
			gaming_enqueue(sync, &w);
		spin_unlock(&sync->lock);
		if (ret != -EFAULT)
			break;
		ret = gaming_fault_in(arg->addr, false);
		if (ret)
			return ret;
	}
	return ret ? ret : sleep_until_woken(sync, &w, &wait);
}

/* With the lock. */
static int wake_some(struct gaming_sync *sync, unsigned long addr, u32 count, u32 class,
		     struct gaming_wakes *wakes)
{
	struct gaming_waiter *w, *next;
	int woken = 0;

	list_for_each_entry_safe(w, next, gaming_queue(sync, addr), entry) {
		if (woken == count)
			break;
		if (w->addr != addr || (class < GAMING_CLASS_COUNT && w->class != class))
			continue;
		if (w->what == GAMING_WAITS_WORD)
			gaming_wake(sync, w, wakes);
		else if (w->what == GAMING_WAITS_COND)
			gaming_cond_signal(sync, w, wakes);
		else
			continue;
		woken++;
	}
	return woken;
}

static long futex_wake(struct gaming_sync *sync, const struct gaming_futex *arg)
{
	u32 class = arg->flags & GAMING_FUTEX_OF_CLASS ? arg->class : GAMING_CLASS_COUNT;
	struct gaming_wakes wakes = { 0 };
	int woken;

	if (arg->flags & ~GAMING_FUTEX_OF_CLASS || arg->value || arg->timeout_ns ||
	    arg->addr2 || arg->count2 || arg->count > INT_MAX ||
	    arg->class >= GAMING_CLASS_COUNT || (!arg->flags && arg->class))
		return -EINVAL;
	spin_lock(&sync->lock);
	woken = wake_some(sync, arg->addr, arg->count, class, &wakes);
	gaming_unlock_and_wake(sync, &wakes);
	return woken;
}

/* With the lock. Those of @from keep their order, and may land in the list they come from. */
static int move_some(struct gaming_sync *sync, unsigned long from, unsigned long to,
		     u32 count)
{
	struct gaming_waiter *w;
	int moved = 0;

	while (moved < count) {
		w = gaming_first(sync, from, GAMING_WAITS_WORD);
		if (!w)
			break;
		list_del(&w->entry);
		w->addr = to;
		gaming_enqueue(sync, w);
		moved++;
	}
	return moved;
}

static long futex_requeue(struct gaming_sync *sync, const struct gaming_futex *arg)
{
	int ret;

	if (arg->flags || arg->class || arg->timeout_ns || arg->count > INT_MAX ||
	    arg->count2 > INT_MAX || gaming_check_addr(arg->addr2) || arg->addr2 == arg->addr)
		return -EINVAL;
	for (;;) {
		struct gaming_wakes wakes = { 0 };

		spin_lock(&sync->lock);
		ret = compare(arg->addr, arg->value);
		if (!ret) {
			ret = wake_some(sync, arg->addr, arg->count, GAMING_CLASS_COUNT, &wakes);
			ret += move_some(sync, arg->addr, arg->addr2, arg->count2);
		}
		gaming_unlock_and_wake(sync, &wakes);
		if (ret != -EFAULT)
			return ret;
		ret = gaming_fault_in(arg->addr, false);
		if (ret)
			return ret;
	}
}

static long do_futex(struct gaming_session *s, void __user *argp)
{
	struct gaming_sync *sync = gaming_sync_of(s);
	struct gaming_futex arg;
	int ret;

	ret = copy_ioctl_arg(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (arg.resv || gaming_check_addr(arg.addr))
		return -EINVAL;
	switch (arg.op) {
	case GAMING_FUTEX_WAIT:
		return futex_wait(sync, &arg);
	case GAMING_FUTEX_WAKE:
		return futex_wake(sync, &arg);
	case GAMING_FUTEX_REQUEUE:
		return futex_requeue(sync, &arg);
	default:
		return -EINVAL;
	}
}

/* With the lock: how many are at the barrier, or -EINVAL if one counts otherwise. */
static int count_arrived(struct gaming_sync *sync, unsigned long addr, u32 parties)
{
	struct gaming_waiter *w;
	int count = 0;

	list_for_each_entry(w, gaming_queue(sync, addr), entry) {
		if (w->addr != addr || w->what != GAMING_WAITS_BARRIER)
			continue;
		if (w->parties != parties)
			return -EINVAL;
		count++;
	}
	return count;
}

static long do_barrier_wait(struct gaming_session *s, void __user *argp)
{
	struct gaming_sync *sync = gaming_sync_of(s);
	struct gaming_barrier arg;
	struct gaming_wakes wakes = { 0 };
	struct gaming_waiter w, *other;
	struct gaming_wait wait;
	int ret;

	ret = copy_ioctl_arg(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (gaming_check_addr(arg.addr) || !arg.parties || arg.parties > 65536 ||
	    arg.class >= GAMING_CLASS_COUNT)
		return -EINVAL;
	ret = gaming_wait_init(&wait, arg.flags, arg.timeout_ns);
	if (ret)
		return ret;
	gaming_waiter_init(&w, GAMING_WAITS_BARRIER, arg.addr, arg.class);
	w.parties = arg.parties;
	spin_lock(&sync->lock);
	ret = count_arrived(sync, arg.addr, arg.parties);
	if (ret == arg.parties - 1) {
		while ((other = gaming_first(sync, arg.addr, GAMING_WAITS_BARRIER)))
			gaming_wake(sync, other, &wakes);
		ret = 1;
	} else if (ret >= 0) {
		gaming_enqueue(sync, &w);
		ret = 0;
	}
	gaming_unlock_and_wake(sync, &wakes);
	return ret ? ret : sleep_until_woken(sync, &w, &wait);
}

static int futex_open(struct gaming_session *s)
{
	struct gaming_sync *sync = kzalloc(sizeof(*sync), GFP_KERNEL_ACCOUNT);
	int i;

	if (!sync)
		return -ENOMEM;
	spin_lock_init(&sync->lock);
	for (i = 0; i < ARRAY_SIZE(sync->queues); i++)
		INIT_LIST_HEAD(&sync->queues[i]);
	INIT_LIST_HEAD(&sync->spare);
	gaming_boosts_init(sync);
	gaming_session_set(s, GAMING_FUTEX, sync);
	return 0;
}

static void futex_release(struct gaming_session *s)
{
	struct gaming_sync *sync = gaming_sync_of(s);

	/* Whoever sleeps is in a call, and that one has the file. */
	gaming_boosts_end(sync);
	kfree(sync);
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_FUTEX), do_futex },
	{ GAMING_IOC(GAMING_CALL_MUTEX_LOCK), gaming_do_mutex_lock },
	{ GAMING_IOC(GAMING_CALL_COND_WAIT), gaming_do_cond_wait },
	{ GAMING_IOC(GAMING_CALL_BARRIER_WAIT), do_barrier_wait },
	{ GAMING_IOC_MUTEX_UNLOCK, gaming_do_mutex_unlock },
};

const struct gaming_feature gaming_futex_feature = {
	.id		= GAMING_FUTEX,
	.calls		= calls,
	.call_count	= ARRAY_SIZE(calls),
	.open		= futex_open,
	.release	= futex_release,
};
