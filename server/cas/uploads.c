/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads in parts. Each is hashed as it comes in, so its end costs no second reading; what a
 * restart of the server interrupts begins anew.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/queue.h>

#include <openssl/evp.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/encoding.h"
#include "lib/metrics.h"
#include "server/cas/part.h"
#include "server/cas/uploads.h"

#define UPLOADS_MAX 16
#define UPLOAD_MAX_BYTES (INT64_C(64) << 30)
#define UPLOAD_IDLE (5 * 60 * RP_SECOND) /* may make room for another one after this */

struct upload {
	LIST_ENTRY(upload) entry;
	char sha256[RP_SHA256_HEX];
	int64_t total, received;
	int64_t touched; /* monotonic */
	EVP_MD_CTX *digest;
	char *path;
	int fd;
};

struct rp_uploads {
	struct rp_artefacts *artefacts;
	struct rp_metrics *metrics;
	LIST_HEAD(, upload) list;
};

/* Drops what is left in tmp/, too: after a success it is not there any more. */
static void upload_free(struct upload *upload)
{
	if (upload->path)
		unlink(upload->path);
	if (upload->fd >= 0)
		close(upload->fd);
	EVP_MD_CTX_free(upload->digest);
	free(upload->path);
	free(upload);
}

static void upload_drop(struct upload *upload)
{
	LIST_REMOVE(upload, entry);
	upload_free(upload);
}

int rp_uploads_new(struct rp_artefacts *artefacts, struct rp_metrics *metrics,
	struct rp_uploads **ret, struct rp_error *err)
{
	struct rp_uploads *uploads = calloc(1, sizeof(*uploads));

	if (!uploads)
		return rp_error_memory(err);
	uploads->artefacts = artefacts;
	uploads->metrics = metrics;
	*ret = uploads;
	return 0;
}

struct rp_uploads *rp_uploads_free(struct rp_uploads *uploads)
{
	if (!uploads)
		return NULL;
	while (!LIST_EMPTY(&uploads->list))
		upload_drop(LIST_FIRST(&uploads->list));
	free(uploads);
	return NULL;
}

static struct upload *upload_find(struct rp_uploads *uploads, const char *sha256)
{
	struct upload *upload;

	LIST_FOREACH (upload, &uploads->list, entry)
		if (!strcmp(upload->sha256, sha256))
			return upload;
	return NULL;
}

/* Makes room by dropping the one that was idle longest. */
static int upload_room(struct rp_uploads *uploads, struct rp_error *err)
{
	struct upload *upload, *idlest = NULL;
	int count = 0;

	LIST_FOREACH (upload, &uploads->list, entry) {
		count++;
		if (!idlest || upload->touched < idlest->touched)
			idlest = upload;
	}
	if (count < UPLOADS_MAX)
		return 0;
	if (rp_clock_monotonic() - idlest->touched < UPLOAD_IDLE)
		return rp_error_set(err, -EBUSY,
			"%d uploads are under way already: wait until one has ended", count);
	upload_drop(idlest);
	return 0;
}

static int upload_begin(struct rp_uploads *uploads, const char *sha256, int64_t total,
	struct upload **ret, struct rp_error *err)
{
	struct upload *upload;
	int r = upload_room(uploads, err);

	if (r < 0)
		return r;
	upload = calloc(1, sizeof(*upload));
	if (!upload)
		return rp_error_memory(err);
	upload->fd = -1;
	memcpy(upload->sha256, sha256, sizeof(upload->sha256));
	upload->total = total;
	upload->digest = EVP_MD_CTX_new();
	if (!upload->digest || EVP_DigestInit_ex(upload->digest, EVP_sha256(), NULL) != 1)
		r = rp_error_memory(err);
	else
		r = rp_artefacts_part_create(uploads->artefacts, &upload->fd, &upload->path, err);
	if (r < 0) {
		upload_free(upload);
		return r;
	}
	LIST_INSERT_HEAD(&uploads->list, upload, entry);
	*ret = upload;
	return 0;
}

static int upload_end(struct rp_uploads *uploads, struct upload *upload, struct rp_error *err)
{
	uint8_t digest[RP_SHA256_LEN];
	char hex[RP_SHA256_HEX];

	if (EVP_DigestFinal_ex(upload->digest, digest, NULL) != 1)
		return rp_error_set(err, -EIO, "artefact %s: hashing failed", upload->sha256);
	rp_hex_encode(digest, sizeof(digest), hex);
	if (strcmp(hex, upload->sha256) != 0) {
		rp_metrics_add(uploads->metrics, "uploads_refused_total", 1);
		return rp_error_set(err, -EBADMSG,
			"the %lld bytes that came have the SHA-256 %s, not %s: upload the file "
			"that has it",
			(long long)upload->received, hex, upload->sha256);
	}
	return rp_artefacts_publish(
		uploads->artefacts, upload->fd, upload->path, upload->sha256, err);
}

int rp_uploads_put(struct rp_uploads *uploads, const char *sha256, int64_t offset, int64_t total,
	const void *data, size_t len, int64_t *ret_offset, struct rp_error *err)
{
	struct upload *upload;
	int r;

	if (!rp_sha256_hex_valid(sha256))
		return rp_error_set(err, -EINVAL,
			"an artefact's name is its SHA-256, 64 lower-case hexadecimal digits");
	if (total < 0 || total > UPLOAD_MAX_BYTES || len > RP_UPLOAD_PART_MAX)
		return rp_error_set(err, -EFBIG, "at most %d bytes in a part and 64 GiB in all",
			RP_UPLOAD_PART_MAX);
	if (offset < 0 || offset > total || (int64_t)len > total - offset || (!len && total))
		return rp_error_set(err, -EINVAL,
			"offset %lld and %zu bytes do not lie within the total of %lld",
			(long long)offset, len, (long long)total);
	if (rp_artefacts_is_verified(uploads->artefacts, sha256)) {
		*ret_offset = total;
		return 1;
	}

	upload = upload_find(uploads, sha256);
	if (upload && offset == 0) {
		upload_drop(upload);
		upload = NULL;
	}
	if (offset != (upload ? upload->received : 0) || (upload && upload->total != total)) {
		*ret_offset = upload ? upload->received : 0;
		return rp_error_set(err, -ESPIPE, "expected offset %lld%s", (long long)*ret_offset,
			upload && upload->total != total ? " and the total as before" : "");
	}
	if (!upload) {
		r = upload_begin(uploads, sha256, total, &upload, err);
		if (r < 0)
			return r;
	}
	r = rp_artefacts_write(upload->fd, data, len, offset);
	if (r == 0 && EVP_DigestUpdate(upload->digest, data, len) != 1)
		r = -EIO;
	if (r < 0) {
		upload_drop(upload);
		return rp_error_set(err, r, "artefact %s: %s", sha256, strerror(-r));
	}
	/* Begin to write it out now, so that the sync at the end is short. */
	sync_file_range(upload->fd, offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
	upload->received += (int64_t)len;
	upload->touched = rp_clock_monotonic();
	*ret_offset = upload->received;
	if (upload->received < total)
		return 0;
	r = upload_end(uploads, upload, err);
	upload_drop(upload);
	return r < 0 ? r : 1;
}
