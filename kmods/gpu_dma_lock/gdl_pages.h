/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages of a buffer: chunks that are contiguous, in a list. */
#ifndef GDL_PAGES_H
#define GDL_PAGES_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/scatterlist.h>

struct gdl_pages {
	struct list_head chunks;	/* page->lru of each chunk's first page */
	size_t bytes;
	unsigned int segments;
	phys_addr_t last;	/* the highest address of a byte of it */
};

/* 0, -ENOMEM, -EINTR. @huge: chunks of GDL_HUGE_BYTES and no others. */
int gdl_pages_alloc(struct gdl_pages *pages, size_t bytes, bool huge);
void gdl_pages_free(struct gdl_pages *pages);

/* A new table of all chunks; the caller frees it with sg_free_table(). */
int gdl_pages_table(struct gdl_pages *pages, struct sg_table *table);

int gdl_pages_mmap(struct gdl_pages *pages, struct vm_area_struct *vma);

/* In the kernel's own mappings; NULL: no memory. Undone by vunmap(). */
void *gdl_pages_vmap(struct gdl_pages *pages);

#endif
