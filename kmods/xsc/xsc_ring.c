// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: its memory and its owner.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#include "xsc_arm.h"
#include "xsc_consume.h"
#include "xsc_files.h"
#include "xsc_lead.h"
#include "xsc_ring.h"
#include "xsc_serve.h"

/*
 * Ring pages are charged twice: to the memory cgroup of who asks (__GFP_ACCOUNT)
 * and to RLIMIT_MEMLOCK, as nothing ever reclaims them. vmalloc_user() could do
 * neither, hence single pages and vmap().
 */
static int alloc_pages_mapped(struct xsc_ring *ring, unsigned int nr)
{
	unsigned int i;
	int ret;

	ret = account_locked_vm(current->mm, nr, true);
	if (ret)
		return ret;

	ret = -ENOMEM;
	ring->pages = kcalloc(nr, sizeof(*ring->pages), GFP_KERNEL_ACCOUNT);
	if (!ring->pages)
		goto err_account;

	for (i = 0; i < nr; i++) {
		ring->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!ring->pages[i])
			goto err_pages;
	}

	ring->shared = vmap(ring->pages, nr, VM_MAP, PAGE_KERNEL);
	if (!ring->shared)
		goto err_pages;

	ring->nr_pages = nr;
	return 0;

err_pages:
	while (i--)
		__free_page(ring->pages[i]);
	kfree(ring->pages);
	ring->pages = NULL;
err_account:
	account_locked_vm(current->mm, nr, false);
	return ret;
}

static void free_pages_mapped(struct xsc_ring *ring)
{
	unsigned int i;

	vunmap(ring->shared);
	for (i = 0; i < ring->nr_pages; i++)
		__free_page(ring->pages[i]);
	kfree(ring->pages);
	account_locked_vm(ring->mm, ring->nr_pages, false);
}

struct xsc_ring *xsc_ring_new(void)
{
	struct xsc_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);

	if (!ring)
		return NULL;

	mutex_init(&ring->lock);
	spin_lock_init(&ring->cq_lock);
	spin_lock_init(&ring->files_lock);
	INIT_LIST_HEAD(&ring->servers);
	INIT_LIST_HEAD(&ring->parked);
	ring->lead = XSC_LEAD_NOBODY;
	ring->room_wanted = 1;
	init_llist_head(&ring->files_gone);
	xsc_lead_init(ring);
	xsc_arm_init(ring);
	init_waitqueue_head(&ring->sq_wait);
	init_waitqueue_head(&ring->cq_wait);
	return ring;
}

/*
 * Called when the last reference on the file is gone: no ioctl runs, so no
 * thread serves or waits, and no mapping is left.
 */
void xsc_ring_free(struct xsc_ring *ring)
{
	struct xsc_server *srv, *after;

	irq_work_sync(&ring->handover);
	xsc_arm_free(ring);
	list_for_each_entry_safe(srv, after, &ring->parked, link)
		xsc_serve_free(srv);
	xsc_files_shut(ring);
	xsc_files_reap(ring);
	if (ring->ready) {
		free_pages_mapped(ring);
		put_pid(ring->tgid);
		mmdrop(ring->mm);
	}
	/* Who fired the last operation may still be waking somebody, under RCU. */
	kfree_rcu(ring, rcu);
}

/**
 * xsc_ring_setup - give a new ring its memory and its owner
 * @ring: the ring
 * @setup: checked for size, flags and reserved fields by the caller; filled
 *
 * Return: 0, -EBUSY, -EINVAL or -ENOMEM.
 */
