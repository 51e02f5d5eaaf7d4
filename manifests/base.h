/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base of node images: what manifests/rootfs/build made and cached. A user space that all
 * images of one suite and package list share, with Debian's kernel for it; and whether our programs
 * and modules fit into it.
 */
#ifndef RP_MANIFESTS_BASE_H
#define RP_MANIFESTS_BASE_H

#include <jansson.h>
#include <stddef.h>

#include "lib/error.h"

struct rp_base {
	json_t *description; /* KEY.json: see manifests/rootfs/README.md */
	char *rootfs;	     /* the compressed cpio, its length a multiple of 4 */
	size_t rootfs_size;
	char *vmlinuz;
	size_t vmlinuz_size;
};

/*
 * Find the base in the cache or make it (a minute or two; root). tool: folder of the `build`
 * script. cache NULL: the environment decides. What is read from the cache is checked against the
 * digests that the build wrote: -EBADMSG names the file to remove.
 */
int rp_base_load(const char *tool, const char *cache, const char *suite,
	const char *const *packages, size_t packages_count, struct rp_base *ret,
	struct rp_error *err);

void rp_base_done(struct rp_base *base);

/*
 * -ELIBACC where the ELF program at path needs a shared library that the base lacks. Scripts pass.
 */
int rp_base_check_program(const struct rp_base *base, const char *path, struct rp_error *err);

/*
 * -ENOEXEC where the module at path was not built for the kernel of this release. The base's own
 * kernel is compared in all of vermagic, another one in its release.
 */
int rp_base_check_module(
	const struct rp_base *base, const char *path, const char *release, struct rp_error *err);

static inline void rp_cleanup_base(struct rp_base *base)
{
	rp_base_done(base);
}

#endif
