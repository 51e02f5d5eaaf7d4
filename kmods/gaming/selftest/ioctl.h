/* SPDX-License-Identifier: Apache-2.0 */
/* Calls past libgaming. */
#ifndef GAMING_SELFTEST_IOCTL_H
#define GAMING_SELFTEST_IOCTL_H

#include <errno.h>
#include <sys/ioctl.h>

#include "kmods/gaming/libgaming/gaming.h"

/* ioctl(2)'s, or a negative errno. */
static inline long ioctl_arg(int fd, unsigned long cmd, void *arg)
{
	long ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

#endif
