// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of storage, those for buffers among them. The manual is
 * include/uapi/linux/gaming_storage.h.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>

#include "gaming_storage_asset.h"
#include "gaming_storage_io.h"
#include "gaming_storage_session.h"

static int copy_buffer(struct gaming_buffer *buffer, void __user *arg)
{
	int ret = copy_ioctl_arg(buffer, sizeof(*buffer), arg);

	if (!ret && (buffer->flags || buffer->segments || buffer->resv))
		ret = -EINVAL;
	return ret;
}

static long do_buffer_add(struct gaming_session *s, void __user *arg)
{
	struct gaming_buffer buffer;
	struct gaming_storage *st;
	int ret;

	ret = copy_buffer(&buffer, arg);
	if (ret)
		return ret;
	st = gaming_storage_of(s);
	if (IS_ERR(st))
		return PTR_ERR(st);
	buffer.size = sizeof(buffer);
	ret = gaming_storage_buffer_add(&st->buffers, &buffer);
	if (!ret && copy_to_user(arg, &buffer, sizeof(buffer))) {
		gaming_storage_buffer_del(&st->buffers, buffer.id);
		ret = -EFAULT;
	}
	return ret;
}

static long do_buffer_del(struct gaming_session *s, void __user *arg)
{
	struct gaming_buffer buffer;
	struct gaming_storage *st;
	int ret;

	ret = copy_buffer(&buffer, arg);
	if (ret)
		return ret;
	if (buffer.addr || buffer.len)
		return -EINVAL;
	st = gaming_storage_of(s);
	return IS_ERR(st) ? PTR_ERR(st) : gaming_storage_buffer_del(&st->buffers, buffer.id);
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_READ), gaming_storage_read },
	{ GAMING_IOC(GAMING_CALL_PREAD), gaming_storage_pread },
	{ GAMING_IOC(GAMING_CALL_WRITE), gaming_storage_write },
	{ GAMING_IOC(GAMING_CALL_LOAD), gaming_storage_load },
	{ GAMING_IOC(GAMING_CALL_STREAM), gaming_storage_stream },
	{ GAMING_IOC(GAMING_CALL_PRELOAD), gaming_storage_preload },
	{ GAMING_IOC_BUFFER_ADD, do_buffer_add },
	{ GAMING_IOC_BUFFER_DEL, do_buffer_del },
};

const struct gaming_feature gaming_storage_feature = {
	.id = GAMING_STORAGE,
	.calls = calls,
	.call_count = ARRAY_SIZE(calls),
	.features = gaming_storage_stage_formats,
	.release = gaming_storage_release,
};
