/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to read, in GAMING_DIR (else /tmp), where direct I/O may be had or not; buffers
 * to read into; and what is pinned on the machine.
 */
#ifndef GAMING_SELFTEST_FILES_H
#define GAMING_SELFTEST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmods/gaming/libgaming/storage.h"

/* Where a file @name of this process is to be; valid until the next call. */
const char *storage_path(const char *name);

/*
 * A file of @len pseudo-random bytes with a hole of 64 KiB at 128 KiB. @flags of
 * open(2) for the descriptor that comes back: -EINVAL if the file system has no
 * direct I/O. Nothing of it is in the page cache. The name is gone.
 */
int storage_new_file(const char *name, size_t len, uint32_t seed, int flags);

/* O_DIRECT where it can be had. @ret_direct may be NULL. */
int storage_any_file(const char *name, size_t len, uint32_t seed, bool *ret_direct);

/* A registered buffer of @len bytes. */
int storage_new_buffer(const struct gaming *g, size_t len, char **ret_addr, uint32_t *ret_id);

/* One request, waited for: its result, or the call's. */
long storage_one(
	const struct gaming *g, uint32_t call, struct gaming_request request, uint32_t *ret_flags);

/* What others on the machine have pinned by now is theirs. */
void pins_begin(void);

/* Pages that are pinned beside those; waits a while for them to be none. */
long pinned_pages(void);

#endif
