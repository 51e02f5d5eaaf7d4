// SPDX-License-Identifier: GPL-2.0-only
/*
 * A watch hangs on its thread as a preempt notifier, the hook that KVM has on its
 * own. Only the thread itself may take a notifier off, so whoever else ends a watch
 * leaves it to the thread's next switch. Three ends, each of which happens once:
 *
 *   the thread ends it		off the hook and freed at once, in the thread
 *   the session ends it	LEFT: the session forgets it; at its next switch the thread
 *				takes it off, an interrupt and a work item free it
 *   the thread dies		DEAD: off the hook in its last switch; the session frees it
 *
 * LEFT and DEAD exclude each other (cmpxchg from WATCHED). Each watch holds the
 * module, so a thread that sleeps for long holds back its unloading.
 *
 * All notifiers of a thread are walked in each of its switches, with the run queue locked.
 * So a thread has one, whatever the number of its sessions, and a user not more than
 * GAMING_WATCHES_MAX.
 */
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include <linux/gaming_sched.h>

#include "gaming_compat.h"
#include "gaming_home_watch.h"

void gaming_home_watches_init(struct gaming_home_watches *w)
{
	mutex_init(&w->lock);
	INIT_LIST_HEAD(&w->list);
}

#ifdef CONFIG_PREEMPT_NOTIFIERS

#define HASH_BITS	8

enum { WATCHED, LEFT, DEAD };

struct watching_user {
	struct list_head link;
	kuid_t uid;
	unsigned int watches;
};

struct gaming_home_watch {
	struct preempt_notifier notifier;
	struct hlist_node by_task;	/* until it is freed, as @user; all_lock */
	struct watching_user *user;
	struct list_head link;		/* in the session; its lock */
	struct task_struct *task;	/* compared only, and not once DEAD */
	atomic_t state;
	struct irq_work off_the_hook;
	struct work_struct freeing;
	/* All below are of the thread, in its switches; others read. */
	bool unhooked;
	bool slept;
	bool at_home;
	int cpu;
	u64 wakeups, wakeups_home;
	u64 turns, turns_home;
	u64 migrations, departures;
	struct cpumask home;
};

static struct workqueue_struct *freers;

/* Of all sessions. Inside of a session's lock. */
static DEFINE_MUTEX(all_lock);
static struct hlist_head all[1 << HASH_BITS];
static LIST_HEAD(users);

static struct gaming_home_watch *of_notifier(struct preempt_notifier *notifier)
{
	return container_of(notifier, struct gaming_home_watch, notifier);
}

/*
 * In a notifier: the list is being walked, by this CPU only, and the walker goes on
 * from here, so the link must stay readable until preemption is on again.
 */
static void unhook(struct gaming_home_watch *watch)
{
	hlist_del_rcu(&watch->notifier.link);
	watch->unhooked = true;
}

static void free_watch(struct gaming_home_watch *watch)
{
	mutex_lock(&all_lock);
	hlist_del(&watch->by_task);
	if (!--watch->user->watches) {
		list_del(&watch->user->link);
		kfree(watch->user);
	}
	mutex_unlock(&all_lock);
	kfree(watch);
	module_put(THIS_MODULE);
}

static void free_left(struct work_struct *work)
{
	struct gaming_home_watch *watch = container_of(work, struct gaming_home_watch, freeing);

	synchronize_rcu();
	irq_work_sync(&watch->off_the_hook);
	free_watch(watch);
}

/* With the run queue locked nothing can be woken: hence the interrupt in between. */
static void queue_freeing(struct irq_work *work)
{
	struct gaming_home_watch *watch = container_of(work, struct gaming_home_watch,
						       off_the_hook);

	queue_work(freers, &watch->freeing);
}

/* True if the watch is nobody's any more. */
static bool leave_if_told(struct gaming_home_watch *watch)
{
	if (atomic_read(&watch->state) != LEFT)
		return false;
	unhook(watch);
	irq_work_queue(&watch->off_the_hook);
	return true;
}

static void sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct gaming_home_watch *watch = of_notifier(notifier);

	if (leave_if_told(watch))
		return;
	watch->slept = !gaming_preempted();
	if (READ_ONCE(current->__state) != TASK_DEAD)
		return;
	if (atomic_cmpxchg(&watch->state, WATCHED, DEAD) == WATCHED)
		unhook(watch);
	else
		leave_if_told(watch);
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct gaming_home_watch *watch = of_notifier(notifier);
	bool at_home = cpumask_test_cpu(cpu, &watch->home);

	if (leave_if_told(watch))
		return;
	watch->turns++;
	watch->turns_home += at_home;
	watch->wakeups += watch->slept;
	watch->wakeups_home += watch->slept && at_home;
	watch->migrations += cpu != watch->cpu;
	watch->departures += watch->at_home && !at_home;
	watch->at_home = at_home;
	watch->cpu = cpu;
}

static struct preempt_ops notifier_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/* By the session, which has it in its list no more. */
static void leave(struct gaming_home_watch *watch)
{
	if (atomic_cmpxchg(&watch->state, WATCHED, LEFT) != DEAD)
		return;
	/* The walker of its last switch may still look at the link. */
	synchronize_rcu();
	free_watch(watch);
}

/* By the thread itself: no switch comes in between. */
static void end_own(struct gaming_home_watch *watch)
{
	list_del(&watch->link);
	preempt_disable();
	preempt_notifier_unregister(&watch->notifier);
	preempt_enable();
	free_watch(watch);
}

