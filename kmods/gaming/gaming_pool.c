// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool: a thread of lowest weight takes free memory and zeroes it, before
 * anyone waits for it. It takes what is free without reclaim; only a block of
 * 2 MiB that somebody asked for may cost the thread a compaction. All of it goes
 * back when memory is short, or when nobody has used the pool for a while.
 */
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/gaming_memory.h>
#include "gaming_compat.h"
#include "gaming_pool.h"

#define IDLE_JIFFIES	(10 * HZ)
#define RETRY_JIFFIES	(HZ / 2)

static int pool_mib = -1;
module_param(pool_mib, int, 0644);
MODULE_PARM_DESC(pool_mib, "MiB that the pool of zeroed pages may have; -1: 1/16 of memory, 256 at most");

/*
 * A run in a list is known by its first page, which nobody else has: ->lru links
 * it, ->private is the number of pages.
 */
struct node_pool {
	struct list_head blocks;
	struct list_head pieces;	/* less than a block */
	unsigned long ready;		/* pages in both */
	bool wants_block;		/* asked for, and there was none */
};

static DEFINE_SPINLOCK(lock);
static struct node_pool *nodes;		/* by node id; written under @lock */
static unsigned long ready_blocks;	/* @lock */
static unsigned long held;		/* in the lists, old, or taken and not spent; @lock */
static unsigned long old_count;		/* pages in @old; @lock */
static LLIST_HEAD(old);			/* of gaming_old_pages */
static unsigned long last_use;		/* jiffies; racy, a hint */
static unsigned long not_before;	/* memory was short: jiffies; racy, a hint */
static bool asked;
static atomic_t quiet;			/* how many want it */
static struct task_struct *thread;
static DECLARE_WAIT_QUEUE_HEAD(wait);

static unsigned long most(void)
{
	int mib = READ_ONCE(pool_mib);

	if (mib < 0)
		return min(totalram_pages() / 16, 256UL << (20 - PAGE_SHIFT));
	return min((unsigned long)mib << (20 - PAGE_SHIFT), totalram_pages() / 2);
}

static void put_run(struct node_pool *pool, struct page *first, unsigned int count)
{
	lockdep_assert_held(&lock);
	set_page_private(first, count);
	list_add(&first->lru, count == GAMING_BLOCK_PAGES ? &pool->blocks : &pool->pieces);
	ready_blocks += count == GAMING_BLOCK_PAGES;
	pool->ready += count;
}

static unsigned int get_run(struct node_pool *pool, struct page *first)
{
	unsigned int count = page_private(first);

	lockdep_assert_held(&lock);
	list_del(&first->lru);
	set_page_private(first, 0);
	ready_blocks -= count == GAMING_BLOCK_PAGES;
	pool->ready -= count;
	return count;
}

bool gaming_pool_take(int node, unsigned int want, struct gaming_run *run)
{
	struct node_pool *pool = &nodes[node];
	struct page *first = NULL;

	spin_lock(&lock);
	if (want < GAMING_BLOCK_PAGES)
		first = list_first_entry_or_null(&pool->pieces, struct page, lru);
	if (!first)
		first = list_first_entry_or_null(&pool->blocks, struct page, lru);
	if (!first)
		first = list_first_entry_or_null(&pool->pieces, struct page, lru);
	if (first) {
		run->first = first;
		run->count = get_run(pool, first);
		if (run->count > want) {
			put_run(pool, first + want, run->count - want);
			run->count = want;
		}
	}
	spin_unlock(&lock);
	return first;
}

bool gaming_pool_take_block(int node, struct gaming_run *run)
{
	struct node_pool *pool = &nodes[node];
	struct page *first;

	spin_lock(&lock);
	first = list_first_entry_or_null(&pool->blocks, struct page, lru);
	if (first) {
		run->first = first;
		run->count = get_run(pool, first);
	}
	pool->wants_block = !first;
	spin_unlock(&lock);
	return first;
}

void gaming_pool_spent(unsigned long pages)
{
	spin_lock(&lock);
	held -= pages;
	spin_unlock(&lock);
}

void gaming_pool_give_back(int node, struct page *first, unsigned int count)
{
	spin_lock(&lock);
	put_run(&nodes[node], first, count);
	spin_unlock(&lock);
}

void gaming_pool_put_later(struct gaming_old_pages *pages)
{
	spin_lock(&lock);
	old_count += pages->count;
	spin_unlock(&lock);
	llist_add(&pages->node, &old);
}

/* How many there were. */
static unsigned long put_old(void)
{
	struct gaming_old_pages *pages, *next;
	unsigned long count = 0;

	llist_for_each_entry_safe(pages, next, llist_del_all(&old), node) {
		release_pages(pages->pages, pages->count);
		spin_lock(&lock);
		old_count -= pages->count;
		held -= pages->count;
		spin_unlock(&lock);
		count += pages->count;
		kfree(pages);
		cond_resched();
	}
	return count;
}

void gaming_pool_quiet_begin(void)
{
	atomic_inc(&quiet);
}

void gaming_pool_quiet_end(void)
{
	atomic_dec(&quiet);
}

static void free_pages_of(struct page *first, unsigned int count)
{
	while (count--)
		__free_page(first++);
}

void gaming_pool_use(void)
{
	WRITE_ONCE(last_use, jiffies);
	WRITE_ONCE(asked, true);
	wake_up(&wait);
}

