// SPDX-License-Identifier: GPL-2.0-only
/*
 * XSC: system calls through a ring in shared memory. The manual is
 * include/uapi/linux/xsc.h.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "may_open.h"
#include "xsc_consume.h"
#include "xsc_ioctl.h"
#include "xsc_lead.h"
#include "xsc_ring.h"

static int xsc_open(struct inode *inode, struct file *file)
{
	if (!may_open())
		return -EPERM;
	file->private_data = xsc_ring_new();
	return file->private_data ? 0 : -ENOMEM;
}

static int xsc_release(struct inode *inode, struct file *file)
{
	xsc_ring_free(file->private_data);
	return 0;
}

/*
 * close(2): the lent threads keep the file alive, so the last reference would
 * never go by itself. Closing in another process (a child after fork) means
 * nothing.
 */
static int xsc_flush(struct file *file, fl_owner_t id)
{
	struct xsc_ring *ring = file->private_data;

	/* Pairs with the release in xsc_ring_setup(). */
	if (smp_load_acquire(&ring->ready) && ring->tgid == task_tgid(current))
		xsc_ring_shut(ring);
	return 0;
}

static int xsc_mmap(struct file *file, struct vm_area_struct *vma)
{
	return xsc_ring_mmap(file->private_data, vma);
}

static __poll_t xsc_poll(struct file *file, poll_table *wait)
{
	struct xsc_ring *ring = file->private_data;
	__poll_t mask = 0;
	int unreaped;

	/* Pairs with the release in xsc_ring_setup(). */
	if (!smp_load_acquire(&ring->ready))
		return EPOLLERR;
	poll_wait(file, &ring->cq_wait, wait);
	/* Who waits here does not in XSC_IOC_WAIT. */
	xsc_lead_back(ring);
	/* Queued, then looked: pairs with wq_has_sleeper() in publish(). */
	smp_mb();
	unreaped = xsc_cq_unreaped(ring, NULL);
	if (unreaped < 0 || READ_ONCE(ring->error))
		mask |= EPOLLERR;
	if (unreaped > 0)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!xsc_sq_full(ring))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (READ_ONCE(ring->shut))
		mask |= EPOLLHUP;
	xsc_cq_settle(ring);
	return mask;
}

static const struct file_operations xsc_fops = {
	.owner		= THIS_MODULE,
	.open		= xsc_open,
	.release	= xsc_release,
	.flush		= xsc_flush,
	.mmap		= xsc_mmap,
	.poll		= xsc_poll,
	.unlocked_ioctl	= xsc_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice xsc_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "xsc",
	.fops	= &xsc_fops,
	.mode	= 0660,
};

static int __init xsc_init(void)
{
	int ret;

	xsc_consume_init();
	xsc_lead_load();
	ret = misc_register(&xsc_misc);
	if (ret)
		xsc_lead_unload();
	return ret;
}

static void __exit xsc_exit(void)
{
	misc_deregister(&xsc_misc);
	/* fire() of xsc_arm.c, of an operation whose ring is gone */
	synchronize_rcu();
	xsc_lead_unload();
}

module_init(xsc_init);
module_exit(xsc_exit);
MODULE_DESCRIPTION("System calls through a ring in shared memory");
MODULE_LICENSE("GPL");
