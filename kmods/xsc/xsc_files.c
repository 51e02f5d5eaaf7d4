// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered files: XSC_SQE_FIXED_FILE.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/net.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "xsc_files.h"
#include "xsc_server.h"

/**
 * struct xsc_file_table - the registered files
 * @pins: the ring's, until they are unregistered, and one for each thread that takes
 *	files out of it: see xsc_files_get()
 * @node: in ring->files_gone, without pins
 * @count: places
 * @files: or NULL
 */
struct xsc_file_table {
	refcount_t pins;
	struct llist_node node;
	u32 count;
	struct file *files[];
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
	refcount_set(&table->pins, 1);

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

static void unpin(struct xsc_file_table *table)
{
	if (refcount_dec_and_test(&table->pins))
		free_table(table);
}

/* The ring has them no more. Return: its pin, or NULL if there were none. */
static struct xsc_file_table *take_away(struct xsc_ring *ring)
{
	struct xsc_file_table *table = NULL;

	mutex_lock(&ring->lock);
	spin_lock(&ring->files_lock);
	swap(ring->files, table);
	spin_unlock(&ring->files_lock);
	mutex_unlock(&ring->lock);
	return table;
}

/**
 * xsc_files_unregister - hold them no more
 * @ring: the ring, set up
 *
 * Operations that have begun keep theirs. A thread that does not sleep has the table
 * pinned for a lap at most: that is waited for, so that who reads from a pipe is told of
 * its end by the time this is back.
 *
 * Return: 0, or -ENXIO if there are none.
 */
int xsc_files_unregister(struct xsc_ring *ring)
{
	struct xsc_file_table *table = take_away(ring);

	if (!table)
		return -ENXIO;
	while (refcount_read(&table->pins) > 1 && !fatal_signal_pending(current))
		usleep_range(20, 100);
	unpin(table);
	return 0;
}

/**
 * xsc_files_shut - the same where nothing may be waited for
 * @ring: the ring, set up or not
 */
void xsc_files_shut(struct xsc_ring *ring)
{
	struct xsc_file_table *table = take_away(ring);

	if (table)
		unpin(table);
}

static struct xsc_file_table *pin(struct xsc_server *srv)
{
	struct xsc_ring *ring = srv->ring;
	struct xsc_file_table *table;

	xsc_files_unpin(srv);
	spin_lock(&ring->files_lock);
	table = ring->files;
	if (table)
		refcount_inc(&table->pins);
	spin_unlock(&ring->files_lock);
	WRITE_ONCE(srv->table, table);
	return table;
}

/**
 * xsc_files_get - a registered file
 * @srv: the thread, in an operation that has no file yet
 * @index: user space's
 *
 * The thread pins the table, for a lap: the file has no reference for this operation, and
 * gets one only if the thread is put to sleep, from xsc_files_sleep(), where the pin is
 * given up. So what sleeps holds the one file, whatever becomes of the others.
 *
 * Return: the file, to be given back by xsc_files_put(), or NULL.
 */
struct file *xsc_files_get(struct xsc_server *srv, s32 index)
{
	struct xsc_file_table *table = srv->table;
	struct file *file;

	if (unlikely(!table || table != READ_ONCE(srv->ring->files)))
		table = pin(srv);
	if (!table || index < 0 || index >= table->count)
		return NULL;
	file = table->files[array_index_nospec(index, table->count)];
	if (!file)
		return NULL;
	srv->fixed_held = false;
	WRITE_ONCE(srv->fixed, file);
	/* Where nobody tells that it sleeps: as if it did. */
	if (!IS_ENABLED(CONFIG_PREEMPT_NOTIFIERS)) {
		get_file(file);
		srv->fixed_held = true;
		xsc_files_unpin(srv);
	}
	return file;
}

/**
 * xsc_files_put - the operation is done with a file
 * @srv: the thread
 * @file: registered, or with a reference that is dropped
 */
void xsc_files_put(struct xsc_server *srv, struct file *file)
{
	bool held = true;

	if (srv->fixed) {
		WRITE_ONCE(srv->fixed, NULL);
		/* Now it does not change any more. */
		barrier();
		held = READ_ONCE(srv->fixed_held);
	}
	if (held)
		fput(file);
}

/**
 * xsc_files_unpin - the end of a lap
 * @srv: the current thread, in no operation
 */
void xsc_files_unpin(struct xsc_server *srv)
{
	struct xsc_file_table *table = srv->table;

	if (!table)
		return;
	WRITE_ONCE(srv->table, NULL);
	unpin(table);
}

/**
 * xsc_files_sleep - the thread is put to sleep in an operation
 * @srv: the current thread, with its run queue locked
 *
 * Return: whether xsc_files_reap() has to be called, by an interrupt.
 */
bool xsc_files_sleep(struct xsc_server *srv)
{
	struct xsc_file_table *table = srv->table;

	if (!table)
		return false;
	if (srv->fixed && !srv->fixed_held) {
		get_file(srv->fixed);
		srv->fixed_held = true;
	}
	srv->table = NULL;
	if (!refcount_dec_and_test(&table->pins))
		return false;
	llist_add(&table->node, &srv->ring->files_gone);
	return true;
}

/**
 * xsc_files_reap - let go what xsc_files_sleep() could not
 * @ring: the ring; any context
 */
void xsc_files_reap(struct xsc_ring *ring)
{
	struct llist_node *first = llist_del_all(&ring->files_gone);
	struct xsc_file_table *table, *next;

	llist_for_each_entry_safe(table, next, first, node)
		free_table(table);
}
