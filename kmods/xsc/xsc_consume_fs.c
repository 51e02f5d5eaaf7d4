// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files: READ, WRITE, READV, WRITEV, PREAD, PWRITE, OPEN, CLOSE, FSYNC.
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
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/version.h>

#include "xsc_arm.h"
#include "xsc_consume.h"
#include "xsc_files.h"

/* What an operation reads into or writes from: one buffer, or several. */
struct buffers {
	struct iovec one;
	struct iovec *vec;	/* nr of them */
	unsigned long nr;
	struct iovec *made;	/* to be freed */
	struct iov_iter iter;
};

static void one_buffer(struct buffers *bufs, unsigned int direction, u64 addr,
		       size_t count)
{
	bufs->one.iov_base = u64_to_user_ptr(addr);
	bufs->one.iov_len = min_t(size_t, count, MAX_RW_COUNT);
	bufs->vec = &bufs->one;
	bufs->nr = 1;
	bufs->made = NULL;
	iov_iter_ubuf(&bufs->iter, direction, bufs->one.iov_base,
		      bufs->one.iov_len);
}

/*
 * The array is copied once, and checked, whatever becomes of it in user space.
 * With one segment later kernels make no use of it, but have filled it.
 */
static int many_buffers(struct buffers *bufs, unsigned int direction, u64 addr,
			unsigned long nr)
{
	ssize_t ret;

	bufs->made = NULL;
	if (nr > UIO_MAXIOV)
		return -EINVAL;
	bufs->vec = kmalloc_array(nr ? nr : 1, sizeof(*bufs->vec),
				  GFP_KERNEL_ACCOUNT);
	if (!bufs->vec)
		return -ENOMEM;
	bufs->nr = nr;
	bufs->made = bufs->vec;
	ret = import_iovec(direction, u64_to_user_ptr(addr), nr, nr ? nr : 1,
			   &bufs->vec, &bufs->iter);
	bufs->vec = bufs->made;
	return ret < 0 ? ret : 0;
}

/*
 * For files with a ->read or ->write only: a call for each buffer. What all of them
 * may hold was checked and cut for the iterator; the array may still say more.
 */
static ssize_t one_by_one(struct file *file, struct buffers *bufs, bool write,
			  loff_t *pos)
{
	size_t left = iov_iter_count(&bufs->iter);
	ssize_t total = 0;
	unsigned long i;

	for (i = 0; i < bufs->nr; i++) {
		void __user *base = bufs->vec[i].iov_base;
		size_t len = min_t(size_t, bufs->vec[i].iov_len, left);
		ssize_t ret;

		if (write)
			ret = file->f_op->write(file, base, len, pos);
		else
			ret = file->f_op->read(file, base, len, pos);
		if (ret < 0)
			return total ? total : ret;
		total += ret;
		left -= len;
		if (ret != len)
			break;
	}
	return total;
}

/* As vfs_read() a single buffer goes to ->read first, as vfs_readv() several do not. */
static ssize_t by_file(struct file *file, struct buffers *bufs, bool write,
		       loff_t *pos)
{
	const struct file_operations *f_op = file->f_op;
	bool old = write ? !!f_op->write : !!f_op->read;
	bool iter = write ? !!f_op->write_iter : !!f_op->read_iter;
	struct kiocb kiocb;
	ssize_t ret;

	if (old && (!bufs->made || !iter))
		return one_by_one(file, bufs, write, pos);
	if (!iter)
		return -EINVAL;
	init_sync_kiocb(&kiocb, file);
	kiocb.ki_pos = pos ? *pos : 0;
	ret = write ? f_op->write_iter(&kiocb, &bufs->iter) :
		      f_op->read_iter(&kiocb, &bufs->iter);
	if (pos && (!write || ret > 0 || bufs->made))
		*pos = kiocb.ki_pos;
	return ret;
}

static ssize_t read_file(struct file *file, struct buffers *bufs, loff_t *pos)
{
	size_t count = iov_iter_count(&bufs->iter);
	ssize_t ret;

	if (bufs->made && !count)
		return 0;
	ret = rw_verify_area(READ, file, pos, count);
	if (ret)
		return ret;
	ret = by_file(file, bufs, false, pos);
	if (ret > 0 || (bufs->made && !ret))
		fsnotify_access(file);
	if (ret > 0)
		add_rchar(current, ret);
	inc_syscr(current);
	return ret;
}

static ssize_t write_file(struct file *file, struct buffers *bufs, loff_t *pos)
{
	size_t count = iov_iter_count(&bufs->iter);
	ssize_t ret;

	if (bufs->made && !count)
		return 0;
	ret = rw_verify_area(WRITE, file, pos, count);
	if (ret)
		return ret;
	file_start_write(file);
	ret = by_file(file, bufs, true, pos);
	if (ret > 0) {
		fsnotify_modify(file);
		add_wchar(current, ret);
	}
	inc_syscw(current);
	file_end_write(file);
	return ret;
}

