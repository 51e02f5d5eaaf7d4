// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for a device: who attaches and maps is asked for the owner's permit. The
 * permit that counts is that of the moment at which a mapping is made, with the
 * reservation lock held, as it is when a permit is taken away.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/iommu.h>
#include <linux/iosys-map.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "gdl_buffer.h"
#include "gdl_compat.h"
#include "gdl_owner.h"
#include "gdl_permit.h"
#include "gdl_state.h"
#include "gdl_stats.h"

struct gdl_mapping {
	struct sg_table table;
	struct list_head node;	/* buffer->mappings */
	struct device *dev;
	struct gdl_permit *permit;
};

static u64 bytes_of(struct gdl_buffer *buffer)
{
	return buffer->pages.bytes;
}

/* The limit that mlock(2) has, per user: a process may die before its buffers. */
static struct user_struct *lock_memory(u64 bytes)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = get_uid(current_user());
	long pages = bytes >> PAGE_SHIFT;

	if (atomic_long_add_return(pages, &user->locked_vm) > limit &&
	    !capable(CAP_IPC_LOCK)) {
		atomic_long_sub(pages, &user->locked_vm);
		free_uid(user);
		gdl_count(GDL_MEMLOCK_REFUSALS);
		return NULL;
	}
	return user;
}

static void unlock_memory(struct user_struct *user, u64 bytes)
{
	atomic_long_sub(bytes >> PAGE_SHIFT, &user->locked_vm);
	free_uid(user);
}

/* What a permit says to a driver that cannot give a mapping back, or cannot now. */
static int may_map(struct gdl_permit *permit, struct gdl_attach *attach,
		   struct device *dev)
{
	if (!permit || permit->dev != attach->dev)
		return -EACCES;
	if (!attach->dynamic && !(permit->flags & GDL_GRANT_STATIC))
		return -EOPNOTSUPP;
	if (!(permit->flags & GDL_GRANT_UNTRANSLATED) &&
	    !gdl_device_translated(dev))
		return -EOPNOTSUPP;
	return 0;
}

static int gdl_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *at)
{
	struct gdl_buffer *buffer = dmabuf->priv;
	struct gdl_attach *attach;
	int ret;

	attach = kzalloc(sizeof(*attach), GFP_KERNEL);
	if (!attach)
		return -ENOMEM;
	attach->dynamic = dma_buf_attachment_is_dynamic(at);
	attach->dev = get_device(gdl_device_above(at->dev, &attach->key));
	ret = -EACCES;
	if (!attach->dev)
		goto err_free;
	/* The DMA API would warn of it. */
	ret = -ENODEV;
	if (!at->dev->dma_mask || !*at->dev->dma_mask)
		goto err_put;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = may_map(xa_load(&buffer->permits, attach->key), attach, at->dev);
	if (!ret)
		list_add_tail(&attach->node, &buffer->attaches);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		goto err_put;
	at->priv = attach;
	atomic_inc(&buffer->attached);
	gdl_count(GDL_ATTACHED);
	return 0;

err_put:
	put_device(attach->dev);
err_free:
	kfree(attach);
	gdl_count(GDL_ATTACH_REFUSALS);
	return ret;
}

static void gdl_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *at)
{
	struct gdl_buffer *buffer = dmabuf->priv;
	struct gdl_attach *attach = at->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	list_del(&attach->node);
	dma_resv_unlock(dmabuf->resv);
	atomic_dec(&buffer->attached);
	put_device(attach->dev);
	kfree(attach);
}

/*
 * A pin says that the driver will not listen to move_notify. It may be the
 * core's, which pins before each mapping of a driver that could: then a pin that
 * has no mapping yet was the driver's own.
 */
static int gdl_pin(struct dma_buf_attachment *at)
{
	struct gdl_buffer *buffer = at->dmabuf->priv;
	struct gdl_attach *attach = at->priv;
	struct gdl_permit *permit = xa_load(&buffer->permits, attach->key);
	bool own = attach->dynamic && (!GDL_CORE_PINS || attach->pins > attach->maps);
	int ret = may_map(permit, attach, at->dev);

	if (!ret && own && !(permit->flags & GDL_GRANT_STATIC))
		ret = -EOPNOTSUPP;
	if (ret)
		gdl_count(GDL_MAP_REFUSALS);
	else
		attach->pins++;
	return ret;
}

static void gdl_unpin(struct dma_buf_attachment *at)
{
	struct gdl_attach *attach = at->priv;

	attach->pins--;
}

