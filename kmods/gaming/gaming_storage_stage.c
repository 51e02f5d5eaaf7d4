// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <linux/lz4.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/zstd.h>

#include <linux/gaming.h>
#include <linux/gaming_storage.h>

#include "gaming_storage_stage.h"

void gaming_storage_stage_init(struct gaming_storage_stage *stage)
{
	mutex_init(&stage->lock);
}

static void drop_pages(struct gaming_storage_stage *stage)
{
	if (stage->map)
		vunmap(stage->map);
	while (stage->page_count)
		__free_page(stage->pages[--stage->page_count]);
	kvfree(stage->pages);
	kvfree(stage->segments);
	stage->map = NULL;
	stage->pages = NULL;
	stage->segments = NULL;
}

void gaming_storage_stage_destroy(struct gaming_storage_stage *stage)
{
	drop_pages(stage);
	kvfree(stage->zstd);
}

int gaming_storage_stage_grow(struct gaming_storage_stage *stage, unsigned int count)
{
	lockdep_assert_held(&stage->lock);
	if (count <= stage->page_count)
		return 0;
	drop_pages(stage);
	stage->pages = kvmalloc_array(count, sizeof(*stage->pages), GFP_KERNEL_ACCOUNT);
	stage->segments = kvmalloc_array(count, sizeof(*stage->segments), GFP_KERNEL_ACCOUNT);
	if (!stage->pages || !stage->segments)
		goto drop;
	while (stage->page_count < count) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			goto drop;
		stage->segments[stage->page_count] =
			(struct bio_vec){ .bv_page = page, .bv_len = PAGE_SIZE };
		stage->pages[stage->page_count++] = page;
	}
	stage->map = vmap(stage->pages, count, VM_MAP, PAGE_KERNEL);
	if (stage->map)
		return 0;
drop:
	drop_pages(stage);
	return -ENOMEM;
}

/* The decoders write no more than @room, and read no more than there is: bytes, or an errno. */
static ssize_t unpack_lz4(const void *from, size_t packed, void *to, size_t room)
{
	int ret = LZ4_decompress_safe(from, to, packed, room);

	return ret < 0 ? -EBADMSG : ret;
}

static ssize_t unpack_zstd(struct gaming_storage_stage *stage, const void *from, size_t packed,
			   void *to, size_t room)
{
	size_t workspace = zstd_dctx_workspace_bound(), ret;
	zstd_dctx *dctx;

	lockdep_assert_held(&stage->lock);
	if (!stage->zstd)
		stage->zstd = kvmalloc(workspace, GFP_KERNEL_ACCOUNT);
	if (!stage->zstd)
		return -ENOMEM;
	dctx = zstd_init_dctx(stage->zstd, workspace);
	if (!dctx)
		return -ENOMEM;
	ret = zstd_decompress_dctx(dctx, to, room, from, packed);
	return zstd_is_error(ret) ? -EBADMSG : ret;
}

ssize_t gaming_storage_stage_unpack(struct gaming_storage_stage *stage, u32 format, size_t at,
				    size_t packed, void *to, size_t room)
{
	const void *from = stage->map + at;

	if (format == GAMING_FORMAT_LZ4)
		return unpack_lz4(from, packed, to, room);
	return unpack_zstd(stage, from, packed, to, room);
}

u64 gaming_storage_stage_formats(void)
{
	return (IS_ENABLED(CONFIG_LZ4_DECOMPRESS) ? GAMING_FEAT_LZ4 : 0) |
	       (IS_ENABLED(CONFIG_ZSTD_DECOMPRESS) ? GAMING_FEAT_ZSTD : 0);
}
