// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files: READ, WRITE, PREAD, PWRITE, OPEN, CLOSE, FSYNC.
 *
 * The kernel exports neither the system calls nor vfs_read() and vfs_write(). So
 * they are written out here, step by step as in fs/read_write.c and fs/open.c,
 * out of what is exported. vfs_iter_read() would be shorter, but it refuses
 * every file that has a ->read only (inotify, timerfd, many devices).
 */
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/sched/xacct.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/version.h>

#include "xsc_consume.h"

static ssize_t read_file(struct file *file, char __user *buf, size_t count,
			 loff_t *pos)
{
	ssize_t ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (!(file->f_mode & FMODE_CAN_READ))
		return -EINVAL;
	if (!access_ok(buf, count))
		return -EFAULT;
	ret = rw_verify_area(READ, file, pos, count);
	if (ret)
		return ret;
	count = min_t(size_t, count, MAX_RW_COUNT);

	if (file->f_op->read) {
		ret = file->f_op->read(file, buf, count, pos);
	} else if (file->f_op->read_iter) {
		struct iov_iter iter;
		struct kiocb kiocb;

		init_sync_kiocb(&kiocb, file);
		kiocb.ki_pos = pos ? *pos : 0;
		iov_iter_ubuf(&iter, ITER_DEST, buf, count);
		ret = file->f_op->read_iter(&kiocb, &iter);
		if (pos)
			*pos = kiocb.ki_pos;
	} else {
		ret = -EINVAL;
	}

	if (ret > 0) {
		fsnotify_access(file);
		add_rchar(current, ret);
	}
	inc_syscr(current);
	return ret;
}

static ssize_t write_file(struct file *file, const char __user *buf,
			  size_t count, loff_t *pos)
{
	ssize_t ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!(file->f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	if (!access_ok(buf, count))
		return -EFAULT;
	ret = rw_verify_area(WRITE, file, pos, count);
	if (ret)
		return ret;
	count = min_t(size_t, count, MAX_RW_COUNT);

	file_start_write(file);
	if (file->f_op->write) {
		ret = file->f_op->write(file, buf, count, pos);
	} else if (file->f_op->write_iter) {
		struct iov_iter iter;
		struct kiocb kiocb;

		init_sync_kiocb(&kiocb, file);
		kiocb.ki_pos = pos ? *pos : 0;
		iov_iter_ubuf(&iter, ITER_SOURCE, (void __user *)buf, count);
		ret = file->f_op->write_iter(&kiocb, &iter);
		if (ret > 0 && pos)
			*pos = kiocb.ki_pos;
	} else {
		ret = -EINVAL;
	}

	if (ret > 0) {
		fsnotify_modify(file);
		add_wchar(current, ret);
	}
	inc_syscw(current);
	file_end_write(file);
	return ret;
}

/*
 * fdget_pos() spares itself the lock on a file with one reference only. Here
 * there are two at least: ours and that of the table, which another thread can
 * reach.
 */
static int at_file_position(const struct xsc_sqe *sqe, bool write)
{
	char __user *buf = u64_to_user_ptr(sqe->addr);
	struct file *file = fget(sqe->fd);
	loff_t pos, *ppos = NULL;
	bool locked;
	ssize_t ret;

	if (!file)
		return -EBADF;

	locked = file->f_mode & FMODE_ATOMIC_POS;
	if (locked)
		mutex_lock(&file->f_pos_lock);
	if (!(file->f_mode & FMODE_STREAM)) {
		pos = file->f_pos;
		ppos = &pos;
	}

	ret = write ? write_file(file, buf, sqe->len, ppos) :
		      read_file(file, buf, sqe->len, ppos);

	if (ret >= 0 && ppos)
		file->f_pos = pos;
	if (locked)
		mutex_unlock(&file->f_pos_lock);
	fput(file);
	return ret;
}

static int at_given_position(const struct xsc_sqe *sqe, bool write)
{
	fmode_t needed = write ? FMODE_PWRITE : FMODE_PREAD;
	char __user *buf = u64_to_user_ptr(sqe->addr);
	loff_t pos = sqe->off;
	struct file *file;
	ssize_t ret;

	if (pos < 0)
		return -EINVAL;
	file = fget(sqe->fd);
	if (!file)
		return -EBADF;

	if (!(file->f_mode & needed))
		ret = -ESPIPE;
	else if (write)
		ret = write_file(file, buf, sqe->len, &pos);
	else
		ret = read_file(file, buf, sqe->len, &pos);
	fput(file);
	return ret;
}

int xsc_consume_read(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_file_position(sqe, false);
}

int xsc_consume_write(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_file_position(sqe, true);
}

int xsc_consume_pread(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_given_position(sqe, false);
}

int xsc_consume_pwrite(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_given_position(sqe, true);
}

/* As getname(): a path of PATH_MAX bytes has no place for its terminator. */
static int copy_path(struct xsc_server *srv, u64 addr)
{
	long len = strncpy_from_user(srv->path, u64_to_user_ptr(addr), PATH_MAX);

	if (len < 0)
		return len;
	if (len == PATH_MAX)
		return -ENAMETOOLONG;
	return len ? 0 : -ENOENT;
}

/*
 * Relative paths begin at the working directory, AT_FDCWD is the only directory
 * descriptor: file_open_root(), the one exported way to open relative to
 * another, would make a root of it.
 */
int xsc_consume_open(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	int flags = sqe->op_flags;
	struct file *file;
	int fd;

	if (sqe->fd != AT_FDCWD)
		return -EINVAL;
	if (force_o_largefile())
		flags |= O_LARGEFILE;

	srv->path_ops++;
	fd = copy_path(srv, sqe->addr);
	if (fd)
		return fd;
	fd = get_unused_fd_flags(flags);
	if (fd < 0)
		return fd;

	/* Flags and mode are checked in there, as for open(2). */
	file = filp_open(srv->path, flags, sqe->len);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* Since 6.10 filp_open() does this. */
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0))
		fsnotify_open(file);
	fd_install(fd, file);
	return fd;
}

/* A close is never begun anew: the descriptor is gone, whatever ->flush said. */
int xsc_consume_close(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	int ret = close_fd(sqe->fd);

	switch (ret) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return -EINTR;
	default:
		return ret;
	}
}

int xsc_consume_fsync(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	struct file *file;
	int ret;

	if (sqe->op_flags & ~XSC_FSYNC_DATASYNC)
		return -EINVAL;
	file = fget(sqe->fd);
	if (!file)
		return -EBADF;
	ret = vfs_fsync(file, sqe->op_flags & XSC_FSYNC_DATASYNC);
	fput(file);
	return ret;
}
