// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/wait.h>

#include "gdl_compat.h"
#include "gdl_flush.h"
#include "gdl_owner.h"
#include "gdl_permit.h"
#include "gdl_state.h"
#include "gdl_stats.h"

static bool any_device;
module_param(any_device, bool, 0644);
MODULE_PARM_DESC(any_device, "grants to devices that are no GPUs, too");

static struct workqueue_struct *free_queue;
/* Woken when a mapping of a revoked permit is given back. */
static DECLARE_WAIT_QUEUE_HEAD(unmapped);

int gdl_permit_load(void)
{
	free_queue = alloc_workqueue("gpu_dma_lock", WQ_UNBOUND, 0);
	return free_queue ? 0 : -ENOMEM;
}

void gdl_permit_unload(void)
{
	rcu_barrier();
	destroy_workqueue(free_queue);
}

/* Not in the callback of RCU: the last reference to a device may sleep. */
static void free_permit(struct work_struct *work)
{
	struct gdl_permit *permit = container_of(to_rcu_work(work),
						 struct gdl_permit, free);

	put_device(permit->dev);
	kfree(permit);
}

static void permit_release(struct kref *ref)
{
	struct gdl_permit *permit = container_of(ref, struct gdl_permit, ref);

	INIT_RCU_WORK(&permit->free, free_permit);
	queue_rcu_work(free_queue, &permit->free);
}

void gdl_permit_put(struct gdl_permit *permit)
{
	kref_put(&permit->ref, permit_release);
}

/*
 * A key is small where devices are many, as an array indexed by it is deep where
 * it is large. Two platform devices may have one key: then both are compared.
 */
static_assert(BITS_PER_LONG == 64);

static unsigned long pci_key(u32 domain, u8 bus, u8 devfn)
{
	return ((unsigned long)domain << 16 | bus << 8 | devfn) << 1;
}

static unsigned long platform_key(const char *name)
{
	return (unsigned long)full_name_hash(NULL, name, strlen(name)) << 1 | 1;
}

static unsigned long name_key(const struct gdl_device *name)
{
	return name->kind == GDL_DEVICE_PCI ?
		       pci_key(name->domain, name->bus,
			       PCI_DEVFN(name->slot, name->function)) :
		       platform_key(name->name);
}

