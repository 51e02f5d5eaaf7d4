// SPDX-License-Identifier: GPL-2.0-only
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "gaming_compat.h"
#include "gaming_storage_buffer.h"
#include "gaming_storage_queue.h"

int gaming_storage_queue_init(struct gaming_storage_queue *q)
{
	int i;

	q->ops = kvcalloc(GAMING_IO_MOST, sizeof(*q->ops), GFP_KERNEL_ACCOUNT);
	if (!q->ops)
		return -ENOMEM;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->free);
	INIT_LIST_HEAD(&q->done);
	init_waitqueue_head(&q->wait);
	for (i = 0; i < GAMING_IO_MOST; i++)
		list_add_tail(&q->ops[i].link, &q->free);
	return 0;
}

struct gaming_storage_op *gaming_storage_queue_begin(struct gaming_storage_queue *q)
{
	struct gaming_storage_op *op;

	spin_lock_irq(&q->lock);
	op = list_first_entry_or_null(&q->free, struct gaming_storage_op, link);
	if (op) {
		list_del(&op->link);
		q->under_way++;
	}
	spin_unlock_irq(&q->lock);
	if (op)
		*op = (struct gaming_storage_op){ .queue = q };
	return op;
}

/* From wherever the device's interrupt came. Behind the unlock @op is the reaper's. */
void gaming_storage_queue_end(struct gaming_storage_op *op, long res)
{
	struct gaming_storage_queue *q = op->queue;
	unsigned long flags;

	switch (res) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		res = -EINTR;
	}
	spin_lock_irqsave(&q->lock, flags);
	op->res = res;
	if (op->eventfd)
		gaming_eventfd_signal(op->eventfd);
	list_add_tail(&op->link, &q->done);
	q->done_count++;
	q->under_way--;
	wake_up(&q->wait);
	spin_unlock_irqrestore(&q->lock, flags);
}

struct gaming_storage_op *gaming_storage_queue_take(struct gaming_storage_queue *q)
{
	struct gaming_storage_op *op;

	spin_lock_irq(&q->lock);
	op = list_first_entry_or_null(&q->done, struct gaming_storage_op, link);
	if (op) {
		list_del(&op->link);
		q->done_count--;
	}
	spin_unlock_irq(&q->lock);
	return op;
}

void gaming_storage_queue_take_back(struct gaming_storage_op *op)
{
	struct gaming_storage_queue *q = op->queue;

	spin_lock_irq(&q->lock);
	list_add(&op->link, &q->done);
	q->done_count++;
	spin_unlock_irq(&q->lock);
}

void gaming_storage_queue_free(struct gaming_storage_op *op)
{
	struct gaming_storage_queue *q = op->queue;

	if (op->kiocb.ki_filp)
		fput(op->kiocb.ki_filp);
	if (op->eventfd)
		eventfd_ctx_put(op->eventfd);
	gaming_storage_buffer_put(op->buffer);
	spin_lock_irq(&q->lock);
	list_add(&op->link, &q->free);
	spin_unlock_irq(&q->lock);
}

static bool enough(struct gaming_storage_queue *q, unsigned int wanted)
{
	bool yes;

	spin_lock_irq(&q->lock);
	yes = q->done_count >= wanted || !q->under_way;
	spin_unlock_irq(&q->lock);
	return yes;
}

int gaming_storage_queue_wait(struct gaming_storage_queue *q, unsigned int wanted, u64 timeout_ns)
{
	if (!timeout_ns)
		return wait_event_interruptible(q->wait, enough(q, wanted)) ? -EINTR : 0;
	switch (wait_event_interruptible_hrtimeout(q->wait, enough(q, wanted),
						   ns_to_ktime(min_t(u64, timeout_ns,
								     KTIME_MAX)))) {
	case 0:
		return 0;
	case -ETIME:
		return -ETIMEDOUT;
	default:
		return -EINTR;
	}
}

unsigned int gaming_storage_queue_length(struct gaming_storage_queue *q)
{
	unsigned int length;

	spin_lock_irq(&q->lock);
	length = q->under_way + q->done_count;
	spin_unlock_irq(&q->lock);
	return length;
}

void gaming_storage_queue_destroy(struct gaming_storage_queue *q)
{
	struct gaming_storage_op *op;

	wait_event(q->wait, enough(q, UINT_MAX));
	while ((op = gaming_storage_queue_take(q)))
		gaming_storage_queue_free(op);
	kvfree(q->ops);
}
