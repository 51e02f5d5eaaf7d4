/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is there before it is touched (linux/gaming_memory.h). Addresses and
 * lengths are multiples of the page size; all return 0, or a negative errno.
 */
#ifndef LIBGAMING_MEMORY_H
#define LIBGAMING_MEMORY_H

#include <stddef.h>

#include <linux/gaming_memory.h>

#include "gaming.h"

/* How it came about; any pointer to it may be NULL. */
struct gaming_filled {
	uint64_t pooled;  /* pages from the pool */
	uint64_t faulted; /* faults that the call took */
	uint64_t huge;	  /* pages in huge ones */
};

/*
 * @len bytes, readable and writable, none of which faults. @flags: GAMING_MEM_HUGE
 * asks for huge pages, madvise(2) included. Free with munmap(2) or gaming_munmap().
 * Without the device, or without the call, by MADV_POPULATE_WRITE.
 */
int gaming_mmap(const struct gaming *g, size_t len, uint32_t flags, void **ret_addr,
	struct gaming_filled *ret_filled);

/* Fills what is there: private or shared, anonymous or a file's. */
int gaming_populate(const struct gaming *g, void *addr, size_t len, uint32_t flags,
	struct gaming_filled *ret_filled);

/* The same, and locked, within RLIMIT_MEMLOCK. On an error nothing new is locked. */
int gaming_mlock(const struct gaming *g, void *addr, size_t len, uint32_t flags,
	struct gaming_filled *ret_filled);

int gaming_munmap(const struct gaming *g, void *addr, size_t len);

/*
 * A step of compaction, of @budget_ns at most: from *@next to @addr + @len, where
 * *@next is at the end. Begin with *@next = @addr. @ret_step may be NULL.
 * 1: all done; 0: call again, it has got on; -EAGAIN: again later, contiguous memory is
 * being made; -EBUSY: another thread of the session is in a step.
 */
int gaming_compact(const struct gaming *g, void *addr, size_t len, uint64_t budget_ns, void **next,
	struct gaming_compact *ret_step);

/* How contiguous a range is in memory. */
int gaming_contiguity(const struct gaming *g, const void *addr, size_t len,
	struct gaming_contiguity *ret_contiguity);

/* Has the pool filled; how far it is. */
int gaming_pool(const struct gaming *g, struct gaming_pool *ret_pool);

#endif
