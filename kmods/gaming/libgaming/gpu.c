/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu.h"

int gaming_sync(
	const struct gaming *g, int fd, uint32_t flags, uint64_t until_ns, uint32_t *ret_error)
{
	struct gaming_gpu_sync sync = {.size = sizeof(sync), .flags = flags, .fd = fd};
	int err;

	if (until_ns != GAMING_FOREVER) {
		sync.flags |= GAMING_SYNC_TIMEOUT;
		sync.timeout_ns = until_ns;
	}
	err = (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_SYNC), &sync);
	if (!err && ret_error)
		*ret_error = sync.error;
	return err;
}

int gaming_gpu_memory(const struct gaming *g, int fd, struct gaming_gpu_memory *ret_memory)
{
	struct gaming_gpu_memory memory = {.size = sizeof(memory), .fd = fd};
	int err = (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_MEMORY), &memory);

	if (!err)
		*ret_memory = memory;
	return err;
}
