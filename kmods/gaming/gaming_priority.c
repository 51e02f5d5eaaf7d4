// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the owner of a mutex inherits, and BOOST. The manual is
 * include/uapi/linux/gaming_boost.h.
 *
 * A holder is a thread for which others of its session wait. After each change among them
 * what they lend it is worked out anew, so no order of unlocks, timeouts and deaths leaves
 * anything behind. What comes of it, with what other sessions lend, is gaming_nice.c's.
 */
#include <linux/hash.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include <linux/gaming_boost.h>
#include <linux/gaming_sync.h>

#include "gaming_nice.h"
#include "gaming_priority.h"

#define CHAIN_MAX	32	/* owners that wait for owners */

struct gaming_holder {
	struct hlist_node by_task;
	struct list_head spare;
	struct task_struct *task;
	struct list_head waiters;
	struct gaming_nice *nice;	/* not a holder: memory for one */
	int lent;			/* to it, by its waiters of this session */
};

struct boost {
	struct list_head entry;
	struct pid *pid;	/* of the thread */
	int nice, base;
	ktime_t until;
};

struct gaming_holder *gaming_holder_new(void)
{
	struct gaming_holder *holder = kmalloc(sizeof(*holder), GFP_KERNEL_ACCOUNT);

	if (!holder)
		return NULL;
	holder->nice = gaming_nice_new();
	if (!holder->nice) {
		kfree(holder);
		return NULL;
	}
	return holder;
}

void gaming_holder_free(struct gaming_holder *holder)
{
	gaming_nice_free(holder->nice);
	kfree(holder);
}

void gaming_holder_lend(struct gaming_sync *sync, struct gaming_holder *holder)
{
	lockdep_assert_held(&sync->lock);
	list_add(&holder->spare, &sync->spare);
}

struct gaming_holder *gaming_holder_take_back(struct gaming_sync *sync)
{
	struct gaming_holder *holder;

	lockdep_assert_held(&sync->lock);
	holder = list_first_entry(&sync->spare, struct gaming_holder, spare);
	list_del(&holder->spare);
	return holder;
}