/* The checks and their order are those of ksys_read() and do_readv(). */
static ssize_t transfer(struct xsc_server *srv, struct file *file,
			const struct xsc_sqe *sqe, bool write, bool vec,
			loff_t *pos)
{
	unsigned int direction = write ? ITER_SOURCE : ITER_DEST;
	struct buffers bufs;
	ssize_t ret;

	/* vfs_readv() copies the array before it looks at the file. */
	if (vec) {
		ret = many_buffers(&bufs, direction, sqe->addr, sqe->len);
		if (ret)
			goto out;
		srv->wanted = iov_iter_count(&bufs.iter);
	}
	ret = -EBADF;
	if (!(file->f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		goto out;
	ret = -EINVAL;
	if (!(file->f_mode & (write ? FMODE_CAN_WRITE : FMODE_CAN_READ)))
		goto out;
	if (!vec) {
		ret = -EFAULT;
		if (!access_ok(u64_to_user_ptr(sqe->addr), sqe->len))
			goto out;
		one_buffer(&bufs, direction, sqe->addr, sqe->len);
		/* A read of nothing returns at once. */
		if (!pos && !write && sqe->len &&
		    xsc_arm(srv, file, XSC_AWAITS_DATA) == XSC_ARM_DONE)
			return XSC_ARMED;
	}
	ret = write ? write_file(file, &bufs, pos) :
		      read_file(file, &bufs, pos);
out:
	if (vec)
		kfree(bufs.made);
	return ret;
}

/*
 * fdget_pos() spares itself the lock on a file with one reference only. Here
 * there are two at least: ours and that of the table, which another thread can
 * reach.
 */
static int at_file_position(struct xsc_server *srv, const struct xsc_sqe *sqe,
			    bool write, bool vec)
{
	struct file *file = xsc_consume_file(srv, sqe);
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

	ret = transfer(srv, file, sqe, write, vec, ppos);

	if (ret >= 0 && ppos)
		file->f_pos = pos;
	if (locked)
		mutex_unlock(&file->f_pos_lock);
	xsc_files_put(srv, file);
	return ret;
}

static int at_given_position(struct xsc_server *srv, const struct xsc_sqe *sqe,
			     bool write)
{
	loff_t pos = sqe->off;
	struct file *file;
	ssize_t ret;

	if (pos < 0)
		return -EINVAL;
	file = xsc_consume_file(srv, sqe);
	if (!file)
		return -EBADF;

	if (!(file->f_mode & (write ? FMODE_PWRITE : FMODE_PREAD)))
		ret = -ESPIPE;
	else
		ret = transfer(srv, file, sqe, write, false, &pos);
	xsc_files_put(srv, file);
	return ret;
}

static int do_read(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_file_position(srv, sqe, false, false);
}

static int do_write(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_file_position(srv, sqe, true, false);
}

static int do_readv(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_file_position(srv, sqe, false, true);
}

static int do_writev(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_file_position(srv, sqe, true, true);
}

static int do_pread(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_given_position(srv, sqe, false);
}

static int do_pwrite(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return at_given_position(srv, sqe, true);
}

/*
 * Relative paths begin at the working directory, AT_FDCWD is the only directory
 * descriptor: file_open_root(), the one exported way to open relative to
 * another, would make a root of it.
 */
static int do_open(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	int flags = sqe->op_flags;
	struct file *file;
	int fd;

	if (sqe->fd != AT_FDCWD)
		return -EINVAL;
	if (force_o_largefile())
		flags |= O_LARGEFILE;

	fd = xsc_consume_path(srv, sqe->addr);
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
static int do_close(struct xsc_server *srv, const struct xsc_sqe *sqe)
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

static int do_fsync(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	struct file *file;
	int ret;

	if (sqe->op_flags & ~XSC_FSYNC_DATASYNC)
		return -EINVAL;
	file = xsc_consume_file(srv, sqe);
	if (!file)
		return -EBADF;
	ret = vfs_fsync(file, sqe->op_flags & XSC_FSYNC_DATASYNC);
	xsc_files_put(srv, file);
	return ret;
}

#define BUFFER	(XSC_USES_FD | XSC_USES_ADDR | XSC_USES_LEN | XSC_CAN_FIXED)

const struct xsc_op xsc_fs_ops[XSC_OP_COUNT] = {
	[XSC_OP_READ]	= { do_read, BUFFER | XSC_WANTS_ALL | XSC_IN_BURST },
	[XSC_OP_WRITE]	= { do_write, BUFFER | XSC_WANTS_ALL | XSC_IN_BURST },
	[XSC_OP_READV]	= { do_readv, BUFFER | XSC_WANTS_ALL_OF_VEC | XSC_IN_BURST },
	[XSC_OP_WRITEV]	= { do_writev, BUFFER | XSC_WANTS_ALL_OF_VEC | XSC_IN_BURST },
	[XSC_OP_PREAD]	= { do_pread, BUFFER | XSC_USES_OFF | XSC_WANTS_ALL | XSC_IN_BURST },
	[XSC_OP_PWRITE]	= { do_pwrite, BUFFER | XSC_USES_OFF | XSC_WANTS_ALL | XSC_IN_BURST },
	[XSC_OP_OPEN]	= { do_open, XSC_USES_FD | XSC_USES_ADDR |
				     XSC_USES_LEN | XSC_USES_OP_FLAGS | XSC_IN_BURST },
	[XSC_OP_CLOSE]	= { do_close, XSC_USES_FD },
	[XSC_OP_FSYNC]	= { do_fsync, XSC_USES_FD | XSC_USES_OP_FLAGS |
				      XSC_CAN_FIXED | XSC_IN_BURST },
};