int gdl_device_check(const struct gdl_device *name)
{
	bool pci = name->domain || name->bus || name->slot || name->function;
	bool class = name->class || name->class_mask;
	size_t length = strnlen(name->name, sizeof(name->name));

	if (name->resv || name->resv2 || length == sizeof(name->name) ||
	    memchr_inv(name->name + length, 0, sizeof(name->name) - length))
		return -EINVAL;
	switch (name->kind) {
	case GDL_DEVICE_PCI:
		if (class || length || name->slot > 31 || name->function > 7)
			return -EINVAL;
		return 0;
	case GDL_DEVICE_PCI_CLASS:
		if (pci || length || name->class & ~name->class_mask)
			return -EINVAL;
		return name->class_mask == 0xff0000 ||
		       name->class_mask == 0xffff00 ||
		       name->class_mask == 0xffffff ? 0 : -EINVAL;
	case GDL_DEVICE_PLATFORM:
		return pci || class || !length ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

struct device *gdl_device_above(struct device *dev, unsigned long *ret_key)
{
	for (; dev; dev = dev->parent) {
		if (dev_is_pci(dev)) {
			struct pci_dev *pci = to_pci_dev(dev);

			*ret_key = pci_key(pci_domain_nr(pci->bus),
					   pci->bus->number, pci->devfn);
			return dev;
		}
		if (dev_is_platform(dev)) {
			*ret_key = platform_key(dev_name(dev));
			return dev;
		}
	}
	return NULL;
}

bool gdl_device_translated(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
}

bool gdl_device_reaches(struct device *dev, phys_addr_t last)
{
	/* Addresses are shifted there: the DMA API knows, and has its ways. */
	if (gdl_device_translated(dev) || dev->dma_range_map)
		return true;
	return last <= min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

/* A DRM device hangs below the device whose driver made it, or below a bus of that one. */
static int has_drm(struct device *dev, void *unused)
{
	if (dev->class && !strcmp(dev->class->name, "drm"))
		return 1;
	/* Another's: it has a name of its own here. */
	if (dev_is_pci(dev) || dev_is_platform(dev))
		return 0;
	return device_for_each_child(dev, NULL, has_drm);
}

static bool is_gpu(struct device *dev)
{
	if (dev_is_pci(dev) &&
	    to_pci_dev(dev)->class >> 16 == PCI_BASE_CLASS_DISPLAY)
		return true;
	return device_for_each_child(dev, NULL, has_drm);
}

/* Whether @name is that of the permit's device, or of its class. */
static bool names(const struct gdl_device *name, struct gdl_permit *permit)
{
	switch (name->kind) {
	case GDL_DEVICE_PCI:
		return permit->key == name_key(name);
	case GDL_DEVICE_PCI_CLASS:
		return dev_is_pci(permit->dev) &&
		       (to_pci_dev(permit->dev)->class & name->class_mask) ==
			       name->class;
	default:
		return dev_is_platform(permit->dev) &&
		       !strcmp(dev_name(permit->dev), name->name);
	}
}

static int grant_one(struct gdl_buffer *buffer, struct device *dev,
		     struct gdl_grant *arg)
{
	bool translated = gdl_device_translated(dev);
	struct gdl_permit *permit;
	int ret;

	if (!dev->dma_mask || !*dev->dma_mask)
		return -ENODEV;
	if (!READ_ONCE(any_device) && !is_gpu(dev))
		return -EACCES;
	if (!translated && !(arg->flags & GDL_GRANT_UNTRANSLATED))
		return -EOPNOTSUPP;
	permit = kzalloc(sizeof(*permit), GFP_KERNEL_ACCOUNT);
	if (!permit)
		return -ENOMEM;
	kref_init(&permit->ref);
	gdl_device_above(dev, &permit->key);
	permit->flags = arg->flags;
	permit->account = gdl_flush_account(buffer->owner->uid);

	dma_resv_lock(buffer->dmabuf->resv, NULL);
	if (buffer->forgotten) {
		ret = -ENOENT;
	} else {
		permit->dev = get_device(dev);
		ret = xa_insert(&buffer->permits, permit->key, permit,
				GFP_KERNEL_ACCOUNT);
		if (ret)
			put_device(dev);
	}
	dma_resv_unlock(buffer->dmabuf->resv);
	if (ret) {
		kfree(permit);
		return ret == -EBUSY ? -EEXIST : ret;
	}
	gdl_count(GDL_GRANTS);
	arg->granted++;
	arg->translated += translated;
	return 0;
}

/* Those of a class that cannot be granted are left out, if there are others. */
static int grant_class(struct gdl_buffer *buffer, struct gdl_grant *arg)
{
	struct pci_dev *pci = NULL;
	int ret = -ENODEV, err;

	while ((pci = pci_get_device(PCI_ANY_ID, PCI_ANY_ID, pci))) {
		if ((pci->class & arg->device.class_mask) != arg->device.class)
			continue;
		err = grant_one(buffer, &pci->dev, arg);
		if (err == -ENOMEM || err == -ENOENT) {
			pci_dev_put(pci);
			return err;
		}
		if (err)
			ret = err;
	}
	return arg->granted ? 0 : ret;
}

int gdl_permit_grant(struct gdl_buffer *buffer, struct gdl_grant *arg)
{
	const struct gdl_device *name = &arg->device;
	struct pci_dev *pci;
	struct device *dev;
	int ret;

	ret = gdl_flush_wait(gdl_flush_account(buffer->owner->uid));
	if (ret)
		return ret;
	switch (name->kind) {
	case GDL_DEVICE_PCI_CLASS:
		return grant_class(buffer, arg);
	case GDL_DEVICE_PCI:
		pci = pci_get_domain_bus_and_slot(name->domain, name->bus,
						  PCI_DEVFN(name->slot, name->function));
		dev = pci ? &pci->dev : NULL;
		break;
	default:
		dev = bus_find_device_by_name(&platform_bus_type, NULL, name->name);
	}
	if (!dev)
		return -ENODEV;
	ret = grant_one(buffer, dev, arg);
	put_device(dev);
	return ret;
}

/* A driver that cannot give it back holds a mapping under this permit. */
static bool held(struct gdl_buffer *buffer, struct gdl_permit *permit)
{
	struct gdl_attach *attach;

	dma_resv_assert_held(buffer->dmabuf->resv);
	if (!(permit->flags & GDL_GRANT_STATIC))
		return false;
	list_for_each_entry(attach, &buffer->attaches, node) {
		if (attach->key != permit->key || attach->dev != permit->dev)
			continue;
		if (!attach->dynamic ? attach->maps :
				       attach->pins > (GDL_CORE_PINS ? attach->maps : 0))
			return true;
	}
	return false;
}

/* Takes it out of the buffer; drivers are told by the caller. */
static void take(struct gdl_buffer *buffer, struct gdl_permit *permit,
		 struct list_head *taken)
{
	dma_resv_assert_held(buffer->dmabuf->resv);
	xa_erase(&buffer->permits, permit->key);
	permit->revoked = true;
	list_add_tail(&permit->node, taken);
	gdl_count(GDL_REVOKES);
}

/*
 * What was never mapped is in no cache, and whoever may GRANT could have it emptied as
 * often as he likes. Also what was unmapped long ago may still be there.
 */
static void flush(struct gdl_permit *permit)
{
	if (READ_ONCE(permit->cached))
		gdl_flush(permit->dev, permit->account);
}

/* 0, -ETIMEDOUT, -EINTR. Drops the buffer's reference, which was the list's. */
static int finish(struct gdl_permit *permit, unsigned long deadline)
{
	long left = deadline - jiffies;
	long ret = 1;

	if (atomic_read(&permit->mapped))
		ret = wait_event_killable_timeout(unmapped,
						  !atomic_read(&permit->mapped),
						  max(left, 0L));
	flush(permit);
	gdl_permit_put(permit);
	if (ret == 0)
		gdl_count(GDL_REVOKES_LATE);
	return ret > 0 ? 0 : ret == 0 ? -ETIMEDOUT : -EINTR;
}

int gdl_permit_revoke(struct gdl_buffer *buffer, struct gdl_revoke *arg)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(arg->timeout_ms);
	struct gdl_permit *permit, *next;
	unsigned long key;
	LIST_HEAD(taken);
	int ret = 0, err;

	dma_resv_lock(buffer->dmabuf->resv, NULL);
	xa_for_each(&buffer->permits, key, permit) {
		if (names(&arg->device, permit) && held(buffer, permit)) {
			dma_resv_unlock(buffer->dmabuf->resv);
			gdl_count(GDL_REVOKES_REFUSED);
			return -EBUSY;
		}
	}
	xa_for_each(&buffer->permits, key, permit) {
		if (!names(&arg->device, permit))
			continue;
		take(buffer, permit, &taken);
		arg->revoked++;
	}
	if (arg->revoked)
		dma_buf_move_notify(buffer->dmabuf);
	dma_resv_unlock(buffer->dmabuf->resv);
	if (!arg->revoked)
		return -ENODATA;

	list_for_each_entry_safe(permit, next, &taken, node) {
		err = finish(permit, deadline);
		if (err)
			ret = err;
	}
	return ret;
}

void gdl_permit_revoke_all(struct gdl_buffer *buffer, bool forget)
{
	struct gdl_permit *permit, *next;
	unsigned long key;
	LIST_HEAD(taken);

	dma_resv_lock(buffer->dmabuf->resv, NULL);
	if (forget)
		buffer->forgotten = true;
	xa_for_each(&buffer->permits, key, permit)
		take(buffer, permit, &taken);
	if (!list_empty(&taken))
		dma_buf_move_notify(buffer->dmabuf);
	dma_resv_unlock(buffer->dmabuf->resv);

	/* Who closes does not wait: what comes back later is flushed then. */
	list_for_each_entry_safe(permit, next, &taken, node) {
		flush(permit);
		gdl_permit_put(permit);
	}
}

void gdl_permit_mapped(struct gdl_permit *permit)
{
	kref_get(&permit->ref);
	WRITE_ONCE(permit->cached, true);
	atomic_inc(&permit->mapped);
}

void gdl_permit_unmapped(struct gdl_permit *permit, struct device *dev)
{
	bool revoked = permit->revoked;

	/* No new mapping comes behind the last of what is revoked. */
	if (revoked) {
		gdl_flush(dev, permit->account);
		if (atomic_read(&permit->mapped) == 1)
			WRITE_ONCE(permit->cached, false);
	}
	/* A full barrier: who sees 0 sees that it is flushed. */
	if (atomic_dec_and_test(&permit->mapped) && revoked)
		wake_up_all(&unmapped);
	gdl_permit_put(permit);
}

int gdl_permit_check(struct gdl_buffer *buffer, const struct gdl_device *name)
{
	struct gdl_permit *permit = xa_load(&buffer->permits, name_key(name));

	if (!permit || !device_is_registered(permit->dev) ||
	    (name->kind == GDL_DEVICE_PLATFORM && !names(name, permit)))
		return 0;
	return GDL_MAY_MAP |
	       (permit->flags & GDL_GRANT_STATIC ? GDL_MAY_STATIC : 0) |
	       (permit->flags & GDL_GRANT_UNTRANSLATED ? GDL_MAY_UNTRANSLATED : 0);
}
