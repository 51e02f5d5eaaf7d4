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
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
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

/* Who leads: a struct xsc_server, with POLLS if it has nothing to do, or one of these. */
#define XSC_LEAD_NOBODY	0UL	/* the next thread that looks */
#define XSC_LEAD_ASLEEP	1UL	/* the next with work to do; NEED_WAKEUP is set */
#define XSC_LEAD_AWAY	2UL	/* who waits next: it led, and will be back; likewise */
#define XSC_LEAD_POLLS	1UL	/* a thread that waits may take the lead away */

/**
 * struct xsc_ring - one ring, for one open file
 * @lock: protects @servers, @parked, @next_token, @lend_asked, @files against
 *	replacement, and the writing of @shut; serialises SETUP. Nothing else is
 *	taken inside it but mmap_lock (in SETUP) and @files_lock
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
 * @gives_way: shorter, where others want the CPU
 *
 * @lead: a struct xsc_server or XSC_LEAD_*; changed by compare-and-exchange, and
 *	from XSC_LEAD_NOBODY and XSC_LEAD_ASLEEP by anyone who serves; from any but a
 *	thread at work by one that waits
 *
 * Written by the leader only:
 * @sq_head: taken so far; others read it with READ_ONCE
 * @sq_tail_seen: the last plausible sq_tail, looked at anew only when all up to it
 *	is taken
 * @cq_head_seen: the last plausible cq_head, looked at anew only when the CQ
 *	is full by it
 * @draining: what was taken last has to complete first; others read it with
 *	READ_ONCE
 * @room_wanted: places in the CQ that the entry at the head needs: 1, or more if
 *	it is a chain that was found to have too few; others read it with READ_ONCE
 * @due: from @fired, what is begun next; others read it with READ_ONCE
 *
 * @cq_lock: orders those who complete and those who publish: the next three and
 *	the CQEs. Others read them with READ_ONCE. Interrupts are off inside it:
 *	@handover takes it
 * @cq_tail: completed so far, but for what the leader has in its batch. As each
 *	SQE gives one CQE, sq_head - cq_tail operations are being carried out, or
 *	done and in the batch
 * @sq_told: the sq_head in @shared
 *
 * @error: why the last one left for good: a negative errno, or 0; others read
 *	it with READ_ONCE
 * @servers: the threads inside XSC_IOC_SERVE
 * @parked: operations begun whose thread is in user space
 * @next_token: of the next XSC_SERVE_CALL
 * @lend_asked: XSC_SERVE_LEND was returned, and the thread has not arrived
 * @shut: no service any more, now and for ever; read without @lock
 *
 * @files_lock: protects the pinning of what @files points to, for a few instructions
 * @files: the registered files, or NULL; compared without the lock
 * @files_gone: tables whose last pin was given up by a thread that went to sleep
 *
 * @fired: armed operations whose file is ready, and not in @due yet
 * @arm_lock: protects @armed, and taking from @fired and @due. The locks of wait
 *	queues are taken inside it
 * @armed: operations that wait without a thread, until they are taken from @due
 *
 * @left: batches of those who were put to sleep, each in a struct xsc_server
 * @handover: publishes @left, and wakes a successor
 * @sq_wait: lent threads sleep here, and those that wait and would lead, all of them
 *	exclusively
 * @lent_asleep: lent threads there, or woken and not up yet
 * @cq_wait: those who wait for completions sleep here
 * @rcu: for its end
 */
struct xsc_ring {
	struct mutex lock;	/* servers, parked, shut, files, SETUP */
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
	bool gives_way;

	unsigned long lead;
	u32 sq_head;
	u32 sq_tail_seen;
	u32 cq_head_seen;
	bool draining;
	u32 room_wanted;
	struct llist_node *due;
	struct llist_head fired;

	spinlock_t cq_lock;	/* cq_tail, sq_told, cqes */
	u32 cq_tail;
	u32 sq_told;

	int error;
	struct list_head servers;
	struct list_head parked;
	u64 next_token;
	bool lend_asked;
	bool shut;

	spinlock_t files_lock;	/* pinning what files points to */
	struct xsc_file_table *files;
	struct llist_head files_gone;

	spinlock_t arm_lock;	/* armed, and taking from fired and due */
	struct list_head armed;

	struct llist_head left;
	struct irq_work handover;
	wait_queue_head_t sq_wait;
	atomic_t lent_asleep;
	wait_queue_head_t cq_wait;
	struct rcu_head rcu;
};

/* Does nothing that was taken, or could not be, hold back what stands at the head? */
static inline bool xsc_sq_is_plain(const struct xsc_ring *ring)
{
	return !ring->draining && ring->room_wanted == 1;
}

struct xsc_ring *xsc_ring_new(void);
void xsc_ring_free(struct xsc_ring *ring);
int xsc_ring_setup(struct xsc_ring *ring, struct xsc_setup *setup);
int xsc_ring_mmap(struct xsc_ring *ring, struct vm_area_struct *vma);
int xsc_ring_check_owner(struct xsc_ring *ring);
void xsc_ring_shut(struct xsc_ring *ring);

struct xsc_server;

int xsc_sq_ready(struct xsc_ring *ring);
int xsc_sq_take(struct xsc_server *srv);
int xsc_sq_look(struct xsc_ring *ring);
bool xsc_sq_queued(struct xsc_ring *ring);
void xsc_sq_set_flags(struct xsc_ring *ring, u32 flags);
bool xsc_sq_full(struct xsc_ring *ring);
void xsc_cq_post(struct xsc_server *srv, u64 user_data, s32 res);
void xsc_cq_publish(struct xsc_server *srv);
void xsc_cq_publish_left(struct xsc_ring *ring);
int xsc_cq_unreaped(struct xsc_ring *ring, u32 *ret_head);
void xsc_cq_settle(struct xsc_ring *ring);

/* xsc_wait.c */
int xsc_wait(struct xsc_ring *ring, u32 min_complete, const u64 *timeout_ns,
	     bool lead);

#endif /* _XSC_RING_H */
