// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls: arguments are copied once, then checked, then acted on.
 */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "ioctl_arg.h"
#include "gdl_buffer.h"
#include "gdl_ioctl.h"
#include "gdl_owner.h"
#include "gdl_permit.h"
#include "gdl_state.h"
#include "gdl_stats.h"

/* Any of the arguments: all begin with size and flags. */
union gdl_arg {
	struct {
		u32 size;
		u32 flags;
	} head;
	struct gdl_agent agent;
	struct gdl_alloc alloc;
	struct gdl_free free;
	struct gdl_export export;
	struct gdl_set_quota quota;
	struct gdl_query query;
	struct gdl_grant grant;
	struct gdl_revoke revoke;
	struct gdl_check check;
};

/* A call under way. */
struct gdl_call {
	struct gdl_owner *owner;
	union gdl_arg arg;
	s32 fd;			/* reserved, for a call that makes one */
	struct dma_buf *dmabuf;	/* out: what is to be found under it */
};

static long do_agent(struct gdl_call *call)
{
	struct gdl_agent *agent = &call->arg.agent;

	if (agent->id || agent->quota || agent->features ||
	    agent->resv[0] || agent->resv[1])
		return -EINVAL;
	return gdl_owner_begin(call->owner, agent);
}

static long do_alloc(struct gdl_call *call)
{
	struct gdl_alloc *alloc = &call->arg.alloc;
	u64 grain = alloc->flags & GDL_ALLOC_HUGE ? GDL_HUGE_BYTES : PAGE_SIZE;
	struct gdl_buffer *buffer;
	int ret;

	if (alloc->handle || alloc->fd || alloc->segments || alloc->resv[0] ||
	    alloc->resv[1] || !alloc->bytes || alloc->bytes & (grain - 1))
		return -EINVAL;
	ret = gdl_buffer_alloc(call->owner, alloc, &buffer);
	if (ret)
		return ret;
	call->dmabuf = buffer->dmabuf;
	alloc->handle = buffer->handle;
	alloc->segments = buffer->pages.segments;
	alloc->fd = call->fd;
	return 0;
}

/* What its owner was not told of must not be there. */
static void undo_alloc(struct gdl_call *call)
{
	gdl_buffer_forget(call->owner, call->arg.alloc.handle);
}

static long do_export(struct gdl_call *call)
{
	struct gdl_export *export = &call->arg.export;
	struct gdl_buffer *buffer;

	if (export->fd || export->resv)
		return -EINVAL;
	buffer = gdl_buffer_get(call->owner, export->handle);
	if (!buffer)
		return -ENOENT;
	call->dmabuf = buffer->dmabuf;
	export->fd = call->fd;
	return 0;
}

static long do_free(struct gdl_call *call)
{
	return gdl_buffer_forget(call->owner, call->arg.free.handle);
}

static long do_set_quota(struct gdl_call *call)
{
	return gdl_owner_set_quota(call->owner, call->arg.quota.quota, false);
}

static void count_all(struct gdl_owner *owner, struct gdl_query *query)
{
	struct gdl_buffer *buffer;
	unsigned long handle;

	mutex_lock(&owner->lock);
	xa_for_each(&owner->buffers, handle, buffer)
		query->buffers++;
	mutex_unlock(&owner->lock);
	gdl_owner_usage(owner, &query->quota, &query->charged);
}

static long do_query(struct gdl_call *call)
{
	struct gdl_query *query = &call->arg.query, zero = {
		.size = query->size,
		.handle = query->handle,
	};
	struct gdl_buffer *buffer;
	struct gdl_permit *permit;
	unsigned long key;

	if (memcmp(query, &zero, sizeof(zero)))
		return -EINVAL;
	if (query->handle) {
		buffer = gdl_buffer_get(call->owner, query->handle);
		if (!buffer)
			return -ENOENT;
		query->bytes = buffer->pages.bytes;
		query->segments = buffer->pages.segments;
		query->attached = atomic_read(&buffer->attached);
		query->mapped = atomic_read(&buffer->mapped);
		rcu_read_lock();
		xa_for_each(&buffer->permits, key, permit)
			query->grants++;
		rcu_read_unlock();
		dma_buf_put(buffer->dmabuf);
	}
	query->agent = call->owner->id;
	count_all(call->owner, query);
	return 0;
}

/* The hot one: no lock, nothing written but counters of this CPU. */
static long do_check(struct gdl_call *call)
{
	struct gdl_check *check = &call->arg.check;
	struct gdl_buffer *buffer;
	int ret = -ENOENT;

	if (check->device.kind == GDL_DEVICE_PCI_CLASS)
		return -EINVAL;
	ret = gdl_device_check(&check->device);
	if (ret)
		return ret;
	rcu_read_lock();
	buffer = xa_load(&call->owner->buffers, check->handle);
	ret = buffer ? gdl_permit_check(buffer, &check->device) : -ENOENT;
	rcu_read_unlock();
	gdl_count(GDL_CHECKS);
	if (ret > 0)
		gdl_count(GDL_CHECKS_ALLOWED);
	return ret;
}

