/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iPXE scripts. Each ends in a boot, a power-off, a reboot or an exit to the firmware, by itself
 * and in bounded time: iPXE's prompt is never reached. A step that fails is tried again, then
 * reported to SERVER/boot/v1/failed?boot=ID&step=STEP&error=ERRNO, then the rig powers off.
 *
 * All return allocated text in *ret. What comes from outside is checked, since a script has no
 * quoting that iPXE would honour: -EINVAL names the field with a character that cannot stand there
 * (white space, control characters, '$', '{', '}', '|', '&', '#', '"'; in a command line and a
 * reason only those that would end or change the command).
 */
#ifndef RP_PXE_BOOTSCRIPT_H
#define RP_PXE_BOOTSCRIPT_H

#include "lib/error.h"

struct rp_bootscript_boot {
	const char *server_url; /* "https://10.77.0.1:8443", no final slash */
	const char *image_path; /* "/cas/sha256/HEX" */
	const char
		*image_name; /* iPXE's file name for it: LoadOptions' first word w/o Secure Boot */
	/* The kernel's, without token; the stub takes it only without Secure Boot. May be "". */
	const char *command_line;
	/* Per-boot token, hexadecimal. "": none (under Secure Boot it could not travel). */
	const char *token;
	const char *boot; /* boot id */
	int retries;	  /* 1..20 tries of the download; 0: 3 */
};

/* The first script: DHCP, then the server's script for this machine. */
int rp_bootscript_autoexec(const char *server_url, char **ret, struct rp_error *err);

int rp_bootscript_boot(const struct rp_bootscript_boot *boot, char **ret, struct rp_error *err);

/* Leave iPXE: firmware goes on with its next boot entry (the local disk). */
int rp_bootscript_exit(const char *reason, char **ret, struct rp_error *err);

/*
 * Show reason, wait so many seconds (1..3600), ask the server again (same parameters as autoexec).
 */
int rp_bootscript_wait(
	const char *server_url, const char *reason, int seconds, char **ret, struct rp_error *err);

#endif
