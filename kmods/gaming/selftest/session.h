/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of /dev/gaming have in common: a descriptor, and calls past libgaming. */
#ifndef GAMING_SELFTEST_SESSION_H
#define GAMING_SELFTEST_SESSION_H

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/gaming.h"

/* ioctl(2)'s, or a negative errno. */
static inline long ioctl_arg(int fd, unsigned long cmd, void *arg)
{
	long ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static inline int open_device(void)
{
	return open(GAMING_DEVICE, O_RDWR | O_CLOEXEC);
}

#endif
