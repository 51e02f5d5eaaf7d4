// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ioprio.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "gaming_storage_session.h"

static struct gaming_storage *make_storage(void)
{
	struct gaming_storage *st;

	st = kzalloc(sizeof(*st), GFP_KERNEL_ACCOUNT);
	if (!st)
		return NULL;
	if (gaming_storage_queue_init(&st->queue)) {
		kfree(st);
		return NULL;
	}
	gaming_storage_table_init(&st->buffers);
	gaming_storage_stage_init(&st->stage);
	return st;
}

static DEFINE_MUTEX(make_lock);

struct gaming_storage *gaming_storage_of(struct gaming_session *s)
{
	struct gaming_storage *st;

	if (gaming_is_confined())
		return ERR_PTR(-EPERM);
	mutex_lock(&make_lock);
	st = gaming_session_get(s, GAMING_STORAGE);
	if (!st) {
		st = make_storage();
		gaming_session_set(s, GAMING_STORAGE, st);
	}
	mutex_unlock(&make_lock);
	return st ? st : ERR_PTR(-ENOMEM);
}

void gaming_storage_release(struct gaming_session *s)
{
	struct gaming_storage *st = gaming_session_get(s, GAMING_STORAGE);

	if (!st)
		return;
	gaming_storage_queue_destroy(&st->queue);
	gaming_storage_table_destroy(&st->buffers);
	gaming_storage_stage_destroy(&st->stage);
	kfree(st);
}

int gaming_storage_ioprio(u32 priority)
{
	switch (priority) {
	case GAMING_STORAGE_IMMEDIATE:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 0);
	case GAMING_STORAGE_HIGH:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 2);
	case GAMING_STORAGE_BACKGROUND:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7);
	case GAMING_STORAGE_STREAMING:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
	default:
		return get_current_ioprio();
	}
}

struct file *gaming_storage_file(int fd, fmode_t mode)
{
	struct file *file = fget(fd);
	umode_t type;

	if (!file)
		return ERR_PTR(-EBADF);
	type = file_inode(file)->i_mode;
	if (!(file->f_mode & mode)) {
		fput(file);
		return ERR_PTR(-EBADF);
	}
	if ((S_ISREG(type) || S_ISBLK(type)) &&
	    (mode & FMODE_WRITE ? !!file->f_op->write_iter : !!file->f_op->read_iter))
		return file;
	fput(file);
	return ERR_PTR(-EOPNOTSUPP);
}

bool gaming_storage_is_cached(struct file *file, loff_t pos, size_t len)
{
	return len && filemap_range_has_page(file->f_mapping, pos, pos + len - 1);
}
