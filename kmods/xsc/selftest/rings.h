/* SPDX-License-Identifier: Apache-2.0 */
/* Rings, files and children, as the tests need them. */
#ifndef XSC_SELFTEST_RINGS_H
#define XSC_SELFTEST_RINGS_H

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kmods/selftest/report.h"
#include "xsc.h"

#define NOBODY 65534

static const char *self; /* the path of this program */
static char dir[64];	 /* a directory of this run, that all may search */

/* A ring whose thread sleeps as late as it can: what is measured is the busy ring. */
static const struct xsc_params busy = {.idle_given = true, .idle_us = XSC_MAX_IDLE_US};

/* Submit what was got and return the result of the one operation. */
static long finish_one(struct xsc_ring *ring)
{
	struct xsc_cqe cqe = {.user_data = 0xdeadbeef, .res = 0x5a5a};
	int err = xsc_submit(ring);

	if (err < 0)
		return err;
	err = xsc_wait_cqe(ring, &cqe);
	return err < 0 ? err : cqe.res;
}

#define ONE(ring, prep, ...)                                                                       \
	({                                                                                         \
		struct xsc_sqe *sqe_ = xsc_get_sqe(ring);                                          \
		xsc_prep_##prep(sqe_, ##__VA_ARGS__);                                              \
		finish_one(ring);                                                                  \
	})

static int raw_setup(struct xsc_setup *setup)
{
	*setup = (struct xsc_setup){.size = sizeof(*setup), .sq_entries = 8, .cq_entries = 16};
	return open(XSC_DEVICE, O_RDWR | O_CLOEXEC);
}

static long ioctl_arg(int fd, unsigned long cmd, void *arg)
{
	return sys(ioctl(fd, cmd, arg));
}

static int module_refs(void)
{
	char text[16] = "";
	int fd = open("/sys/module/xsc/refcnt", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? atoi(text) : -1;
}

static int wait_for_refs(int refs)
{
	uint64_t until = now_ns() + 5000000000u;

	while (module_refs() != refs)
		if (now_ns() > until)
			return FAIL("the module has %d references, not %d", module_refs(), refs);
		else
			sched_yield();
	return 0;
}

/* Each test has a process of its own, so the name may repeat. */
static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int new_file(const char *name, const void *data, size_t size)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && size && write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

/* A thread lent by hand: what ended its service is what it returns. */
static void *serve_main(void *arg)
{
	return (void *)(intptr_t)xsc_serve_loop(*(int *)arg);
}

static int child_status(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
