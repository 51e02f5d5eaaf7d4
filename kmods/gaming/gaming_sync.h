/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sleeps on an address of a session, and on what: the queues, and how a thread gets
 * into them, out, and woken. gaming_futex.c, gaming_mutex.c and gaming_priority.c say who
 * does so when.
 */
#ifndef _GAMING_SYNC_H
#define _GAMING_SYNC_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "gaming.h"

#define GAMING_SYNC_BITS	6

/*
 * A session's. One lock for all of it: a wake, a handover and what the owner inherits
 * are one step then, and nobody but the threads of one process is ever in it. It is
 * taken with interrupts on, and no user page is faulted in under it.
 */
struct gaming_sync {
	spinlock_t lock;
	/* By hash of the address; in each the strongest class first, then the oldest. */
	struct list_head queues[1 << GAMING_SYNC_BITS];
	struct hlist_head waiting[1 << GAMING_SYNC_BITS];	/* for mutexes, by task */
	struct hlist_head holders[1 << GAMING_SYNC_BITS];	/* whom they wait for, by task */
	struct list_head spare;					/* of holders */
	struct list_head boosts;
	unsigned int boost_count;
	struct delayed_work boosts_end;
};

enum gaming_waits_for {
	GAMING_WAITS_WORD,
	GAMING_WAITS_COND,
	GAMING_WAITS_MUTEX,
	GAMING_WAITS_BARRIER,
};

/* On the stack of the thread that sleeps. All of it is the lock's, but for @woken. */
struct gaming_waiter {
	struct list_head entry;		/* in its queue */
	struct task_struct *task;
	unsigned long addr;
	enum gaming_waits_for what;
	unsigned int class;		/* its own, or inherited */
	unsigned int own_class;
	unsigned int parties;		/* of a barrier */
	unsigned long mutex;		/* COND: what is to be got back */
	bool relock;			/* COND: woken, and has to get it itself */
	/* The last that a waker writes: the thread may be gone with its stack then. */
	bool woken;

	struct hlist_node by_task;	/* MUTEX */
	struct gaming_holder *holder;	/* MUTEX: whom it waits for */
	struct list_head fellow;	/* in that one's list */
};

/* Threads to be woken when the lock is free again: they may want it at once. */
struct gaming_wakes {
	unsigned int count;
	struct task_struct *tasks[8];
};

/* How long, and how a signal ends it. */
struct gaming_wait {
	ktime_t until;
	bool forever;
	int interrupted;	/* -ERESTARTSYS or -EINTR */
};

struct gaming_sync *gaming_sync_of(struct gaming_session *s);

/* Checks what the waits have in common. 0 or -EINVAL. */
int gaming_wait_init(struct gaming_wait *wait, u32 flags, u64 timeout_ns);
int gaming_check_addr(u64 addr);

void gaming_waiter_init(struct gaming_waiter *w, enum gaming_waits_for what,
			unsigned long addr, unsigned int class);

/* With the lock. */
struct list_head *gaming_queue(struct gaming_sync *sync, unsigned long addr);
void gaming_enqueue(struct gaming_sync *sync, struct gaming_waiter *w);
struct gaming_waiter *gaming_first(struct gaming_sync *sync, unsigned long addr,
				   enum gaming_waits_for what);
void gaming_wake(struct gaming_sync *sync, struct gaming_waiter *w, struct gaming_wakes *wakes);

/*
 * Frees the lock and wakes them. In between no other thread gets the CPU: a caller that
 * has just lost what it had inherited could be kept from waking the one who waited.
 */
void gaming_unlock_and_wake(struct gaming_sync *sync, struct gaming_wakes *wakes)
	__releases(&sync->lock);

/* Without it. 0 woken, -ETIMEDOUT or -EINTR: it may have been woken since. */
int gaming_sleep(struct gaming_waiter *w, const struct gaming_wait *wait, unsigned int state);

/* A word of user space, with the lock: -EFAULT if its page is not there. */
int gaming_read_word(u32 *value, unsigned long addr);
/* Without the lock: gets the page, to be written to if @write. 0 or -EFAULT. */
int gaming_fault_in(unsigned long addr, bool write);

#endif /* _GAMING_SYNC_H */