static bool has_nice(const struct task_struct *task)
{
	unsigned int policy = READ_ONCE(task->policy);

	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

/* What a thread has to give. */
static int worth(const struct task_struct *task)
{
	if (has_nice(task))
		return task_nice(task);
	return READ_ONCE(task->policy) == SCHED_IDLE ? MAX_NICE : MIN_NICE;
}

static struct gaming_holder *holder_of(struct gaming_sync *sync, const struct task_struct *task)
{
	struct gaming_holder *holder;

	hlist_for_each_entry(holder, &sync->holders[hash_ptr(task, GAMING_SYNC_BITS)], by_task)
		if (holder->task == task)
			return holder;
	return NULL;
}

/* What @task waits for; NULL if for no mutex. */
static struct gaming_waiter *waiting(struct gaming_sync *sync, const struct task_struct *task)
{
	struct gaming_waiter *w;

	hlist_for_each_entry(w, &sync->waiting[hash_ptr(task, GAMING_SYNC_BITS)], by_task)
		if (w->task == task)
			return w;
	return NULL;
}

static struct gaming_holder *add_holder(struct gaming_sync *sync, struct task_struct *task)
{
	struct gaming_holder *holder = gaming_holder_take_back(sync);

	holder->task = get_task_struct(task);
	holder->nice = gaming_nice_get(task, holder->nice);
	holder->lent = GAMING_LENDS_NOTHING;
	INIT_LIST_HEAD(&holder->waiters);
	hlist_add_head(&holder->by_task, &sync->holders[hash_ptr(task, GAMING_SYNC_BITS)]);
	return holder;
}

static void remove_holder(struct gaming_sync *sync, struct gaming_holder *holder)
{
	hlist_del(&holder->by_task);
	holder->nice = gaming_nice_put(holder->nice);
	put_task_struct(holder->task);
	gaming_holder_lend(sync, holder);
}

/* Gives the holder what it is due. Its class, if it waits itself, is in *@class. */
static bool settle(struct gaming_holder *holder, unsigned int *class)
{
	struct gaming_waiter *w;
	int lends = GAMING_LENDS_NOTHING;

	*class = GAMING_CLASS_NORMAL;
	list_for_each_entry(w, &holder->waiters, fellow) {
		lends = min(lends, worth(w->task));
		*class = max(*class, w->class);
	}
	return gaming_nice_lend(holder->nice, &holder->lent, lends);
}

/* Settles @holder and, if it waits too, those for whom it does. */
static void settle_chain(struct gaming_sync *sync, struct gaming_holder *holder)
{
	int depth;

	for (depth = 0; depth < CHAIN_MAX; depth++) {
		struct gaming_waiter *w = waiting(sync, holder->task);
		unsigned int class;
		bool changed;

		changed = settle(holder, &class);
		if (list_empty(&holder->waiters))
			remove_holder(sync, holder);
		if (!w)
			return;
		class = max(class, w->own_class);
		if (class != w->class) {
			w->class = class;
			list_del(&w->entry);
			gaming_enqueue(sync, w);
			changed = true;
		}
		if (!changed)
			return;
		holder = w->holder;
	}
}

void gaming_inherit(struct gaming_sync *sync, struct gaming_waiter *w,
		    struct task_struct *owner)
{
	struct gaming_holder *own;

	lockdep_assert_held(&sync->lock);
	w->holder = holder_of(sync, owner);
	if (!w->holder)
		w->holder = add_holder(sync, owner);
	list_add_tail(&w->fellow, &w->holder->waiters);
	hlist_add_head(&w->by_task, &sync->waiting[hash_ptr(w->task, GAMING_SYNC_BITS)]);
	/* It may hold something itself, for stronger ones. */
	own = holder_of(sync, w->task);
	settle_chain(sync, own ? own : w->holder);
	if (own)
		settle_chain(sync, w->holder);
}

static struct gaming_holder *detach(struct gaming_waiter *w)
{
	struct gaming_holder *holder = w->holder;

	w->holder = NULL;
	list_del_init(&w->fellow);
	hlist_del_init(&w->by_task);
	return holder;
}

void gaming_disinherit(struct gaming_sync *sync, struct gaming_waiter *w)
{
	lockdep_assert_held(&sync->lock);
	settle_chain(sync, detach(w));
}

void gaming_inherit_anew(struct gaming_sync *sync, struct gaming_waiter *w)
{
	lockdep_assert_held(&sync->lock);
	settle_chain(sync, w->holder);
}

void gaming_pass_on(struct gaming_sync *sync, struct gaming_waiter *next)
{
	struct gaming_holder *old = detach(next), *new = NULL;
	struct gaming_waiter *w, *more;

	lockdep_assert_held(&sync->lock);
	list_for_each_entry_safe(w, more, &old->waiters, fellow) {
		if (w->addr != next->addr)
			continue;
		if (!new)
			new = holder_of(sync, next->task);
		if (!new)
			new = add_holder(sync, next->task);
		w->holder = new;
		list_move_tail(&w->fellow, &new->waiters);
	}
	/* First up, then down: the caller may be the old one, and would lose its CPU. */
	if (new)
		settle_chain(sync, new);
	settle_chain(sync, old);
}

bool gaming_would_deadlock(struct gaming_sync *sync, struct task_struct *task,
			   struct task_struct *owner)
{
	struct gaming_waiter *w;
	int depth;

	lockdep_assert_held(&sync->lock);
	for (depth = 0; depth < CHAIN_MAX && owner != task; depth++) {
		w = waiting(sync, owner);
		if (!w)
			return false;
		owner = w->holder->task;
	}
	return owner == task;
}

bool gaming_owner_gone(const struct gaming_waiter *w)
{
	return READ_ONCE(w->holder->task->flags) & PF_EXITING;
}

/* The thread is put back, if it still has what the boost gave it. */
static void undo(const struct boost *boost)
{
	struct task_struct *task = get_pid_task(boost->pid, PIDTYPE_PID);

	if (!task)
		return;
	gaming_nice_change_own(task, boost->nice, boost->base);
	put_task_struct(task);
}

static void remove_boost(struct gaming_sync *sync, struct boost *boost)
{
	list_del(&boost->entry);
	sync->boost_count--;
	put_pid(boost->pid);
	kfree(boost);
}

/* With the lock: the work is due when the first boost is. */
static void schedule_end(struct gaming_sync *sync)
{
	ktime_t first = KTIME_MAX;
	struct boost *boost;
	s64 left;

	list_for_each_entry(boost, &sync->boosts, entry)
		first = min(first, boost->until);
	if (first == KTIME_MAX)
		return;
	left = max_t(s64, ktime_to_ns(ktime_sub(first, ktime_get())), 0);
	mod_delayed_work(system_highpri_wq, &sync->boosts_end, nsecs_to_jiffies(left) + 1);
}

static void end_boosts(struct work_struct *work)
{
	struct gaming_sync *sync = container_of(to_delayed_work(work), struct gaming_sync,
						boosts_end);
	struct boost *boost, *next;
	ktime_t now = ktime_get();

	spin_lock(&sync->lock);
	list_for_each_entry_safe(boost, next, &sync->boosts, entry) {
		if (ktime_after(boost->until, now))
			continue;
		undo(boost);
		remove_boost(sync, boost);
	}
	schedule_end(sync);
	spin_unlock(&sync->lock);
}

static struct boost *boost_of_current(struct gaming_sync *sync)
{
	struct boost *boost;

	list_for_each_entry(boost, &sync->boosts, entry)
		if (boost->pid == task_pid(current))
			return boost;
	return NULL;
}

static long begin_boost(struct gaming_sync *sync, const struct gaming_boost *arg)
{
	struct boost *boost;
	int ret = 0;

	if (arg->nice < MIN_NICE || arg->nice > MAX_NICE || !arg->timeout_ns ||
	    arg->timeout_ns > GAMING_BOOST_MAX_NS)
		return -EINVAL;
	if (!has_nice(current))
		return -EPERM;
	boost = kmalloc(sizeof(*boost), GFP_KERNEL_ACCOUNT);
	if (!boost)
		return -ENOMEM;
	boost->nice = arg->nice;
	boost->until = ktime_add_ns(ktime_get(), arg->timeout_ns);
	boost->pid = get_pid(task_pid(current));

	spin_lock(&sync->lock);
	boost->base = gaming_nice_own(current);
	if (boost->nice >= boost->base)
		ret = -EINVAL;
	else if (boost_of_current(sync))
		ret = -EBUSY;
	else if (sync->boost_count == GAMING_BOOST_MAX)
		ret = -EDQUOT;
	if (!ret) {
		list_add(&boost->entry, &sync->boosts);
		sync->boost_count++;
		schedule_end(sync);
	}
	spin_unlock(&sync->lock);
	if (ret) {
		put_pid(boost->pid);
		kfree(boost);
	}
	return ret;
}

static long end_boost(struct gaming_sync *sync)
{
	struct boost *boost;

	spin_lock(&sync->lock);
	boost = boost_of_current(sync);
	if (boost) {
		undo(boost);
		remove_boost(sync, boost);
	}
	spin_unlock(&sync->lock);
	return boost ? 0 : -ENOENT;
}

static long do_boost(struct gaming_session *s, void __user *argp)
{
	struct gaming_boost arg;
	int ret;

	ret = copy_ioctl_arg(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (arg.resv || arg.flags & ~GAMING_BOOST_END)
		return -EINVAL;
	if (!arg.flags)
		return begin_boost(gaming_sync_of(s), &arg);
	return arg.nice || arg.timeout_ns ? -EINVAL : end_boost(gaming_sync_of(s));
}

void gaming_boosts_init(struct gaming_sync *sync)
{
	INIT_LIST_HEAD(&sync->boosts);
	INIT_DELAYED_WORK(&sync->boosts_end, end_boosts);
}

void gaming_boosts_end(struct gaming_sync *sync)
{
	struct boost *boost, *next;

	cancel_delayed_work_sync(&sync->boosts_end);
	spin_lock(&sync->lock);
	list_for_each_entry_safe(boost, next, &sync->boosts, entry) {
		undo(boost);
		remove_boost(sync, boost);
	}
	spin_unlock(&sync->lock);
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_BOOST), do_boost },
};

const struct gaming_feature gaming_priority_feature = {
	.id		= GAMING_PRIORITY,
	.calls		= calls,
	.call_count	= ARRAY_SIZE(calls),
};
