// SPDX-License-Identifier: GPL-2.0-only
/*
 * MUTEX_LOCK, its unlock, and COND_WAIT. The manual is include/uapi/linux/gaming_sync.h.
 *
 * The word and the queue change together, under the session's lock: whoever finds the
 * word taken sets its WAITERS bit before he sleeps, so the owner's own unlock, from his
 * tid to 0, fails from then on, and he comes here. At the unlock the word becomes the
 * next owner's: nobody takes it in between, and the time that a strong waiter waits is
 * one section. (The other way, to let it free and wake one who has to compete for it,
 * loses him the mutex as often as the owner comes back.)
 *
 * User space can write anything into its word at any time. Then its own threads sleep
 * in vain until a signal or their timeouts; all that is believed here is what the queues
 * say, and a thread number is looked up among the threads of the process.
 */
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include <asm/futex.h>

#include <linux/gaming_sync.h>

#include "gaming_mutex.h"
#include "gaming_priority.h"

/* With the lock. 0, -EAGAIN where it was not @from, -EFAULT. */
static int change_word(unsigned long addr, u32 from, u32 to)
{
	u32 seen;
	int ret;

	pagefault_disable();
	ret = futex_atomic_cmpxchg_inatomic(&seen, (u32 __user *)addr, from, to);
	pagefault_enable();
	if (ret)
		return ret;
	return seen == from ? 0 : -EAGAIN;
}

/* A thread of this process that has not ended, with a reference; else NULL. */
static struct task_struct *thread_of(u32 tid)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_vpid(tid), PIDTYPE_PID);
	if (task && same_thread_group(task, current) && !(READ_ONCE(task->flags) & PF_EXITING))
		get_task_struct(task);
	else
		task = NULL;
	rcu_read_unlock();
	return task;
}

/*
 * With the lock: gives @w the mutex (0), or queues it (1). @w may be another thread's.
 * Anything else has changed nothing: -EAGAIN, the word has changed meanwhile; -EFAULT,
 * its page is not there; -EDEADLK, -ESRCH.
 */
static int lock_or_queue(struct gaming_sync *sync, struct gaming_waiter *w)
{
	u32 tid = task_pid_vnr(w->task), value;
	struct task_struct *owner;
	int ret;

	if (gaming_read_word(&value, w->addr))
		return -EFAULT;
	if (!(value & GAMING_MUTEX_TID)) {
		bool others = gaming_first(sync, w->addr, GAMING_WAITS_MUTEX);

		return change_word(w->addr, value, tid | (others ? GAMING_MUTEX_WAITERS : 0));
	}
	if ((value & GAMING_MUTEX_TID) == tid)
		return -EDEADLK;
	owner = thread_of(value & GAMING_MUTEX_TID);
	if (!owner)
		return -ESRCH;
	if (gaming_would_deadlock(sync, w->task, owner))
		ret = -EDEADLK;
	else if (value & GAMING_MUTEX_WAITERS)
		ret = 0;
	else
		ret = change_word(w->addr, value, value | GAMING_MUTEX_WAITERS);
	if (!ret) {
		w->what = GAMING_WAITS_MUTEX;
		gaming_enqueue(sync, w);
		gaming_inherit(sync, w, owner);
		ret = 1;
	}
	put_task_struct(owner);
	return ret;
}

/* Does anyone wait for the mutex behind @w, which does? */
static bool others_wait(struct gaming_sync *sync, const struct gaming_waiter *w)
{
	const struct gaming_waiter *other = w;

	list_for_each_entry_continue(other, gaming_queue(sync, w->addr), entry)
		if (other->addr == w->addr && other->what == GAMING_WAITS_MUTEX)
			return true;
	return false;
}

/* With the lock: the mutex of the caller is the next one's, or free. As above; -EPERM. */
static int hand_over(struct gaming_sync *sync, unsigned long addr,
		     struct gaming_wakes *wakes)
{
	struct gaming_waiter *next = gaming_first(sync, addr, GAMING_WAITS_MUTEX);
	u32 value, to = 0;
	int ret;

