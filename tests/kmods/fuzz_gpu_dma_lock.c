/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/gpu_dma_lock, for the fuzzer: buffers are allocated, mapped, granted to devices that are
 * there, and freed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "kmods/gpu_dma_lock/include/uapi/linux/gpu_dma_lock.h"
#include "tests/kmods/fuzz_ioctl.h"

#define PAGE 4096

/* What is remembered of a buffer, beside its mapping. */
enum { HANDLE, DESCRIPTOR };

/* So that most processes get beyond the door: each descriptor is an agent, and has a buffer or two.
 */
static void prepare(struct fuzz_session *session)
{
	struct fuzz_random *random = &session->random;

	for (int i = 0; i < 4; i++) {
		struct gdl_agent agent = {.size = sizeof(agent), .flags = fuzz_below(random, 2)};
		struct gdl_alloc alloc = {.size = sizeof(alloc), .bytes = PAGE};

		if (session->fds[i] < 0 || ioctl(session->fds[i], GDL_IOC_AGENT, &agent))
			continue;
		for (uint32_t n = 1 + fuzz_below(random, 2); n; n--)
			if (!ioctl(session->fds[i], GDL_IOC_ALLOC, &alloc)) {
				close(alloc.fd);
				alloc = (struct gdl_alloc){.size = sizeof(alloc), .bytes = PAGE};
			}
	}
}

static uint64_t some_handle(struct fuzz_session *session)
{
	struct fuzz_random *random = &session->random;

	if (fuzz_below(random, 2))
		prepare(session);
	switch (fuzz_below(random, 8)) {
	case 0:
		return fuzz_value(random);
	case 1:
		return session->maps[fuzz_below(random, 4)].user[HANDLE];
	default:
		return 1 + fuzz_below(random, 3);
	}
}

/* Devices that every PC has, and some that none has. */
static void some_device(struct fuzz_session *session, struct gdl_device *ret_device)
{
	static const char *const names[] = {
		"vgem", "serial8250", "pcspkr", "i8042", "nowhere", "alarmtimer.0.auto"};
	struct fuzz_random *random = &session->random;

	memset(ret_device, 0, sizeof(*ret_device));
	ret_device->kind = GDL_DEVICE_PCI + fuzz_below(random, 3);
	switch (ret_device->kind) {
	case GDL_DEVICE_PCI:
		ret_device->slot = (uint8_t)fuzz_below(random, 4);
		break;
	case GDL_DEVICE_PCI_CLASS:
		ret_device->class = (1 + fuzz_below(random, 8)) << 16;
		ret_device->class_mask = 0xff0000;
		break;
	default:
		strcpy(ret_device->name,
			names[fuzz_below(random, sizeof(names) / sizeof(names[0]))]);
	}
}

static void fill_agent(struct fuzz_session *session, void *arg)
{
	struct gdl_agent *agent = arg;

	agent->size = sizeof(*agent);
	agent->flags = fuzz_below(&session->random, 2);
}

static void fill_alloc(struct fuzz_session *session, void *arg)
{
	struct gdl_alloc *alloc = arg;

	alloc->size = sizeof(*alloc);
	alloc->bytes = (1 + fuzz_below(&session->random, 40)) * PAGE;
	if (fuzz_below(&session->random, 16) == 0) {
		alloc->flags = GDL_ALLOC_HUGE;
		alloc->bytes = GDL_HUGE_BYTES;
	}
}

static void forget(struct fuzz_session *session, struct fuzz_mapping *map)
{
	if (map->start)
		munmap(map->start, map->size);
	if (map->user[DESCRIPTOR])
		close((int)map->user[DESCRIPTOR]);
	memset(map, 0, sizeof(*map));
}

static void done_alloc(struct fuzz_session *session, int fd, const void *arg)
{
	const struct gdl_alloc *alloc = arg;
	struct fuzz_mapping *map = &session->maps[fuzz_below(&session->random, 4)];
	void *start = mmap(NULL, alloc->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, alloc->fd, 0);

	forget(session, map);
	if (start != MAP_FAILED) {
		map->start = start;
		map->size = alloc->bytes;
	}
	map->user[HANDLE] = alloc->handle;
	map->user[DESCRIPTOR] = (uint64_t)alloc->fd;
}

static void fill_free(struct fuzz_session *session, void *arg)
{
	struct gdl_free *free = arg;

	free->size = sizeof(*free);
	free->handle = some_handle(session);
}

