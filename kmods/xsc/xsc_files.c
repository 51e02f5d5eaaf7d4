// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered files: XSC_SQE_FIXED_FILE.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "xsc_ring.h"

struct xsc_file_table {
	u32 count;
	struct file *files[];	/* or NULL */
};

/*
 * The ring holds these files, so none may hold the ring's own file in turn, or
 * both stay for ever. Where no file can hide is known of these kinds only: a Unix
 * socket has descriptors in flight, an io_uring or an epoll or a character device
 * may have anything.
 */
static bool holds_no_file(struct file *file)
{
	umode_t mode = file_inode(file)->i_mode;

	if (S_ISSOCK(mode)) {
		struct socket *sock = sock_from_file(file);

		return sock && sock->sk && (sock->sk->sk_family == AF_INET ||
					    sock->sk->sk_family == AF_INET6);
	}
	return S_ISREG(mode) || S_ISBLK(mode) || S_ISFIFO(mode);
}

static void free_table(struct xsc_file_table *table)
{
	u32 i;

	for (i = 0; i < table->count; i++)
		if (table->files[i])
			fput(table->files[i]);
	kvfree(table);
}

static int fill_table(struct xsc_file_table *table, const s32 __user *fds,
		      u32 count)
{
	struct file *file;
	s32 fd;

	for (; table->count < count; table->count++) {
		if (get_user(fd, fds + table->count))
			return -EFAULT;
		if (fd == -1)
			continue;
		file = fget(fd);
		if (!file)
			return -EBADF;
		if (!holds_no_file(file)) {
			fput(file);
			return -EINVAL;
		}
		table->files[table->count] = file;
	}
	return 0;
}

/**
 * xsc_files_register - hold files for XSC_SQE_FIXED_FILE
 * @ring: the ring, set up
 * @arg: its reserved fields are zero
 *
 * Return: 0, -EBADF, -EBUSY, -EFAULT, -EINVAL, -EMFILE, -ENOMEM or -ESHUTDOWN.
 */
int xsc_files_register(struct xsc_ring *ring, const struct xsc_files *arg)
{
	struct xsc_file_table *table;
	int ret;

	if (!arg->count || arg->count > XSC_MAX_FILES)
		return -EINVAL;
	if (arg->count > rlimit(RLIMIT_NOFILE))
		return -EMFILE;
	table = kvzalloc(struct_size(table, files, arg->count),
			 GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;

	ret = fill_table(table, u64_to_user_ptr(arg->addr), arg->count);
	if (!ret) {
		mutex_lock(&ring->lock);
		if (ring->shut)
			ret = -ESHUTDOWN;
		else if (ring->files)
			ret = -EBUSY;
		if (!ret) {
			spin_lock(&ring->files_lock);
			swap(ring->files, table);
			spin_unlock(&ring->files_lock);
		}
		mutex_unlock(&ring->lock);
	}
	if (table)
		free_table(table);
	return ret;
}

/**
 * xsc_files_unregister - hold them no more
 * @ring: the ring, set up or not
 *
 * Operations that have begun keep theirs.
 *
 * Return: 0, or -ENXIO if there are none.
 */
int xsc_files_unregister(struct xsc_ring *ring)
{
	struct xsc_file_table *table = NULL;

	mutex_lock(&ring->lock);
	spin_lock(&ring->files_lock);
	swap(ring->files, table);
	spin_unlock(&ring->files_lock);
	mutex_unlock(&ring->lock);
	if (!table)
		return -ENXIO;
	free_table(table);
	return 0;
}

/**
 * xsc_files_get - a registered file
 * @ring: the ring
 * @index: user space's
 *
 * Return: the file, to be given back by fput(), or NULL.
 */
struct file *xsc_files_get(struct xsc_ring *ring, s32 index)
{
	struct file *file = NULL;

	spin_lock(&ring->files_lock);
	if (ring->files && index >= 0 && index < ring->files->count) {
		index = array_index_nospec(index, ring->files->count);
		file = ring->files->files[index];
		if (file)
			get_file(file);
	}
	spin_unlock(&ring->files_lock);
	return file;
}
