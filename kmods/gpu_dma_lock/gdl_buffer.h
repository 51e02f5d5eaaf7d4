/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers: made, found by their handles, and forgotten. gdl_state.h says what one is. */
#ifndef GDL_BUFFER_H
#define GDL_BUFFER_H

#include <linux/types.h>

#include <linux/gpu_dma_lock.h>

struct gdl_buffer;
struct gdl_owner;

int gdl_buffer_alloc(struct gdl_owner *owner, struct gdl_alloc *arg,
		     struct gdl_buffer **ret_buffer);

/* The handle is gone, and all permits. -ENOENT. */
int gdl_buffer_forget(struct gdl_owner *owner, u64 handle);

/*
 * Ends the owner: all its buffers lose their grants and their handles, and none is
 * made any more. Again: nothing.
 */
void gdl_buffer_forget_all(struct gdl_owner *owner);

/* With a reference to its dma-buf, for the caller to put. NULL: no such handle. */
struct gdl_buffer *gdl_buffer_get(struct gdl_owner *owner, u64 handle);

#endif
