/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYNC and MEMORY on the kernel's own test driver, vgem: its dma-bufs are real, and
 * its fences are signalled by whom they belong to. What poll(2) and fdinfo say of
 * the same descriptor must be the same.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/gpu.h"
#include "kmods/gaming/selftest/alarms.h"
#include "kmods/gaming/selftest/ioctl.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

/* drm.h, drm_mode.h, vgem_drm.h, dma-buf.h, sw_sync: a few numbers, for want of the headers. */
struct drm_version {
	int major, minor, patch;
	size_t name_len;
	char *name;
	size_t date_len;
	char *date;
	size_t desc_len;
	char *desc;
};

struct drm_dumb {
	uint32_t height, width, bpp, flags, handle, pitch;
	uint64_t size;
};

struct drm_prime {
	uint32_t handle, flags;
	int32_t fd;
};

struct vgem_attach {
	uint32_t handle, flags, fence, pad;
};

struct vgem_signal {
	uint32_t fence, flags;
};

struct export_sync {
	uint32_t flags;
	int32_t fd;
};

struct sw_fence {
	uint32_t value;
	char name[32];
	int32_t fence;
};

#define DRM_VERSION _IOWR('d', 0x00, struct drm_version)
#define DRM_PRIME_TO_FD _IOWR('d', 0x2d, struct drm_prime)
#define DRM_CREATE_DUMB _IOWR('d', 0xb2, struct drm_dumb)
#define VGEM_ATTACH _IOWR('d', 0x41, struct vgem_attach)
#define VGEM_SIGNAL _IOW('d', 0x42, struct vgem_signal)
#define VGEM_WRITE 1u
#define EXPORT_SYNC _IOWR('b', 2, struct export_sync)
#define EXPORT_READ 1u
#define SW_SYNC_PATH "/sys/kernel/debug/sync/sw_sync"
#define SW_CREATE _IOWR('W', 0, struct sw_fence)
#define SW_STEP _IOW('W', 1, uint32_t)

struct buffer {
	int vgem, fd;
	uint32_t handle, fence;
	uint64_t size, attached;
};

