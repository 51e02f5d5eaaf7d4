/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files straight into memory (linux/gaming_storage.h). All return 0 or more, or a
 * negative errno; without the device, -EBADF.
 */
#ifndef LIBGAMING_STORAGE_H
#define LIBGAMING_STORAGE_H

#include <stddef.h>
#include <sys/types.h>

#include <linux/gaming_storage.h>

#include "gaming.h"

/*
 * Registers [@addr, @addr + @len): anonymous memory, in whole pages, within
 * RLIMIT_MEMLOCK. The fewer pieces it lies in, the cheaper each read:
 * gaming_mmap() and gaming_compact() see to that.
 */
int gaming_buffer_add(const struct gaming *g, void *addr, size_t len, uint32_t *ret_id);
int gaming_buffer_del(const struct gaming *g, uint32_t id);

/*
 * READ, PREAD or WRITE (@call) as struct gaming_io says; the size is filled in.
 * Fields marked "out" are set on success.
 */
int gaming_io(const struct gaming *g, uint32_t call, struct gaming_io *io);

/*
 * Reads all @requests, as many at a time as the device takes, and waits for them.
 * @done has room for @count; its order is that in which they were done. Nothing else may be under
 * way in this session. An error leaves some of them under way, or not begun.
 */
int gaming_pread_all(const struct gaming *g, const struct gaming_request *requests, uint32_t count,
	struct gaming_done *done);

/* Unpacks one asset. @load's size is filled in. Bytes unpacked. */
ssize_t gaming_load(const struct gaming *g, struct gaming_load *load);

/* Begins to stream. @stream's size is filled in. Bytes begun. */
ssize_t gaming_stream(const struct gaming *g, struct gaming_stream *stream);

int gaming_preload(const struct gaming *g, int fd, uint64_t offset, uint64_t len);

/* sendfile(2): no module does better. Bytes. */
ssize_t gaming_sendfile(int out_fd, int in_fd, off_t *offset, size_t count);

#endif
