/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is free and zeroed already: runs of contiguous pages. */
#ifndef _GAMING_POOL_H
#define _GAMING_POOL_H

#include <linux/huge_mm.h>
#include <linux/llist.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#define GAMING_BLOCK_PAGES	(PMD_SIZE / PAGE_SIZE)

/* Each page has one reference, is zero, and belongs to no memory cgroup. */
struct gaming_run {
	struct page *first;
	unsigned int count;
};

int gaming_pool_load(void);
void gaming_pool_unload(void);

/* Someone uses the pool: it is filled, and kept for a while. */
void gaming_pool_use(void);

/* Up to @want contiguous pages of @node; false: there are none. */
bool gaming_pool_take(int node, unsigned int want, struct gaming_run *run);

/* A block of GAMING_BLOCK_PAGES, aligned to its size; false: one is asked for. */
bool gaming_pool_take_block(int node, struct gaming_run *run);

/* Pages that others have taken the place of, a reference to each. */
struct gaming_old_pages {
	struct llist_node node;
	unsigned int count;
	struct page *pages[GAMING_BLOCK_PAGES];
};

/*
 * Takes @old, which is from kmalloc(): the pool's thread puts its pages when nobody
 * wants quiet, and frees it. Until then they count against the pool's size, each for
 * one that was taken. The kernel frees pages in bulk now and then, in some 0.3 ms.
 */
void gaming_pool_put_later(struct gaming_old_pages *old);

/* Pages that were taken count against the pool's size until they are spent. */
void gaming_pool_spent(unsigned long pages);

/* Back, zero as they were. */
void gaming_pool_give_back(int node, struct page *first, unsigned int count);

/* Between the two the pool's thread begins nothing: it takes no time from who has little. */
void gaming_pool_quiet_begin(void);
void gaming_pool_quiet_end(void);

struct gaming_pool;
void gaming_pool_state(struct gaming_pool *state);

#endif /* _GAMING_POOL_H */
