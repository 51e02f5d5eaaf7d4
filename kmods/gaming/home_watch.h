/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts, in the scheduler, on which CPUs a thread runs. */
#ifndef _HOME_WATCH_H
#define _HOME_WATCH_H

#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/mutex.h>

struct gaming_watch;

/* The watches of a session, one a thread. */
struct home_watches {
	struct mutex lock;
	struct list_head list;
};

void home_watches_init(struct home_watches *w);

/* Ends all. May be called again. */
void home_watches_end(struct home_watches *w);

/* Of the current thread, in the place of any before. -EOPNOTSUPP, -ENOMEM. */
int home_watch_begin(struct home_watches *w, const struct cpumask *home);

/* -ENOENT. */
int home_watch_read(struct home_watches *w, struct gaming_watch *ret, bool end);

int home_watch_load(void);
void home_watch_unload(void);

#endif /* _HOME_WATCH_H */
