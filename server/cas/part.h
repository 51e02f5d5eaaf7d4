/* SPDX-License-Identifier: Apache-2.0 */
/* A part: a file in tmp/ that is being written, until it gets the name of its digest. */
#ifndef RP_SERVER_CAS_PART_H
#define RP_SERVER_CAS_PART_H

#include "server/cas/artefacts.h"

/* A new one; the caller closes *ret_fd, frees *ret_path and unlinks it. */
int rp_artefacts_part_create(
	struct rp_artefacts *artefacts, int *ret_fd, char **ret_path, struct rp_error *err);

/* All of data at offset. */
int rp_artefacts_write(int fd, const void *data, size_t len, int64_t offset);

/* Sync fd, the file at part, and give it the name of its digest. part is gone after success. */
int rp_artefacts_publish(struct rp_artefacts *artefacts, int fd, const char *part,
	const char *sha256, struct rp_error *err);

/* 1 where the blob was verified as it stands on the disk now, in this process. */
int rp_artefacts_is_verified(struct rp_artefacts *artefacts, const char *sha256);

#endif
