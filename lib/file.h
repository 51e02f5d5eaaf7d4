/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read with a bound, written so that a crash leaves the old file or the new one. */
#ifndef RP_LIB_FILE_H
#define RP_LIB_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"
#include "lib/must_use.h"

/*
 * Read a whole regular file of at most max bytes. *ret_data is allocated, with a NUL byte behind
 * the data; ret_len may be NULL. -EFBIG where it is larger, else errno of open or read.
 */
int rp_file_read(
	const char *path, size_t max, char **ret_data, size_t *ret_len, struct rp_error *err);

/*
 * The same for a file that holds a private key: also -EPERM unless its mode has no
 * group or other bits.
 */
int rp_file_read_secret(
	const char *path, size_t max, char **ret_data, size_t *ret_len, struct rp_error *err);

/*
 * Replace path by a file of these bytes and this mode: temporary file in the same directory,
 * fsync, rename, fsync of the directory. On failure path is what it was, unless the last step alone
 * failed: then the new file is there, and a power cut may bring the old one back; err says so.
 */
int rp_file_write(
	const char *path, mode_t mode, const void *data, size_t len, struct rp_error *err);

/* Like rp_file_write, but -EEXIST where path exists already. After any failure there is none. */
RP_MUST_USE int rp_file_create(
	const char *path, mode_t mode, const void *data, size_t len, struct rp_error *err);

/* All of data into an open descriptor. 0 or negative errno. */
RP_MUST_USE int rp_fd_write(int fd, const void *data, size_t len);

/* mkdir -p. */
int rp_file_make_directories(const char *path, mode_t mode, struct rp_error *err);

/* "A/B" in allocated memory (printf for paths). NULL: no memory. */
char *rp_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
