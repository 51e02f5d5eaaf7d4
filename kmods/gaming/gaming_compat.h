/* SPDX-License-Identifier: GPL-2.0-only */
/* Where kernels from 6.1 on differ. */
#ifndef _GAMING_COMPAT_H
#define _GAMING_COMPAT_H

#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/shrinker.h>
#include <linux/version.h>

/* Since 6.7 shrinkers are allocated by the kernel. */
struct gaming_shrinker {
	unsigned long (*count_objects)(struct shrinker *shrinker, struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *shrinker, struct shrink_control *sc);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	struct shrinker it;
#else
	struct shrinker *it;
#endif
};

/* Called for each NUMA node; its callbacks are set before. 0, or -ENOMEM. */
int gaming_shrinker_add(struct gaming_shrinker *s, const char *name);
void gaming_shrinker_remove(struct gaming_shrinker *s);

/* Since 6.8 always 1. */
static inline void gaming_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/*
 * In a preempt notifier: does the current thread leave its CPU though it could go on?
 * Since 6.12 one that sleeps may stay on the run queue for a while.
 */
static inline bool gaming_preempted(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return task_is_runnable(current);
#else
	return current->on_rq;
#endif
}

/* Since 6.12 it has another name. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static inline bool task_is_realtime(struct task_struct *task)
{
	return rt_or_dl_task_policy(task);
}
#endif

/* For a page that is no part of a larger one. Since 6.12 folios are counted, not pages. */
static inline int gaming_mapcount(struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return page_mapcount(page);
#else
	return folio_mapcount(page_folio(page));
#endif
}

#endif /* _GAMING_COMPAT_H */
