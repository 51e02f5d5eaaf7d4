/* SPDX-License-Identifier: Apache-2.0 */
/* Between artefacts.c (what is there) and uploads.c (what is coming in). */
#ifndef RP_SERVER_CAS_ARTEFACTS_INTERNAL_H
#define RP_SERVER_CAS_ARTEFACTS_INTERNAL_H

#include <sys/queue.h>
#include <sys/stat.h>

#include "lib/digest.h"
#include "server/cas/artefacts.h"

#define RP_ARTEFACT_BUCKETS 256

struct rp_upload;

struct rp_artefacts {
	struct event_base *base;
	struct rp_metrics *metrics;
	char *blobs; /* STATE/cas/sha256 */
	char *parts; /* STATE/cas/tmp */
	unsigned serial;
	unsigned char *slice; /* what hashing reads into */
	LIST_HEAD(, rp_blob) known[RP_ARTEFACT_BUCKETS];
	LIST_HEAD(, rp_check) checks;
	LIST_HEAD(, rp_upload) uploads;
};

/* 1 where the blob was verified as it stands on the disk now, in this process. */
int rp_artefacts_is_verified(struct rp_artefacts *artefacts, const char *sha256);

/* A new file in tmp/; the caller frees *ret_path and unlinks it. */
int rp_artefacts_part_create(
	struct rp_artefacts *artefacts, int *ret_fd, char **ret_path, struct rp_error *err);

/* Sync fd, the file at part, and give it the name of its digest. part is gone after success. */
int rp_artefacts_publish(struct rp_artefacts *artefacts, int fd, const char *part,
	const char *sha256, struct rp_error *err);

/* All of data at offset. */
int rp_artefacts_write(int fd, const void *data, size_t len, int64_t offset);

void rp_uploads_drop(struct rp_artefacts *artefacts);

#endif