void gaming_pool_state(struct gaming_pool *state)
{
	int node;

	spin_lock(&lock);
	state->pages = 0;
	for_each_node(node)
		state->pages += nodes[node].ready;
	state->blocks = ready_blocks;
	spin_unlock(&lock);
	state->most = most();
}

/* Frees one run of @pool, a piece first. Pages freed. */
static unsigned int shed(struct node_pool *pool)
{
	struct page *first;
	unsigned int count = 0;

	spin_lock(&lock);
	first = list_first_entry_or_null(&pool->pieces, struct page, lru);
	if (!first)
		first = list_first_entry_or_null(&pool->blocks, struct page, lru);
	if (first) {
		count = get_run(pool, first);
		held -= count;
	}
	spin_unlock(&lock);
	if (first)
		free_pages_of(first, count);
	return count;
}

static void shed_all(void)
{
	int node;

	put_old();
	for_each_node(node)
		while (shed(&nodes[node]))
			cond_resched();
}

#define BLOCK_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define GFP_POOL	(GFP_HIGHUSER | __GFP_ZERO | __GFP_THISNODE | __GFP_NOWARN | \
			 __GFP_NORETRY | __GFP_NOMEMALLOC)

static bool add_run(int node, gfp_t gfp, unsigned int order)
{
	struct page *first = alloc_pages_node(node, gfp, order);

	if (!first)
		return false;
	if (order)
		split_page(first, order);
	spin_lock(&lock);
	held += 1UL << order;
	put_run(&nodes[node], first, 1U << order);
	spin_unlock(&lock);
	return true;
}

/* Blocks first; single pages where memory is in pieces. */
static bool add_free_run(int node)
{
	return add_run(node, GFP_POOL & ~__GFP_RECLAIM, BLOCK_ORDER) ||
	       add_run(node, GFP_POOL & ~__GFP_RECLAIM, 0);
}

/* What is ready already stays within the pool's size. */
static void make_block(int node)
{
	struct node_pool *pool = &nodes[node];

	while (READ_ONCE(held) + GAMING_BLOCK_PAGES > most() && shed(pool))
		;
	if (READ_ONCE(held) + GAMING_BLOCK_PAGES <= most())
		add_run(node, GFP_POOL, BLOCK_ORDER);
	WRITE_ONCE(pool->wants_block, false);
}

/* False if there is nothing to do, or no memory to do it with. */
static bool fill(void)
{
	unsigned long share = most() / num_online_nodes();
	bool added = false;
	int node;

	put_old();
	for_each_online_node(node) {
		if (READ_ONCE(nodes[node].wants_block))
			make_block(node);
		if (READ_ONCE(nodes[node].ready) < share && READ_ONCE(held) < most())
			added |= add_free_run(node);
		cond_resched();
	}
	while (READ_ONCE(held) > most() + GAMING_BLOCK_PAGES && shed(&nodes[first_online_node]))
		;
	return added;
}

static int run_pool(void *unused)
{
	while (!kthread_should_stop()) {
		bool idle = time_after(jiffies, READ_ONCE(last_use) + IDLE_JIFFIES);

		if (idle)
			shed_all();
		else if (!atomic_read(&quiet) && time_after_eq(jiffies, READ_ONCE(not_before)) &&
			 fill())
			continue;
		wait_event_interruptible_timeout(wait, READ_ONCE(asked) || kthread_should_stop(),
						 idle ? MAX_SCHEDULE_TIMEOUT :
						 atomic_read(&quiet) ? 1 : RETRY_JIFFIES);
		WRITE_ONCE(asked, false);
	}
	return 0;
}

static unsigned long count_objects(struct shrinker *shrinker, struct shrink_control *sc)
{
	return READ_ONCE(nodes[sc->nid].ready) + READ_ONCE(old_count);
}

static unsigned long scan_objects(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long freed = put_old();
	unsigned int count;

	WRITE_ONCE(not_before, jiffies + RETRY_JIFFIES);
	while (freed < sc->nr_to_scan) {
		count = shed(&nodes[sc->nid]);
		if (!count)
			break;
		freed += count;
	}
	return freed ? freed : SHRINK_STOP;
}

static struct gaming_shrinker shrinker = {
	.count_objects = count_objects,
	.scan_objects = scan_objects,
};

int gaming_pool_load(void)
{
	int node, ret;

	nodes = kcalloc(nr_node_ids, sizeof(*nodes), GFP_KERNEL);
	if (!nodes)
		return -ENOMEM;
	for_each_node(node) {
		INIT_LIST_HEAD(&nodes[node].blocks);
		INIT_LIST_HEAD(&nodes[node].pieces);
	}
	last_use = jiffies - IDLE_JIFFIES - 1;
	not_before = jiffies;
	ret = gaming_shrinker_add(&shrinker, "gaming-pool");
	if (ret)
		goto free;
	thread = kthread_run(run_pool, NULL, "gaming-pool");
	if (IS_ERR(thread)) {
		ret = PTR_ERR(thread);
		goto remove;
	}
	set_user_nice(thread, MAX_NICE);
	return 0;

remove:
	gaming_shrinker_remove(&shrinker);
free:
	kfree(nodes);
	return ret;
}

void gaming_pool_unload(void)
{
	kthread_stop(thread);
	gaming_shrinker_remove(&shrinker);
	shed_all();
	WARN_ON(held);
	kfree(nodes);
}