	if (gaming_read_word(&value, addr))
		return -EFAULT;
	if ((value & GAMING_MUTEX_TID) != task_pid_vnr(current))
		return -EPERM;
	if (next)
		to = task_pid_vnr(next->task) |
		     (others_wait(sync, next) ? GAMING_MUTEX_WAITERS : 0);
	ret = change_word(addr, value, to);
	if (ret || !next)
		return ret;
	gaming_pass_on(sync, next);
	gaming_wake(sync, next, wakes);
	return 0;
}

/* Sleeps until @w has the mutex, or leaves the queue. 0, -EINTR, -ETIMEDOUT, -ESRCH. */
static int wait_for_turn(struct gaming_sync *sync, struct gaming_waiter *w,
			 const struct gaming_wait *wait, unsigned int state)
{
	for (;;) {
		struct gaming_wait second = {
			.until = ktime_add_ns(ktime_get(), NSEC_PER_SEC),
		};
		bool last = !wait->forever && ktime_before(wait->until, second.until);
		int ret = gaming_sleep(w, last ? wait : &second, state);

		if (!ret)
			return 0;
		spin_lock(&sync->lock);
		if (w->woken) {
			ret = 0;
		} else {
			/*
			 * Nobody tells of a thread that has ended with a mutex, nor of
			 * one that waits and has got another nice value.
			 */
			if (ret == -ETIMEDOUT && !last) {
				ret = gaming_owner_gone(w) ? -ESRCH : 1;
				gaming_inherit_anew(sync, w);
			}
			if (ret < 0) {
				gaming_disinherit(sync, w);
				list_del_init(&w->entry);
			}
		}
		spin_unlock(&sync->lock);
		if (ret <= 0)
			return ret;
	}
}

