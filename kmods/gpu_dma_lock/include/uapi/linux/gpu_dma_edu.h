/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * gpu_dma_edu: a driver for tests, of QEMU's "edu" device (PCI 1234:11e8), which
 * has 4 KiB of memory of its own and copies between that and what it takes for
 * physical addresses.
 *
 * It imports a dma-buf as a good driver does: as a dynamic importer that maps when
 * the device is to use the buffer, and gives the mapping back when it is told to.
 * And as a bad one, for the test's sake: static, pinning, or telling the device the
 * address that it had before (EDU_RUN_STALE). What a device does with a stale
 * address is what the tests are about; only a device behind an IOMMU that
 * translates is told one.
 *
 * /dev/gpu_dma_edu0, 1, ...: mode 0600. A descriptor attaches one dma-buf at a time.
 *
 *   EINVAL      size, flags, reserved fields; a range outside of the buffer or of
 *               the device's memory, or across two segments of the mapping
 *   EBUSY       ATTACH: there is one
 *   ENXIO       nothing is attached; or the device is gone
 *   ENODATA     STALE: nothing was ever mapped
 *   EOPNOTSUPP  STALE without an IOMMU; and what the exporter says
 *   EACCES      what the exporter says
 *   ETIMEDOUT   the device has not finished
 */
#ifndef _UAPI_LINUX_GPU_DMA_EDU_H
#define _UAPI_LINUX_GPU_DMA_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EDU_DEVICE	"/dev/gpu_dma_edu0"
/*
 * Bytes of the device's own that can be used: it has 4096, and QEMU (7.2) ends
 * itself when a transfer reaches the last one.
 */
#define EDU_MEMORY	4088

#define EDU_IOC_MAGIC	'E'
#define EDU_IOC_INFO	_IO(EDU_IOC_MAGIC, 0x60)	/* struct edu_info */
#define EDU_IOC_ATTACH	_IO(EDU_IOC_MAGIC, 0x61)	/* struct edu_attach */
#define EDU_IOC_DETACH	_IO(EDU_IOC_MAGIC, 0x62)	/* nothing */
#define EDU_IOC_RUN	_IO(EDU_IOC_MAGIC, 0x63)	/* struct edu_run */

/* Where the device is. */
struct edu_info {
	__u32 size;
	__u32 flags;		/* 0 */
	__u32 domain;		/* all out */
	__u8 bus;
	__u8 slot;
	__u8 function;
	__u8 translated;	/* an IOMMU is between it and memory */
};

#define EDU_ATTACH_STATIC	(1U << 0)	/* as a driver that cannot give it back */
#define EDU_ATTACH_PIN		(1U << 1)	/* dynamic, and pinned */
#define EDU_ATTACH_KEEP		(1U << 2)	/* dynamic, and does not listen */

struct edu_attach {
	__u32 size;
	__u32 flags;		/* EDU_ATTACH_ */
	__s32 fd;		/* of a dma-buf */
	__u32 resv;
};

#define EDU_RUN_LOAD	0	/* from user memory into the device's */
#define EDU_RUN_STORE	1	/* from the device's into user memory */
#define EDU_RUN_READ	2	/* the device reads the dma-buf */
#define EDU_RUN_WRITE	3	/* the device writes the dma-buf */
#define EDU_RUN_STALE	(1U << 31)	/* at the address of the last mapping */

struct edu_run {
	__u32 size;
	__u32 flags;		/* EDU_RUN_, one of the first four, and STALE */
	__u64 user;		/* LOAD, STORE: the address in the process */
	__u64 offset;		/* READ, WRITE: in the dma-buf */
	__u32 device_offset;	/* in the device's memory */
	__u32 bytes;
	__u64 address;		/* out: READ, WRITE: what the device was told (an I/O address) */
};

#endif
