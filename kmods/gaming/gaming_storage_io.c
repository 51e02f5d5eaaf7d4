// SPDX-License-Identifier: GPL-2.0-only
/*
 * READ, PREAD, WRITE: files into registered buffers, many at a time. The manual is
 * include/uapi/linux/gaming_storage.h.
 *
 * A read is what pread(2) makes of it, written out from exported parts: the checks of
 * vfs_read() and rw_verify_area(), which asks the security modules, and then the
 * file's ->read_iter with an iterator over the buffer's pages. With O_DIRECT these
 * pages go to the device as they are.
 */
#include <linux/blkdev.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/sched/xacct.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "gaming_storage_io.h"
#include "gaming_storage_session.h"

static void complete_kiocb(struct kiocb *kiocb, long res)
{
	gaming_storage_queue_end(container_of(kiocb, struct gaming_storage_op, kiocb), res);
}

/* What is the same for a read and a write. 0, or the request's result. */
static int prepare(struct gaming_storage_op *op, const struct gaming_request *request, fmode_t mode,
		   struct iov_iter *iter)
{
	struct gaming_storage *st = container_of(op->queue, struct gaming_storage, queue);
	struct file *file;

	op->user_data = request->user_data;
	if (request->len > GAMING_IO_BYTES || request->priority >= GAMING_STORAGE_PRIORITIES)
		return -EINVAL;
	op->buffer = gaming_storage_buffer_get(&st->buffers, request->buffer);
	if (!op->buffer)
		return -ENOENT;
	if (!gaming_storage_range_fits(op->buffer, request->buffer_at, request->len))
		return -EINVAL;
	file = gaming_storage_file(request->fd, mode);
	if (IS_ERR(file))
		return PTR_ERR(file);
	init_sync_kiocb(&op->kiocb, file);
	op->kiocb.ki_flags &= ~IOCB_HIPRI; /* nobody polls for it */
	op->kiocb.ki_ioprio = gaming_storage_ioprio(request->priority);
	gaming_storage_buffer_iter(op->buffer, iter, mode & FMODE_WRITE ? ITER_SOURCE : ITER_DEST,
				   request->buffer_at, request->len);
	return 0;
}

static int verify(struct gaming_storage_op *op, int direction, loff_t pos, size_t len)
{
	op->pos = pos;
	op->kiocb.ki_pos = pos;
	if (pos < 0)
		return -EINVAL;
	return rw_verify_area(direction, op->kiocb.ki_filp, &op->kiocb.ki_pos, len);
}

/* What vfs_write() does around ->write_iter. */
static long write_now(struct gaming_storage_op *op, struct iov_iter *iter)
{
	struct file *file = op->kiocb.ki_filp;
	long ret;

	ret = verify(op, WRITE, op->kiocb.ki_pos, iov_iter_count(iter));
	if (ret)
		return ret;
	file_start_write(file);
	ret = file->f_op->write_iter(&op->kiocb, iter);
	if (ret > 0) {
		fsnotify_modify(file);
		add_wchar(current, ret);
	}
	inc_syscw(current);
	file_end_write(file);
	return ret;
}

static void count_read(struct file *file, long res)
{
	if (res <= 0)
		return;
	fsnotify_access(file);
	add_rchar(current, res);
}

static long read_now(struct gaming_storage_op *op, struct iov_iter *iter)
{
	struct file *file = op->kiocb.ki_filp;
	long ret;

	ret = verify(op, READ, op->kiocb.ki_pos, iov_iter_count(iter));
	if (ret)
		return ret;
	ret = file->f_op->read_iter(&op->kiocb, iter);
	count_read(file, ret);
	return ret;
}

/* As read(2) and write(2) do it, with the lock that orders them. */
static long at_position(struct gaming_storage_op *op, struct iov_iter *iter,
			long (*now)(struct gaming_storage_op *op, struct iov_iter *iter))
{
	struct file *file = op->kiocb.ki_filp;
	bool locked = file->f_mode & FMODE_ATOMIC_POS;
	long ret;

	if (locked)
		mutex_lock(&file->f_pos_lock);
	op->kiocb.ki_pos = file->f_pos;
	ret = now(op, iter);
	if (ret >= 0)
		file->f_pos = op->kiocb.ki_pos;
	if (locked)
		mutex_unlock(&file->f_pos_lock);
	return ret;
}

static void begin_read(struct gaming_storage_op *op, const struct gaming_request *request)
{
	struct iov_iter iter;
	long ret;

	ret = prepare(op, request, FMODE_READ, &iter);
	if (!ret && request->offset == GAMING_AT_POSITION) {
		ret = at_position(op, &iter, read_now);
	} else if (!ret) {
		ret = verify(op, READ, request->offset, request->len);
		if (!ret) {
			op->kiocb.ki_complete = complete_kiocb;
			ret = op->kiocb.ki_filp->f_op->read_iter(&op->kiocb, &iter);
		}
	}
	inc_syscr(current);
	if (ret != -EIOCBQUEUED)
		gaming_storage_queue_end(op, ret);
}

static void do_one_write(struct gaming_storage_op *op, const struct gaming_request *request)
{
	struct iov_iter iter;
	long ret;

	ret = prepare(op, request, FMODE_WRITE, &iter);
	if (!ret && request->offset == GAMING_AT_POSITION) {
		ret = at_position(op, &iter, write_now);
	} else if (!ret) {
		op->kiocb.ki_pos = request->offset;
		ret = write_now(op, &iter);
	}
	gaming_storage_queue_end(op, ret);
}

