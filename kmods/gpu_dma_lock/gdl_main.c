// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU DMA lock: memory that a device may reach only while its owner lets it. The
 * manual is include/uapi/linux/gpu_dma_lock.h.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "gdl_buffer.h"
#include "gdl_compat.h"
#include "gdl_ioctl.h"
#include "gdl_owner.h"
#include "gdl_permit.h"
#include "gdl_proc.h"

/* As io_uring_disabled and io_uring_group. Who has opened the device keeps it. */
static unsigned int disabled;
static int set_disabled(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 0, 2);
}

static const struct kernel_param_ops disabled_ops = {
	.set = set_disabled,
	.get = param_get_uint,
};
module_param_cb(disabled, &disabled_ops, &disabled, 0644);
MODULE_PARM_DESC(disabled, "0: for all who may open the device, 1: for CAP_SYS_ADMIN and the group, 2: for nobody");

static int group = -1;
module_param(group, int, 0644);
MODULE_PARM_DESC(group, "number of the group that disabled=1 lets in (-1: none)");

static bool may_open(void)
{
	kgid_t kgid = make_kgid(&init_user_ns, READ_ONCE(group));

	switch (READ_ONCE(disabled)) {
	case 0:
		return true;
	case 1:
		return (gid_valid(kgid) && in_group_p(kgid)) ||
		       capable(CAP_SYS_ADMIN);
	default:
		return false;
	}
}

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
