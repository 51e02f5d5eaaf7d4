/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tftpd-hpa (in.tftpd) as a watched child: started in the foreground, restarted when it ends, with
 * growing pauses (0.5 s to 30 s), and gone when we are. It needs root (port 69, chroot); a server
 * without root leaves TFTP to rigproof-tftpd.service. in.tftpd logs to syslog itself.
 *
 * Names are read as boot ROMs send them: a backslash is a slash, and a name ends before its first
 * byte that is no printable ASCII, and before blanks at its end.
 */
#ifndef RP_PXE_TFTPD_H
#define RP_PXE_TFTPD_H

#include <stdint.h>

#include <event2/event.h>

#include "lib/error.h"

enum rp_tftpd_event { RP_TFTPD_STARTED, RP_TFTPD_ENDED, RP_TFTPD_START_FAILED };

struct rp_tftpd_config {
	const char *root;    /* directory served, read-only, as the whole file system (chroot) */
	const char *address; /* IPv4 address to listen on; "" or NULL: all */
	uint16_t port;	     /* 0: 69 */
	const char *user;    /* NULL: "tftp" where it exists, else "nobody" */
	const char *program; /* NULL: in.tftpd of PATH and the sbin folders */
	/* May be NULL. One line for a log: "in.tftpd ended with exit status 71, again in 1.0 s". */
	void (*event)(void *ctx, enum rp_tftpd_event what, const char *text);
	void *ctx;
};

struct rp_tftpd; /* opaque */

/* The rules by which names are read (in.tftpd(8), FILENAME REMAPPING); pxe/tftp-names is the same as a file. */
extern const char rp_tftpd_names[];

/* Copies config. -ENOENT where in.tftpd is not installed (the text says what to do), -ENOTDIR. */
int rp_tftpd_start(struct event_base *base, const struct rp_tftpd_config *config,
	struct rp_tftpd **ret, struct rp_error *err);

/* Ends the child and waits for it (at most 1 s, then SIGKILL). */
struct rp_tftpd *rp_tftpd_free(struct rp_tftpd *tftpd);

/* The child's process id; -1 while there is none. */
int rp_tftpd_pid(const struct rp_tftpd *tftpd);

static inline void rp_cleanup_tftpd(struct rp_tftpd **tftpd)
{
	rp_tftpd_free(*tftpd);
}

#endif
