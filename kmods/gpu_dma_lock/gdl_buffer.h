/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A buffer: pages, exported as a dma-buf. It lives as long as the dma-buf, of
 * which its handle is one reference, and each descriptor, mapping into a process
 * and importing driver another.
 *
 * The reservation lock (buffer->dmabuf->resv) is what drivers hold when they ask
 * for a mapping or give one back; it is taken after owner->lock, and never with it.
 */
#ifndef GDL_BUFFER_H
#define GDL_BUFFER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include <linux/gpu_dma_lock.h>

#include "gdl_pages.h"

struct dma_buf;
struct gdl_owner;
struct gdl_permit;

struct gdl_buffer {
	struct dma_buf *dmabuf;
	struct gdl_owner *owner;
	struct user_struct *user;	/* whose locked memory it is */
	u64 handle;
	struct gdl_pages pages;
	struct list_head node;		/* owner->lock; in owner->all */

	struct xarray permits;		/* reservation lock; read under RCU too */
	bool forgotten;			/* reservation lock: no permit any more */
	struct list_head attaches;	/* reservation lock */
	struct list_head mappings;	/* reservation lock */
	atomic_t attached;
	atomic_t mapped;
	struct rcu_head rcu;
};

int gdl_buffer_alloc(struct gdl_owner *owner, struct gdl_alloc *arg,
		     struct gdl_buffer **ret_buffer);

/* The handle is gone, and all permits. -ENOENT. */
int gdl_buffer_forget(struct gdl_owner *owner, u64 handle);

/* With a reference to its dma-buf, for the caller to put. NULL: no such handle. */
struct gdl_buffer *gdl_buffer_get(struct gdl_owner *owner, u64 handle);

/* A driver that cannot give it back holds a mapping under this permit. */
bool gdl_buffer_held(struct gdl_buffer *buffer, struct gdl_permit *permit);

#endif
