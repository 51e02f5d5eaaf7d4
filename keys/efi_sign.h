/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticode signatures on EFI programs, by sbsign and sbverify (package sbsigntool). */
#ifndef RP_KEYS_EFI_SIGN_H
#define RP_KEYS_EFI_SIGN_H

#include "lib/error.h"
#include "lib/must_use.h"

/*
 * Sign the PE file in with key_dir/NAME.key (name: "db"), to out, which is replaced as a whole; in
 * and out may be the same. in may be unsigned or signed already (a signature is added).
 * The signing time in the signature is always 2000-01-01: the same file and key give the same
 * bytes. -ENOENT (tool, file), -EPERM (key's mode), -EIO (sbsign's own words).
 */
RP_MUST_USE int rp_efi_sign(const char *in, const char *out, const char *key_dir, const char *name,
	struct rp_error *err);

/*
 * 0 where the PE file has a valid signature by the certificate (PEM) at cert_path;
 * -EACCES; -ENOENT.
 */
RP_MUST_USE int rp_efi_verify(const char *path, const char *cert_path, struct rp_error *err);

#endif
