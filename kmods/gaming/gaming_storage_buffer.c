// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "gaming_storage_buffer.h"

void gaming_storage_table_init(struct gaming_storage_table *table)
{
	mutex_init(&table->lock);
	xa_init_flags(&table->buffers, XA_FLAGS_ALLOC1);
	table->count = 0;
}

void gaming_storage_buffer_put(struct gaming_storage_buffer *buffer)
{
	if (!buffer || !refcount_dec_and_test(&buffer->refs))
		return;
	if (buffer->map)
		vunmap(buffer->map);
	unpin_user_pages_dirty_lock(buffer->pages, buffer->page_count, true);
	account_locked_vm(buffer->mm, buffer->page_count, false);
	mmdrop(buffer->mm);
	kvfree(buffer->segment_page);
	kvfree(buffer->segments);
	kvfree(buffer->pages);
	kfree(buffer);
}

void gaming_storage_table_destroy(struct gaming_storage_table *table)
{
	struct gaming_storage_buffer *buffer;
	unsigned long id;

	xa_for_each(&table->buffers, id, buffer)
		gaming_storage_buffer_put(buffer);
	xa_destroy(&table->buffers);
}

/*
 * Pages of a file stay under the file system's control, which does not know of pins
 * that last: writeback would see them change. Anonymous ones have no such owner.
 */
static bool can_be_pinned(struct page *page)
{
	return PageAnon(page) || PageHuge(page);
}

/* All of them, or none. */
static int pin(struct gaming_storage_buffer *buffer, unsigned long addr)
{
	unsigned long done = 0, i;
	long count;
	int ret = 0;

	while (done < buffer->page_count && !ret) {
		count = pin_user_pages_fast(addr + (done << PAGE_SHIFT),
					    min(buffer->page_count - done, 4096UL),
					    FOLL_WRITE | FOLL_LONGTERM, buffer->pages + done);
		if (count <= 0)
			ret = count ? count : -EFAULT;
		for (i = 0; count > 0 && i < count; i++)
			if (!can_be_pinned(buffer->pages[done + i]))
				ret = -EOPNOTSUPP;
		done += max(count, 0L);
		if (!ret && signal_pending(current) && done < buffer->page_count)
			ret = -EINTR;
		cond_resched();
	}
	if (ret)
		unpin_user_pages(buffer->pages, done);
	return ret;
}

static bool follows(const struct page *page, const struct page *before)
{
	return page == before + 1 && page_to_pfn(page) == page_to_pfn(before) + 1;
}

/* The fewer pieces, the less the block layer has to do with each request. */
static int make_segments(struct gaming_storage_buffer *buffer)
{
	struct page **pages = buffer->pages;
	unsigned long i, count = 1;
	struct bio_vec *last;

	for (i = 1; i < buffer->page_count; i++)
		count += !follows(pages[i], pages[i - 1]);
	buffer->segments = kvmalloc_array(count, sizeof(*buffer->segments), GFP_KERNEL_ACCOUNT);
	buffer->segment_page =
		kvmalloc_array(count, sizeof(*buffer->segment_page), GFP_KERNEL_ACCOUNT);
	if (!buffer->segments || !buffer->segment_page)
		return -ENOMEM;
	last = buffer->segments - 1;
	for (i = 0; i < buffer->page_count; i++) {
		if (i && follows(pages[i], pages[i - 1])) {
			last->bv_len += PAGE_SIZE;
			continue;
		}
		*++last = (struct bio_vec){ .bv_page = pages[i], .bv_len = PAGE_SIZE };
		buffer->segment_page[last - buffer->segments] = i;
	}
	buffer->segment_count = count;
	return 0;
}

