/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring: its memory, its owner, and the kernel's ends of both queues.
 *
 * The ordering is drawn in include/uapi/linux/xsc.h; the letters there stand
 * in the comments here.
 */
#ifndef _XSC_RING_H
#define _XSC_RING_H

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xsc.h>

/**
 * struct xsc_shared - the head of the mapping
 * @sq_tail: user space's
 * @cq_head: user space's
 * @sq_head: the kernel's
 * @cq_tail: the kernel's
 * @sq_flags: the kernel's
 *
 * The part that the kernel writes and each of those that user space writes have
 * lines of their own, two lines long, as neighbours are fetched in pairs. User
 * space finds the fields by the offsets of SETUP only.
 */
struct xsc_shared {
	u32 sq_tail __aligned(128);
	u32 cq_head __aligned(128);
	u32 sq_head __aligned(128);
	u32 cq_tail;
	u32 sq_flags;
};

/**
 * struct xsc_ring - one ring, for one open file
 * @lock: protects @server and the writing of @shut; serialises SETUP. Nothing
 *	else is taken inside it but mmap_lock (in SETUP)
 * @ready: SETUP is done: released after, and acquired before any field of the
 *	next group is looked at
 *
 * Constant once @ready:
 * @mm: the owner's memory, a reference on the struct only (mmgrab)
 * @tgid: the owner's thread group
 * @pages: the pages of the mapping
 * @nr_pages: how many
 * @shared: the pages, mapped in the kernel
 * @sqes: in @shared
 * @cqes: in @shared
 * @sq_entries: power of two; the mask is always made of this, never of
 *	anything in @shared
 * @cq_entries: power of two
 * @idle_us: how long to poll before sleeping
 *
 * Belongs to the serving thread, and passes from one to the next by @lock:
 * @sq_head: taken so far; others read it with READ_ONCE
 * @cq_tail: completed so far; others read it with READ_ONCE
 * @cq_head_seen: the last plausible cq_head, looked at anew only when the CQ
 *	is full by it
 * @held: a completion that waits for the thread to pass through user space
 * @holding: @held is one
 *
 * @error: why the last one left for good: a negative errno, or 0; others read
 *	it with READ_ONCE
 *
 * @server: the thread lent, while it is inside XSC_IOC_SERVE
 * @shut: no service any more, now and for ever; read without @lock
 * @sq_wait: the serving thread sleeps here
 * @cq_wait: those who wait for completions sleep here
 */
struct xsc_ring {
	struct mutex lock;	/* server, shut, SETUP */
	bool ready;

	struct mm_struct *mm;
	struct pid *tgid;
	struct page **pages;
	unsigned int nr_pages;
	struct xsc_shared *shared;
	struct xsc_sqe *sqes;
	struct xsc_cqe *cqes;
	u32 sq_entries;
	u32 cq_entries;
	u32 idle_us;

	u32 sq_head;
	u32 cq_tail;
	u32 cq_head_seen;
	struct xsc_cqe held;
	bool holding;
	int error;

	struct task_struct *server;
	bool shut;

	wait_queue_head_t sq_wait;
	wait_queue_head_t cq_wait;
};

struct xsc_ring *xsc_ring_new(void);
void xsc_ring_free(struct xsc_ring *ring);
int xsc_ring_setup(struct xsc_ring *ring, struct xsc_setup *setup);
int xsc_ring_mmap(struct xsc_ring *ring, struct vm_area_struct *vma);
int xsc_ring_check_owner(struct xsc_ring *ring);
void xsc_ring_shut(struct xsc_ring *ring);

int xsc_sq_ready(struct xsc_ring *ring);
void xsc_sq_copy(struct xsc_ring *ring, struct xsc_sqe *sqe);
void xsc_sq_set_flags(struct xsc_ring *ring, u32 flags);
bool xsc_sq_full(struct xsc_ring *ring);
void xsc_cq_post(struct xsc_ring *ring, u64 user_data, s32 res);
int xsc_cq_unreaped(struct xsc_ring *ring, u32 *ret_head);
int xsc_cq_wait(struct xsc_ring *ring, u32 min_complete, const u64 *timeout_ns);

#endif /* _XSC_RING_H */
