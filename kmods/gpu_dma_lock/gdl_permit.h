/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices by name, and what a buffer's owner permits them. */
#ifndef GDL_PERMIT_H
#define GDL_PERMIT_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <linux/gpu_dma_lock.h>

struct device;
struct gdl_account;
struct gdl_buffer;

/* A device that may map a buffer. In buffer->permits by key until it is revoked. */
struct gdl_permit {
	struct kref ref;	/* the buffer's, and one of each mapping */
	struct device *dev;
	unsigned long key;
	u32 flags;		/* GDL_GRANT_ */
	bool revoked;		/* the reservation lock */
	atomic_t mapped;
	bool cached;		/* mapped since the IOMMU's cache was last emptied */
	struct gdl_account *account;	/* who pays for that */
	struct list_head node;	/* of who revokes it */
	struct rcu_work free;
};

/* Permits are freed after a while, by a work item. */
int gdl_permit_load(void);
void gdl_permit_unload(void);

/* -EINVAL: the name says more or less than its kind needs. */
int gdl_device_check(const struct gdl_device *name);

/* The nearest device at or above @dev that has a name here, or NULL; and its key. */
struct device *gdl_device_above(struct device *dev, unsigned long *ret_key);

/* Whether an IOMMU translates what @dev accesses. */
bool gdl_device_translated(struct device *dev);
/*
 * Whether it reaches memory up to @last without help: always, where an IOMMU
 * translates. Else swiotlb would have to copy, and the DMA API warns where it cannot.
 */
bool gdl_device_reaches(struct device *dev, phys_addr_t last);

/* Also -EACCES: not a GPU, and the administrator allows no other device. */
int gdl_permit_grant(struct gdl_buffer *buffer, struct gdl_grant *arg);
int gdl_permit_revoke(struct gdl_buffer *buffer, struct gdl_revoke *arg);
/* Whatever holds a mapping, and for good. */
/* @forget: no new one either */
void gdl_permit_revoke_all(struct gdl_buffer *buffer, bool forget);
/* GDL_MAY_; in an RCU read-side section. */
int gdl_permit_check(struct gdl_buffer *buffer, const struct gdl_device *name);

/* It is mapped: with the reservation lock held. The mapping has a reference. */
void gdl_permit_mapped(struct gdl_permit *permit);
/* A mapping of it, for @dev, was given back; with it goes its reference. */
void gdl_permit_unmapped(struct gdl_permit *permit, struct device *dev);
void gdl_permit_put(struct gdl_permit *permit);

#endif