/* -1: no vgem. */
static int open_vgem(void)
{
	DIR *dir = opendir("/dev/dri");
	struct dirent *entry;
	int found = -1;

	while (dir && found < 0 && (entry = readdir(dir))) {
		char path[300], name[16] = "";
		struct drm_version version = {.name_len = sizeof(name) - 1, .name = name};
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/%s", entry->d_name);
		fd = strncmp(entry->d_name, "card", 4) ? -1 : open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !ioctl(fd, DRM_VERSION, &version) && !strcmp(name, "vgem"))
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* 1: there is no vgem, and the test is skipped. */
static int make_buffer(struct buffer *b)
{
	struct drm_dumb dumb = {.height = 16, .width = 1024, .bpp = 32};
	struct drm_prime prime = {.flags = O_CLOEXEC | O_RDWR};

	b->vgem = open_vgem();
	if (b->vgem < 0) {
		skip("no vgem: modprobe vgem");
		return 1;
	}
	EXPECT(sys(ioctl(b->vgem, DRM_CREATE_DUMB, &dumb)), 0);
	prime.handle = b->handle = dumb.handle;
	b->size = dumb.size;
	EXPECT(sys(ioctl(b->vgem, DRM_PRIME_TO_FD, &prime)), 0);
	b->fd = prime.fd;
	return 0;
}

static int attach(struct buffer *b, uint32_t flags)
{
	struct vgem_attach arg = {.handle = b->handle, .flags = flags};

	EXPECT(sys(ioctl(b->vgem, VGEM_ATTACH, &arg)), 0);
	b->fence = arg.fence;
	b->attached = now_ns();
	return 0;
}

static int signal_fence(struct buffer *b)
{
	struct vgem_signal arg = {.fence = b->fence};
	int err = (int)sys(ioctl(b->vgem, VGEM_SIGNAL, &arg));

	REQUIRE(err != -ETIMEDOUT, "vgem's own 10 s were over, after %d ms",
		(int)((now_ns() - b->attached) / MS));
	EXPECT(err, 0);
	return 0;
}

/* What poll(2) calls ready must be what SYNC does not wait for. */
static int now_is(struct gaming *g, struct buffer *b, bool readable, bool writable)
{
	struct pollfd p = {.fd = b->fd, .events = POLLIN | POLLOUT};
	struct gaming_gpu_memory m;

	poll(&p, 1, 0);
	REQUIRE(!!(p.revents & POLLIN) == readable && !!(p.revents & POLLOUT) == writable,
		"poll says %x", (unsigned)p.revents);
	EXPECT(gaming_sync(g, b->fd, GAMING_SYNC_READ, 0, NULL), readable ? 0 : -ETIMEDOUT);
	EXPECT(gaming_sync(g, b->fd, GAMING_SYNC_WRITE, 0, NULL), writable ? 0 : -ETIMEDOUT);
	EXPECT(gaming_gpu_memory(g, b->fd, &m), 0);
	EXPECT(m.writing, !readable);
	EXPECT(m.reading, readable && !writable);
	return 0;
}

int test_gpu_sync(void)
{
	struct alarm alarm;
	struct buffer b;
	uint64_t until;
	struct gaming g;

	if (make_buffer(&b))
		return report->why[0] != '\0';
	EXPECT(gaming_open(&g), 0);
	REQUIRE(g.features & GAMING_FEAT_DMA_FENCE, "no GAMING_FEAT_DMA_FENCE");
	if (now_is(&g, &b, true, true) || attach(&b, VGEM_WRITE) || now_is(&g, &b, false, false))
		return 1;
	until = now_ns() + 30 * MS;
	EXPECT(gaming_sync(&g, b.fd, GAMING_SYNC_READ, until, NULL), -ETIMEDOUT);
	REQUIRE(now_ns() >= until, "timed out early");
	alarm_begin(&alarm);
	EXPECT(gaming_sync(&g, b.fd, GAMING_SYNC_WRITE, GAMING_FOREVER, NULL), -EINTR);
	alarm_end(&alarm);
	if (signal_fence(&b) || now_is(&g, &b, true, true))
		return 1;
	/* Who reads does not keep others from reading. */
	if (attach(&b, 0) || now_is(&g, &b, true, false) || signal_fence(&b) ||
		now_is(&g, &b, true, true))
		return 1;
	gaming_close(&g);
	return 0;
}

struct signaller {
	struct buffer *b;
	_Atomic bool signalled;
};

static void *signal_later(void *arg)
{
	struct signaller *s = arg;

	usleep(30000);
	s->signalled = true;
	signal_fence(s->b);
	return NULL;
}

/* A wait ends with the signal and not before, for a dma-buf and for a sync file. */
int test_gpu_wakes(void)
{
	struct export_sync export = {.flags = EXPORT_READ};
	struct gaming_batch_entry entries[2];
	struct gaming_gpu_sync sync;
	struct gaming_gpu_memory memory;
	struct buffer b;
	struct gaming g;

	if (make_buffer(&b))
		return report->why[0] != '\0';
	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < 20; i++) {
		struct signaller s = {.b = &b};
		uint32_t error = 77;
		pthread_t thread;
		int fd = b.fd;

		if (attach(&b, VGEM_WRITE))
			return 1;
		if (i & 1) {
			EXPECT(sys(ioctl(b.fd, EXPORT_SYNC, &export)), 0);
			fd = export.fd;
			EXPECT(gaming_sync(&g, fd, 0, 0, NULL), -ETIMEDOUT);
		}
		pthread_create(&thread, NULL, signal_later, &s);
		EXPECT(gaming_sync(&g, fd, i & 1 ? 0 : GAMING_SYNC_WRITE, now_ns() + 60000 * MS,
			       &error),
			0);
		REQUIRE(s.signalled, "round %d: came back before the signal", i);
		EXPECT(error, 0);
		pthread_join(thread, NULL);
		if (i & 1) {
			EXPECT(gaming_sync(&g, fd, 0, 0, NULL), 0);
			close(fd);
		}
	}
	/* In a batch: the second call finds what the first has waited for. */
	if (attach(&b, VGEM_WRITE))
		return 1;
	sync = (struct gaming_gpu_sync){
		.size = sizeof(sync), .flags = GAMING_SYNC_READ, .fd = b.fd};
	memory = (struct gaming_gpu_memory){.size = sizeof(memory), .fd = b.fd};
	entries[0] = (struct gaming_batch_entry){.call = GAMING_CALL_SYNC, .arg = (uintptr_t)&sync};
	entries[1] =
		(struct gaming_batch_entry){.call = GAMING_CALL_MEMORY, .arg = (uintptr_t)&memory};
	{
		struct signaller s = {.b = &b};
		pthread_t thread;

		pthread_create(&thread, NULL, signal_later, &s);
		EXPECT(gaming_batch(&g, entries, 2, GAMING_BATCH_STOP), 2);
		pthread_join(thread, NULL);
	}
	EXPECT(entries[1].res, 0);
	EXPECT(memory.writing, 0);
	gaming_close(&g);
	return 0;
}

