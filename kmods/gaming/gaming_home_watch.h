/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts, in the scheduler, on which CPUs a thread runs. */
#ifndef _GAMING_HOME_WATCH_H
#define _GAMING_HOME_WATCH_H

#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/mutex.h>

struct gaming_watch;

/* The watches of a session, one a thread. */
struct gaming_home_watches {
	struct mutex lock;
	struct list_head list;
};

void gaming_home_watches_init(struct gaming_home_watches *w);

/* Ends all. May be called again. */
void gaming_home_watches_end(struct gaming_home_watches *w);

/*
 * Of the current thread, in the place of any before of this session. -EOPNOTSUPP, -ENOMEM;
 * -EBUSY: another session watches it; -EDQUOT: its user has GAMING_WATCHES_MAX.
 */
int gaming_home_watch_begin(struct gaming_home_watches *w, const struct cpumask *home);

/* -ENOENT. */
int gaming_home_watch_read(struct gaming_home_watches *w, struct gaming_watch *ret, bool end);

int gaming_home_watch_load(void);
void gaming_home_watch_unload(void);

#endif /* _GAMING_HOME_WATCH_H */
