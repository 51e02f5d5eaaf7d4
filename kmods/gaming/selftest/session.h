/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of /dev/gaming have in common: a session, and calls that poison first. */
#ifndef GAMING_SELFTEST_SESSION_H
#define GAMING_SELFTEST_SESSION_H

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "gaming.h"

UNUSED static long ioctl_arg(int fd, unsigned long cmd, void *arg)
{
	return sys(ioctl(fd, cmd, arg));
}

UNUSED static int open_device(void)
{
	return open(GAMING_DEVICE, O_RDWR | O_CLOEXEC);
}

#endif
