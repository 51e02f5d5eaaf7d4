/* SPDX-License-Identifier: GPL-2.0-only */
/* What a session has of storage: its buffers, its reads and writes; and the files for them. */
#ifndef _GAMING_STORAGE_SESSION_H
#define _GAMING_STORAGE_SESSION_H

#include <linux/fs.h>
#include <linux/types.h>

#include "gaming.h"
#include "gaming_storage_buffer.h"
#include "gaming_storage_queue.h"
#include "gaming_storage_stage.h"

struct gaming_storage {
	struct gaming_storage_table buffers;
	struct gaming_storage_stage stage;
	struct gaming_storage_queue queue;
};

/* The session's, made by the first call; or an ERR_PTR. */
struct gaming_storage *gaming_storage_of(struct gaming_session *s);
/* With the session. Waits for what is under way. */
void gaming_storage_release(struct gaming_session *s);

/* ki_ioprio for a GAMING_STORAGE_*; those below GAMING_STORAGE_PRIORITIES only. */
int gaming_storage_ioprio(u32 priority);
/* The file behind a descriptor if it can be read so; or an ERR_PTR. */
struct file *gaming_storage_file(int fd, fmode_t mode);
/* Is a page of the range in the file's page cache? */
bool gaming_storage_is_cached(struct file *file, loff_t pos, size_t len);

#endif /* _GAMING_STORAGE_SESSION_H */
