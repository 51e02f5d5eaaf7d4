/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, group GPU: what can be done without knowing whose GPU it is, which is
 * what the kernel's own objects for it tell, DMA fences and dma-bufs. Descriptors of
 * both come from any DRM driver, V4L2, udmabuf and others.
 *
 * SUBMIT is not done (ENOSYS). Work for a GPU is a buffer in its driver's own format,
 * in contexts that this driver has made; there is nothing that one call could submit
 * to all of them. Programs submit by their driver's ioctl on /dev/dri/renderD*.
 *
 * SYNC waits until the fence of a sync file has signalled, or those that are pending
 * on a dma-buf: for GAMING_SYNC_READ all that write to it, for GAMING_SYNC_WRITE all
 * that read it too. poll(2) on the same descriptor waits as well; SYNC tells at once
 * whether what it waited for has failed (@error), until an absolute time, and can be
 * a part of a batch: wait for the GPU, then the calls that need what it has made.
 *
 * MEMORY tells what a dma-buf is and whether someone is busy with it, without /proc.
 * Mapping it is mmap(2), its caches are DMA_BUF_IOCTL_SYNC's, a fence of its own is
 * DMA_BUF_IOCTL_EXPORT_SYNC_FILE's: those are there already, and are not done again.
 *
 * Errors beside those of gaming.h: EBADF the descriptor is not open, EINVAL also that
 * it is of another kind.
 */
#ifndef _UAPI_LINUX_GAMING_GPU_H
#define _UAPI_LINUX_GAMING_GPU_H

#include <linux/gaming.h>

#define GAMING_SYNC_READ	(1U << 0)	/* a dma-buf is going to be read */
#define GAMING_SYNC_WRITE	(1U << 1)	/* or written; for dma-bufs one of them, sync files none */
#define GAMING_SYNC_TIMEOUT	(1U << 2)	/* @timeout_ns counts; else it is 0 */

/**
 * struct gaming_gpu_sync - argument of GAMING_CALL_SYNC
 * @size:	of this struct
 * @flags:	GAMING_SYNC_*
 * @fd:		of a sync file or a dma-buf
 * @error:	out: what the sync file's fence says: 0, or a positive errno
 * @timeout_ns:	CLOCK_MONOTONIC, as the caller's time namespace has it. Not before it, and
 *		up to two ticks of the kernel later: ETIMEDOUT. One that has passed: look only
 * @resv:	0
 */
struct gaming_gpu_sync {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 error;
	__u64 timeout_ns;
	__u64 resv;
};

/**
 * struct gaming_gpu_memory - argument of GAMING_CALL_MEMORY
 * @size:	of this struct
 * @flags:	0
 * @fd:		of a dma-buf
 * @resv:	0
 * @bytes:	out: its size
 * @writing:	out: fences pending of who moves or writes it
 * @reading:	out: and of who reads it
 * @exporter:	out: who made it, ends with 0
 */
struct gaming_gpu_memory {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 resv;
	__u64 bytes;
	__u32 writing;
	__u32 reading;
	char exporter[32];
};

#endif /* _UAPI_LINUX_GAMING_GPU_H */
