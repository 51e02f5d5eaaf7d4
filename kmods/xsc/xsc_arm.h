/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations that wait in the ring, for a file to become ready, without a thread.
 */
#ifndef _XSC_ARM_H
#define _XSC_ARM_H

#include <linux/llist.h>
#include <linux/types.h>

#include "xsc_ring.h"

struct xsc_armed;
struct xsc_server;

enum xsc_awaited {
	XSC_AWAITS_DATA,
	XSC_AWAITS_CONNECTION,
};

enum xsc_arming {
	XSC_ARM_NOT,	/* it cannot wait in this way */
	XSC_ARM_READY,	/* there is something: it need not wait */
	XSC_ARM_DONE,	/* it waits: it is the ring's now, and the thread has none */
};

void xsc_arm_init(struct xsc_ring *ring);
enum xsc_arming xsc_arm(struct xsc_server *srv, struct file *file, enum xsc_awaited what);
bool xsc_arm_take(struct xsc_server *srv);
bool xsc_arm_pass_on(struct xsc_server *srv);
struct file *xsc_armed_file(const struct xsc_armed *armed);
void xsc_armed_free(struct xsc_armed *armed);
void xsc_arm_shut(struct xsc_ring *ring);
void xsc_arm_free(struct xsc_ring *ring);

/* Has one fired that nobody has taken? A "no" may be old, but then a wake-up follows. */
static inline bool xsc_arm_fired(const struct xsc_ring *ring)
{
	return READ_ONCE(ring->due) || !llist_empty(&ring->fired);
}

#endif /* _XSC_ARM_H */
