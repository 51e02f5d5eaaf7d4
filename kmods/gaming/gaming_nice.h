/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nice value of a thread to which mutexes' waiters lend theirs: one record a thread,
 * whatever the number of sessions in which it holds something.
 */
#ifndef _GAMING_NICE_H
#define _GAMING_NICE_H

#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/types.h>

struct gaming_nice;

#define GAMING_LENDS_NOTHING	MAX_NICE

struct gaming_nice *gaming_nice_new(void);
void gaming_nice_free(struct gaming_nice *nice);

/* All that follow may be called with a session's lock, and never sleep. */

/*
 * The record of @task, to which one more session lends, nothing at first. @memory becomes
 * it, or is kept with it; as much is given back.
 */
struct gaming_nice *gaming_nice_get(struct task_struct *task, struct gaming_nice *memory);
/* The session lends no more than GAMING_LENDS_NOTHING. Memory as was given to get. */
struct gaming_nice *gaming_nice_put(struct gaming_nice *nice);

/*
 * What a session lends changes from *@lent to @lends, and the thread has at once what it is
 * due: the best of what is lent and its own, and of what is lent no more than its own limits
 * let it take. True if its nice value is another one now.
 */
bool gaming_nice_lend(struct gaming_nice *nice, int *lent, int lends);

/* The thread's own value, whatever it has borrowed. */
int gaming_nice_own(struct task_struct *task);
/* Its own value becomes @to, if it is @from. */
void gaming_nice_change_own(struct task_struct *task, int from, int to);

#endif /* _GAMING_NICE_H */