/* The same as /proc/self/fdinfo tells. */
int test_gpu_memory(void)
{
	char path[48], line[128], name[64] = "";
	unsigned long long size = 0;
	struct gaming_gpu_memory m;
	struct buffer b;
	struct gaming g;
	FILE *file;

	if (make_buffer(&b))
		return report->why[0] != '\0';
	EXPECT(gaming_open(&g), 0);
	memset(&m, 0x5a, sizeof(m));
	EXPECT(gaming_gpu_memory(&g, b.fd, &m), 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", b.fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "size: %llu", &size);
		sscanf(line, "exp_name: %63s", name);
	}
	if (file)
		fclose(file);
	REQUIRE(m.bytes == b.size && m.bytes == size, "%llu bytes, not %llu",
		(unsigned long long)m.bytes, size);
	REQUIRE(!strcmp(m.exporter, name), "exporter '%s', not '%s'", m.exporter, name);
	for (size_t i = strlen(m.exporter); i < sizeof(m.exporter); i++)
		REQUIRE(!m.exporter[i], "bytes behind the name");
	gaming_close(&g);
	return 0;
}

int test_gpu_bad(void)
{
	struct gaming_gpu_sync good = {
		.size = sizeof(good), .flags = GAMING_SYNC_READ | GAMING_SYNC_TIMEOUT};
	static const struct {
		const char *name;
		size_t offset;
		uint32_t value;
		int err;
	} cases[] = {
		{"size", offsetof(struct gaming_gpu_sync, size), 31, EINVAL},
		{"unknown flag", offsetof(struct gaming_gpu_sync, flags), 9, EINVAL},
		{"no access", offsetof(struct gaming_gpu_sync, flags), 4, EINVAL},
		{"both accesses", offsetof(struct gaming_gpu_sync, flags), 7, EINVAL},
		{"no descriptor", offsetof(struct gaming_gpu_sync, fd), 1000, EBADF},
		{"descriptor -1", offsetof(struct gaming_gpu_sync, fd), UINT32_MAX, EBADF},
		{"of another kind", offsetof(struct gaming_gpu_sync, fd), 0, EINVAL},
		{"reserved", offsetof(struct gaming_gpu_sync, resv), 1, EINVAL},
	};
	struct gaming_gpu_memory m = {.size = sizeof(m), .fd = -1};
	struct export_sync export = {.flags = EXPORT_READ};
	struct buffer b;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	dup2(g.fd, 0);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MEMORY), &m), -EBADF);
	m.fd = 0;
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MEMORY), &m), -EINVAL);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_SUBMIT), &m), -ENOSYS);
	if (make_buffer(&b))
		return report->why[0] != '\0';
	good.fd = b.fd;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_gpu_sync sync = good;
		long got;

		memcpy((char *)&sync + cases[i].offset, &cases[i].value, 4);
		got = gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_SYNC), &sync);
		REQUIRE(got == -cases[i].err, "SYNC, %s: %ld", cases[i].name, got);
	}
	good.flags = GAMING_SYNC_READ;
	good.timeout_ns = 1;
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_SYNC), &good), -EINVAL);
	EXPECT(sys(ioctl(b.fd, EXPORT_SYNC, &export)), 0);
	EXPECT(gaming_sync(&g, export.fd, GAMING_SYNC_READ, 0, NULL), -EINVAL);
	EXPECT(gaming_sync(&g, export.fd, 0, 0, NULL), 0);
	m = (struct gaming_gpu_memory){.size = sizeof(m), .fd = b.fd, .flags = 1};
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MEMORY), &m), -EINVAL);
	m.flags = 0;
	m.resv = 1;
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MEMORY), &m), -EINVAL);
	gaming_close(&g);
	return 0;
}

/* A fence that fails: its timeline is closed under it. Kernels with SW_SYNC only. */
int test_gpu_error(void)
{
	struct sw_fence fence = {.value = 1, .name = "rigproof"};
	int timeline = open(SW_SYNC_PATH, O_RDWR | O_CLOEXEC);
	uint32_t error = 0;
	struct gaming g;

	if (timeline < 0)
		return skip("this kernel has no SW_SYNC: Debian's have not");
	EXPECT(gaming_open(&g), 0);
	EXPECT(sys(ioctl(timeline, SW_CREATE, &fence)), 0);
	EXPECT(gaming_sync(&g, fence.fence, 0, 0, NULL), -ETIMEDOUT);
	close(timeline);
	EXPECT(gaming_sync(&g, fence.fence, 0, GAMING_FOREVER, &error), 0);
	EXPECT(error, ENOENT);
	gaming_close(&g);
	return 0;
}
