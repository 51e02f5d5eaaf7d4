/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that a process has lent to its ring: what is known of it. xsc_serve.c
 * runs it, xsc_lead.c and xsc_queue.c work for it.
 */
#ifndef _XSC_SERVER_H
#define _XSC_SERVER_H

#include <linux/preempt.h>

#include "xsc_ring.h"

/* How far the operation at hand is. */
enum xsc_stage {
	XSC_STAGE_TODO,		/* not begun, or to begin anew */
	XSC_STAGE_CALLED,	/* user space carries it out */
	XSC_STAGE_DONE,		/* its result waits for a pass through user mode */
};

/* Completions that a leader publishes at once. */
#define XSC_BATCH	16

/**
 * struct xsc_batch - what a leader has completed and not published
 * @nr: how many
 * @left: it is in ring->left, and no longer the thread's, until that is false again
 * @node: in ring->left
 * @done: the completions
 */
struct xsc_batch {
	u32 nr;
	bool left;
	struct llist_node node;
	struct xsc_cqe done[XSC_BATCH];
};

/**
 * struct xsc_server - a thread inside XSC_IOC_SERVE, or what one left behind
 * @ring: the ring; the file that holds it is referenced for the whole service
 * @link: in ring->servers, or in ring->parked
 * @task: the thread, while it is in ring->servers
 * @may: the XSC_SERVE_MAY_* of the call
 * @notifier: tells when the thread sleeps
 * @working: in an operation: who sleeps now stops leading. Of the thread itself
 * @batch: of the thread itself, and empty unless it leads
 * @path: PATH_MAX bytes for a path from user space, or NULL
 * @path_ops: operations with a path since the thread came in
 * @one: room for an operation alone
 * @chain: room for XSC_MAX_LINK of them, or NULL
 * @ops: @one or @chain: the kernel's copies, which do not change
 * @nr_ops: how many were taken
 * @next: which is at hand; none if it is @nr_ops
 * @stage: how far that is
 * @res: its result
 * @wanted: bytes that its buffers hold, if it has several
 * @closer: whose pass through user mode the operation waits for, while it is in
 *	ring->parked with a result; referenced
 * @light: not lent: it waits, and carries out what cannot sleep
 * @soon: what user space carries out does not sleep
 * @token: that of XSC_SERVE_CALL
 * @table: of registered files, pinned for a lap, or NULL
 * @fixed: out of it, that of the operation that runs, or NULL
 * @fixed_held: @fixed has a reference, as it slept
 * @armed: what it waited for without a thread, or NULL
 * @until: when its sleep is over, for one that a signal broke
 * @until_set: @until counts
 */
struct xsc_server {
	struct xsc_ring *ring;
	struct list_head link;
	struct task_struct *task;
	u32 may;
#ifdef CONFIG_PREEMPT_NOTIFIERS
	struct preempt_notifier notifier;
#endif
	bool working;
	struct xsc_batch batch;
	char *path;
	unsigned int path_ops;

	struct xsc_sqe one;
	struct xsc_sqe *chain;
	struct xsc_sqe *ops;
	u32 nr_ops;
	u32 next;
	enum xsc_stage stage;
	int res;
	size_t wanted;
	struct task_struct *closer;
	bool light;
	bool soon;
	u64 token;
	struct xsc_file_table *table;
	struct file *fixed;
	bool fixed_held;
	struct xsc_armed *armed;
	ktime_t until;
	bool until_set;
};

/* Does it lead? */
static inline bool xsc_lead_held(const struct xsc_server *srv)
{
	return READ_ONCE(srv->ring->lead) == (unsigned long)srv;
}

#endif /* _XSC_SERVER_H */
