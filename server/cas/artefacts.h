/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content-addressed store below STATE/cas: sha256/HEX are the blobs, tmp/ what is being
 * written (part.h; uploads in parts are uploads.h). A blob gets its name only by rename, after its
 * bytes hashed to it and were synced.
 *
 * Verified before it is served: a blob is hashed before its first use in this process, and again
 * whenever its inode, size, mtime or ctime changed. One whose bytes do not match its name is
 * refused (-EBADMSG) and counted (artefacts_refused_total), until it is uploaded again.
 */
#ifndef RP_SERVER_CAS_ARTEFACTS_H
#define RP_SERVER_CAS_ARTEFACTS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

struct rp_artefacts; /* one thread */
struct rp_metrics;

/*
 * base may be NULL: then only the calls without callback work. metrics may be NULL. Removes what
 * interrupted uploads left in tmp/.
 */
int rp_artefacts_new(struct event_base *base, const char *state_dir, struct rp_metrics *metrics,
	struct rp_artefacts **ret, struct rp_error *err);
struct rp_artefacts *rp_artefacts_free(struct rp_artefacts *artefacts);

/* 1 where there is a blob of that digest, verified or not; 0 where not. Any text may be asked. */
int rp_artefacts_has(struct rp_artefacts *artefacts, const char *sha256);

/* STATE/cas/sha256/HEX, whether or not it exists. Caller frees. NULL: no memory or no digest. */
char *rp_artefacts_path(struct rp_artefacts *artefacts, const char *sha256);

/* Copy a file in. *ret_sha256 gets its digest. What is there already is verified and repaired. */
int rp_artefacts_add_file(struct rp_artefacts *artefacts, const char *path, char ret_sha256[65],
	struct rp_error *err);
int rp_artefacts_add(struct rp_artefacts *artefacts, const void *data, size_t len,
	char ret_sha256[65], struct rp_error *err);

/*
 * Open for reading, after the verification. -ENOENT, -EBADMSG or errno. Hashes in this call, so
 * it may take a second per GB: for tools and tests, not for the event loop.
 */
int rp_artefacts_open(struct rp_artefacts *artefacts, const char *sha256, int *ret_fd,
	off_t *ret_size, struct rp_error *err);

/*
 * The same in slices between other events. The callback gets 0 with an fd that it owns, or what
 * rp_artefacts_open returns with fd -1; it is called once, from the event loop or, where nothing
 * is to be hashed, from within this call. Blobs that several ask for are hashed once.
 */
typedef void (*rp_artefacts_opened)(
	void *context, int result, int fd, off_t size, const struct rp_error *err);
void rp_artefacts_open_async(struct rp_artefacts *artefacts, const char *sha256,
	rp_artefacts_opened opened, void *context);

/* 1 while fd (of this blob) still is what was verified: asked before each block that is sent. */
int rp_artefacts_unchanged(struct rp_artefacts *artefacts, const char *sha256, int fd);

#endif
