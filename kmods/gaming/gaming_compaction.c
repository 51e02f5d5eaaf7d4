// SPDX-License-Identifier: GPL-2.0-only
/*
 * COMPACT, CONTIGUITY: pages of the caller's moved side by side, within a budget of
 * time. The manual is include/uapi/linux/gaming_memory.h.
 *
 * Nothing that may take long is on the caller's path: the destination is a block of
 * the pool's, and what would make the kernel wait is left where it is. migrate_vma_*
 * takes the pages out of reach, we copy, and it puts the copies in their place.
 */
#include <linux/highmem.h>
#include <linux/ksm.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/gaming_memory.h>
#include "gaming.h"
#include "gaming_compat.h"
#include "gaming_page_batch.h"

/* A page is out of reach while its batch is under way, so batches are small. */
#define BATCH_PAGES	32

/*
 * What the timer's tick takes, and what hangs on it: 45 us of instructions were seen; half
 * as much again.
 */
#define TICK_NS		70000

/* The session's: where the last call stopped, within a block. */
struct compaction {
	struct mutex lock;		/* one step at a time; only ever tried */
	unsigned long block;		/* the addresses that @to is for; 0: none */
	struct gaming_run to;		/* a page each that was not used; @used says which */
	DECLARE_BITMAP(used, GAMING_BLOCK_PAGES);
	struct gaming_old_pages *old;	/* whose place they have; NULL: no block */
	struct gaming_page_batch batch;
};

struct step {
	struct gaming_compact *arg;
	u64 begin;			/* ns */
	u64 longest;			/* ns of a batch, with all around it */
	unsigned int pages;		/* in the next batch */
};

static DEFINE_MUTEX(make_lock);

static struct compaction *compaction_of(struct gaming_session *s)
{
	struct compaction *c;

	mutex_lock(&make_lock);
	c = gaming_session_get(s, GAMING_COMPACTION);
	if (!c) {
		c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
		if (c)
			mutex_init(&c->lock);
		gaming_session_set(s, GAMING_COMPACTION, c);
	}
	mutex_unlock(&make_lock);
	return c;
}

/* The pool has those of the block's pages back that nothing was moved into. */
static void leave_block(struct compaction *c)
{
	unsigned int begin, end;

	if (!c->old)
		return;
	for_each_clear_bitrange(begin, end, c->used, c->to.count)
		gaming_pool_give_back(page_to_nid(c->to.first), c->to.first + begin, end - begin);
	gaming_pool_spent(bitmap_weight(c->used, c->to.count) - c->old->count);
	gaming_pool_put_later(c->old);
	c->old = NULL;
	c->to = (struct gaming_run){};
	c->block = 0;
}

/* Where counting is, between two batches. */
struct count {
	struct gaming_contiguity *c;
	unsigned long last;		/* pfn before; 0: none */
	unsigned long run;
};

static void count_page(struct count *count, unsigned long pfn)
{
	if (count->last && pfn == count->last + 1) {
		count->run++;
	} else {
		count->c->runs++;
		count->run = 1;
	}
	count->last = pfn;
	count->c->present++;
	count->c->longest = max_t(u64, count->c->longest, count->run);
}

static void count_batch(struct count *count, struct gaming_page_batch *batch, unsigned long addr,
			unsigned long end)
{
	int got, i;

	while (addr < end) {
		got = get_user_pages_fast_only(addr, gaming_batch_pages(addr, end), 0,
					       batch->pages);
		for (i = 0; i < got; i++) {
			count_page(count, page_to_pfn(batch->pages[i]));
			put_page(batch->pages[i]);
		}
		addr += max(got, 0) * PAGE_SIZE;
		if (addr < end) {
			addr += PAGE_SIZE; /* nothing is there */
			count->last = 0;
		}
	}
}

#if IS_ENABLED(CONFIG_DEVICE_MIGRATION)

/*
 * A page that is the caller's alone and can be taken from its place at once. One that
 * is not on an LRU list would make migrate_vma_setup() wait for every CPU.
 */
static bool can_move(struct page *page)
{
	return PageAnon(page) && PageLRU(page) && !PageKsm(page) && !PageTransCompound(page) &&
	       gaming_mapcount(page) == 1 && !folio_maybe_dma_pinned(page_folio(page)) &&
	       page_to_nid(page) == numa_mem_id();
}

/* What is at an address: pages from there on that can be moved, or are in place. */
struct view {
	unsigned int movable;
	unsigned int placed;
};

/*
 * In place is a page that lies in a block of memory as its address does in a block of
 * addresses, with its neighbours; that is how we leave them, and huge pages are.
 */