int xsc_ring_setup(struct xsc_ring *ring, struct xsc_setup *setup)
{
	u32 sq_entries = setup->sq_entries, cq_entries = setup->cq_entries;
	u32 sqes_off, cqes_off, size;
	int ret;

	if (!sq_entries || sq_entries > XSC_MAX_ENTRIES ||
	    !cq_entries || cq_entries > XSC_MAX_ENTRIES)
		return -EINVAL;
	sq_entries = roundup_pow_of_two(sq_entries);
	cq_entries = roundup_pow_of_two(cq_entries);

	/* At most 4096 * (64 + 16) bytes and a page: far from any overflow. */
	sqes_off = PAGE_ALIGN(sizeof(struct xsc_shared));
	cqes_off = sqes_off + PAGE_ALIGN(sq_entries * sizeof(struct xsc_sqe));
	size = cqes_off + PAGE_ALIGN(cq_entries * sizeof(struct xsc_cqe));

	mutex_lock(&ring->lock);
	ret = -EBUSY;
	if (ring->ready)
		goto out;

	ret = alloc_pages_mapped(ring, size >> PAGE_SHIFT);
	if (ret)
		goto out;

	ring->sqes = (void *)ring->shared + sqes_off;
	ring->cqes = (void *)ring->shared + cqes_off;
	ring->sq_entries = sq_entries;
	ring->cq_entries = cq_entries;
	ring->idle_us = setup->idle_us;
	ring->gives_way = !(setup->flags & XSC_SETUP_IDLE);
	ring->sq_head = setup->first;
	ring->sq_tail_seen = setup->first;
	ring->sq_told = setup->first;
	ring->cq_tail = setup->first;
	ring->cq_head_seen = setup->first;
	ring->shared->sq_tail = setup->first;
	ring->shared->sq_head = setup->first;
	ring->shared->cq_tail = setup->first;
	ring->shared->cq_head = setup->first;
	ring->mm = current->mm;
	mmgrab(ring->mm);
	ring->tgid = get_pid(task_tgid(current));

	setup->sq_entries = sq_entries;
	setup->cq_entries = cq_entries;
	setup->features = XSC_FEAT_LENT_THREAD | XSC_FEAT_NO_LOSS |
			  XSC_FEAT_WAIT | XSC_FEAT_CALLS | XSC_FEAT_ORDER |
			  XSC_FEAT_FILES | XSC_FEAT_WAIT_LEADS |
			  xsc_lead_features();
	setup->ops = xsc_consume_ops(&setup->ops_user);
	setup->mmap_size = size;
	setup->off = (struct xsc_offsets) {
		.sq_head = offsetof(struct xsc_shared, sq_head),
		.sq_tail = offsetof(struct xsc_shared, sq_tail),
		.sq_flags = offsetof(struct xsc_shared, sq_flags),
		.sqes = sqes_off,
		.cq_head = offsetof(struct xsc_shared, cq_head),
		.cq_tail = offsetof(struct xsc_shared, cq_tail),
		.cqes = cqes_off,
	};
	/* Pairs with the acquire in xsc_ring_check_owner(). */
	smp_store_release(&ring->ready, true);
	ret = 0;
out:
	mutex_unlock(&ring->lock);
	return ret;
}

/**
 * xsc_ring_check_owner - may the current process use this ring?
 * @ring: the ring
 *
 * Both are compared: a vfork child shares the memory but not the files, and an
 * execve keeps the thread group but not the memory. Neither can be confused with
 * a later process, as the ring holds a reference on both.
 *
 * Return: 0, -ENXIO before SETUP, -EPERM for any other process.
 */
int xsc_ring_check_owner(struct xsc_ring *ring)
{
	/* Pairs with the release in xsc_ring_setup(). */
	if (!smp_load_acquire(&ring->ready))
		return -ENXIO;
	if (current->mm != ring->mm || task_tgid(current) != ring->tgid)
		return -EPERM;
	return 0;
}

/*
 * vm_map_pages() refuses every offset and length that leaves the pages. VM_IO
 * keeps MADV_DOFORK from undoing VM_DONTCOPY, and the pages from being pinned.
 */
int xsc_ring_mmap(struct xsc_ring *ring, struct vm_area_struct *vma)
{
	const unsigned long flags = VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP |
				    VM_IO;
	int ret = xsc_ring_check_owner(ring);

	if (ret)
		return ret;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
	return vm_map_pages(vma, ring->pages, ring->nr_pages);
}

/**
 * xsc_ring_shut - end the service of a ring, for good
 * @ring: the ring, set up or not
 */
void xsc_ring_shut(struct xsc_ring *ring)
{
	mutex_lock(&ring->lock);
	WRITE_ONCE(ring->shut, true);
	xsc_serve_interrupt(ring);
	mutex_unlock(&ring->lock);

	xsc_arm_shut(ring);
	xsc_files_shut(ring);
	wake_up_all(&ring->cq_wait);
}