static long do_grant(struct gdl_call *call)
{
	struct gdl_grant *grant = &call->arg.grant;
	struct gdl_buffer *buffer;
	int ret;

	if (grant->granted || grant->translated || grant->resv)
		return -EINVAL;
	ret = gdl_device_check(&grant->device);
	if (ret)
		return ret;
	buffer = gdl_buffer_get(call->owner, grant->handle);
	if (!buffer)
		return -ENOENT;
	ret = gdl_permit_grant(buffer, grant);
	dma_buf_put(buffer->dmabuf);
	return ret;
}

static long do_revoke(struct gdl_call *call)
{
	struct gdl_revoke *revoke = &call->arg.revoke;
	struct gdl_buffer *buffer;
	int ret;

	if (revoke->revoked || revoke->resv ||
	    revoke->timeout_ms > GDL_MAX_TIMEOUT_MS)
		return -EINVAL;
	ret = gdl_device_check(&revoke->device);
	if (ret)
		return ret;
	buffer = gdl_buffer_get(call->owner, revoke->handle);
	if (!buffer)
		return -ENOENT;
	ret = gdl_permit_revoke(buffer, revoke);
	dma_buf_put(buffer->dmabuf);
	return ret;
}

static const struct gdl_handler {
	long (*run)(struct gdl_call *call);
	void (*undo)(struct gdl_call *call); /* the result could not be told */
	unsigned int size;
	u32 flags;		/* those that are known */
	bool out;		/* the argument goes back */
	bool fd;		/* it makes a descriptor */
} handlers[] = {
	[_IOC_NR(GDL_IOC_AGENT)] = {
		do_agent, NULL, sizeof(struct gdl_agent), GDL_AGENT_SHARED, true },
	[_IOC_NR(GDL_IOC_ALLOC)] = {
		do_alloc, undo_alloc, sizeof(struct gdl_alloc), GDL_ALLOC_HUGE,
		true, true },
	[_IOC_NR(GDL_IOC_FREE)] = { do_free, NULL, sizeof(struct gdl_free) },
	[_IOC_NR(GDL_IOC_QUERY)] = {
		do_query, NULL, sizeof(struct gdl_query), 0, true },
	[_IOC_NR(GDL_IOC_SET_QUOTA)] = {
		do_set_quota, NULL, sizeof(struct gdl_set_quota) },
	[_IOC_NR(GDL_IOC_CHECK)] = { do_check, NULL, sizeof(struct gdl_check) },
	[_IOC_NR(GDL_IOC_GRANT)] = {
		do_grant, NULL, sizeof(struct gdl_grant),
		GDL_GRANT_STATIC | GDL_GRANT_UNTRANSLATED, true },
	[_IOC_NR(GDL_IOC_REVOKE)] = {
		do_revoke, NULL, sizeof(struct gdl_revoke), 0, true },
	[_IOC_NR(GDL_IOC_EXPORT)] = {
		do_export, NULL, sizeof(struct gdl_export), 0, true, true },
};

/* The result goes out, and then the descriptor: it cannot be taken back. */
static long tell(const struct gdl_handler *handler, struct gdl_call *call,
		 void __user *to)
{
	long ret = 0;

	call->arg.head.size = handler->size;
	if (handler->out && copy_to_user(to, &call->arg, handler->size)) {
		if (handler->undo)
			handler->undo(call);
		ret = -EFAULT;
	}
	if (!call->dmabuf)
		return ret;
	if (ret)
		dma_buf_put(call->dmabuf);
	else
		fd_install(call->fd, call->dmabuf->file);
	return ret;
}

long gdl_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct gdl_call call = { .owner = file->private_data, .fd = -1 };
	const struct gdl_handler *handler;
	unsigned int nr = _IOC_NR(cmd);
	long ret;

	if (cmd != _IO(GDL_IOC_MAGIC, nr) || nr >= ARRAY_SIZE(handlers))
		return -ENOTTY;
	handler = &handlers[array_index_nospec(nr, ARRAY_SIZE(handlers))];
	ret = gdl_owner_may_use(call.owner);
	if (ret && (ret != -ENXIO || cmd != GDL_IOC_AGENT))
		return ret;
	ret = copy_ioctl_arg(&call.arg, handler->size, (void __user *)user);
	if (ret)
		return ret;
	if (call.arg.head.flags & ~handler->flags)
		return -EINVAL;
	if (handler->fd) {
		call.fd = get_unused_fd_flags(O_CLOEXEC);
		if (call.fd < 0)
			return call.fd;
	}

	ret = handler->run(&call);
	if (!ret)
		ret = tell(handler, &call, (void __user *)user);
	if (ret && call.fd >= 0)
		put_unused_fd(call.fd);
	return ret;
}
