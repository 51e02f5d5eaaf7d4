/* SPDX-License-Identifier: GPL-2.0-only */
/* Registered buffers: memory of a process, pinned, as the block layer and a decoder want it. */
#ifndef _GAMING_STORAGE_BUFFER_H
#define _GAMING_STORAGE_BUFFER_H

#include <linux/bvec.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/uio.h>
#include <linux/xarray.h>

#include <linux/gaming_storage.h>

/* Memory of the owner's, pinned. Nothing changes but @refs and @map. */
struct gaming_storage_buffer {
	refcount_t refs;		/* the table's, and one a request */
	size_t len;
	unsigned long page_count;
	struct page **pages;
	struct bio_vec *segments;	/* physically contiguous */
	unsigned int *segment_page;	/* the page that each begins with */
	unsigned int segment_count;
	struct mm_struct *mm;		/* whose locked memory it is; grabbed */
	void *map;			/* in the kernel's space, for LOAD; table's lock */
};

struct gaming_storage_table {
	struct mutex lock;		/* for whoever adds, deletes, finds */
	struct xarray buffers;
	unsigned int count;
};

void gaming_storage_table_init(struct gaming_storage_table *table);
void gaming_storage_table_destroy(struct gaming_storage_table *table);
int gaming_storage_buffer_add(struct gaming_storage_table *table, struct gaming_buffer *arg);
int gaming_storage_buffer_del(struct gaming_storage_table *table, u32 id);

/* With a reference; NULL: there is none. */
struct gaming_storage_buffer *gaming_storage_buffer_get(struct gaming_storage_table *table, u32 id);
/* May sleep. NULL is fine. */
void gaming_storage_buffer_put(struct gaming_storage_buffer *buffer);

static inline bool gaming_storage_range_fits(const struct gaming_storage_buffer *buffer, u64 at,
					     u64 len)
{
	return at <= buffer->len && len <= buffer->len - at;
}

/* The range fits. */
void gaming_storage_buffer_iter(const struct gaming_storage_buffer *buffer, struct iov_iter *iter,
				unsigned int direction, size_t at, size_t len);
/* In the kernel's address space, for as long as the buffer is; NULL: no memory. */
void *gaming_storage_buffer_map(struct gaming_storage_table *table,
				struct gaming_storage_buffer *buffer);

#endif /* _GAMING_STORAGE_BUFFER_H */
