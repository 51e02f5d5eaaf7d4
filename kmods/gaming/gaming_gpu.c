// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYNC and MEMORY: DMA fences and dma-bufs, whose GPU ever they are of.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include <linux/gaming_gpu.h>

#include "gaming_caller_time.h"
#include "gaming.h"

#if IS_BUILTIN(CONFIG_SYNC_FILE) && IS_BUILTIN(CONFIG_DMA_SHARED_BUFFER)

/*
 * Ticks until @end; one more for rounding down, and one as the first is under way. 0: it has
 * passed.
 */
static long ticks_until(ktime_t end)
{
	s64 ns = ktime_to_ns(ktime_sub(end, ktime_get()));

	if (ns <= 0)
		return 0;
	return min_t(u64, nsecs_to_jiffies(ns) + 2, MAX_SCHEDULE_TIMEOUT - 1);
}

/* The kernel's waits: ticks that were left, 0 when time is over, or an error. */
static int wait_result(long left)
{
	if (left == -ERESTARTSYS)
		return -EINTR;
	if (left < 0)
		return left;
	return left ? 0 : -ETIMEDOUT;
}

static int wait_fence(struct dma_fence *fence, struct gaming_gpu_sync *sync, long ticks)
{
	int ret = wait_result(dma_fence_wait_timeout(fence, true, ticks));
	int status = ret ? 0 : dma_fence_get_status(fence);

	sync->error = status < 0 ? -status : 0;
	return ret;
}

static int wait_dma_buf(struct dma_buf *buf, struct gaming_gpu_sync *sync, long ticks)
{
	enum dma_resv_usage usage = dma_resv_usage_rw(sync->flags & GAMING_SYNC_WRITE);

	sync->error = 0;
	/* Before Linux 6.7 a wait of no ticks takes one. */
	if (!ticks)
		return dma_resv_test_signaled(buf->resv, usage) ? 0 : -ETIMEDOUT;
	return wait_result(dma_resv_wait_timeout(buf->resv, usage, true, ticks));
}

static long wait_fd(struct gaming_gpu_sync *sync, long ticks)
{
	u32 access = sync->flags & (GAMING_SYNC_READ | GAMING_SYNC_WRITE);
	struct dma_fence *fence = sync_file_get_fence(sync->fd);
	struct dma_buf *buf;
	int ret;

	if (fence) {
		ret = access ? -EINVAL : wait_fence(fence, sync, ticks);
		dma_fence_put(fence);
		return ret;
	}
	buf = dma_buf_get(sync->fd);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = hweight32(access) != 1 ? -EINVAL : wait_dma_buf(buf, sync, ticks);
	dma_buf_put(buf);
	return ret;
}

static long do_sync(struct gaming_session *s, void __user *arg)
{
	struct gaming_gpu_sync sync;
	long ticks = MAX_SCHEDULE_TIMEOUT;
	long ret;

	ret = copy_ioctl_arg(&sync, sizeof(sync), arg);
	if (ret)
		return ret;
	if (sync.flags & ~(GAMING_SYNC_READ | GAMING_SYNC_WRITE | GAMING_SYNC_TIMEOUT) ||
	    sync.resv)
		return -EINVAL;
	if (sync.flags & GAMING_SYNC_TIMEOUT)
		ticks = ticks_until(gaming_caller_time_in(sync.timeout_ns));
	else if (sync.timeout_ns)
		return -EINVAL;
	ret = wait_fd(&sync, ticks);
	if (ret)
		return ret;
	return copy_to_user(arg, &sync, sizeof(sync)) ? -EFAULT : 0;
}

static int count_fences(struct dma_buf *buf, struct gaming_gpu_memory *memory)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	memory->writing = 0;
	memory->reading = 0;
	ret = dma_resv_lock_interruptible(buf->resv, NULL);
	if (ret)
		return -EINTR;
	dma_resv_for_each_fence(&cursor, buf->resv, DMA_RESV_USAGE_READ, fence) {
		if (dma_fence_is_signaled(fence))
			continue;
		if (dma_resv_iter_usage(&cursor) == DMA_RESV_USAGE_READ)
			memory->reading++;
		else
			memory->writing++;
	}
	dma_resv_unlock(buf->resv);
	return 0;
}

static long do_memory(struct gaming_session *s, void __user *arg)
{
	struct gaming_gpu_memory memory;
	struct dma_buf *buf;
	int ret;

	ret = copy_ioctl_arg(&memory, sizeof(memory), arg);
	if (ret)
		return ret;
	if (memory.flags || memory.resv)
		return -EINVAL;
	buf = dma_buf_get(memory.fd);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = count_fences(buf, &memory);
	if (!ret) {
		memory.bytes = buf->size;
		strscpy_pad(memory.exporter, buf->exp_name, sizeof(memory.exporter));
	}
	dma_buf_put(buf);
	if (ret)
		return ret;
	return copy_to_user(arg, &memory, sizeof(memory)) ? -EFAULT : 0;
}

static u64 gpu_features(void)
{
	return GAMING_FEAT_DMA_FENCE;
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_SYNC), do_sync },
	{ GAMING_IOC(GAMING_CALL_MEMORY), do_memory },
};

const struct gaming_feature gaming_gpu_feature = {
	.id = GAMING_GPU,
	.calls = calls,
	.call_count = ARRAY_SIZE(calls),
	.features = gpu_features,
};

MODULE_IMPORT_NS(DMA_BUF);

#else

const struct gaming_feature gaming_gpu_feature = { .id = GAMING_GPU };

#endif
