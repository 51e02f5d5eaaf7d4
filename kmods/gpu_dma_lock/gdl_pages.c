// SPDX-License-Identifier: GPL-2.0-only
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <linux/gpu_dma_lock.h>

#include "gdl_pages.h"

#define HUGE_ORDER	(ilog2(GDL_HUGE_BYTES) - PAGE_SHIFT)
/* What is cheap to get in one piece: fewer entries for the IOMMU. */
#define MAX_ORDER_WANTED	4

/*
 * Compound, so that each chunk has one reference and is charged as one. A larger
 * chunk is worth a try and no reclaim, as a page does as well.
 */
static struct page *alloc_chunk(unsigned int order, bool must)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | __GFP_COMP;

	if (order)
		gfp |= __GFP_NORETRY;
	if (order && !must)
		gfp &= ~__GFP_DIRECT_RECLAIM;
	return alloc_pages(gfp, order);
}

int gdl_pages_alloc(struct gdl_pages *pages, size_t bytes, bool huge)
{
	unsigned int order = huge ? HUGE_ORDER : MAX_ORDER_WANTED;
	size_t left = bytes >> PAGE_SHIFT;
	struct page *page;
	int ret = -ENOMEM;

	INIT_LIST_HEAD(&pages->chunks);
	pages->bytes = bytes;
	pages->segments = 0;
	pages->last = 0;
	if (left > totalram_pages())
		return -ENOMEM;
	while (left) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			goto err_free;
		}
		cond_resched();
		if (!huge)
			order = min_t(unsigned int, order, ilog2(left));
		page = alloc_chunk(order, huge);
		if (!page && order && !huge) {
			order--;
			continue;
		}
		if (!page)
			goto err_free;
		list_add_tail(&page->lru, &pages->chunks);
		pages->segments++;
		pages->last = max(pages->last, page_to_phys(page) + page_size(page) - 1);
		left -= 1UL << order;
	}
	return 0;

err_free:
	gdl_pages_free(pages);
	return ret;
}

void gdl_pages_free(struct gdl_pages *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &pages->chunks, lru) {
		list_del(&page->lru);
		__free_pages(page, compound_order(page));
		cond_resched();
	}
}

int gdl_pages_table(struct gdl_pages *pages, struct sg_table *table)
{
	struct scatterlist *sg;
	struct page *page;
	int ret;

	ret = sg_alloc_table(table, pages->segments, GFP_KERNEL);
	if (ret)
		return ret;
	sg = table->sgl;
	list_for_each_entry(page, &pages->chunks, lru) {
		sg_set_page(sg, page, page_size(page), 0);
		sg = sg_next(sg);
	}
	return 0;
}

/*
 * Bare page frames (VM_PFNMAP): a reference to a page that somebody took through
 * the mapping would outlive the buffer, and be a way around its grants.
 */
int gdl_pages_mmap(struct gdl_pages *pages, struct vm_area_struct *vma)
{
	unsigned long addr = vma->vm_start, skip = vma->vm_pgoff;
	struct page *page;
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	list_for_each_entry(page, &pages->chunks, lru) {
		unsigned long nr = compound_nr(page);

		if (skip >= nr) {
			skip -= nr;
			continue;
		}
		nr = min(nr - skip, (vma->vm_end - addr) >> PAGE_SHIFT);
		ret = remap_pfn_range(vma, addr, page_to_pfn(page) + skip,
				      nr << PAGE_SHIFT, vma->vm_page_prot);
		if (ret)
			return ret;
		addr += nr << PAGE_SHIFT;
		skip = 0;
		if (addr == vma->vm_end)
			return 0;
	}
	/* The core lets nobody map beyond the end. */
	return -EINVAL;
}

void *gdl_pages_vmap(struct gdl_pages *pages)
{
	unsigned int count = pages->bytes >> PAGE_SHIFT, n = 0, i;
	struct page **all, *page;
	void *address;

	all = kvmalloc_array(count, sizeof(*all), GFP_KERNEL | __GFP_NOWARN);
	if (!all)
		return NULL;
	list_for_each_entry(page, &pages->chunks, lru)
		for (i = 0; i < compound_nr(page); i++)
			all[n++] = page + i;
	address = vmap(all, count, VM_MAP, PAGE_KERNEL);
	kvfree(all);
	return address;
}
