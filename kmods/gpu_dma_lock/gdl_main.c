// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU DMA lock: memory that a device may reach only while its owner lets it. The
 * manual is include/uapi/linux/gpu_dma_lock.h.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "gdl_buffer.h"
#include "gdl_compat.h"
#include "gdl_ioctl.h"
#include "gdl_owner.h"
#include "gdl_permit.h"
#include "gdl_proc.h"
#include "may_open.h"

static int gdl_open(struct inode *inode, struct file *file)
{
	if (!may_open())
		return -EPERM;
	file->private_data = gdl_owner_new();
	return file->private_data ? 0 : -ENOMEM;
}

/* close(2), also by dying. Others may have the descriptor still: it is of no use. */
static int gdl_flush(struct file *file, fl_owner_t id)
{
	struct gdl_owner *owner = file->private_data;

	if (gdl_owner_is_current(owner) && !owner->shared)
		gdl_buffer_forget_all(owner);
	return 0;
}

static int gdl_release(struct inode *inode, struct file *file)
{
	struct gdl_owner *owner = file->private_data;

	gdl_buffer_forget_all(owner);
	gdl_owner_put(owner);
	return 0;
}

static const struct file_operations gdl_fops = {
	.owner		= THIS_MODULE,
	.open		= gdl_open,
	.flush		= gdl_flush,
	.release	= gdl_release,
	.unlocked_ioctl	= gdl_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice gdl_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "gpu_dma_lock",
	.fops	= &gdl_fops,
	.mode	= 0660,
};

static int __init gdl_init(void)
{
	int ret;

	ret = gdl_permit_load();
	if (ret)
		return ret;
	ret = gdl_proc_load();
	if (ret)
		goto err_permit;
	ret = misc_register(&gdl_misc);
	if (ret)
		goto err_proc;
	return 0;

err_proc:
	gdl_proc_unload();
err_permit:
	gdl_permit_unload();
	return ret;
}

static void __exit gdl_exit(void)
{
	misc_deregister(&gdl_misc);
	gdl_proc_unload();
	gdl_permit_unload();
}

module_init(gdl_init);
module_exit(gdl_exit);
MODULE_DESCRIPTION("Memory that a device may reach only while its owner lets it");
MODULE_LICENSE("GPL");
GDL_IMPORT_DMA_BUF;
