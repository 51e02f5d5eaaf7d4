/* SPDX-License-Identifier: Apache-2.0 */
#include "storage.h"

#include <errno.h>
#include <sys/sendfile.h>

int gaming_buffer_add(const struct gaming *g, void *addr, size_t len, uint32_t *ret_id)
{
	struct gaming_buffer b = {.size = sizeof(b), .addr = (uintptr_t)addr, .len = len};
	long ret = gaming_ioctl(g, GAMING_IOC_BUFFER_ADD, &b);

	if (!ret)
		*ret_id = b.id;
	return (int)ret;
}

int gaming_buffer_del(const struct gaming *g, uint32_t id)
{
	struct gaming_buffer b = {.size = sizeof(b), .id = id};

	return (int)gaming_ioctl(g, GAMING_IOC_BUFFER_DEL, &b);
}

int gaming_io(const struct gaming *g, uint32_t call, struct gaming_io *io)
{
	io->size = sizeof(*io);
	return (int)gaming_ioctl(g, GAMING_IOC(call), io);
}

int gaming_pread_all(const struct gaming *g, const struct gaming_request *requests, uint32_t count,
	struct gaming_done *done)
{
	uint32_t begun = 0, told = 0;

	while (told < count) {
		uint32_t left = count - begun, wanted = count - told;
		struct gaming_io io = {
			.requests = (uintptr_t)(requests + begun),
			.count = left < GAMING_IO_MOST ? left : GAMING_IO_MOST,
			.done = (uintptr_t)(done + told),
			.done_most = wanted < GAMING_IO_MOST ? wanted : GAMING_IO_MOST,
		};
		int ret;

		/* What fits at once costs one call; else half of it, so that the device has work.
		 */
		io.wanted = wanted <= GAMING_IO_MOST ? io.done_most : GAMING_IO_MOST / 2;
		ret = gaming_io(g, GAMING_CALL_PREAD, &io);
		if (ret && ret != -EAGAIN)
			return ret;
		if (ret)
			continue;
		begun += io.begun;
		told += io.done_count;
	}
	return 0;
}

ssize_t gaming_load(const struct gaming *g, struct gaming_load *load)
{
	long ret;

	load->size = sizeof(*load);
	ret = gaming_ioctl(g, GAMING_IOC(GAMING_CALL_LOAD), load);
	return ret ? ret : (ssize_t)load->len;
}

ssize_t gaming_stream(const struct gaming *g, struct gaming_stream *stream)
{
	long ret;

	stream->size = sizeof(*stream);
	ret = gaming_ioctl(g, GAMING_IOC(GAMING_CALL_STREAM), stream);
	return ret ? ret : (ssize_t)stream->begun;
}

int gaming_preload(const struct gaming *g, int fd, uint64_t offset, uint64_t len)
{
	struct gaming_preload p = {.size = sizeof(p), .fd = fd, .offset = offset, .len = len};

	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_PRELOAD), &p);
}

ssize_t gaming_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	ssize_t ret = sendfile(out_fd, in_fd, offset, count);

	return ret < 0 ? -errno : ret;
}
