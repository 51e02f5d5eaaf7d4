// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls: arguments are copied once, then checked, then acted on.
 */
#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "ioctl_arg.h"
#include "xsc_carry.h"
#include "xsc_files.h"
#include "xsc_ioctl.h"
#include "xsc_lead.h"
#include "xsc_serve.h"

static long do_setup(struct xsc_ring *ring, void __user *arg)
{
	struct xsc_setup setup;
	struct xsc_offsets zero = {};
	int ret;

	ret = copy_ioctl_arg(&setup, sizeof(setup), arg);
	if (ret)
		return ret;
	if (setup.flags & ~XSC_SETUP_IDLE)
		return -EINVAL;
	if (setup.features || setup.ops || setup.ops_user || setup.mmap_size ||
	    memcmp(&setup.off, &zero, sizeof(zero)) ||
	    memchr_inv(setup.resv, 0, sizeof(setup.resv)))
		return -EINVAL;
	if (!(setup.flags & XSC_SETUP_IDLE)) {
		if (setup.idle_us)
			return -EINVAL;
		setup.idle_us = XSC_DEFAULT_IDLE_US;
	}
	if (setup.idle_us > XSC_MAX_IDLE_US)
		return -EINVAL;
	if (xsc_is_confined())
		return -EACCES;

	/*
	 * A ring whose setup cannot be told has an owner who does not know it:
	 * it goes with the file, and a second SETUP gets -EBUSY.
	 */
	ret = xsc_ring_setup(ring, &setup);
	if (ret)
		return ret;
	setup.size = sizeof(setup);
	return copy_to_user(arg, &setup, sizeof(setup)) ? -EFAULT : 0;
}

static long do_serve(struct xsc_ring *ring, void __user *arg)
{
	struct xsc_serve serve;
	int ret;

	ret = copy_ioctl_arg(&serve, sizeof(serve), arg);
	if (ret)
		return ret;
	if (serve.flags & ~(XSC_SERVE_MAY_LEND | XSC_SERVE_MAY_CALL |
			    XSC_SERVE_RESULT | XSC_SERVE_ARRIVED) ||
	    serve.resv || serve.resv2)
		return -EINVAL;
	if (!(serve.flags & XSC_SERVE_RESULT) && (serve.token || serve.res))
		return -EINVAL;
	ret = xsc_serve_run(ring, &serve);
	if (ret == XSC_SERVE_CALL &&
	    copy_to_user(arg, &serve, sizeof(serve))) {
		xsc_serve_not_called(ring, serve.token);
		return -EFAULT;
	}
	return ret;
}

static long do_wake(struct xsc_ring *ring, void __user *arg)
{
	if (arg)
		return -EINVAL;
	xsc_lead_wake(ring);
	return 0;
}

static long do_wait(struct xsc_ring *ring, void __user *arg)
{
	struct xsc_wait wait;
	bool timed, lead;
	int ret;

	ret = copy_ioctl_arg(&wait, sizeof(wait), arg);
	if (ret)
		return ret;
	timed = wait.flags & XSC_WAIT_TIMEOUT;
	lead = wait.flags & XSC_WAIT_LEAD;
	if (wait.flags & ~(XSC_WAIT_TIMEOUT | XSC_WAIT_LEAD) || wait.resv || wait.resv2)
		return -EINVAL;
	if (wait.timeout_ns && !timed)
		return -EINVAL;
	if (wait.timeout_ns > KTIME_MAX)
		return -EINVAL;
	if (!wait.min_complete || wait.min_complete > ring->cq_entries)
		return -EINVAL;

	return xsc_wait(ring, wait.min_complete,
			timed ? &wait.timeout_ns : NULL,
			lead && !xsc_is_confined());
}

static long do_register_files(struct xsc_ring *ring, void __user *arg)
{
	struct xsc_files files;
	int ret;

	ret = copy_ioctl_arg(&files, sizeof(files), arg);
	if (ret)
		return ret;
	if (memchr_inv(files.resv, 0, sizeof(files.resv)))
		return -EINVAL;
	return xsc_files_register(ring, &files);
}

static long do_unregister_files(struct xsc_ring *ring, void __user *arg)
{
	if (arg)
		return -EINVAL;
	return xsc_files_unregister(ring);
}

static long do_shutdown(struct xsc_ring *ring, void __user *arg)
{
	if (arg)
		return -EINVAL;
	xsc_ring_shut(ring);
	return 0;
}

static const struct {
	unsigned int cmd;
	bool owner_only;	/* every one but SETUP, which makes the owner */
	long (*run)(struct xsc_ring *ring, void __user *arg);
} ioctls[] = {
	{ XSC_IOC_SETUP, false, do_setup },
	{ XSC_IOC_REGISTER_FILES, true, do_register_files },
	{ XSC_IOC_UNREGISTER_FILES, true, do_unregister_files },
	{ XSC_IOC_SERVE, true, do_serve },
	{ XSC_IOC_WAKE, true, do_wake },
	{ XSC_IOC_WAIT, true, do_wait },
	{ XSC_IOC_SHUTDOWN, true, do_shutdown },
};

/*
 * A lent thread is in here for as long as it serves. The file's reference
 * is taken anew for that: that of the system call is none in a process with one
 * thread, and an operation may close the descriptor.
 */
long xsc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct xsc_ring *ring = file->private_data;
	long ret = -ENOTTY;
	int i;

	get_file(file);
	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		if (ioctls[i].cmd != cmd)
			continue;
		ret = ioctls[i].owner_only ? xsc_ring_check_owner(ring) : 0;
		if (!ret)
			ret = ioctls[i].run(ring, (void __user *)arg);
		break;
	}
	fput(file);
	return ret;
}
