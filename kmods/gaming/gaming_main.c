// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/gaming: the device and its sessions. The manual is
 * include/uapi/linux/gaming.h.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "gaming.h"
#include "may_open.h"

/* Whoever opened the file; neither changes. */
struct gaming_session {
	struct mm_struct *mm;	/* compared only; grabbed, so that it is no other's */
	struct pid *tgid;
	void *state[GAMING_FEATURE_COUNT];
};

void *gaming_session_get(struct gaming_session *s, enum gaming_feature_id id)
{
	return s->state[id];
}

void gaming_session_set(struct gaming_session *s, enum gaming_feature_id id,
			void *state)
{
	s->state[id] = state;
}

/* vfork shares the memory, execve keeps the process: both must be the owner's. */
static bool is_owner(const struct gaming_session *s)
{
	return current->mm == s->mm && task_tgid(current) == s->tgid;
}

static int gaming_open(struct inode *inode, struct file *file)
{
	struct gaming_session *s;
	int ret;

	if (!current->mm || !may_open())
		return -EPERM;
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	s->mm = current->mm;
	mmgrab(s->mm);
	s->tgid = get_pid(task_tgid(current));
	ret = gaming_syscalls_open(s);
	if (ret)
		goto drop;
	file->private_data = s;
	return nonseekable_open(inode, file);

drop:
	put_pid(s->tgid);
	mmdrop(s->mm);
	kfree(s);
	return ret;
}

static int gaming_flush(struct file *file, fl_owner_t id)
{
	struct gaming_session *s = file->private_data;

	if (task_tgid(current) == s->tgid)
		gaming_syscalls_flush(s);
	return 0;
}

static int gaming_release(struct inode *inode, struct file *file)
{
	struct gaming_session *s = file->private_data;

	gaming_syscalls_release(s);
	put_pid(s->tgid);
	mmdrop(s->mm);
	kfree(s);
	return 0;
}

static long gaming_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct gaming_session *s = file->private_data;

	if (!is_owner(s))
		return -EPERM;
	return gaming_syscalls_run(s, cmd, (void __user *)arg);
}

static const struct file_operations gaming_fops = {
	.owner		= THIS_MODULE,
	.open		= gaming_open,
	.flush		= gaming_flush,
	.release	= gaming_release,
	.unlocked_ioctl	= gaming_ioctl,
};

static struct miscdevice gaming_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "gaming",
	.fops	= &gaming_fops,
	.mode	= 0660,
};

static int __init gaming_init(void)
{
	int ret;

	ret = gaming_syscalls_load();
	if (ret)
		return ret;
	ret = misc_register(&gaming_misc);
	if (ret)
		gaming_syscalls_unload();
	return ret;
}

static void __exit gaming_exit(void)
{
	misc_deregister(&gaming_misc);
	gaming_syscalls_unload();
}

module_init(gaming_init);
module_exit(gaming_exit);
MODULE_DESCRIPTION("The calls of games that a stock kernel lacks");
MODULE_LICENSE("GPL");
