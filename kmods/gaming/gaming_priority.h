/* SPDX-License-Identifier: GPL-2.0-only */
/* What the owner of a mutex inherits from those who wait for it. */
#ifndef _GAMING_PRIORITY_H
#define _GAMING_PRIORITY_H

#include "gaming_sync.h"

/*
 * Each waiter brings the memory that raising an owner takes, and takes as much away: so
 * there is always enough, and nothing can fail under the lock.
 */
struct gaming_holder *gaming_holder_new(void);
void gaming_holder_free(struct gaming_holder *holder);

/* All that follow: with the lock. */
void gaming_holder_lend(struct gaming_sync *sync, struct gaming_holder *holder);
struct gaming_holder *gaming_holder_take_back(struct gaming_sync *sync);

/* @w, which is queued, waits for @owner from now on; and no more. */
void gaming_inherit(struct gaming_sync *sync, struct gaming_waiter *w,
		    struct task_struct *owner);
void gaming_disinherit(struct gaming_sync *sync, struct gaming_waiter *w);
/* Something may have changed that nobody has told of. */
void gaming_inherit_anew(struct gaming_sync *sync, struct gaming_waiter *w);

/*
 * The mutex for which @next waits is now its own: it inherits from the others that wait
 * for it, and the one who had it no more does.
 */
void gaming_pass_on(struct gaming_sync *sync, struct gaming_waiter *next);

/* Would @task wait for itself, if it waited for @owner? */
bool gaming_would_deadlock(struct gaming_sync *sync, struct task_struct *task,
			   struct task_struct *owner);
/* The thread for which @w waits has ended. */
bool gaming_owner_gone(const struct gaming_waiter *w);

/* With the session: none is left behind. Not with the lock. */
void gaming_boosts_init(struct gaming_sync *sync);
void gaming_boosts_end(struct gaming_sync *sync);

#endif /* _GAMING_PRIORITY_H */