static struct gaming_storage_buffer *make_buffer(unsigned long addr, size_t len)
{
	struct gaming_storage_buffer *buffer;
	int ret = -ENOMEM;

	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	refcount_set(&buffer->refs, 1);
	buffer->len = len;
	buffer->page_count = len >> PAGE_SHIFT;
	buffer->mm = current->mm;
	buffer->pages =
		kvmalloc_array(buffer->page_count, sizeof(*buffer->pages), GFP_KERNEL_ACCOUNT);
	if (!buffer->pages)
		goto free;
	ret = account_locked_vm(buffer->mm, buffer->page_count, true);
	if (ret)
		goto free_pages;
	ret = pin(buffer, addr);
	if (ret)
		goto uncharge;
	mmgrab(buffer->mm);
	ret = make_segments(buffer);
	if (ret) {
		gaming_storage_buffer_put(buffer);
		return ERR_PTR(ret);
	}
	return buffer;

uncharge:
	account_locked_vm(buffer->mm, buffer->page_count, false);
free_pages:
	kvfree(buffer->pages);
free:
	kfree(buffer);
	return ERR_PTR(ret);
}

int gaming_storage_buffer_add(struct gaming_storage_table *table, struct gaming_buffer *arg)
{
	struct gaming_storage_buffer *buffer;
	int ret;

	if (!arg->len || arg->len > GAMING_BUFFER_BYTES || arg->id || !PAGE_ALIGNED(arg->addr) ||
	    !PAGE_ALIGNED(arg->len) || !access_ok(u64_to_user_ptr(arg->addr), arg->len))
		return -EINVAL;
	buffer = make_buffer(arg->addr, arg->len);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	arg->segments = buffer->segment_count;
	mutex_lock(&table->lock);
	ret = -EDQUOT;
	if (table->count < GAMING_BUFFERS)
		ret = xa_alloc(&table->buffers, &arg->id, buffer, xa_limit_31b, GFP_KERNEL_ACCOUNT);
	if (!ret)
		table->count++;
	mutex_unlock(&table->lock);
	if (ret)
		gaming_storage_buffer_put(buffer);
	return ret;
}

int gaming_storage_buffer_del(struct gaming_storage_table *table, u32 id)
{
	struct gaming_storage_buffer *buffer;
	int ret = 0;

	mutex_lock(&table->lock);
	buffer = xa_load(&table->buffers, id);
	if (!buffer) {
		ret = -ENOENT;
	} else if (refcount_read(&buffer->refs) > 1) {
		ret = -EBUSY;
	} else {
		xa_erase(&table->buffers, id);
		table->count--;
	}
	mutex_unlock(&table->lock);
	if (!ret)
		gaming_storage_buffer_put(buffer);
	return ret;
}

struct gaming_storage_buffer *gaming_storage_buffer_get(struct gaming_storage_table *table, u32 id)
{
	struct gaming_storage_buffer *buffer;

	mutex_lock(&table->lock);
	buffer = xa_load(&table->buffers, id);
	if (buffer)
		refcount_inc(&buffer->refs);
	mutex_unlock(&table->lock);
	return buffer;
}

/* The last segment that begins at @page or before. */
static unsigned int find_segment(const struct gaming_storage_buffer *buffer, unsigned int page)
{
	unsigned int low = 0, high = buffer->segment_count;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (buffer->segment_page[middle] <= page)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void gaming_storage_buffer_iter(const struct gaming_storage_buffer *buffer, struct iov_iter *iter,
				unsigned int direction, size_t at, size_t len)
{
	unsigned int first, last;

	/* Behind the end nothing can be looked up, and nothing is needed. */
	if (!len)
		at = 0;
	first = find_segment(buffer, at >> PAGE_SHIFT);
	last = len ? find_segment(buffer, (at + len - 1) >> PAGE_SHIFT) : first;
	iov_iter_bvec(iter, direction, buffer->segments + first, last - first + 1, len);
	iter->iov_offset = at - ((size_t)buffer->segment_page[first] << PAGE_SHIFT);
}

void *gaming_storage_buffer_map(struct gaming_storage_table *table,
				struct gaming_storage_buffer *buffer)
{
	mutex_lock(&table->lock);
	if (!buffer->map)
		buffer->map = vmap(buffer->pages, buffer->page_count, VM_MAP, PAGE_KERNEL);
	mutex_unlock(&table->lock);
	return buffer->map;
}