static void fill_export(struct fuzz_session *session, void *arg)
{
	struct gdl_export *export = arg;

	export->size = sizeof(*export);
	export->handle = some_handle(session);
}

static void done_export(struct fuzz_session *session, int fd, const void *arg)
{
	close(((const struct gdl_export *)arg)->fd);
}

static void fill_quota(struct fuzz_session *session, void *arg)
{
	struct gdl_set_quota *quota = arg;

	quota->size = sizeof(*quota);
	quota->quota =
		fuzz_below(&session->random, 4) ? GDL_DEFAULT_QUOTA : fuzz_value(&session->random);
}

static void fill_query(struct fuzz_session *session, void *arg)
{
	struct gdl_query *query = arg;

	query->size = sizeof(*query);
	query->handle = fuzz_below(&session->random, 2) ? some_handle(session) : 0;
}

static void fill_grant(struct fuzz_session *session, void *arg)
{
	struct gdl_grant *grant = arg;

	grant->size = sizeof(*grant);
	grant->flags = fuzz_below(&session->random, 4) | GDL_GRANT_UNTRANSLATED;
	grant->handle = some_handle(session);
	some_device(session, &grant->device);
}

static void fill_revoke(struct fuzz_session *session, void *arg)
{
	struct gdl_revoke *revoke = arg;

	revoke->size = sizeof(*revoke);
	revoke->handle = some_handle(session);
	revoke->timeout_ms = fuzz_below(&session->random, 10);
	some_device(session, &revoke->device);
}

static void fill_check(struct fuzz_session *session, void *arg)
{
	struct gdl_check *check = arg;

	check->size = sizeof(*check);
	check->handle = some_handle(session);
	some_device(session, &check->device);
}

/* The memory is written, synchronised, and taken apart. */
static void use_memory(struct fuzz_session *session)
{
	struct fuzz_random *random = &session->random;
	struct fuzz_mapping *map = &session->maps[fuzz_below(random, 4)];
	struct dma_buf_sync sync = {.flags = fuzz_below(random, 8)};

	if (!map->start)
		return;
	switch (fuzz_below(random, 8)) {
	case 0:
		forget(session, map);
		break;
	case 1:
		munmap((char *)map->start + map->size / 2, PAGE);
		map->size = map->size / 2 & ~(PAGE - 1ul);
		if (!map->size)
			map->start = NULL;
		break;
	case 2:
		madvise(map->start, map->size, (int)fuzz_below(random, 26));
		break;
	case 3:
		ioctl((int)map->user[DESCRIPTOR], DMA_BUF_IOCTL_SYNC, &sync);
		break;
	default:
		*((volatile char *)map->start + fuzz_below(random, PAGE)) = 1;
	}
}

static const int agent_reached[] = {EBUSY, 0};
static const int alloc_reached[] = {EDQUOT, ENOMEM, 0};
static const int handle_reached[] = {ENOENT, 0};
static const int revoke_reached[] = {ENODATA, 0};
static const int quota_reached[] = {EPERM, 0};

static const struct fuzz_call calls[] = {
	{"AGENT", GDL_IOC_AGENT, sizeof(struct gdl_agent), false, fill_agent, NULL, agent_reached},
	{"ALLOC", GDL_IOC_ALLOC, sizeof(struct gdl_alloc), false, fill_alloc, done_alloc,
		alloc_reached},
	{"FREE", GDL_IOC_FREE, sizeof(struct gdl_free), false, fill_free, NULL, handle_reached},
	{"QUERY", GDL_IOC_QUERY, sizeof(struct gdl_query), false, fill_query},
	{"SET_QUOTA", GDL_IOC_SET_QUOTA, sizeof(struct gdl_set_quota), false, fill_quota, NULL,
		quota_reached},
	{"CHECK", GDL_IOC_CHECK, sizeof(struct gdl_check), false, fill_check},
	{"GRANT", GDL_IOC_GRANT, sizeof(struct gdl_grant), false, fill_grant},
	{"REVOKE", GDL_IOC_REVOKE, sizeof(struct gdl_revoke), true, fill_revoke, NULL,
		revoke_reached},
	{"EXPORT", GDL_IOC_EXPORT, sizeof(struct gdl_export), false, fill_export, done_export},
};

const struct fuzz_device gpu_dma_lock_fuzz = {
	.path = GDL_DEVICE,
	.magic = GDL_IOC_MAGIC,
	.calls = calls,
	.count = sizeof(calls) / sizeof(calls[0]),
	.other = use_memory,
};
