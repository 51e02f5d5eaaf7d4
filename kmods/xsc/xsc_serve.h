/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The threads that a process lends to its ring.
 */
#ifndef _XSC_SERVE_H
#define _XSC_SERVE_H

#include "xsc_server.h"

int xsc_serve_run(struct xsc_ring *ring, struct xsc_serve *arg);
void xsc_serve_not_called(struct xsc_ring *ring, u64 token);
void xsc_serve_interrupt(struct xsc_ring *ring);
void xsc_serve_free(struct xsc_server *srv);

#endif /* _XSC_SERVE_H */
