// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's DMA engine. A transfer that reaches out of its 4 KiB ends QEMU, so
 * ranges are checked here; it takes 100 ms of the device's time.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "edu.h"

#define REG_SOURCE	0x80
#define REG_TARGET	0x88
#define REG_COUNT	0x90
#define REG_COMMAND	0x98
#define COMMAND_START	BIT(0)
#define COMMAND_TO_MEMORY BIT(1)
#define MEMORY_BASE	0x40000

#define TIMEOUT		(20 * HZ)	/* an emulated machine may stand still */

static int transfer(struct edu *edu, bool to_memory, dma_addr_t address,
		    u32 device_offset, u32 bytes)
{
	u64 memory = MEMORY_BASE + device_offset;
	unsigned long deadline;

	lockdep_assert_held(&edu->engine);
	if (!bytes || bytes > EDU_MEMORY || device_offset > EDU_MEMORY - bytes)
		return -EINVAL;
	if (edu->gone)
		return -ENXIO;
	writeq(to_memory ? memory : address, edu->registers + REG_SOURCE);
	writeq(to_memory ? address : memory, edu->registers + REG_TARGET);
	writeq(bytes, edu->registers + REG_COUNT);
	writeq(COMMAND_START | (to_memory ? COMMAND_TO_MEMORY : 0),
	       edu->registers + REG_COMMAND);

	deadline = jiffies + TIMEOUT;
	while (readq(edu->registers + REG_COMMAND) & COMMAND_START) {
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		usleep_range(1000, 5000);
	}
	return 0;
}

int edu_engine_run(struct edu *edu, bool to_memory, dma_addr_t address,
		   u32 device_offset, u32 bytes)
{
	int ret;

	mutex_lock(&edu->engine);
	ret = transfer(edu, to_memory, address, device_offset, bytes);
	mutex_unlock(&edu->engine);
	return ret;
}

/* User memory is not touched with the lock held, which is taken inside of the reservation lock. */
int edu_engine_user(struct edu *edu, const struct edu_run *run)
{
	bool store = run->flags == EDU_RUN_STORE;
	void __user *user = u64_to_user_ptr(run->user);
	void *data;
	int ret;

	if (!run->bytes || run->bytes > EDU_MEMORY)
		return -EINVAL;
	data = store ? kzalloc(run->bytes, GFP_KERNEL) : memdup_user(user, run->bytes);
	if (!data)
		return -ENOMEM;
	if (IS_ERR(data))
		return PTR_ERR(data);
	mutex_lock(&edu->engine);
	if (!store && !edu->gone)
		memcpy(edu->page, data, run->bytes);
	ret = transfer(edu, store, edu->page_address, run->device_offset, run->bytes);
	if (!ret && store)
		memcpy(data, edu->page, run->bytes);
	mutex_unlock(&edu->engine);
	if (!ret && store && copy_to_user(user, data, run->bytes))
		ret = -EFAULT;
	kfree(data);
	return ret;
}
