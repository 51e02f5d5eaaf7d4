// SPDX-License-Identifier: GPL-2.0-only
#include <linux/freezer.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/gaming_sync.h>

#include "gaming_compat.h"
#include "gaming_sync.h"

struct gaming_sync *gaming_sync_of(struct gaming_session *s)
{
	return gaming_session_get(s, GAMING_FUTEX);
}

int gaming_wait_init(struct gaming_wait *wait, u32 flags, u64 timeout_ns)
{
	wait->forever = false;
	wait->interrupted = -ERESTARTSYS;
	switch (flags) {
	case 0:
		wait->forever = true;
		return timeout_ns ? -EINVAL : 0;
	case GAMING_SYNC_ABSOLUTE:
		wait->until = ns_to_ktime(min_t(u64, timeout_ns, KTIME_MAX));
		return 0;
	case GAMING_SYNC_RELATIVE:
		/* Begun again it would be longer than was said. */
		wait->interrupted = -EINTR;
		wait->until = ktime_add_safe(ktime_get(),
					     ns_to_ktime(min_t(u64, timeout_ns, KTIME_MAX)));
		return 0;
	default:
		return -EINVAL;
	}
}

int gaming_check_addr(u64 addr)
{
	return !addr || addr % sizeof(u32) || addr != (unsigned long)addr ? -EINVAL : 0;
}

void gaming_waiter_init(struct gaming_waiter *w, enum gaming_waits_for what,
			unsigned long addr, unsigned int class)
{
	memset(w, 0, sizeof(*w));
	INIT_LIST_HEAD(&w->entry);
	INIT_LIST_HEAD(&w->fellow);
	INIT_HLIST_NODE(&w->by_task);
	w->task = current;
	w->what = what;
	w->addr = addr;
	w->class = class;
	w->own_class = class;
}

struct list_head *gaming_queue(struct gaming_sync *sync, unsigned long addr)
{
	return &sync->queues[hash_long(addr >> 2, GAMING_SYNC_BITS)];
}

void gaming_enqueue(struct gaming_sync *sync, struct gaming_waiter *w)
{
	struct list_head *queue = gaming_queue(sync, w->addr);
	struct gaming_waiter *at;

	lockdep_assert_held(&sync->lock);
	list_for_each_entry_reverse(at, queue, entry)
		if (at->class >= w->class)
			break;
	/* Without such a one @at is the head. */
	list_add(&w->entry, &at->entry);
}

struct gaming_waiter *gaming_first(struct gaming_sync *sync, unsigned long addr,
				   enum gaming_waits_for what)
{
	struct gaming_waiter *w;

	lockdep_assert_held(&sync->lock);
	list_for_each_entry(w, gaming_queue(sync, addr), entry)
		if (w->addr == addr && w->what == what)
			return w;
	return NULL;
}

void gaming_wake(struct gaming_sync *sync, struct gaming_waiter *w, struct gaming_wakes *wakes)
{
	struct task_struct *task = get_task_struct(w->task);

	lockdep_assert_held(&sync->lock);
	list_del_init(&w->entry);
	smp_store_release(&w->woken, true);	/* pairs with gaming_sleep(); @w is gone */
	if (wakes->count < ARRAY_SIZE(wakes->tasks)) {
		wakes->tasks[wakes->count++] = task;
		return;
	}
	wake_up_process(task);
	put_task_struct(task);
}

void gaming_unlock_and_wake(struct gaming_sync *sync, struct gaming_wakes *wakes)
{
	unsigned int i;

	preempt_disable();
	spin_unlock(&sync->lock);
	for (i = 0; i < wakes->count; i++) {
		wake_up_process(wakes->tasks[i]);
		put_task_struct(wakes->tasks[i]);
	}
	preempt_enable();
}

int gaming_sleep(struct gaming_waiter *w, const struct gaming_wait *wait, unsigned int state)
{
	u64 slack = task_is_realtime(current) ? 0 : current->timer_slack_ns;
	ktime_t until = wait->until;
	int ret;

	for (;;) {
		set_current_state(state | TASK_FREEZABLE);
		if (smp_load_acquire(&w->woken)) {	/* pairs with gaming_wake() */
			ret = 0;
			break;
		}
		if (signal_pending_state(state, current)) {
			ret = -EINTR;
			break;
		}
		if (!schedule_hrtimeout_range(wait->forever ? NULL : &until, slack,
					      HRTIMER_MODE_ABS)) {
			ret = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

int gaming_read_word(u32 *value, unsigned long addr)
{
	int ret;

	pagefault_disable();
	ret = get_user(*value, (u32 __user *)addr);
	pagefault_enable();
	return ret;
}

int gaming_fault_in(unsigned long addr, bool write)
{
	int ret;

	if (!access_ok((void __user *)addr, sizeof(u32)))
		return -EFAULT;
	mmap_read_lock(current->mm);
	ret = fixup_user_fault(current->mm, addr, write ? FAULT_FLAG_WRITE : 0, NULL);
	mmap_read_unlock(current->mm);
	return ret ? -EFAULT : 0;
}
