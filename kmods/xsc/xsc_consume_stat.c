// SPDX-License-Identifier: GPL-2.0-only
/*
 * STAT, LSTAT, FSTAT: the struct stat of the architecture, as cp_new_stat() in
 * fs/stat.c fills it. Only 64-bit programs get here, so no value is too large.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/namei.h>
#include <linux/stat.h>
#include <linux/uaccess.h>

#include "xsc_consume.h"
#include "xsc_files.h"

#ifndef INIT_STRUCT_STAT_PADDING
#define INIT_STRUCT_STAT_PADDING(st) memset(&(st), 0, sizeof(st))
#endif

static int copy_stat(const struct kstat *from, u64 addr)
{
	struct user_namespace *ns = current_user_ns();
	struct stat st;

	INIT_STRUCT_STAT_PADDING(st);
	st.st_dev = new_encode_dev(from->dev);
	st.st_ino = from->ino;
	st.st_mode = from->mode;
	st.st_nlink = from->nlink;
	st.st_uid = from_kuid_munged(ns, from->uid);
	st.st_gid = from_kgid_munged(ns, from->gid);
	st.st_rdev = new_encode_dev(from->rdev);
	st.st_size = from->size;
	st.st_atime = from->atime.tv_sec;
	st.st_mtime = from->mtime.tv_sec;
	st.st_ctime = from->ctime.tv_sec;
	st.st_atime_nsec = from->atime.tv_nsec;
	st.st_mtime_nsec = from->mtime.tv_nsec;
	st.st_ctime_nsec = from->ctime.tv_nsec;
	st.st_blocks = from->blocks;
	st.st_blksize = from->blksize;
	return copy_to_user(u64_to_user_ptr(addr), &st, sizeof(st)) ?
	       -EFAULT : 0;
}

/* A handle that went stale between the two steps: looked up anew, once. */
static int by_path(struct xsc_server *srv, const struct xsc_sqe *sqe,
		   unsigned int lookup)
{
	struct kstat stat;
	struct path path;
	int ret;

	ret = xsc_consume_path(srv, sqe->addr);
	if (ret)
		return ret;
retry:
	ret = kern_path(srv->path, lookup, &path);
	if (ret)
		return ret;
	ret = vfs_getattr(&path, &stat, STATX_BASIC_STATS, AT_NO_AUTOMOUNT);
	path_put(&path);
	if (ret == -ESTALE && !(lookup & LOOKUP_REVAL)) {
		lookup |= LOOKUP_REVAL;
		goto retry;
	}
	return ret ? ret : copy_stat(&stat, sqe->off);
}

static int do_stat(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return by_path(srv, sqe, LOOKUP_FOLLOW);
}

static int do_lstat(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return by_path(srv, sqe, 0);
}

/* O_PATH descriptors too. */
static int do_fstat(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	bool fixed = sqe->flags & XSC_SQE_FIXED_FILE;
	struct file *file = fixed ? xsc_consume_file(srv, sqe) :
				    fget_raw(sqe->fd);
	struct kstat stat;
	int ret;

	if (!file)
		return -EBADF;
	ret = vfs_getattr(&file->f_path, &stat, STATX_BASIC_STATS, 0);
	xsc_files_put(srv, file);
	return ret ? ret : copy_stat(&stat, sqe->off);
}

const struct xsc_op xsc_stat_ops[XSC_OP_COUNT] = {
	[XSC_OP_STAT]	= { do_stat, XSC_USES_ADDR | XSC_USES_OFF | XSC_IN_BURST },
	[XSC_OP_LSTAT]	= { do_lstat, XSC_USES_ADDR | XSC_USES_OFF | XSC_IN_BURST },
	[XSC_OP_FSTAT]	= { do_fstat, XSC_USES_FD | XSC_USES_OFF |
				      XSC_CAN_FIXED | XSC_IN_BURST },
};
