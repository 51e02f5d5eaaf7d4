/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PRIME import by the DRM drivers that are here: the real GPU's on a real rig,
 * virtio_gpu, cirrus and vgem in a virtual one. What a driver can import is its
 * own business; that it cannot without a grant is ours.
 */
#include <stddef.h>

#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

/* Of DRM's interface, what is used here: its headers are in a package of their own. */
struct drm_version {
	int major, minor, patch;
	size_t name_len;
	char *name;
	size_t date_len;
	char *date;
	size_t description_len;
	char *description;
};
struct drm_prime_handle {
	uint32_t handle, flags;
	int32_t fd;
};
struct drm_gem_close {
	uint32_t handle, pad;
};
#define DRM_IOCTL_VERSION _IOWR('d', 0x00, struct drm_version)
#define DRM_IOCTL_GEM_CLOSE _IOW('d', 0x09, struct drm_gem_close)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_FD_TO_HANDLE _IOWR('d', 0x2e, struct drm_prime_handle)

struct gpu {
	int fd;
	char driver[32];
	char place[64]; /* below /sys, of the device that does the DMA */
	struct gdl_device device;
	bool translated;
};

/* Whose device /dev/dri/cardN is: the nearest one above it on the PCI or platform bus. */
static bool find_device(int number, struct gpu *gpu)
{
	char path[512], real[256], link[300], type[16];
	char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/drm/card%d/device", number);
	if (!realpath(path, real))
		return false;
	while ((slash = strrchr(real, '/')) && slash != real) {
		snprintf(path, sizeof(path), "%s/subsystem", real);
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		snprintf(gpu->place, sizeof(gpu->place), "%.60s", slash + 1);
		if (n > 4 && !strcmp(link + n - 4, "/pci") && parse_pci(slash + 1, &gpu->device)) {
			domain_type(slash + 1, type, sizeof(type));
			gpu->translated = !strncmp(type, "DMA", 3);
			return true;
		}
		if (n > 9 && !strcmp(link + n - 9, "/platform")) {
			gpu->device = (struct gdl_device){.kind = GDL_DEVICE_PLATFORM};
			snprintf(gpu->device.name, sizeof(gpu->device.name), "%.39s", slash + 1);
			snprintf(path, sizeof(path), "%s/iommu_group/type", real);
			gpu->translated = !access(path, F_OK);
			return true;
		}
		*slash = '\0';
	}
	return false;
}

static bool open_gpu(int number, struct gpu *ret_gpu)
{
	struct drm_version version = {.name = ret_gpu->driver, .name_len = 31};
	char path[32];

	memset(ret_gpu->driver, 0, sizeof(ret_gpu->driver));
	snprintf(path, sizeof(path), "/dev/dri/card%d", number);
	ret_gpu->fd = open(path, O_RDWR | O_CLOEXEC);
	if (ret_gpu->fd < 0)
		return false;
	if (!call(ret_gpu->fd, DRM_IOCTL_VERSION, &version) && find_device(number, ret_gpu))
		return true;
	close(ret_gpu->fd);
	return false;
}

static long import(struct gpu *gpu, const struct memory *memory, uint32_t *ret_handle)
{
	struct drm_prime_handle arg = {.fd = memory->fd};
	long ret = call(gpu->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	*ret_handle = arg.handle;
	return ret;
}

static long drop(struct gpu *gpu, uint32_t handle)
{
	struct drm_gem_close arg = {.handle = handle};

	return call(gpu->fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

/* What it does with a buffer that is imported: hands it on as the same dma-buf. */
static int is_the_same(struct gpu *gpu, const struct memory *memory, uint32_t handle)
{
	struct drm_prime_handle back = {.handle = handle, .flags = O_CLOEXEC};
	struct stat one, two;

	EXPECT(call(gpu->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &back), 0);
	EXPECT(fstat(memory->fd, &one), 0);
	EXPECT(fstat(back.fd, &two), 0);
	close(back.fd);
	REQUIRE(one.st_ino == two.st_ino, "%s: another dma-buf came back", gpu->driver);
	return 0;
}

static int import_tests(struct gpu *gpu)
{
	uint32_t flags = gpu->translated ? 0 : GDL_GRANT_UNTRANSLATED, handle;
	long long attached, mapped;
	struct memory memory;
	struct gdl_query now;
	int agent = new_agent(0);
	bool dynamic;
	long ret;

	EXPECT(alloc(agent, 4 * PAGE, &memory), 0);
	EXPECT(import(gpu, &memory, &handle), -EACCES);
	if (!gpu->translated)
		EXPECT(grant(agent, memory.handle, gpu->device), -EOPNOTSUPP);

	/* A driver that can give it back gets it; others are refused by us, not by themselves. */
	attached = stat_of("attached");
	EXPECT(grant_flags(agent, memory.handle, gpu->device, flags), 1);
	ret = import(gpu, &memory, &handle);
	dynamic = stat_of("attached") > attached;
	if (!dynamic) {
		EXPECT(ret, -EOPNOTSUPP);
		EXPECT(take_back(agent, memory.handle, gpu->device), 1);
		EXPECT(grant_flags(agent, memory.handle, gpu->device, flags | GDL_GRANT_STATIC), 1);
		mapped = stat_of("mapped");
		ret = import(gpu, &memory, &handle);
		EXPECT(stat_of("attached"), attached + 1);
		EXPECT(stat_of("mapped"), mapped + 1);
	}
	printf("# %s (%s, %s): %s importer; PRIME import: %s\n", gpu->driver, gpu->place,
		gpu->translated ? "behind an IOMMU" : "behind no IOMMU",
		dynamic ? "dynamic" : "static", ret ? strerror((int)-ret) : "ok");
	fflush(stdout);
	EXPECT(query(agent, memory.handle, &now), 0);
	if (ret) {
		/* Attached and mapped with our permission, then given up by the driver itself. */
		REQUIRE(ret != -EACCES && ret != -EOPNOTSUPP, "%s: refused though granted: %ld",
			gpu->driver, ret);
		EXPECT(now.attached, 0);
		EXPECT(now.mapped, 0);
		return 0;
	}
	EXPECT(now.attached, 1);
	if (is_the_same(gpu, &memory, handle))
		return 1;
	if (dynamic) {
		EXPECT(take_back(agent, memory.handle, gpu->device), 1);
		EXPECT(query(agent, memory.handle, &now), 0);
		EXPECT(now.mapped, 0);
		EXPECT(drop(gpu, handle), 0);
	} else {
		EXPECT(take_back(agent, memory.handle, gpu->device), -EBUSY);
		EXPECT(drop(gpu, handle), 0);
		EXPECT(take_back(agent, memory.handle, gpu->device), 1);
	}
	EXPECT(import(gpu, &memory, &handle), -EACCES);
	return 0;
}

int test_prime(void)
{
	struct gpu gpu;
	int tested = 0;

	for (int i = 0; i < 16; i++) {
		int failed;

		if (!open_gpu(i, &gpu))
			continue;
		failed = import_tests(&gpu);
		close(gpu.fd);
		if (failed)
			return failed;
		tested++;
	}
	return tested ? 0 : skip("no /dev/dri/card*");
}
