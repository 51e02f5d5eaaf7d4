/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread that a process lends to its ring.
 */
#ifndef _XSC_SERVE_H
#define _XSC_SERVE_H

#include "xsc_ring.h"

/**
 * struct xsc_server - what a serving thread has while it is inside the kernel
 * @ring: the ring; the file that holds it is referenced for the whole service
 * @path: PATH_MAX bytes for a path from user space
 * @path_ops: operations with a path since the thread came in
 */
struct xsc_server {
	struct xsc_ring *ring;
	char *path;
	unsigned int path_ops;
};

bool xsc_serve_confined(void);
int xsc_serve_run(struct xsc_ring *ring);
void xsc_serve_wake(struct xsc_ring *ring);
void xsc_serve_interrupt(struct xsc_ring *ring);

#endif /* _XSC_SERVE_H */
