/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GDL_IOCTL_H
#define GDL_IOCTL_H

struct file;

long gdl_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif
