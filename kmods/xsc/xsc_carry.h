/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carrying out what was taken from the SQ.
 */
#ifndef _XSC_CARRY_H
#define _XSC_CARRY_H

#include <linux/audit.h>
#include <linux/sched/signal.h>
#include <linux/seccomp.h>
#include <linux/task_work.h>
#include <linux/thread_info.h>

#include "xsc_server.h"

/*
 * An audited process gets a record per path, kept until its system call ends.
 * XSC_IOC_SERVE could last for days, so it ends after that many.
 */
#define AUDITED_PATHS	64

/**
 * xsc_is_confined - is the current thread under seccomp?
 *
 * Operations do not pass through a filter. So they are refused to threads that
 * have one, or nobody could be confined where this module is loaded.
 */
static inline bool xsc_is_confined(void)
{
#ifdef CONFIG_SECCOMP
	return READ_ONCE(current->seccomp.mode) != SECCOMP_MODE_DISABLED;
#else
	return false;
#endif
}

/*
 * Must the thread leave? Asked before each operation. -EINTR means: to come back
 * at once. Task work is a file to release, or, since Linux 6.4, the scheduler's ten
 * times a second.
 */
static __always_inline int xsc_must_leave(struct xsc_server *srv)
{
	if (READ_ONCE(srv->ring->shut))
		return -ESHUTDOWN;
	if (xsc_is_confined())
		return -EACCES;
	if (signal_pending(current) || task_work_pending(current))
		return -EINTR;
	if (srv->path_ops >= AUDITED_PATHS && !audit_dummy_context())
		return -EINTR;
	return 0;
}

int xsc_carry_out_parked(struct xsc_server *srv);
int xsc_carry_out_lap(struct xsc_server *srv);
int xsc_carry_out_light(struct xsc_server *srv);

#endif /* _XSC_CARRY_H */
