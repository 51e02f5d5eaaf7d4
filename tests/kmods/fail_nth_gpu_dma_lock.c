/* SPDX-License-Identifier: Apache-2.0 */
/* The sweeps over /dev/gpu_dma_lock, and over an import of its buffers by DRM's vgem where the
 * kernel has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmods/gpu_dma_lock/include/uapi/linux/gpu_dma_lock.h"
#include "tests/kmods/fail_nth.h"

#define PAGE 4096

static long call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static long become_agent(int fd)
{
	struct gdl_agent agent = {.size = sizeof(agent)};

	return call(fd, GDL_IOC_AGENT, &agent);
}

/* What has no result to say is not asked when the first call was refused. */
static int sweep_agent(struct fail_run *run)
{
	int fail = fail_open(), fd;
	long ret;

	fail_arm(fail, run);
	fd = open(GDL_DEVICE, O_RDWR | O_CLOEXEC);
	ret = fd < 0 ? -errno : become_agent(fd);
	if (fd >= 0)
		close(fd);
	fail_disarm(fail, run);
	close(fail);
	return fail_allow(run, "open, AGENT", ret);
}

/* An agent that meets no failure, with a buffer; -1: none. */
static int agent_with(struct gdl_alloc *ret_alloc)
{
	int fd = open(GDL_DEVICE, O_RDWR | O_CLOEXEC);

	*ret_alloc = (struct gdl_alloc){.size = sizeof(*ret_alloc), .bytes = 20 * PAGE};
	if (fd >= 0 && (become_agent(fd) || call(fd, GDL_IOC_ALLOC, ret_alloc))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int sweep_alloc(struct fail_run *run)
{
	struct gdl_alloc alloc, second = {.size = sizeof(second), .bytes = 33 * PAGE};
	struct gdl_query query = {.size = sizeof(query)};
	int agent = agent_with(&alloc), fail = fail_open();
	struct gdl_export export = {.size = sizeof(export), .handle = alloc.handle};
	struct gdl_free free = {.size = sizeof(free), .handle = alloc.handle};
	struct gdl_set_quota quota = {.size = sizeof(quota), .quota = 100 * PAGE};
	void *map;
	long ret[6];

	fail_arm(fail, run);
	ret[0] = call(agent, GDL_IOC_ALLOC, &second);
	ret[1] = call(agent, GDL_IOC_EXPORT, &export);
	ret[2] = call(agent, GDL_IOC_SET_QUOTA, &quota);
	ret[3] = call(agent, GDL_IOC_QUERY, &query);
	map = mmap(NULL, alloc.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, alloc.fd, 0);
	ret[4] = map == MAP_FAILED ? -errno : 0;
	ret[5] = call(agent, GDL_IOC_FREE, &free);
	fail_disarm(fail, run);
	close(fail);
	if (map != MAP_FAILED)
		munmap(map, alloc.bytes);
	/* Refused, it has left nothing: what is charged says so. */
	query = (struct gdl_query){.size = sizeof(query)};
	if (call(agent, GDL_IOC_QUERY, &query) ||
		query.charged != alloc.bytes + (ret[0] ? 0 : second.bytes))
		fail_say(run, "%llu bytes are charged", (unsigned long long)query.charged);
	if (!ret[0])
		close(second.fd);
	if (!ret[1])
		close(export.fd);
	close(alloc.fd);
	close(agent);
	return fail_allow(run, "ALLOC", ret[0]) || fail_allow(run, "EXPORT", ret[1]) ||
	       fail_allow(run, "SET_QUOTA", ret[2]) || fail_allow(run, "QUERY", ret[3]) ||
	       fail_allow(run, "mmap", ret[4]) || fail_allow(run, "FREE", ret[5]);
}

static int sweep_grant(struct fail_run *run)
{
	struct gdl_device pci = {.kind = GDL_DEVICE_PCI};
	struct gdl_device class = {
		.kind = GDL_DEVICE_PCI_CLASS, .class = 0x060000, .class_mask = 0xff0000};
	struct gdl_alloc alloc;
	int agent = agent_with(&alloc), fail = fail_open();
	struct gdl_grant grant = {.size = sizeof(grant),
		.flags = GDL_GRANT_UNTRANSLATED,
		.handle = alloc.handle,
		.device = pci};
	struct gdl_grant grant_class = grant;
	struct gdl_check check = {.size = sizeof(check), .handle = alloc.handle, .device = pci};
	struct gdl_revoke revoke = {
		.size = sizeof(revoke), .handle = alloc.handle, .device = class};
	long ret[3];

	grant_class.device = class;
	fail_arm(fail, run);
	ret[0] = call(agent, GDL_IOC_GRANT, &grant);
	/* 00:00.0 is of that class: where it has its grant already, the others get it. */
	ret[1] = call(agent, GDL_IOC_GRANT, &grant_class);
	ret[2] = call(agent, GDL_IOC_CHECK, &check);
	if (call(agent, GDL_IOC_REVOKE, &revoke) == -EFAULT)
		run->refused++;
	fail_disarm(fail, run);
	close(fail);
	close(alloc.fd);
	close(agent);
	return fail_allow(run, "GRANT", ret[0]) || fail_allow(run, "GRANT of a class", ret[1]) ||
	       fail_allow(run, "CHECK", ret[2]);
}

/* attach, pin, map; unmap, unpin, detach: by a driver that knows nothing of us. */
static int sweep_import(struct fail_run *run)
{
	struct {
		uint32_t handle, flags;
		int32_t fd;
	} prime;
	struct {
		uint32_t handle, pad;
	} gem;
	struct gdl_alloc alloc;
	int agent = agent_with(&alloc), drm = -1, fail;
	struct gdl_grant grant = {.size = sizeof(grant),
		.flags = GDL_GRANT_UNTRANSLATED | GDL_GRANT_STATIC,
		.handle = alloc.handle,
		.device = {.kind = GDL_DEVICE_PLATFORM, .name = "vgem"}};
	long ret = call(agent, GDL_IOC_GRANT, &grant);

	for (int i = 0; i < 4 && !ret && drm < 0; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		drm = open(path, O_RDWR | O_CLOEXEC);
		prime.fd = alloc.fd;
		/* Another's device was not granted. */
		if (drm >= 0 && call(drm, _IOWR('d', 0x2e, prime), &prime)) {
			close(drm);
			drm = -1;
		}
	}
	fail = fail_open();
	fail_arm(fail, run);
	if (drm >= 0) {
		gem.handle = prime.handle;
		call(drm, _IOW('d', 0x09, gem), &gem);
		ret = call(drm, _IOWR('d', 0x2e, prime), &prime);
	} else {
		/* No vgem: the grant is all there is to sweep. */
		grant.granted = grant.translated = 0;
		grant.device = (struct gdl_device){.kind = GDL_DEVICE_PCI};
		ret = call(agent, GDL_IOC_GRANT, &grant);
	}
	fail_disarm(fail, run);
	close(fail);
	if (drm >= 0)
		close(drm);
	close(alloc.fd);
	close(agent);
	return fail_allow(run, drm >= 0 ? "PRIME import" : "GRANT", ret);
}

static const struct sweep sweeps[] = {
	{"gdl-agent", "open, AGENT, close", sweep_agent},
	{"gdl-alloc", "ALLOC, EXPORT, SET_QUOTA, QUERY, mmap, FREE", sweep_alloc},
	{"gdl-grant", "GRANT of a device and of a class, CHECK, REVOKE", sweep_grant},
	{"gdl-import", "a buffer imported by DRM's vgem, and dropped", sweep_import},
};

const struct sweep_set gpu_dma_lock_sweeps = {
	.device = GDL_DEVICE,
	.module = "gpu_dma_lock",
	.sweeps = sweeps,
	.count = sizeof(sweeps) / sizeof(sweeps[0]),
};
