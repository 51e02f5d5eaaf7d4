// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMAP, MUNMAP, MADVISE, MLOCK: memory that is there before it is touched. The
 * manual is include/uapi/linux/gaming_memory.h.
 *
 * Pages of the pool are put where there are none by migrate_vma_setup() and its
 * like: the one exported way that makes ordinary anonymous memory of them, charged
 * to the memory cgroup, on the LRU, with all that belongs to a page.
 */
#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>

#include <linux/gaming_memory.h>
#include "gaming.h"
#include "gaming_page_batch.h"

#if IS_ENABLED(CONFIG_DEVICE_MIGRATION)

static bool has_policy(const struct vm_area_struct *vma)
{
#ifdef CONFIG_NUMA
	return vma->vm_policy || current->mempolicy ||
	       !node_isset(numa_mem_id(), cpuset_current_mems_allowed);
#else
	return false;
#endif
}

static bool takes_pool_pages(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) && (vma->vm_flags & VM_WRITE) &&
	       !(vma->vm_flags & (VM_SPECIAL | VM_HUGETLB)) &&
	       !userfaultfd_armed(vma) && !has_policy(vma);
}

/* Gives each hole that setup found a page, as far as the pool has some. */
static unsigned long give_pages(struct gaming_page_batch *batch, unsigned long count)
{
	struct gaming_run run = {};
	int node = numa_mem_id();
	unsigned long i, given = 0;

	for (i = 0; i < count; i++) {
		if (!(batch->src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		if (!run.count && !gaming_pool_take(node, count - i, &run))
			break;
		lock_page(run.first);
		batch->dst[i] = migrate_pfn(page_to_pfn(run.first));
		run.first++;
		run.count--;
		given++;
	}
	if (run.count)
		gaming_pool_give_back(node, run.first, run.count);
	return given;
}

/* Pages that came from the pool. What is there already stays. */
static unsigned long fill_from_pool(struct gaming_page_batch *batch, unsigned long addr,
				    unsigned long end)
{
	struct migrate_vma args = { .start = addr, .src = batch->src, .dst = batch->dst };
	unsigned long i, given = 0, filled = 0;

	/* Setup would take a huge page apart. */
	if (gaming_page_is_huge(addr))
		return 0;
	mmap_read_lock(current->mm);
	args.vma = find_vma(current->mm, addr);
	if (!args.vma || args.vma->vm_start > addr || !takes_pool_pages(args.vma))
		goto unlock;
	args.end = min(end, args.vma->vm_end);
	if (migrate_vma_setup(&args))
		goto unlock;
	given = give_pages(batch, args.npages);
	migrate_vma_pages(&args);
	for (i = 0; i < args.npages; i++)
		filled += batch->dst[i] && batch->src[i] & MIGRATE_PFN_MIGRATE;
	migrate_vma_finalize(&args);
unlock:
	mmap_read_unlock(current->mm);
	gaming_pool_spent(given);
	return filled;
}

#else

static unsigned long fill_from_pool(struct gaming_page_batch *batch, unsigned long addr,
				    unsigned long end)
{
	return 0;
}

#endif

static void put_pages_of(struct gaming_page_batch *batch, long count)
{
	while (count--)
		put_page(batch->pages[count]);
}

/* Each page is written to as a fault would, but for the trap. */
static int fill_by_faults(struct gaming_page_batch *batch, unsigned long addr, unsigned long end)
{
	long count;

	while (addr < end) {
		count = get_user_pages_fast(addr, gaming_batch_pages(addr, end), FOLL_WRITE,
					    batch->pages);
		if (count <= 0)
			return count ? count : -EFAULT;
		put_pages_of(batch, count);
		addr += count << PAGE_SHIFT;
	}
	return 0;
}

/* Adds to @m what was done, whatever is returned. */
static int fill(struct gaming_memory *m)
{
	unsigned long addr = m->addr, end = m->addr + m->len, next, pooled;
	unsigned long faults = current->min_flt + current->maj_flt;
	struct gaming_page_batch *batch;
	int ret = 0;

	batch = kmalloc(sizeof(*batch), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;
	gaming_pool_use();
	for (; addr < end && !ret; addr = next) {
		next = gaming_batch_end(addr, end);
		pooled = m->flags & GAMING_MEM_HUGE ? 0 : fill_from_pool(batch, addr, next);
		m->pooled += pooled;
		if (pooled < gaming_batch_pages(addr, next))
			ret = fill_by_faults(batch, addr, next);
		if (!ret && gaming_page_is_huge(addr))
			m->huge += gaming_batch_pages(addr, next);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	gaming_pool_use();
	kfree(batch);
	m->faulted = current->min_flt + current->maj_flt - faults;
	return ret;
}

static int copy_memory(struct gaming_memory *m, void __user *arg, u32 flags)
{
	int ret = copy_ioctl_arg(m, sizeof(*m), arg);

	if (ret)
		return ret;
	if (m->flags & ~flags || m->resv || !gaming_range_is_good(m->addr, m->len))
		return -EINVAL;
	m->size = sizeof(*m);
	m->pooled = 0;
	m->faulted = 0;
	m->huge = 0;
	return 0;
}

static int copy_back(void __user *arg, struct gaming_memory *m)
{
	return copy_to_user(arg, m, sizeof(*m)) ? -EFAULT : 0;
}

/* Begins at a huge page if it may have some. An address, or an errno. */
static unsigned long map(unsigned long len, bool huge)
{
	unsigned long spare = huge ? PMD_SIZE - PAGE_SIZE : 0, addr, begin;

	if (len + spare < len)
		return -ENOMEM;
	addr = vm_mmap(NULL, 0, len + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       0);
	if (IS_ERR_VALUE(addr) || !spare)
		return addr;
	begin = ALIGN(addr, PMD_SIZE);
	if (begin != addr)
		vm_munmap(addr, begin - addr);
	if (begin != addr + spare)
		vm_munmap(begin + len, addr + spare - begin);
	return begin;
}

static long do_mmap_call(struct gaming_session *s, void __user *arg)
{
	struct gaming_memory m;
	unsigned long addr;
	int ret;

	ret = copy_memory(&m, arg, GAMING_MEM_HUGE);
	if (ret)
		return ret;
	if (m.addr)
		return -EINVAL;
	if (gaming_is_confined())
		return -EPERM;
	addr = map(m.len, m.flags & GAMING_MEM_HUGE);
	if (IS_ERR_VALUE(addr))
		return addr;
	m.addr = addr;
	ret = fill(&m);
	if (!ret)
		ret = copy_back(arg, &m);
	if (ret)
		vm_munmap(addr, m.len);
	return ret;
}

static long do_munmap_call(struct gaming_session *s, void __user *arg)
{
	struct gaming_memory m;
	int ret;

	ret = copy_memory(&m, arg, 0);
	if (ret)
		return ret;
	return gaming_is_confined() ? -EPERM : vm_munmap(m.addr, m.len);
}

static long do_madvise_call(struct gaming_session *s, void __user *arg)
{
	struct gaming_memory m;
	int ret;

	ret = copy_memory(&m, arg, GAMING_MEM_HUGE);
	if (ret)
		return ret;
	ret = fill(&m);
	return copy_back(arg, &m) ? -EFAULT : ret;
}

static bool is_locked(unsigned long addr, unsigned long end)
{
	struct vm_area_struct *vma;
	bool locked = true;

	mmap_read_lock(current->mm);
	while (addr < end && locked) {
		vma = find_vma(current->mm, addr);
		locked = vma && vma->vm_start <= addr && vma->vm_flags & VM_LOCKED;
		if (locked)
			addr = vma->vm_end;
	}
	mmap_read_unlock(current->mm);
	return locked;
}

static long do_mlock_call(struct gaming_session *s, void __user *arg)
{
	struct gaming_memory m;
	int ret;

	ret = copy_memory(&m, arg, GAMING_MEM_HUGE);
	if (ret)
		return ret;
	if (!is_locked(m.addr, m.addr + m.len))
		return -EINVAL;
	ret = fill(&m);
	return copy_back(arg, &m) ? -EFAULT : ret;
}

static long do_pool(struct gaming_session *s, void __user *arg)
{
	struct gaming_pool pool;
	int ret;

	ret = copy_ioctl_arg(&pool, sizeof(pool), arg);
	if (ret)
		return ret;
	if (pool.flags || pool.resv)
		return -EINVAL;
	gaming_pool_use();
	pool.size = sizeof(pool);
	gaming_pool_state(&pool);
	return copy_to_user(arg, &pool, sizeof(pool)) ? -EFAULT : 0;
}

static u64 pagefault_features(void)
{
	u64 features = 0;

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && has_transparent_hugepage())
		features |= GAMING_FEAT_HUGE_PAGES;
	if (IS_ENABLED(CONFIG_DEVICE_MIGRATION))
		features |= GAMING_FEAT_POOL;
	return features;
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_MMAP), do_mmap_call },
	{ GAMING_IOC(GAMING_CALL_MUNMAP), do_munmap_call },
	{ GAMING_IOC(GAMING_CALL_MADVISE), do_madvise_call },
	{ GAMING_IOC(GAMING_CALL_MLOCK), do_mlock_call },
	{ GAMING_IOC_POOL, do_pool },
};

const struct gaming_feature gaming_pagefault_feature = {
	.id = GAMING_PAGEFAULT,
	.calls = calls,
	.call_count = ARRAY_SIZE(calls),
	.load = gaming_pool_load,
	.unload = gaming_pool_unload,
	.features = pagefault_features,
};
