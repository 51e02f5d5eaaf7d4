/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the operations do. One file per family, one table.
 */
#ifndef _XSC_CONSUME_H
#define _XSC_CONSUME_H

#include "xsc_serve.h"

/*
 * An operation runs in the serving thread, thus as the ring's owner, and may
 * sleep interruptibly. @sqe is the kernel's copy: it does not change. The result
 * is that of the system call: 0, a positive number, or a negative errno. An
 * ERESTART* says that a signal came before anything was done.
 */
typedef int (*xsc_run_t)(struct xsc_server *srv, const struct xsc_sqe *sqe);

u64 xsc_consume_ops(void);
int xsc_consume(struct xsc_server *srv, const struct xsc_sqe *sqe);

/* xsc_consume_fs.c */
int xsc_consume_read(struct xsc_server *srv, const struct xsc_sqe *sqe);
int xsc_consume_write(struct xsc_server *srv, const struct xsc_sqe *sqe);
int xsc_consume_pread(struct xsc_server *srv, const struct xsc_sqe *sqe);
int xsc_consume_pwrite(struct xsc_server *srv, const struct xsc_sqe *sqe);
int xsc_consume_open(struct xsc_server *srv, const struct xsc_sqe *sqe);
int xsc_consume_close(struct xsc_server *srv, const struct xsc_sqe *sqe);
int xsc_consume_fsync(struct xsc_server *srv, const struct xsc_sqe *sqe);

#endif /* _XSC_CONSUME_H */
