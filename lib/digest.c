/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/digest.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/openssl_cleanup.h"

int rp_sha256(const void *data, size_t len, uint8_t ret_digest[RP_SHA256_LEN])
{
	return EVP_Digest(data, len, ret_digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int rp_sha256_hex(const void *data, size_t len, char ret_hex[RP_SHA256_HEX])
{
	uint8_t digest[RP_SHA256_LEN];
	int r = rp_sha256(data, len, digest);

	if (r < 0)
		return r;
	rp_hex_encode(digest, sizeof(digest), ret_hex);
	return 0;
}

static int digest_fd(EVP_MD_CTX *ctx, int fd, off_t *ret_size)
{
	uint8_t buffer[32768];
	off_t offset = 0;

	for (;;) {
		ssize_t n = pread(fd, buffer, sizeof(buffer), offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (EVP_DigestUpdate(ctx, buffer, (size_t)n) != 1)
			return -EIO;
		offset += n;
	}
	*ret_size = offset;
	return 0;
}

int rp_sha256_fd_hex(int fd, char ret_hex[RP_SHA256_HEX], off_t *ret_size)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t digest[RP_SHA256_LEN];
	off_t size;
	int r;

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	r = digest_fd(ctx, fd, &size);
	if (r < 0)
		return r;
	if (EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		return -EIO;
	rp_hex_encode(digest, sizeof(digest), ret_hex);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int rp_sha256_file_hex(const char *path, char ret_hex[RP_SHA256_HEX], off_t *ret_size)
{
	rp_cleanup(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return rp_sha256_fd_hex(fd, ret_hex, ret_size);
}

int rp_sha256_hex_valid(const char *text)
{
	uint8_t digest[RP_SHA256_LEN];

	return rp_hex_decode(text, digest, sizeof(digest)) == 0;
}
