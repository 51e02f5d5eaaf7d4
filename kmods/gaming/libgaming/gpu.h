/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fences and dma-bufs of any GPU (linux/gaming_gpu.h). All return 0, or a negative errno.
 */
#ifndef LIBGAMING_GPU_H
#define LIBGAMING_GPU_H

#include <linux/gaming_gpu.h>

#include "gaming.h"

#define GAMING_FOREVER UINT64_MAX

/*
 * Waits for a sync file (@flags 0) or a dma-buf (GAMING_SYNC_READ or _WRITE) until
 * @until_ns of CLOCK_MONOTONIC. -ETIMEDOUT, -EINTR. What was waited for may have failed:
 * @ret_error (may be NULL) is its errno, positive, or 0.
 */
int gaming_sync(
	const struct gaming *g, int fd, uint32_t flags, uint64_t until_ns, uint32_t *ret_error);

int gaming_gpu_memory(const struct gaming *g, int fd, struct gaming_gpu_memory *ret_memory);

#endif
