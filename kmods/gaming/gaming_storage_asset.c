// SPDX-License-Identifier: GPL-2.0-only
/*
 * LOAD, STREAM, PRELOAD. Packed bytes go from the file into pages of the kernel's,
 * by the device under O_DIRECT, and from there through the decoder into the buffer.
 */
#include <linux/fadvise.h>
#include <linux/file.h>
#include <linux/fsnotify.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/xacct.h>
#include <linux/uaccess.h>

#include "gaming_storage_asset.h"
#include "gaming_storage_io.h"
#include "gaming_storage_session.h"

/* What a direct read begins and ends at; no file system has larger blocks than a page. */
#define STAGE_ALIGN	PAGE_SIZE

/* All of the range, or as much as the file has: bytes, or an errno. */
static ssize_t read_range(struct file *file, loff_t pos, struct iov_iter *iter, int ioprio)
{
	ssize_t total = 0, ret;
	struct kiocb kiocb;

	ret = rw_verify_area(READ, file, &pos, iov_iter_count(iter));
	if (ret)
		return ret;
	/* A read that ends within a block has met the file's end; a direct one cannot go on. */
	while (iov_iter_count(iter) && IS_ALIGNED(total, STAGE_ALIGN)) {
		init_sync_kiocb(&kiocb, file);
		kiocb.ki_pos = pos + total;
		kiocb.ki_ioprio = ioprio;
		ret = file->f_op->read_iter(&kiocb, iter);
		if (ret <= 0)
			break;
		total += ret;
	}
	inc_syscr(current);
	if (ret < 0)
		return ret == -ERESTARTSYS ? -EINTR : ret;
	if (total) {
		fsnotify_access(file);
		add_rchar(current, total);
	}
	return total;
}

/* Reads the packed bytes; @ret_at says where in the stage they begin. */
static int fetch(struct gaming_storage_stage *stage, struct file *file,
		 const struct gaming_load *load, size_t *ret_at)
{
	u64 begin = round_down(load->offset, STAGE_ALIGN);
	size_t at = load->offset - begin;
	size_t bytes = round_up(at + load->packed, STAGE_ALIGN);
	struct iov_iter iter;
	ssize_t got;
	int ret;

	ret = gaming_storage_stage_grow(stage, bytes >> PAGE_SHIFT);
	if (ret)
		return ret;
	iov_iter_bvec(&iter, ITER_DEST, stage->segments, bytes >> PAGE_SHIFT, bytes);
	got = read_range(file, begin, &iter, gaming_storage_ioprio(load->priority));
	if (got < 0)
		return got;
	if (got < at + load->packed)
		return -EBADMSG;
	*ret_at = at;
	return 0;
}

static ssize_t fetch_and_unpack(struct gaming_storage *st, struct gaming_storage_buffer *buffer,
				struct file *file, const struct gaming_load *load)
{
	struct gaming_storage_stage *stage = &st->stage;
	ssize_t ret;
	size_t at;
	void *to;

	to = gaming_storage_buffer_map(&st->buffers, buffer);
	if (!to)
		return -ENOMEM;
	to += load->buffer_at;
	if (mutex_lock_interruptible(&stage->lock))
		return -EINTR;
	ret = fetch(stage, file, load, &at);
	if (!ret)
		ret = gaming_storage_stage_unpack(stage, load->format, at, load->packed, to,
						  load->room);
	mutex_unlock(&stage->lock);
	return ret;
}

/* Not packed: into the buffer, with nothing between. */
static ssize_t fetch_plain(struct gaming_storage_buffer *buffer, struct file *file,
			   const struct gaming_load *load)
{
	struct iov_iter iter;
	ssize_t got;

	if (load->packed > load->room)
		return -EBADMSG;
	gaming_storage_buffer_iter(buffer, &iter, ITER_DEST, load->buffer_at, load->packed);
	got = read_range(file, load->offset, &iter, gaming_storage_ioprio(load->priority));
	return got >= 0 && got < load->packed ? -EBADMSG : got;
}

