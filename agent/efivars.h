/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UEFI variables through efivarfs (UEFI 2.10, 8.2; linux/Documentation/filesystems/efivarfs.rst):
 * a file's first four bytes are the attributes, and a variable is written whole, in one write(2).
 */
#ifndef RP_AGENT_EFIVARS_H
#define RP_AGENT_EFIVARS_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/rig_protocol.h"
#include "lib/error.h"

#define RP_EFIVARS_DIR "/sys/firmware/efi/efivars"
#define RP_EFIVARS_MAX (64u << 10) /* bytes of a variable that we write */

struct rp_secure_boot {
	bool efi; /* these variables exist at all */
	bool enabled, setup_mode;
};

/* Mount efivarfs at dir, where the firmware has variables and nobody mounted it. */
int rp_efivars_mount(const char *dir, struct rp_error *err);

/* SecureBoot and SetupMode. A machine without them (BIOS) has all three false. */
void rp_efivars_secure_boot(const char *dir, struct rp_secure_boot *ret);

/* "enabled", "disabled", "setup mode" or "none" */
const char *rp_secure_boot_text(const struct rp_secure_boot *state);

/*
 * Write one of "db", "KEK", "PK" with attributes 0x27 (NV, BS, RT, time-based authentication) from
 * the bytes of an .auth file (keys/efi_auth.h), immutable or not. -EINVAL: no such name, or not
 * such bytes; else errno of the firmware's refusal.
 */
int rp_efivars_write(
	const char *dir, const char *name, const void *auth, size_t len, struct rp_error *err);

/*
 * Enrol db, KEK and PK, in this order: with PK the firmware leaves Setup Mode. All three are
 * decoded and checked before the first is written. -EINVAL: not base64, or not .auth files.
 */
int rp_efivars_enrol(const char *dir, const struct rp_enrolment *enrolment, struct rp_error *err)
	__attribute__((warn_unused_result));

#endif
