/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registered files: XSC_SQE_FIXED_FILE.
 */
#ifndef _XSC_FILES_H
#define _XSC_FILES_H

#include <linux/fs.h>
#include <linux/xsc.h>

struct xsc_ring;
struct xsc_server;

int xsc_files_register(struct xsc_ring *ring, const struct xsc_files *arg);
int xsc_files_unregister(struct xsc_ring *ring);
void xsc_files_shut(struct xsc_ring *ring);
struct file *xsc_files_get(struct xsc_server *srv, s32 index);
void xsc_files_put(struct xsc_server *srv, struct file *file);
void xsc_files_unpin(struct xsc_server *srv);
bool xsc_files_sleep(struct xsc_server *srv);
void xsc_files_reap(struct xsc_ring *ring);

#endif /* _XSC_FILES_H */
