/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is free and zeroed already: runs of contiguous pages. */
#ifndef _GAMING_PAGE_POOL_H
#define _GAMING_PAGE_POOL_H

#include <linux/huge_mm.h>
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

/* Pages that were taken count against the pool's size until they are spent. */
void gaming_pool_spent(unsigned long pages);

/* Back, zero as they were. */
void gaming_pool_give_back(int node, struct page *first, unsigned int count);

/* Between the two the pool's thread begins nothing: it takes no time from who has little. */
void gaming_pool_quiet_begin(void);
void gaming_pool_quiet_end(void);

struct gaming_pool;
void gaming_pool_state(struct gaming_pool *state);

#endif /* _GAMING_PAGE_POOL_H */