int gaming_storage_begin(struct gaming_storage *st, const struct gaming_request *request,
			 int eventfd)
{
	struct eventfd_ctx *ctx = NULL;
	struct gaming_storage_op *op;

	if (eventfd >= 0) {
		ctx = eventfd_ctx_fdget(eventfd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	op = gaming_storage_queue_begin(&st->queue);
	if (!op) {
		if (ctx)
			eventfd_ctx_put(ctx);
		return -EAGAIN;
	}
	op->eventfd = ctx;
	begin_read(op, request);
	return 0;
}

typedef void (*begin_t)(struct gaming_storage_op *op, const struct gaming_request *request);

/*
 * As many as fit, which are the first: those by priority, and in order within one.
 * How many.
 */
static unsigned int begin_all(struct gaming_storage *st, const struct gaming_request *requests,
			      unsigned int count, begin_t begin)
{
	u32 priority, last = GAMING_STORAGE_PRIORITIES - 1;
	unsigned int begun = 0, i;
	struct gaming_storage_op *op;
	struct blk_plug plug;
	LIST_HEAD(ops);

	while (begun < count && (op = gaming_storage_queue_begin(&st->queue))) {
		list_add_tail(&op->link, &ops);
		begun++;
	}
	blk_start_plug(&plug);
	for (priority = 0; priority <= last; priority++) {
		for (i = 0; i < begun; i++) {
			if (min(requests[i].priority, last) != priority)
				continue;
			op = list_first_entry(&ops, struct gaming_storage_op, link);
			list_del(&op->link);
			begin(op, &requests[i]);
		}
	}
	blk_finish_plug(&plug);
	return begun;
}

static struct gaming_done result_of(struct gaming_storage_op *op)
{
	struct file *file = op->kiocb.ki_filp;
	struct gaming_done done = { .user_data = op->user_data, .res = op->res };

	if (op->res > 0 && gaming_storage_is_cached(file, op->pos, op->res))
		done.flags |= GAMING_DONE_CACHED;
	return done;
}

/* Adds to io->done_count. */
static int tell(struct gaming_storage *st, struct gaming_io *io)
{
	struct gaming_done __user *to = u64_to_user_ptr(io->done);
	struct gaming_done done;
	struct gaming_storage_op *op;

	while (io->done_count < io->done_most) {
		op = gaming_storage_queue_take(&st->queue);
		if (!op)
			break;
		done = result_of(op);
		if (copy_to_user(&to[io->done_count], &done, sizeof(done))) {
			gaming_storage_queue_take_back(op);
			return -EFAULT;
		}
		io->done_count++;
		if (op->kiocb.ki_complete) /* else it was counted when it was made */
			count_read(op->kiocb.ki_filp, op->res);
		gaming_storage_queue_free(op);
	}
	return 0;
}

static int copy_requests(const struct gaming_io *io, struct gaming_request **ret_requests)
{
	struct gaming_request *requests;
	size_t bytes = io->count * sizeof(*requests);

	*ret_requests = NULL;
	if (!io->count)
		return 0;
	requests = kmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!requests)
		return -ENOMEM;
	if (copy_from_user(requests, u64_to_user_ptr(io->requests), bytes)) {
		kfree(requests);
		return -EFAULT;
	}
	*ret_requests = requests;
	return 0;
}

static long do_io(struct gaming_session *s, void __user *arg, begin_t begin, bool positions)
{
	struct gaming_request *requests;
	struct gaming_io io;
	struct gaming_storage *st;
	unsigned int i;
	int ret, told;

	ret = copy_ioctl_arg(&io, sizeof(io), arg);
	if (ret)
		return ret;
	if (io.flags || io.resv || io.count > GAMING_IO_MOST || io.wanted > io.done_most ||
	    io.done_most > GAMING_IO_MOST || (!io.count && !io.done_most))
		return -EINVAL;
	st = gaming_storage_of(s);
	if (IS_ERR(st))
		return PTR_ERR(st);
	ret = copy_requests(&io, &requests);
	if (ret)
		return ret;
	for (i = 0; !positions && i < io.count; i++)
		if (requests[i].offset == GAMING_AT_POSITION)
			requests[i].offset = S64_MIN; /* EINVAL, as any offset below 0 */

	io.size = sizeof(io);
	io.done_count = 0;
	io.begun = begin_all(st, requests, io.count, begin);
	kfree(requests);
	ret = io.wanted ? gaming_storage_queue_wait(&st->queue, io.wanted, io.timeout_ns) : 0;
	told = tell(st, &io);
	io.under_way = gaming_storage_queue_length(&st->queue);
	if (copy_to_user(arg, &io, sizeof(io)) || told)
		return -EFAULT;
	if (io.begun || io.done_count)
		return 0;
	return ret ? ret : io.count ? -EAGAIN : 0;
}

long gaming_storage_read(struct gaming_session *s, void __user *arg)
{
	return do_io(s, arg, begin_read, true);
}

long gaming_storage_pread(struct gaming_session *s, void __user *arg)
{
	return do_io(s, arg, begin_read, false);
}

long gaming_storage_write(struct gaming_session *s, void __user *arg)
{
	return do_io(s, arg, do_one_write, true);
}
