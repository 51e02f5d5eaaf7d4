/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of storage share: buffers, and a session's reads. */
#ifndef _GAMING_STORAGE_H
#define _GAMING_STORAGE_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include <linux/gaming_storage.h>
#include "gaming.h"

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

struct gaming_storage;

/* Room for packed bytes, and the decoder's; made when first needed. */
struct gaming_storage_stage {
	struct mutex lock;		/* one LOAD at a time */
	struct page **pages;
	struct bio_vec *segments;
	unsigned int page_count;
	void *map;
	void *zstd;			/* the decoder's workspace */
};

void gaming_storage_stage_init(struct gaming_storage_stage *stage);
void gaming_storage_stage_destroy(struct gaming_storage_stage *stage);

struct gaming_storage_table *gaming_storage_buffers(struct gaming_storage *st);
struct gaming_storage_stage *gaming_storage_stage(struct gaming_storage *st);
/* The session's, made by the first call; or an ERR_PTR. */
struct gaming_storage *gaming_storage_of(struct gaming_session *s);

/* ki_ioprio for a GAMING_STORAGE_*; those below GAMING_STORAGE_PRIORITIES only. */
int gaming_storage_ioprio(u32 priority);
/* The file behind a descriptor if it can be read so; or an ERR_PTR. */
struct file *gaming_storage_file(int fd, fmode_t mode);
/* Is a page of the range in the file's page cache? */
bool gaming_storage_is_cached(struct file *file, loff_t pos, size_t len);

/* Begins a read at an offset. 0, or -EAGAIN: too much is under way. */
int gaming_storage_begin(struct gaming_storage *st, const struct gaming_request *request,
			 int eventfd);

long gaming_storage_load(struct gaming_session *s, void __user *arg);
long gaming_storage_stream(struct gaming_session *s, void __user *arg);
long gaming_storage_preload(struct gaming_session *s, void __user *arg);
u64 gaming_storage_formats(void);

#endif /* _GAMING_STORAGE_H */
