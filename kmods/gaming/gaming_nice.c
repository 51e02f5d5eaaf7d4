// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a thread has of its own, and what it has borrowed. Nothing is added and taken away
 * at its nice value: it is worked out anew from the two at each change.
 *
 * fork(2) copies a nice value as it is, setpriority(2) lets anyone go from it to a worse
 * one, and no hook tells a module of either. So a thread borrows nothing that it could not
 * give itself: then it may keep it, and hand it on, as it likes.
 */
#include <linux/capability.h>
#include <linux/hash.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "gaming_nice.h"

#define HASH_BITS	8

struct gaming_nice {
	struct hlist_node by_task;
	struct list_head spares;	/* of the sessions that came later; or one of these */
	struct task_struct *task;
	int own;
	int applied;			/* what the thread was given */
	unsigned int lent[NICE_WIDTH];	/* sessions, by what they lend */
};

/* Inside of a session's lock. */
static DEFINE_SPINLOCK(lock);
static struct hlist_head records[1 << HASH_BITS];

struct gaming_nice *gaming_nice_new(void)
{
	return kmalloc(sizeof(struct gaming_nice), GFP_KERNEL_ACCOUNT);
}

void gaming_nice_free(struct gaming_nice *nice)
{
	kfree(nice);
}

static struct hlist_head *bucket(const struct task_struct *task)
{
	return &records[hash_ptr(task, HASH_BITS)];
}

static struct gaming_nice *record_of(const struct task_struct *task)
{
	struct gaming_nice *nice;

	lockdep_assert_held(&lock);
	hlist_for_each_entry(nice, bucket(task), by_task)
		if (nice->task == task)
			return nice;
	return NULL;
}

/* The best value that the thread could give itself. */
static int limit(struct task_struct *task)
{
	unsigned long most = min(task_rlimit(task, RLIMIT_NICE), (unsigned long)NICE_WIDTH);

	return has_capability_noaudit(task, CAP_SYS_NICE) ? MIN_NICE : rlimit_to_nice(most);
}

static bool has_nice(const struct task_struct *task)
{
	unsigned int policy = READ_ONCE(task->policy);

	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

/*
 * What somebody has set is the thread's own: but not what lies between its own and what it
 * has borrowed, where anyone can go, if the rights to borrow that have been dropped since.
 */
static void notice_change(struct gaming_nice *nice)
{
	int now = task_nice(nice->task), before = nice->applied;

	lockdep_assert_held(&lock);
	if (now == before)
		return;
	nice->applied = now;
	if (now < before || now >= nice->own || now >= limit(nice->task))
		nice->own = now;
}

static bool settle(struct gaming_nice *nice)
{
	int due;

	notice_change(nice);
	for (due = MIN_NICE; due < MAX_NICE && !nice->lent[due - MIN_NICE]; due++)
		;
	due = min(nice->own, max(due, limit(nice->task)));
	if (due == nice->applied || (due < nice->applied && !has_nice(nice->task)))
		return false;
	set_user_nice(nice->task, due);
	nice->applied = due;
	return true;
}

struct gaming_nice *gaming_nice_get(struct task_struct *task, struct gaming_nice *memory)
{
	struct gaming_nice *nice;

	spin_lock(&lock);
	nice = record_of(task);
	if (nice) {
		list_add(&memory->spares, &nice->spares);
	} else {
		nice = memory;
		memset(nice, 0, sizeof(*nice));
		INIT_LIST_HEAD(&nice->spares);
		nice->task = get_task_struct(task);
		nice->own = nice->applied = task_nice(task);
		hlist_add_head(&nice->by_task, bucket(task));
	}
	nice->lent[GAMING_LENDS_NOTHING - MIN_NICE]++;
	spin_unlock(&lock);
	return nice;
}

struct gaming_nice *gaming_nice_put(struct gaming_nice *nice)
{
	struct gaming_nice *memory = nice;

	spin_lock(&lock);
	nice->lent[GAMING_LENDS_NOTHING - MIN_NICE]--;
	if (list_empty(&nice->spares)) {
		hlist_del(&nice->by_task);
		put_task_struct(nice->task);
	} else {
		memory = list_first_entry(&nice->spares, struct gaming_nice, spares);
		list_del(&memory->spares);
	}
	spin_unlock(&lock);
	return memory;
}

bool gaming_nice_lend(struct gaming_nice *nice, int *lent, int lends)
{
	bool changed;

	spin_lock(&lock);
	nice->lent[*lent - MIN_NICE]--;
	nice->lent[lends - MIN_NICE]++;
	*lent = lends;
	changed = settle(nice);
	spin_unlock(&lock);
	return changed;
}

int gaming_nice_own(struct task_struct *task)
{
	struct gaming_nice *nice;
	int own;

	spin_lock(&lock);
	nice = record_of(task);
	if (nice)
		notice_change(nice);
	own = nice ? nice->own : task_nice(task);
	spin_unlock(&lock);
	return own;
}

void gaming_nice_change_own(struct task_struct *task, int from, int to)
{
	struct gaming_nice *nice;

	spin_lock(&lock);
	nice = record_of(task);
	if (nice) {
		notice_change(nice);
		if (nice->own == from) {
			nice->own = to;
			settle(nice);
		}
	} else if (task_nice(task) == from) {
		set_user_nice(task, to);
	}
	spin_unlock(&lock);
}
