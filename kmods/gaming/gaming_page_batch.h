/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Up to 2 MiB of a process's pages at a time, all in one page table, and what a
 * module may do with them: look, put pages where there are none, put others in
 * their place (linux/migrate.h).
 */
#ifndef _GAMING_PAGE_BATCH_H
#define _GAMING_PAGE_BATCH_H

#include <linux/mm.h>
#include "gaming_pool.h"

struct gaming_page_batch {
	struct page *pages[GAMING_BLOCK_PAGES];
	unsigned long src[GAMING_BLOCK_PAGES];
	unsigned long dst[GAMING_BLOCK_PAGES];
};

/* The end of the page table that @addr is in, or @end. */
static inline unsigned long gaming_batch_end(unsigned long addr, unsigned long end)
{
	return min(ALIGN(addr + 1, PMD_SIZE), end);
}

static inline unsigned int gaming_batch_pages(unsigned long addr, unsigned long end)
{
	return (end - addr) >> PAGE_SHIFT;
}

/* Page aligned, in user space, not empty. */
static inline bool gaming_range_is_good(u64 addr, u64 len)
{
	return len && PAGE_ALIGNED(addr) && PAGE_ALIGNED(len) &&
	       access_ok(u64_to_user_ptr(addr), len);
}

/* Is there a huge page, or a part of one, at @addr? Never faults. */
static inline bool gaming_page_is_huge(unsigned long addr)
{
	struct page *page;
	bool huge;

	if (get_user_pages_fast_only(addr, 1, 0, &page) != 1)
		return false;
	huge = PageTransCompound(page);
	put_page(page);
	return huge;
}

#endif /* _GAMING_PAGE_BATCH_H */
