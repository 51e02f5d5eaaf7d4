/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the lent threads leads.
 */
#ifndef _XSC_LEAD_H
#define _XSC_LEAD_H

#include "xsc_server.h"

/* Why a thread leaves the kernel, as far as the lead is concerned. */
enum xsc_leave {
	XSC_LEAVE_AND_RETURN,	/* nothing of user space's runs in between */
	XSC_LEAVE_TO_CALL,	/* for an operation: another one should lead */
	XSC_LEAVE_FOR_LONG,	/* who submits then has to wake somebody */
	XSC_LEAVE_TO_COME_BACK,	/* the same, but what waits for a socket can wait for it */
};

void xsc_lead_init(struct xsc_ring *ring);
void xsc_lead_enter(struct xsc_server *srv);
void xsc_lead_leave(struct xsc_server *srv, enum xsc_leave how);
bool xsc_lead_try(struct xsc_server *srv);
bool xsc_lead_take(struct xsc_server *srv);
bool xsc_lead_poll(struct xsc_server *srv);
bool xsc_lead_work(struct xsc_server *srv);
void xsc_lead_back(struct xsc_ring *ring);
bool xsc_lead_wanted(struct xsc_ring *ring);
void xsc_lead_doze(struct xsc_server *srv);
void xsc_lead_wake(struct xsc_ring *ring);
u64 xsc_lead_features(void);
void xsc_lead_load(void);
void xsc_lead_unload(void);

#endif /* _XSC_LEAD_H */
