/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small initramfs archive (newc cpio, zstd), to stand behind the base of a node image. Everything
 * in it belongs to root and carries one time, 2000-01-01; entries are sorted, folders come of
 * themselves. So the same files give the same bytes.
 */
#ifndef RP_MANIFESTS_OVERLAY_H
#define RP_MANIFESTS_OVERLAY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

#define RP_OVERLAY_TIME 946684800 /* also the certificates' first second */

struct rp_overlay;

struct rp_overlay *rp_overlay_new(void); /* NULL: no memory */
struct rp_overlay *rp_overlay_free(struct rp_overlay *overlay);

/*
 * Add a regular file with these bytes (copied), or a symbolic link. path is relative, without "."
 * or ".." or empty parts: else -EINVAL. -EEXIST: it is there already.
 */
int rp_overlay_add(struct rp_overlay *overlay, const char *path, mode_t mode, const void *data,
	size_t size, struct rp_error *err);
int rp_overlay_link(
	struct rp_overlay *overlay, const char *path, const char *target, struct rp_error *err);

/* rp_overlay_add of a file of this machine, at most 64 MiB. */
int rp_overlay_add_file(struct rp_overlay *overlay, const char *path, mode_t mode,
	const char *source, struct rp_error *err);

/* The archive, allocated. overlay can be added to and written again. */
int rp_overlay_write(
	struct rp_overlay *overlay, uint8_t **ret_data, size_t *ret_size, struct rp_error *err);

static inline void rp_cleanup_overlay(struct rp_overlay **overlay)
{
	rp_overlay_free(*overlay);
}

#endif