/*
 * Of what is mapped, what the device reaches elsewhere: swiotlb's pages, that
 * somebody then copies from and to. Looked at once per contiguous chunk.
 */
static u64 bounced(struct device *dev, struct sg_table *table)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct scatterlist *at = table->sgl, *sg;
	u64 offset = 0, bytes = 0;
	unsigned int i;

	for_each_sgtable_sg(table, sg, i) {
		dma_addr_t address;
		phys_addr_t real;

		while (offset >= sg_dma_len(at)) {
			offset -= sg_dma_len(at);
			at = sg_next(at);
		}
		address = sg_dma_address(at) + offset;
		real = domain ? iommu_iova_to_phys(domain, address) : address;
		if (real != sg_phys(sg))
			bytes += sg->length;
		offset += sg->length;
	}
	return bytes;
}

static struct sg_table *gdl_map(struct dma_buf_attachment *at,
				enum dma_data_direction dir)
{
	struct gdl_buffer *buffer = at->dmabuf->priv;
	struct gdl_attach *attach = at->priv;
	struct gdl_permit *permit = xa_load(&buffer->permits, attach->key);
	struct gdl_mapping *mapping;
	int ret;

	dma_resv_assert_held(at->dmabuf->resv);
	ret = may_map(permit, attach, at->dev);
	if (!ret && !gdl_device_reaches(at->dev, buffer->pages.last))
		ret = -EOPNOTSUPP;
	if (ret)
		goto err_refuse;
	ret = -ENOMEM;
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		goto err_refuse;
	ret = gdl_pages_table(&buffer->pages, &mapping->table);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(at->dev, &mapping->table, dir, 0);
	if (ret)
		goto err_table;

	gdl_permit_mapped(permit);
	mapping->permit = permit;
	mapping->dev = at->dev;
	list_add_tail(&mapping->node, &buffer->mappings);
	attach->maps++;
	atomic_inc(&buffer->mapped);
	gdl_count(GDL_MAPPED);
	gdl_add(GDL_MAPPED_BYTES, bytes_of(buffer));
	gdl_add(GDL_BOUNCED_BYTES, bounced(at->dev, &mapping->table));
	return &mapping->table;

err_table:
	sg_free_table(&mapping->table);
err_free:
	kfree(mapping);
err_refuse:
	gdl_count(GDL_MAP_REFUSALS);
	return ERR_PTR(ret);
}

static void gdl_unmap(struct dma_buf_attachment *at, struct sg_table *table,
		      enum dma_data_direction dir)
{
	struct gdl_mapping *mapping = container_of(table, struct gdl_mapping, table);
	struct gdl_buffer *buffer = at->dmabuf->priv;
	struct gdl_attach *attach = at->priv;

	dma_resv_assert_held(at->dmabuf->resv);
	dma_unmap_sgtable(at->dev, table, dir, 0);
	list_del(&mapping->node);
	attach->maps--;
	atomic_dec(&buffer->mapped);
	gdl_count(GDL_UNMAPPED);
	gdl_permit_unmapped(mapping->permit, at->dev);
	sg_free_table(table);
	kfree(mapping);
}

static int sync_mappings(struct dma_buf *dmabuf, enum dma_data_direction dir,
			 void (*sync)(struct device *dev, struct sg_table *table,
				      enum dma_data_direction dir))
{
	struct gdl_buffer *buffer = dmabuf->priv;
	struct gdl_mapping *mapping;
	int ret;

	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;
	list_for_each_entry(mapping, &buffer->mappings, node)
		sync(mapping->dev, &mapping->table, dir);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static int gdl_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return sync_mappings(dmabuf, dir, dma_sync_sgtable_for_cpu);
}

static int gdl_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return sync_mappings(dmabuf, dir, dma_sync_sgtable_for_device);
}

/* The mapping has the dma-buf's file, and so the pages, as long as it is there. */
static int gdl_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct gdl_buffer *buffer = dmabuf->priv;

	gdl_count(GDL_CPU_MAPPED);
	return gdl_pages_mmap(&buffer->pages, vma);
}

static int gdl_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct gdl_buffer *buffer = dmabuf->priv;
	void *address = gdl_pages_vmap(&buffer->pages);

	if (!address)
		return -ENOMEM;
	gdl_count(GDL_CPU_MAPPED);
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void gdl_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
	iosys_map_clear(map);
}

