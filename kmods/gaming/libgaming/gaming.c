/* SPDX-License-Identifier: Apache-2.0 */
#include "gaming.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

int gaming_open(struct gaming *g)
{
	struct gaming_info info = {.size = sizeof(info)};
	long err;

	*g = (struct gaming){.fd = open(GAMING_DEVICE, O_RDWR | O_CLOEXEC)};
	if (g->fd < 0)
		return -errno;
	err = gaming_ioctl(g, GAMING_IOC_INFO, &info);
	if (err) {
		gaming_close(g);
		return (int)err;
	}
	g->calls = info.calls;
	g->features = info.features;
	return 0;
}

void gaming_close(struct gaming *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	*g = (struct gaming){.fd = -1};
}

bool gaming_has(const struct gaming *g, uint32_t call)
{
	uint32_t nr = call - GAMING_CALL_FIRST;

	return nr <= GAMING_CALL_LAST - GAMING_CALL_FIRST && g->calls >> nr & 1;
}

long gaming_ioctl(const struct gaming *g, unsigned long cmd, void *arg)
{
	long ret = ioctl(g->fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int gaming_batch(
	const struct gaming *g, struct gaming_batch_entry *entries, uint32_t count, uint32_t flags)
{
	struct gaming_batch batch = {
		.size = sizeof(batch),
		.flags = flags,
		.count = count,
		.entries = (uintptr_t)entries,
	};
	long err = gaming_ioctl(g, GAMING_IOC_BATCH, &batch);

	return err ? (int)err : (int)batch.done;
}
