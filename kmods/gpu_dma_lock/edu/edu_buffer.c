// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dma-buf that the device works on. The reservation lock is held from when a
 * mapping is asked for until the device is done with it, so move_notify, which is
 * called with it, finds the device at rest and gives the mapping back at once. A
 * driver whose device works for long would leave a fence instead.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "edu.h"

struct edu_segment {
	u64 offset;		/* in the buffer */
	dma_addr_t address;
	u64 bytes;
};

struct edu_buffer {
	struct edu *edu;
	u32 flags;		/* EDU_ATTACH_ */
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;	/* NULL: not mapped */
	/* Of the last mapping there was, for STALE. */
	struct edu_segment *segments;
	unsigned int count;
};

static bool translated(struct edu *edu)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&edu->pci->dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
}

static void unmap(struct edu_buffer *buffer)
{
	if (buffer->table)
		dma_buf_unmap_attachment(buffer->attachment, buffer->table,
					 DMA_BIDIRECTIONAL);
	buffer->table = NULL;
}

static void move_notify(struct dma_buf_attachment *attachment)
{
	struct edu_buffer *buffer = attachment->importer_priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	if (!(buffer->flags & EDU_ATTACH_KEEP))
		unmap(buffer);
}

static const struct dma_buf_attach_ops importer = {
	.move_notify = move_notify,
};

/* Where the mapping is, kept also when it is gone. */
static int remember(struct edu_buffer *buffer)
{
	struct edu_segment *segments;
	struct scatterlist *sg;
	unsigned int i;
	u64 offset = 0;

	segments = kvcalloc(buffer->table->nents, sizeof(*segments), GFP_KERNEL);
	if (!segments)
		return -ENOMEM;
	for_each_sgtable_dma_sg(buffer->table, sg, i) {
		segments[i].offset = offset;
		segments[i].address = sg_dma_address(sg);
		segments[i].bytes = sg_dma_len(sg);
		offset += segments[i].bytes;
	}
	kvfree(buffer->segments);
	buffer->segments = segments;
	buffer->count = buffer->table->nents;
	return 0;
}

static int map(struct edu_buffer *buffer)
{
	struct sg_table *table;
	int ret;

	dma_resv_assert_held(buffer->dmabuf->resv);
	if (buffer->table)
		return 0;
	table = dma_buf_map_attachment(buffer->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(table))
		return PTR_ERR(table);
	buffer->table = table;
	ret = remember(buffer);
	if (ret)
		unmap(buffer);
	return ret;
}

struct edu_buffer *edu_buffer_attach(struct edu *edu, int fd, u32 flags)
{
	const struct dma_buf_attach_ops *ops =
		flags & EDU_ATTACH_STATIC ? NULL : &importer;
	struct edu_buffer *buffer;
	int ret;

	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->edu = edu;
	buffer->flags = flags;
	buffer->dmabuf = dma_buf_get(fd);
	if (IS_ERR(buffer->dmabuf)) {
		ret = PTR_ERR(buffer->dmabuf);
		goto err_free;
	}
	buffer->attachment = dma_buf_dynamic_attach(buffer->dmabuf, &edu->pci->dev,
						    ops, buffer);
	if (IS_ERR(buffer->attachment)) {
		ret = PTR_ERR(buffer->attachment);
		goto err_put;
	}
	/* As drivers do: refused here rather than when the device is to begin. */
	dma_resv_lock(buffer->dmabuf->resv, NULL);
	ret = 0;
	if (flags & EDU_ATTACH_PIN)
		ret = dma_buf_pin(buffer->attachment);
	if (!ret) {
		ret = map(buffer);
		if (ret && flags & EDU_ATTACH_PIN)
			dma_buf_unpin(buffer->attachment);
	}
	dma_resv_unlock(buffer->dmabuf->resv);
	if (ret)
		goto err_detach;
	return buffer;

err_detach:
	dma_buf_detach(buffer->dmabuf, buffer->attachment);
err_put:
	dma_buf_put(buffer->dmabuf);
err_free:
	kfree(buffer);
	return ERR_PTR(ret);
}

void edu_buffer_detach(struct edu_buffer *buffer)
{
	dma_resv_lock(buffer->dmabuf->resv, NULL);
	unmap(buffer);
	if (buffer->flags & EDU_ATTACH_PIN)
		dma_buf_unpin(buffer->attachment);
	dma_resv_unlock(buffer->dmabuf->resv);
	dma_buf_detach(buffer->dmabuf, buffer->attachment);
	dma_buf_put(buffer->dmabuf);
	kvfree(buffer->segments);
	kfree(buffer);
}

/* 0 and the address, or -EINVAL. */
static int find(struct edu_buffer *buffer, u64 offset, u32 bytes, u64 *ret_address)
{
	unsigned int i;

	for (i = 0; i < buffer->count; i++) {
		struct edu_segment *segment = &buffer->segments[i];

		if (offset < segment->offset ||
		    offset - segment->offset >= segment->bytes)
			continue;
		if (bytes > segment->bytes - (offset - segment->offset))
			return -EINVAL;
		*ret_address = segment->address + (offset - segment->offset);
		return 0;
	}
	return -EINVAL;
}

/*
 * A device that goes to an address of its own accord asks nobody, so STALE holds
 * no lock while it does.
 */
int edu_buffer_run(struct edu_buffer *buffer, struct edu_run *run)
{
	bool write = (run->flags & ~EDU_RUN_STALE) == EDU_RUN_WRITE;
	bool stale = run->flags & EDU_RUN_STALE;
	int ret;

	if (stale && !translated(buffer->edu))
		return -EOPNOTSUPP;
	ret = dma_resv_lock_interruptible(buffer->dmabuf->resv, NULL);
	if (ret)
		return ret;
	if (stale)
		ret = buffer->count ? 0 : -ENODATA;
	else
		ret = map(buffer);
	if (!ret)
		ret = find(buffer, run->offset, run->bytes, &run->address);
	if (!ret && !stale)
		ret = edu_engine_run(buffer->edu, write, run->address,
				     run->device_offset, run->bytes);
	dma_resv_unlock(buffer->dmabuf->resv);
	if (!ret && stale)
		ret = edu_engine_run(buffer->edu, write, run->address,
				     run->device_offset, run->bytes);
	return ret;
}
