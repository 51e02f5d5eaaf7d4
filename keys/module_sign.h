/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures on kernel modules, by the kernel's own sign-file (package linux-kbuild-*). */
#ifndef RP_KEYS_MODULE_SIGN_H
#define RP_KEYS_MODULE_SIGN_H

#include "lib/error.h"
#include "lib/must_use.h"

/*
 * Append a SHA-256 PKCS#7 signature by key_dir/module.key to the module in, as out (replaced as a
 * whole; may be in). sign-file is $KDIR/scripts/sign-file where KDIR is set, else the newest
 * /usr/lib/linux-kbuild-*'s. The same module and key give the same bytes. -EEXIST where in is
 * signed already, -ENOENT (tool, file), -EPERM (key's mode), -EIO.
 */
RP_MUST_USE int rp_module_sign(
	const char *in, const char *out, const char *key_dir, struct rp_error *err);

/*
 * 1 where the file ends in a module signature (it is not verified: the rig's kernel
 * does), 0, -errno.
 */
int rp_module_is_signed(const char *path, struct rp_error *err);

#endif
