/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/selftest/rings.h"

#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *self;
char dir[64];
const struct xsc_params busy = {.idle_given = true, .idle_us = XSC_MAX_IDLE_US};

long finish_one(struct xsc_ring *ring)
{
	struct xsc_cqe cqe = {.user_data = 0xdeadbeef, .res = 0x5a5a};
	int err = xsc_submit(ring);

	if (err < 0)
		return err;
	err = xsc_wait_cqe(ring, &cqe);
	return err < 0 ? err : cqe.res;
}

int raw_setup(struct xsc_setup *setup)
{
	*setup = (struct xsc_setup){.size = sizeof(*setup), .sq_entries = 8, .cq_entries = 16};
	return open(XSC_DEVICE, O_RDWR | O_CLOEXEC);
}

long ioctl_arg(int fd, unsigned long cmd, void *arg)
{
	return sys(ioctl(fd, cmd, arg));
}

int module_refs(void)
{
	char text[16] = "";
	int fd = open("/sys/module/xsc/refcnt", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? atoi(text) : -1;
}

int wait_for_refs(int refs)
{
	uint64_t until = now_ns() + 5000000000u;

	while (module_refs() != refs)
		if (now_ns() > until)
			return FAIL("the module has %d references, not %d", module_refs(), refs);
		else
			sched_yield();
	return 0;
}

const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

int new_file(const char *name, const void *data, size_t size)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && size && write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

void *serve_main(void *arg)
{
	return (void *)(intptr_t)xsc_serve_loop(*(int *)arg);
}

int child_status(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}
