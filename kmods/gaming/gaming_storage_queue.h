/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's reads and writes: free, under way, done and not told yet. */
#ifndef _GAMING_STORAGE_QUEUE_H
#define _GAMING_STORAGE_QUEUE_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct eventfd_ctx;
struct gaming_storage_buffer;
struct gaming_storage_queue;

/* Who began it owns it until it ends; then the queue; then who took it out. */
struct gaming_storage_op {
	struct kiocb kiocb;
	struct list_head link;		/* in free or done, while not under way */
	struct gaming_storage_queue *queue;
	struct gaming_storage_buffer *buffer;
	struct eventfd_ctx *eventfd;
	loff_t pos;
	u64 user_data;
	long res;
};

struct gaming_storage_queue {
	struct gaming_storage_op *ops;
	spinlock_t lock;		/* for what follows; taken in interrupts */
	struct list_head free;
	struct list_head done;
	unsigned int done_count;
	unsigned int under_way;		/* with the file system or the device */
	wait_queue_head_t wait;		/* for ->done_count, ->under_way */
};

/* GAMING_IO_MOST ops. 0, or -ENOMEM. */
int gaming_storage_queue_init(struct gaming_storage_queue *q);
/* Waits for what is under way: the device may still write into the buffers. */
void gaming_storage_queue_destroy(struct gaming_storage_queue *q);

/* Under way, and otherwise empty; NULL: none is free. */
struct gaming_storage_op *gaming_storage_queue_begin(struct gaming_storage_queue *q);
/* In any context. Signals ->eventfd. Behind it @op is the queue's. */
void gaming_storage_queue_end(struct gaming_storage_op *op, long res);

/* Takes the oldest that is done; NULL: there is none. */
struct gaming_storage_op *gaming_storage_queue_take(struct gaming_storage_queue *q);
/* One of those, not told after all: it is the oldest again. */
void gaming_storage_queue_take_back(struct gaming_storage_op *op);
/* One of those: lets go of its file, buffer and eventfd. */
void gaming_storage_queue_free(struct gaming_storage_op *op);

/*
 * Until @wanted are done, or none is under way. @timeout_ns: 0 is without end. 0,
 * -ETIMEDOUT, -EINTR.
 */
int gaming_storage_queue_wait(struct gaming_storage_queue *q, unsigned int wanted, u64 timeout_ns);
/* How many are under way or done. */
unsigned int gaming_storage_queue_length(struct gaming_storage_queue *q);

#endif /* _GAMING_STORAGE_QUEUE_H */
