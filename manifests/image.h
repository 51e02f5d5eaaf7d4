/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node image: what a rig boots to run a job. One signed UKI of Debian's stock kernel (or one of
 * the caller's), a base initrd that manifests/rootfs/build makes and caches, and a small overlay of
 * ours (agent, checks, signed modules, lab root, server address) behind it:
 *
 *     .initrd = base cpio (zstd) || overlay cpio
 *
 * Same inputs, same bytes: no time, no random number and no path of this machine is in it.
 */
#ifndef RP_MANIFESTS_IMAGE_H
#define RP_MANIFESTS_IMAGE_H

#include <jansson.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/error.h"

struct rp_image_manifest; /* manifests/manifest.h */

struct rp_image_build {
	/* name, kernel, suite, packages, modules, command line */
	const struct rp_image_manifest *manifest;
	/* the manifest's kernel as rp_manifest_resolve has it; NULL: that path as it is written */
	const char *kernel;
	/* folder of `rigproof keys init`: root.crt, and the db and module keys to sign with */
	const char *keys;
	/* "https://10.77.0.1:8443": what the agent talks to */
	const char *server;
	/* holds rigproof-agent and checks/NAME (build/bin, or PREFIX/libexec/rigproof) */
	const char *binaries;
	/* holds NAME.ko of each of the manifest's modules; NULL where it has none */
	const char *modules;
	/* Somebody's own, beside ours: folders of modules, looked at before `modules`, and of checks. NULL-terminated; NULL: none */
	const char *const *own_modules;
	const char *const *own_checks;
	/* made if need be */
	const char *output;
	/* folder with the base's `build` script; NULL: manifests/rootfs below here */
	const char *rootfs;
	/* NULL: $RIGPROOF_CACHE, else ${XDG_CACHE_HOME:-$HOME/.cache}/rigproof */
	const char *cache;
};

struct rp_image_result {
	char sha256[RP_SHA256_HEX]; /* of the signed UKI */
	int64_t size;
	char *path;	     /* OUTPUT/NAME.efi */
	json_t *description; /* what OUTPUT/NAME.json holds, see below */
};

/*
 * Writes OUTPUT/NAME.efi (signed UKI), OUTPUT/modules/MODULE.ko (signed) and, last,
 * OUTPUT/NAME.json:
 *   {"name","sha256","size","command_line","kernel_release",
 *    "modules":[{"name","sha256","file":"modules/MODULE.ko"}],"rootfs_sha256"}
 * Makes the base first where the cache does not hold it: needs root and the system's package
 * mirror, and takes a minute or two.
 *
 * Refused, with the thing and the remedy in err: a module built for another kernel than the image's
 * (-ENOEXEC), a program that needs a library which the base lacks (-ELIBACC), a missing input
 * (-ENOENT), a check with the name of another (-EEXIST), a name that is not one (-EINVAL), a command line that could not be in a UKI (-EINVAL).
 * Not checked: that the server answers at that address.
 */
int rp_image_build(
	const struct rp_image_build *build, struct rp_image_result *ret, struct rp_error *err);

void rp_image_result_done(struct rp_image_result *result);

static inline void rp_cleanup_image_result(struct rp_image_result *result)
{
	rp_image_result_done(result);
}

#endif
