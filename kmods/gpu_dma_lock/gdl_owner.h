/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An owner: what the manual calls an agent. It is made with its file, is an agent
 * once GDL_IOC_AGENT has given it an id, ends with its process's close, and stays
 * until the last of its buffers is gone.
 */
#ifndef GDL_OWNER_H
#define GDL_OWNER_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

#include <linux/gpu_dma_lock.h>

struct gdl_buffer;

struct gdl_owner {
	struct kref ref;	/* the file's, and one of each buffer */
	u64 id;			/* 0: not an agent yet; what follows is set before it */
	bool shared;
	struct mm_struct *mm;
	struct pid *tgid;
	kuid_t uid;

	struct mutex lock;
	bool ended;		/* lock */
	u64 last_handle;	/* lock */
	struct xarray buffers;	/* by handle; written under lock, read under RCU too */
	struct list_head all;	/* lock; also those that have no handle any more */

	spinlock_t charge_lock;
	u64 quota;		/* charge_lock */
	u64 charged;		/* charge_lock */

	struct list_head node;	/* gdl_owners_lock */
};

/* All agents. Taken before owner->lock. */
extern struct mutex gdl_owners_lock;
extern struct list_head gdl_owners;

struct gdl_owner *gdl_owner_new(void);
void gdl_owner_put(struct gdl_owner *owner);

/* -EBUSY: it is an agent. */
int gdl_owner_begin(struct gdl_owner *owner, struct gdl_agent *arg);

/* 0, or why current may not use it: -ENXIO, -EPERM, -ESHUTDOWN. */
int gdl_owner_may_use(struct gdl_owner *owner);
/* Whether current is the process whose close ends it. */
bool gdl_owner_is_current(struct gdl_owner *owner);

/* No new buffer: for gdl_buffer_forget_all(), which forgets those that are there. */
void gdl_owner_end(struct gdl_owner *owner);

/* -EDQUOT */
int gdl_owner_charge(struct gdl_owner *owner, u64 bytes);
void gdl_owner_uncharge(struct gdl_owner *owner, u64 bytes);
void gdl_owner_usage(struct gdl_owner *owner, u64 *ret_quota, u64 *ret_charged);
/* -EPERM. @force: root says so, elsewhere. */
int gdl_owner_set_quota(struct gdl_owner *owner, u64 quota, bool force);

#endif
