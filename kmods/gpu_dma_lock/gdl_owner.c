// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dma-buf.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "gdl_compat.h"
#include "gdl_owner.h"
#include "gdl_stats.h"

DEFINE_MUTEX(gdl_owners_lock);
LIST_HEAD(gdl_owners);

struct gdl_owner *gdl_owner_new(void)
{
	struct gdl_owner *owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);

	if (!owner)
		return NULL;
	kref_init(&owner->ref);
	mutex_init(&owner->lock);
	spin_lock_init(&owner->charge_lock);
	xa_init(&owner->buffers);
	INIT_LIST_HEAD(&owner->all);
	INIT_LIST_HEAD(&owner->node);
	return owner;
}

/* With gdl_owners_lock held, so that nobody finds it while it dies. */
static void owner_release(struct kref *ref)
{
	struct gdl_owner *owner = container_of(ref, struct gdl_owner, ref);

	list_del(&owner->node);
	mutex_unlock(&gdl_owners_lock);
	if (owner->id) {
		gdl_count(GDL_AGENTS_ENDED);
		put_pid(owner->tgid);
		mmdrop(owner->mm);
	}
	xa_destroy(&owner->buffers);
	mutex_destroy(&owner->lock);
	kfree(owner);
}

void gdl_owner_put(struct gdl_owner *owner)
{
	kref_put_mutex(&owner->ref, owner_release, &gdl_owners_lock);
}

int gdl_owner_begin(struct gdl_owner *owner, struct gdl_agent *arg)
{
	static u64 last_id; /* gdl_owners_lock */

	mutex_lock(&gdl_owners_lock);
	if (owner->id) {
		mutex_unlock(&gdl_owners_lock);
		return -EBUSY;
	}
	owner->shared = arg->flags & GDL_AGENT_SHARED;
	owner->mm = current->mm;
	mmgrab(owner->mm);
	owner->tgid = get_pid(task_tgid(current));
	owner->uid = current_uid();
	owner->quota = GDL_DEFAULT_QUOTA;
	list_add_tail(&owner->node, &gdl_owners);
	arg->id = ++last_id;
	/* Pairs with the acquire in gdl_owner_may_use(): who sees an id sees the rest. */
	smp_store_release(&owner->id, arg->id);
	mutex_unlock(&gdl_owners_lock);

	arg->quota = GDL_DEFAULT_QUOTA;
	arg->features = GDL_FEAT_PCI | GDL_FEAT_PLATFORM |
			(GDL_CORE_PINS ? 0 : GDL_FEAT_NO_PIN);
	gdl_count(GDL_AGENTS_CREATED);
	return 0;
}

bool gdl_owner_is_current(struct gdl_owner *owner)
{
	/* Pairs with the release in gdl_owner_begin(). */
	return smp_load_acquire(&owner->id) && owner->tgid == task_tgid(current);
}

/*
 * Both: vfork() and CLONE_VM share the memory with another process, exec leaves
 * the process with other memory.
 */
int gdl_owner_may_use(struct gdl_owner *owner)
{
	/* Pairs with the release in gdl_owner_begin(). */
	if (!smp_load_acquire(&owner->id))
		return -ENXIO;
	if (!owner->shared && (current->mm != owner->mm ||
			       task_tgid(current) != owner->tgid))
		return -EPERM;
	return READ_ONCE(owner->ended) ? -ESHUTDOWN : 0;
}

void gdl_owner_end(struct gdl_owner *owner)
{
	mutex_lock(&owner->lock);
	WRITE_ONCE(owner->ended, true);
	mutex_unlock(&owner->lock);
}

int gdl_owner_charge(struct gdl_owner *owner, u64 bytes)
{
	int ret = 0;

	spin_lock(&owner->charge_lock);
	if (owner->charged > owner->quota ||
	    bytes > owner->quota - owner->charged)
		ret = -EDQUOT;
	else
		owner->charged += bytes;
	spin_unlock(&owner->charge_lock);
	if (ret)
		gdl_count(GDL_QUOTA_REFUSALS);
	return ret;
}

void gdl_owner_uncharge(struct gdl_owner *owner, u64 bytes)
{
	spin_lock(&owner->charge_lock);
	owner->charged -= bytes;
	spin_unlock(&owner->charge_lock);
}

void gdl_owner_usage(struct gdl_owner *owner, u64 *ret_quota, u64 *ret_charged)
{
	spin_lock(&owner->charge_lock);
	*ret_quota = owner->quota;
	*ret_charged = owner->charged;
	spin_unlock(&owner->charge_lock);
}

int gdl_owner_set_quota(struct gdl_owner *owner, u64 quota, bool force)
{
	bool may = force || quota <= GDL_DEFAULT_QUOTA ||
		   capable(CAP_SYS_RESOURCE);
	int ret = 0;

	spin_lock(&owner->charge_lock);
	if (may || quota <= owner->quota)
		owner->quota = quota;
	else
		ret = -EPERM;
	spin_unlock(&owner->charge_lock);
	return ret;
}