static void gdl_release(struct dma_buf *dmabuf)
{
	struct gdl_buffer *buffer = dmabuf->priv;
	struct gdl_owner *owner = buffer->owner;

	mutex_lock(&owner->lock);
	list_del(&buffer->node);
	mutex_unlock(&owner->lock);
	gdl_pages_free(&buffer->pages);
	unlock_memory(buffer->user, bytes_of(buffer));
	gdl_owner_uncharge(owner, bytes_of(buffer));
	gdl_count(GDL_FREES);
	gdl_add(GDL_FREED_BYTES, bytes_of(buffer));
	xa_destroy(&buffer->permits);
	kfree_rcu(buffer, rcu);
	gdl_owner_put(owner);
}

static const struct dma_buf_ops gdl_dma_buf_ops = {
	.attach			= gdl_attach,
	.detach			= gdl_detach,
	.pin			= gdl_pin,
	.unpin			= gdl_unpin,
	.map_dma_buf		= gdl_map,
	.unmap_dma_buf		= gdl_unmap,
	.begin_cpu_access	= gdl_begin_cpu_access,
	.end_cpu_access		= gdl_end_cpu_access,
	.mmap			= gdl_mmap,
	.vmap			= gdl_vmap,
	.vunmap			= gdl_vunmap,
	.release		= gdl_release,
};

static struct dma_buf *export(struct gdl_buffer *buffer)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &gdl_dma_buf_ops;
	info.size = bytes_of(buffer);
	info.flags = O_RDWR;
	info.priv = buffer;
	return dma_buf_export(&info);
}

int gdl_buffer_alloc(struct gdl_owner *owner, struct gdl_alloc *arg,
		     struct gdl_buffer **ret_buffer)
{
	struct gdl_buffer *buffer;
	struct dma_buf *dmabuf;
	int ret;

	ret = gdl_owner_charge(owner, arg->bytes);
	if (ret)
		return ret;
	ret = -ENOMEM;
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		goto err_charge;
	xa_init(&buffer->permits);
	INIT_LIST_HEAD(&buffer->attaches);
	INIT_LIST_HEAD(&buffer->mappings);
	buffer->owner = owner;
	buffer->user = lock_memory(arg->bytes);
	if (!buffer->user)
		goto err_buffer;
	ret = gdl_pages_alloc(&buffer->pages, arg->bytes, arg->flags & GDL_ALLOC_HUGE);
	if (ret)
		goto err_user;
	dmabuf = export(buffer);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto err_pages;
	}

	/* From here on it ends by its dma-buf's release. */
	buffer->dmabuf = dmabuf;
	kref_get(&owner->ref);
	gdl_count(GDL_ALLOCATIONS);
	gdl_add(GDL_ALLOCATED_BYTES, arg->bytes);
	mutex_lock(&owner->lock);
	list_add_tail(&buffer->node, &owner->all);
	buffer->handle = ++owner->last_handle;
	ret = owner->ended ? -ESHUTDOWN :
			     xa_insert(&owner->buffers, buffer->handle, buffer,
				       GFP_KERNEL_ACCOUNT);
	if (!ret)
		get_dma_buf(dmabuf); /* the handle's; the other is the caller's */
	mutex_unlock(&owner->lock);
	if (ret) {
		dma_buf_put(dmabuf);
		return ret;
	}
	*ret_buffer = buffer;
	return 0;

err_pages:
	gdl_pages_free(&buffer->pages);
err_user:
	unlock_memory(buffer->user, arg->bytes);
err_buffer:
	kfree(buffer);
err_charge:
	gdl_owner_uncharge(owner, arg->bytes);
	return ret;
}

int gdl_buffer_forget(struct gdl_owner *owner, u64 handle)
{
	struct gdl_buffer *buffer;

	mutex_lock(&owner->lock);
	buffer = xa_erase(&owner->buffers, handle);
	mutex_unlock(&owner->lock);
	if (!buffer)
		return -ENOENT;
	gdl_permit_revoke_all(buffer, true);
	dma_buf_put(buffer->dmabuf);
	return 0;
}

void gdl_buffer_forget_all(struct gdl_owner *owner)
{
	struct gdl_buffer *buffer;
	unsigned long handle;

	gdl_owner_end(owner);
	/* Nothing comes in any more; FREE may still take one out at the same time. */
	xa_for_each(&owner->buffers, handle, buffer)
		gdl_buffer_forget(owner, handle);
}

struct gdl_buffer *gdl_buffer_get(struct gdl_owner *owner, u64 handle)
{
	struct gdl_buffer *buffer;

	mutex_lock(&owner->lock);
	buffer = xa_load(&owner->buffers, handle);
	if (buffer)
		get_dma_buf(buffer->dmabuf);
	mutex_unlock(&owner->lock);
	return buffer;
}
