/* SPDX-License-Identifier: GPL-2.0-only */
/* READ, PREAD, WRITE: calls of the table; and a read that another call begins. */
#ifndef _GAMING_STORAGE_IO_H
#define _GAMING_STORAGE_IO_H

#include <linux/gaming_storage.h>
#include "gaming.h"

struct gaming_storage;

/*
 * Begins a read at an offset; its end is told to @eventfd, unless that is -1.
 * 0; -EAGAIN: too much is under way; -EBADF, -EINVAL: no eventfd.
 */
int gaming_storage_begin(struct gaming_storage *st, const struct gaming_request *request,
			 int eventfd);

long gaming_storage_read(struct gaming_session *s, void __user *arg);
long gaming_storage_pread(struct gaming_session *s, void __user *arg);
long gaming_storage_write(struct gaming_session *s, void __user *arg);

#endif /* _GAMING_STORAGE_IO_H */
