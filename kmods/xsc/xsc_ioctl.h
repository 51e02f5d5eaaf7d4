/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XSC_IOCTL_H
#define _XSC_IOCTL_H

#include <linux/fs.h>

long xsc_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* _XSC_IOCTL_H */
