/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A buffer: pages, exported as a dma-buf. It lives as long as the dma-buf, of
 * which its handle is one reference, and each descriptor, mapping into a process
 * and importing driver another.
 *
 * The reservation lock (buffer->dmabuf->resv) is what drivers hold when they ask
 * for a mapping or give one back; it is taken after owner->lock, and never with it.
 */
#ifndef GDL_STATE_H
#define GDL_STATE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "gdl_pages.h"

struct device;
struct dma_buf;
struct gdl_owner;
struct user_struct;

/* A driver with a device that may want the buffer; attachment->priv. */
struct gdl_attach {
	struct list_head node;	/* buffer->attaches */
	struct device *dev;	/* the nearest that has a name */
	unsigned long key;
	unsigned int maps;	/* these two: the reservation lock */
	unsigned int pins;
	bool dynamic;		/* the driver can give mappings back */
};

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

#endif