/* Locks the mutex at @w->addr; @w is in no queue. */
static int lock_mutex(struct gaming_sync *sync, struct gaming_waiter *w,
		      const struct gaming_wait *wait, unsigned int state)
{
	int ret;

	w->woken = false;
	for (;;) {
		spin_lock(&sync->lock);
		ret = lock_or_queue(sync, w);
		spin_unlock(&sync->lock);
		if (ret == 1)
			return wait_for_turn(sync, w, wait, state);
		if (ret == -EFAULT)
			ret = gaming_fault_in(w->addr, true) ?: -EAGAIN;
		if (ret != -EAGAIN)
			return ret;
		/* It goes on changing only as long as the process does so. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

static void lend(struct gaming_sync *sync, struct gaming_holder *holder)
{
	spin_lock(&sync->lock);
	gaming_holder_lend(sync, holder);
	spin_unlock(&sync->lock);
}

static void take_back(struct gaming_sync *sync)
{
	struct gaming_holder *holder;

	spin_lock(&sync->lock);
	holder = gaming_holder_take_back(sync);
	spin_unlock(&sync->lock);
	gaming_holder_free(holder);
}

long gaming_do_mutex_lock(struct gaming_session *s, void __user *argp)
{
	struct gaming_sync *sync = gaming_sync_of(s);
	struct gaming_holder *holder;
	struct gaming_waiter w;
	struct gaming_mutex arg;
	struct gaming_wait wait;
	int ret;

	ret = copy_ioctl_arg(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (arg.resv || gaming_check_addr(arg.addr) || arg.class >= GAMING_CLASS_COUNT)
		return -EINVAL;
	ret = gaming_wait_init(&wait, arg.flags, arg.timeout_ns);
	if (ret)
		return ret;
	holder = gaming_holder_new();
	if (!holder)
		return -ENOMEM;
	lend(sync, holder);
	gaming_waiter_init(&w, GAMING_WAITS_MUTEX, arg.addr, arg.class);
	ret = lock_mutex(sync, &w, &wait, TASK_INTERRUPTIBLE);
	take_back(sync);
	return ret == -EINTR ? wait.interrupted : ret;
}

static int unlock_mutex(struct gaming_sync *sync, unsigned long addr)
{
	int ret;

	for (;;) {
		struct gaming_wakes wakes = { 0 };

		spin_lock(&sync->lock);
		ret = hand_over(sync, addr, &wakes);
		gaming_unlock_and_wake(sync, &wakes);
		if (ret == -EFAULT)
			ret = gaming_fault_in(addr, true) ?: -EAGAIN;
		if (ret != -EAGAIN)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

long gaming_do_mutex_unlock(struct gaming_session *s, void __user *argp)
{
	struct gaming_mutex arg;
	int ret;

	ret = copy_ioctl_arg(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (arg.flags || arg.timeout_ns || arg.class || arg.resv || gaming_check_addr(arg.addr))
		return -EINVAL;
	return unlock_mutex(gaming_sync_of(s), arg.addr);
}

void gaming_cond_signal(struct gaming_sync *sync, struct gaming_waiter *w,
			struct gaming_wakes *wakes)
{
	int ret;

	lockdep_assert_held(&sync->lock);
	list_del_init(&w->entry);
	w->addr = w->mutex;
	ret = lock_or_queue(sync, w);
	if (ret == 1)
		return;
	/* What keeps the mutex from it, the thread finds out itself. */
	w->relock = ret != 0;
	gaming_wake(sync, w, wakes);
}

/* Lets the mutex go and queues @w, if the word is @value. As hand_over(). */
static int begin_cond_wait(struct gaming_sync *sync, struct gaming_waiter *w, u32 value)
{
	u32 seen;
	int ret;

	for (;;) {
		struct gaming_wakes wakes = { 0 };
		unsigned long missing = w->addr;

		spin_lock(&sync->lock);
		ret = gaming_read_word(&seen, w->addr);
		if (!ret && seen != value) {
			spin_unlock(&sync->lock);
			return -EAGAIN;
		}
		if (!ret) {
			missing = w->mutex;
			ret = hand_over(sync, w->mutex, &wakes);
		}
		if (!ret)
			gaming_enqueue(sync, w);
		gaming_unlock_and_wake(sync, &wakes);
		if (ret == -EFAULT)
			ret = gaming_fault_in(missing, missing == w->mutex) ?: -EAGAIN;
		if (ret != -EAGAIN)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

/* Sleeps, and gets the mutex back. */
static int finish_cond_wait(struct gaming_sync *sync, struct gaming_waiter *w,
			    const struct gaming_wait *wait)
{
	static const struct gaming_wait forever = { .forever = true };
	int ret, err;

	ret = gaming_sleep(w, wait, TASK_INTERRUPTIBLE);
	spin_lock(&sync->lock);
	if (w->woken) {
		ret = 0;
		err = w->relock ? -EAGAIN : 0;
	} else if (w->what == GAMING_WAITS_MUTEX) {
		ret = 0;
		err = 1;
	} else {
		list_del_init(&w->entry);
		w->addr = w->mutex;
		err = -EAGAIN;
	}
	spin_unlock(&sync->lock);

	if (err == 1)
		err = wait_for_turn(sync, w, &forever, TASK_KILLABLE);
	else if (err)
		err = lock_mutex(sync, w, &forever, TASK_KILLABLE);
	return err ?: ret;
}

long gaming_do_cond_wait(struct gaming_session *s, void __user *argp)
{
	struct gaming_sync *sync = gaming_sync_of(s);
	struct gaming_holder *holder;
	struct gaming_waiter w;
	struct gaming_cond arg;
	struct gaming_wait wait;
	int ret;

	ret = copy_ioctl_arg(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (arg.resv || gaming_check_addr(arg.addr) || gaming_check_addr(arg.mutex) ||
	    arg.addr == arg.mutex || arg.class >= GAMING_CLASS_COUNT)
		return -EINVAL;
	ret = gaming_wait_init(&wait, arg.flags, arg.timeout_ns);
	if (ret)
		return ret;
	holder = gaming_holder_new();
	if (!holder)
		return -ENOMEM;
	lend(sync, holder);
	gaming_waiter_init(&w, GAMING_WAITS_COND, arg.addr, arg.class);
	w.mutex = arg.mutex;
	ret = begin_cond_wait(sync, &w, arg.value);
	if (!ret)
		ret = finish_cond_wait(sync, &w, &wait);
	take_back(sync);
	/* The mutex was let go: whoever begins again must look at his condition first. */
	return ret;
}
