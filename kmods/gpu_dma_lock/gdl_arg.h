/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments of both devices here, gpu_dma_lock and gpu_dma_edu. */
#ifndef GDL_ARG_H
#define GDL_ARG_H

#include <linux/mm.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/*
 * Arguments begin with their size. A program newer than this module may send a
 * longer one: what is not known here must be zero (-E2BIG). 0, -EFAULT, -EINVAL, -E2BIG.
 */
static inline int gdl_copy_arg(void *to, size_t known, void __user *from)
{
	u32 size;

	if (get_user(size, (u32 __user *)from))
		return -EFAULT;
	if (size < known || size > PAGE_SIZE)
		return -EINVAL;
	return copy_struct_from_user(to, known, from, size);
}

#endif
