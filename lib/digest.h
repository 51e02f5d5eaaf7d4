/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, the only digest that rigproof names things by. */
#ifndef RP_LIB_DIGEST_H
#define RP_LIB_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RP_SHA256_LEN 32
#define RP_SHA256_HEX (2 * RP_SHA256_LEN + 1) /* with the final NUL */

int rp_sha256(const void *data, size_t len, uint8_t ret_digest[RP_SHA256_LEN]);

/* The digest as lower-case hexadecimal. */
int rp_sha256_hex(const void *data, size_t len, char ret_hex[RP_SHA256_HEX]);

/*
 * Digest of all bytes of an open file, by pread from offset 0, in constant memory.
 * ret_size may be NULL.
 */
int rp_sha256_fd_hex(int fd, char ret_hex[RP_SHA256_HEX], off_t *ret_size);

int rp_sha256_file_hex(const char *path, char ret_hex[RP_SHA256_HEX], off_t *ret_size);

/* 1 where text is exactly 64 lower-case hexadecimal digits. */
int rp_sha256_hex_valid(const char *text);

#endif
