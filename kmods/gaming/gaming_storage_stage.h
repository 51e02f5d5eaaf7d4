/* SPDX-License-Identifier: GPL-2.0-only */
/* Where packed bytes wait for their decoder, and the decoders. */
#ifndef _GAMING_STORAGE_STAGE_H
#define _GAMING_STORAGE_STAGE_H

#include <linux/bvec.h>
#include <linux/mutex.h>
#include <linux/types.h>

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

/* GAMING_FEAT_* of the formats that this kernel can unpack. */
u64 gaming_storage_stage_formats(void);

/* All that follow: with @stage->lock. */

/* @count pages at least; what was in them is gone if there are more now. 0, or -ENOMEM. */
int gaming_storage_stage_grow(struct gaming_storage_stage *stage, unsigned int count);
/*
 * The @packed bytes at @at of the stage, which has them, of GAMING_FORMAT_LZ4 or _ZSTD, to
 * @to: no more than @room bytes are written. How many, -EBADMSG or -ENOMEM.
 */
ssize_t gaming_storage_stage_unpack(struct gaming_storage_stage *stage, u32 format, size_t at,
				    size_t packed, void *to, size_t room);

#endif /* _GAMING_STORAGE_STAGE_H */
