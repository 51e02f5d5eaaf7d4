/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments of ioctls, for all modules here; module.mk puts a copy beside the sources of each.
 */
#ifndef IOCTL_ARG_H
#define IOCTL_ARG_H

#include <linux/mm.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/*
 * Arguments begin with their size, and are copied once. A program newer than the module may
 * send a longer one: what is not known here must be zero. 0, -EFAULT, -EINVAL, -E2BIG.
 */
static inline int copy_ioctl_arg(void *to, size_t known, const void __user *from)
{
	u32 size;

	if (get_user(size, (const u32 __user *)from))
		return -EFAULT;
	if (size < known || size > PAGE_SIZE)
		return -EINVAL;
	return copy_struct_from_user(to, known, from, size);
}

#endif /* IOCTL_ARG_H */