static int check_load(const struct gaming_load *load)
{
	if (load->flags || load->resv || load->priority >= GAMING_STORAGE_PRIORITIES ||
	    !load->packed || load->packed > GAMING_LOAD_BYTES || !load->room ||
	    load->room > GAMING_LOAD_BYTES || load->offset > S64_MAX - 2 * GAMING_LOAD_BYTES)
		return -EINVAL;
	switch (load->format) {
	case GAMING_FORMAT_NONE:
	case GAMING_FORMAT_LZ4:
	case GAMING_FORMAT_ZSTD:
		return 0;
	case GAMING_FORMAT_GDEFLATE:
	case GAMING_FORMAT_BCPACK:
	case GAMING_FORMAT_CUSTOM:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

long gaming_storage_load(struct gaming_session *s, void __user *arg)
{
	struct gaming_storage_buffer *buffer;
	struct gaming_load load;
	struct gaming_storage *st;
	struct file *file;
	ssize_t ret;

	ret = copy_ioctl_arg(&load, sizeof(load), arg);
	if (!ret)
		ret = check_load(&load);
	if (ret)
		return ret;
	st = gaming_storage_of(s);
	if (IS_ERR(st))
		return PTR_ERR(st);
	buffer = gaming_storage_buffer_get(&st->buffers, load.buffer);
	if (!buffer)
		return -ENOENT;
	ret = -EINVAL;
	if (!gaming_storage_range_fits(buffer, load.buffer_at, load.room))
		goto put_buffer;
	file = gaming_storage_file(load.fd, FMODE_READ);
	ret = PTR_ERR(file);
	if (IS_ERR(file))
		goto put_buffer;
	ret = load.format == GAMING_FORMAT_NONE ? fetch_plain(buffer, file, &load) :
						  fetch_and_unpack(st, buffer, file, &load);
	if (ret >= 0) {
		load.size = sizeof(load);
		load.len = ret;
		load.cached = gaming_storage_is_cached(file, load.offset, load.packed);
		ret = copy_to_user(arg, &load, sizeof(load)) ? -EFAULT : 0;
	}
	fput(file);
put_buffer:
	gaming_storage_buffer_put(buffer);
	return ret;
}

static bool stream_is_good(const struct gaming_stream *stream)
{
	return !stream->flags && !stream->resv && !stream->resv2 && stream->len &&
	       stream->chunk && IS_ALIGNED(stream->chunk, 4096) &&
	       stream->chunk <= GAMING_IO_BYTES && stream->eventfd >= -1 &&
	       stream->priority < GAMING_STORAGE_PRIORITIES && stream->offset <= S64_MAX &&
	       stream->len <= GAMING_BUFFER_BYTES && stream->offset + stream->len <= S64_MAX;
}

long gaming_storage_stream(struct gaming_session *s, void __user *arg)
{
	struct gaming_request request;
	struct gaming_stream stream;
	struct gaming_storage *st;
	int ret;

	ret = copy_ioctl_arg(&stream, sizeof(stream), arg);
	if (ret)
		return ret;
	if (!stream_is_good(&stream))
		return -EINVAL;
	st = gaming_storage_of(s);
	if (IS_ERR(st))
		return PTR_ERR(st);
	request = (struct gaming_request){
		.fd = stream.fd,
		.buffer = stream.buffer,
		.buffer_at = stream.buffer_at,
		.offset = stream.offset,
		.priority = stream.priority,
		.user_data = stream.user_data,
	};
	stream.begun = 0;
	while (stream.begun < stream.len && !signal_pending(current)) {
		request.len = min_t(u64, stream.chunk, stream.len - stream.begun);
		ret = gaming_storage_begin(st, &request, stream.eventfd);
		if (ret)
			break;
		request.user_data++;
		request.offset += request.len;
		request.buffer_at += request.len;
		stream.begun += request.len;
	}
	stream.size = sizeof(stream);
	if (copy_to_user(arg, &stream, sizeof(stream)))
		return -EFAULT;
	if (stream.begun)
		return 0;
	return ret ? ret : -EINTR;
}

long gaming_storage_preload(struct gaming_session *s, void __user *arg)
{
	struct gaming_preload preload;
	struct file *file;
	int ret;

	ret = copy_ioctl_arg(&preload, sizeof(preload), arg);
	if (ret)
		return ret;
	if (preload.flags || preload.resv || preload.offset > S64_MAX || preload.len > S64_MAX)
		return -EINVAL;
	if (gaming_is_confined())
		return -EPERM;
	file = fget(preload.fd);
	if (!file)
		return -EBADF;
	ret = vfs_fadvise(file, preload.offset, preload.len, POSIX_FADV_WILLNEED);
	fput(file);
	return ret;
}
