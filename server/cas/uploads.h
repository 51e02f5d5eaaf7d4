/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads in parts, on top of the store: what is coming in, and how far it has come. At most 16 at
 * once; one that was idle for 5 minutes may make room for another. A restart begins them anew.
 */
#ifndef RP_SERVER_CAS_UPLOADS_H
#define RP_SERVER_CAS_UPLOADS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define RP_UPLOAD_PART_MAX (4 << 20) /* bytes of one part */

struct rp_artefacts;
struct rp_metrics;
struct rp_uploads; /* one thread */

/* artefacts, borrowed, must outlive them. metrics may be NULL. */
int rp_uploads_new(struct rp_artefacts *artefacts, struct rp_metrics *metrics,
	struct rp_uploads **ret, struct rp_error *err);

/* Drops what is not complete. Takes NULL, returns NULL. */
struct rp_uploads *rp_uploads_free(struct rp_uploads *uploads);

/*
 * One part of an upload, in order: offset must be what was received so far, 0 starts anew.
 * Returns 0 while parts are missing; 1 when the last one made the blob complete (its bytes hashed
 * to sha256, it is synced and served from now on), also when it was there, verified, before.
 * -ESPIPE: wrong offset, the right one is in *ret_offset; -EBADMSG: complete, but with another
 * digest (all of it is dropped); -EFBIG; -EINVAL; -EBUSY: too many uploads at once;
 * -ENOSPC, -EDQUOT: the disk is full.
 */
int rp_uploads_put(struct rp_uploads *uploads, const char *sha256, int64_t offset, int64_t total,
	const void *data, size_t len, int64_t *ret_offset, struct rp_error *err);

#endif
