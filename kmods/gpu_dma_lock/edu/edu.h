/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EDU_H
#define EDU_H

#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <linux/gpu_dma_edu.h>

struct dma_buf;
struct pci_dev;

/* One device. */
struct edu {
	struct miscdevice misc;
	char name[24];
	struct pci_dev *pci;
	void __iomem *registers;
	struct mutex engine;	/* one transfer at a time; the innermost lock */
	void *page;		/* for LOAD and STORE; engine */
	dma_addr_t page_address;
	bool gone;		/* engine; the device was taken away */
	struct kref ref;	/* the driver's, and one of each open file */
};

/* Where the device copies to or from, one direction at a time. -ETIMEDOUT, -ENXIO. */
int edu_engine_run(struct edu *edu, bool to_memory, dma_addr_t address,
		   u32 device_offset, u32 bytes);
/* Through a page of the driver's own. */
int edu_engine_user(struct edu *edu, const struct edu_run *run);

/* A dma-buf that is attached; one a file. */
struct edu_buffer;

struct edu_buffer *edu_buffer_attach(struct edu *edu, int fd, u32 flags);
void edu_buffer_detach(struct edu_buffer *buffer);
int edu_buffer_run(struct edu_buffer *buffer, struct edu_run *run);

#endif