static struct view look(struct compaction *c, unsigned long addr, unsigned int count)
{
	unsigned long pfn = 0;
	struct view view = {};
	int got, i;

	got = get_user_pages_fast_only(addr, count, 0, c->batch.pages);
	for (i = 0; i < got; i++) {
		struct page *page = c->batch.pages[i];

		if (!i)
			pfn = page_to_pfn(page);
		if (view.placed == i && page_to_pfn(page) == pfn + i &&
		    !((pfn ^ (addr >> PAGE_SHIFT)) % GAMING_BLOCK_PAGES))
			view.placed++;
		if (view.movable == i && can_move(page))
			view.movable++;
		put_page(page);
	}
	return view;
}

/*
 * One that was moved away from. A reference to it keeps migrate_vma_finalize() from
 * freeing it on the caller's time.
 */
static void keep_old(struct gaming_old_pages *old, struct page *page)
{
	get_page(page);
	old->pages[old->count++] = page;
}

/* Moves @count pages from @addr on to their places in the block. How many were. */
static unsigned int move(struct compaction *c, unsigned long addr, unsigned int count)
{
	struct gaming_page_batch *batch = &c->batch;
	unsigned int first = (addr - c->block) >> PAGE_SHIFT, moved = 0, i;
	struct migrate_vma args = {
		.start = addr,
		.end = addr + count * PAGE_SIZE,
		.src = batch->src,
		.dst = batch->dst,
		.pgmap_owner = c,
		.flags = MIGRATE_VMA_SELECT_SYSTEM,
	};

	mmap_read_lock(current->mm);
	args.vma = find_vma(current->mm, addr);
	if (!args.vma || args.vma->vm_start > addr || args.vma->vm_end < args.end ||
	    !vma_is_anonymous(args.vma) || migrate_vma_setup(&args))
		goto unlock;
	for (i = 0; i < args.npages; i++) {
		struct page *from = migrate_pfn_to_page(batch->src[i]);
		struct page *to = c->to.first + first + i;

		if (!from || !(batch->src[i] & MIGRATE_PFN_MIGRATE) || test_bit(first + i, c->used))
			continue;
		lock_page(to);
		copy_highpage(to, from);
		batch->dst[i] = migrate_pfn(page_to_pfn(to));
		__set_bit(first + i, c->used);
	}
	migrate_vma_pages(&args);
	for (i = 0; i < args.npages; i++) {
		if (!batch->dst[i] || !(batch->src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		keep_old(c->old, migrate_pfn_to_page(batch->src[i]));
		moved++;
	}
	migrate_vma_finalize(&args);
unlock:
	mmap_read_unlock(current->mm);
	return moved;
}

/* Goes over to the block that @addr is in. 0, or -EAGAIN. */
static int enter_block(struct compaction *c, unsigned long addr)
{
	unsigned long block = ALIGN_DOWN(addr, PMD_SIZE);
	struct gaming_old_pages *old;

	if (c->block == block)
		return 0;
	leave_block(c);
	old = kmalloc(sizeof(*old), GFP_NOWAIT | __GFP_NOWARN);
	if (!old)
		return -EAGAIN;
	if (!gaming_pool_take_block(numa_mem_id(), &c->to)) {
		kfree(old);
		return -EAGAIN;
	}
	old->count = 0;
	c->old = old;
	bitmap_zero(c->used, GAMING_BLOCK_PAGES);
	c->block = block;
	return 0;
}

static void keep(struct gaming_compact *arg, unsigned int pages)
{
	arg->kept += pages;
	arg->next += pages * PAGE_SIZE;
}

/* One batch from arg->next on, which goes to arg->next. 0, or -EAGAIN. */
static int do_batch(struct compaction *c, struct step *step, unsigned long end)
{
	struct gaming_compact *arg = step->arg;
	unsigned int left = gaming_batch_pages(arg->next, end), moved;
	struct view view = look(c, arg->next, min(left, 1U * BATCH_PAGES));
	u64 begin, took;
	int ret;

	/* A few pages in a row may be so by chance. */
	if (view.placed >= min(left, BATCH_PAGES / 2U)) {
		keep(arg, view.placed);
		return 0;
	}
	if (!view.movable) {
		keep(arg, 1);
		return 0;
	}
	ret = enter_block(c, arg->next);
	if (ret)
		return ret;
	view.movable = min(view.movable, step->pages);
	begin = ktime_get_ns();
	moved = move(c, arg->next, view.movable);
	took = ktime_get_ns() - begin;
	arg->moved += moved;
	arg->kept += view.movable - moved;
	arg->next += view.movable * PAGE_SIZE;
	arg->longest_ns = max_t(u64, arg->longest_ns, took);
	/* From one page on: how long they take here is not known before. */
	if (took < arg->budget_ns / 8)
		step->pages = min(step->pages * 2, 1U * BATCH_PAGES);
	else
		step->pages = max(step->pages / 2, 1U);
	return 0;
}

/* For twice the longest batch yet, as the next may be twice as large, and for a tick. */
static bool has_time(const struct step *step, u64 now)
{
	u64 budget = step->arg->budget_ns;

	return now - step->begin + 2 * step->longest + min_t(u64, budget / 3, TICK_NS) < budget;
}

static int run_step(struct compaction *c, struct step *step)
{
	struct gaming_compact *arg = step->arg;
	unsigned long end = arg->addr + arg->len, block_end;
	u64 before, now = ktime_get_ns();
	int ret = 0;

	/* The first is not asked for its time, and is a page: so each step gets on. */
	while (!ret && arg->next < end && !signal_pending(current) &&
	       (arg->next == arg->addr || has_time(step, now))) {
		before = now;
		block_end = gaming_batch_end(arg->next, end);
		ret = do_batch(c, step, block_end);
		if (arg->next == block_end)
			leave_block(c);
		now = ktime_get_ns();
		step->longest = max(step->longest, now - before);
	}
	return ret;
}

#else

static int run_step(struct compaction *c, struct step *step)
{
	return -EOPNOTSUPP;
}

#endif

static long do_compact(struct gaming_session *s, void __user *arg)
{
	struct gaming_compact compact;
	struct compaction *c;
	struct step step = { .arg = &compact, .pages = 1, .begin = ktime_get_ns() };
	int ret;

	ret = copy_ioctl_arg(&compact, sizeof(compact), arg);
	if (ret)
		return ret;
	if (compact.flags || compact.resv || !gaming_range_is_good(compact.addr, compact.len) ||
	    compact.budget_ns < GAMING_COMPACT_MIN_NS || compact.budget_ns > GAMING_COMPACT_MAX_NS)
		return -EINVAL;
	c = compaction_of(s);
	if (!c)
		return -ENOMEM;
	compact.size = sizeof(compact);
	compact.next = compact.addr;
	compact.moved = 0;
	compact.kept = 0;
	compact.longest_ns = 0;
	/* The other step may be longer than this budget. */
	if (!mutex_trylock(&c->lock))
		return -EBUSY;
	gaming_pool_quiet_begin();
	ret = run_step(c, &step);
	gaming_pool_quiet_end();
	mutex_unlock(&c->lock);
	if (ret == -EAGAIN && compact.next != compact.addr)
		ret = 0;
	if (!ret && compact.next == compact.addr && signal_pending(current))
		ret = -EINTR;
	compact.spent_ns = ktime_get_ns() - step.begin;
	gaming_pool_use();
	return copy_to_user(arg, &compact, sizeof(compact)) ? -EFAULT : ret;
}

static long do_contiguity(struct gaming_session *s, void __user *arg)
{
	struct gaming_contiguity contiguity;
	struct count count = { .c = &contiguity };
	struct gaming_page_batch *batch;
	unsigned long addr, next, end;
	int ret;

	ret = copy_ioctl_arg(&contiguity, sizeof(contiguity), arg);
	if (ret)
		return ret;
	if (contiguity.flags || contiguity.resv ||
	    !gaming_range_is_good(contiguity.addr, contiguity.len))
		return -EINVAL;
	batch = kmalloc(sizeof(*batch), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;
	contiguity.size = sizeof(contiguity);
	contiguity.present = 0;
	contiguity.runs = 0;
	contiguity.longest = 0;
	end = contiguity.addr + contiguity.len;
	for (addr = contiguity.addr; addr < end && !ret; addr = next) {
		next = gaming_batch_end(addr, end);
		count_batch(&count, batch, addr, next);
		if (signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	kfree(batch);
	if (ret)
		return ret;
	return copy_to_user(arg, &contiguity, sizeof(contiguity)) ? -EFAULT : 0;
}

static void compaction_release(struct gaming_session *s)
{
	struct compaction *c = gaming_session_get(s, GAMING_COMPACTION);

	if (!c)
		return;
	leave_block(c);
	kfree(c);
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC_COMPACT, do_compact },
	{ GAMING_IOC_CONTIGUITY, do_contiguity },
};

const struct gaming_feature gaming_compaction_feature = {
	.id = GAMING_COMPACTION,
	.calls = calls,
	.call_count = ARRAY_SIZE(calls),
	.release = compaction_release,
};