/* Those whose threads have died, so that a session with many threads does not grow. */
static void free_dead(struct gaming_home_watches *w)
{
	struct gaming_home_watch *watch, *next;

	lockdep_assert_held(&w->lock);
	list_for_each_entry_safe(watch, next, &w->list, link) {
		if (atomic_read(&watch->state) != DEAD)
			continue;
		list_del(&watch->link);
		leave(watch);
	}
}

static struct gaming_home_watch *find_own(struct gaming_home_watches *w)
{
	struct gaming_home_watch *watch;

	lockdep_assert_held(&w->lock);
	list_for_each_entry(watch, &w->list, link)
		if (watch->task == current && atomic_read(&watch->state) == WATCHED)
			return watch;
	return NULL;
}

static struct watching_user *user_of_current(void)
{
	kuid_t uid = current_uid();
	struct watching_user *user;

	lockdep_assert_held(&all_lock);
	list_for_each_entry(user, &users, link)
		if (uid_eq(user->uid, uid))
			return user;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;
	user->uid = uid;
	list_add(&user->link, &users);
	return user;
}

/* By the thread itself: takes off what a session has left and no switch has seen yet. */
static void unhook_left(struct gaming_home_watch *watch)
{
	bool hooked;

	preempt_disable();
	hooked = !watch->unhooked;
	if (hooked) {
		preempt_notifier_unregister(&watch->notifier);
		watch->unhooked = true;
	}
	preempt_enable();
	if (hooked)
		queue_work(freers, &watch->freeing);
}

/* Counts @watch as the current thread's one. -EBUSY, -EDQUOT, -ENOMEM. */
static int enter(struct gaming_home_watch *watch)
{
	struct hlist_head *bucket = &all[hash_ptr(current, HASH_BITS)];
	struct gaming_home_watch *other;
	int ret = 0;

	mutex_lock(&all_lock);
	hlist_for_each_entry(other, bucket, by_task) {
		if (other->task != current)
			continue;
		/* What is DEAD was the watch of a thread that had this one's place in memory. */
		if (atomic_read(&other->state) == WATCHED)
			ret = -EBUSY;
		else if (atomic_read(&other->state) == LEFT)
			unhook_left(other);
	}
	if (ret)
		goto unlock;
	watch->user = user_of_current();
	if (!watch->user)
		ret = -ENOMEM;
	else if (watch->user->watches == GAMING_WATCHES_MAX)
		ret = -EDQUOT;
	if (ret)
		goto unlock;
	watch->user->watches++;
	hlist_add_head(&watch->by_task, bucket);
unlock:
	mutex_unlock(&all_lock);
	return ret;
}

int gaming_home_watch_begin(struct gaming_home_watches *w, const struct cpumask *home)
{
	struct gaming_home_watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	struct gaming_home_watch *before;
	int ret;

	if (!watch)
		return -ENOMEM;
	preempt_notifier_init(&watch->notifier, &notifier_ops);
	init_irq_work(&watch->off_the_hook, queue_freeing);
	INIT_WORK(&watch->freeing, free_left);
	watch->task = current;
	cpumask_copy(&watch->home, home);

	mutex_lock(&w->lock);
	free_dead(w);
	before = find_own(w);
	if (before)
		end_own(before);
	ret = enter(watch);
	if (ret) {
		kfree(watch);
		goto unlock;
	}
	__module_get(THIS_MODULE);
	list_add(&watch->link, &w->list);
	preempt_disable();
	watch->cpu = smp_processor_id();
	watch->at_home = cpumask_test_cpu(watch->cpu, home);
	preempt_notifier_register(&watch->notifier);
	preempt_enable();
unlock:
	mutex_unlock(&w->lock);
	return ret;
}

int gaming_home_watch_read(struct gaming_home_watches *w, struct gaming_watch *ret, bool end)
{
	struct gaming_home_watch *watch;

	mutex_lock(&w->lock);
	watch = find_own(w);
	if (watch) {
		preempt_disable();
		ret->wakeups = watch->wakeups;
		ret->wakeups_home = watch->wakeups_home;
		ret->turns = watch->turns;
		ret->turns_home = watch->turns_home;
		ret->migrations = watch->migrations;
		ret->departures = watch->departures;
		preempt_enable();
		if (end)
			end_own(watch);
	}
	mutex_unlock(&w->lock);
	return watch ? 0 : -ENOENT;
}

void gaming_home_watches_end(struct gaming_home_watches *w)
{
	struct gaming_home_watch *watch, *next;

	mutex_lock(&w->lock);
	list_for_each_entry_safe(watch, next, &w->list, link) {
		if (watch->task == current && atomic_read(&watch->state) == WATCHED) {
			end_own(watch);
		} else {
			list_del(&watch->link);
			leave(watch);
		}
	}
	mutex_unlock(&w->lock);
}

/*
 * The scheduler's notifiers stay on with the module: to switch them patches its code on
 * all CPUs, which is not for anyone who opens the device to do as often as he likes.
 */
int gaming_home_watch_load(void)
{
	freers = alloc_workqueue("gaming_watch", 0, 0);
	if (!freers)
		return -ENOMEM;
	preempt_notifier_inc();
	return 0;
}

/* Watches hold the module: what is still under way here is the end of free_left(). */
void gaming_home_watch_unload(void)
{
	destroy_workqueue(freers);
	preempt_notifier_dec();
}

#else

int gaming_home_watch_begin(struct gaming_home_watches *w, const struct cpumask *home)
{
	return -EOPNOTSUPP;
}

int gaming_home_watch_read(struct gaming_home_watches *w, struct gaming_watch *ret, bool end)
{
	return -ENOENT;
}

void gaming_home_watches_end(struct gaming_home_watches *w)
{
}

int gaming_home_watch_load(void)
{
	return 0;
}

void gaming_home_watch_unload(void)
{
}

#endif
