/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: what is given, what is charged for it, and what reaches it. */
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

static int quota_of_nobody(void *unused)
{
	struct memory memory;
	int agent;

	if (be_nobody())
		return 90;
	agent = new_agent(0);
	return set_quota(agent, GDL_DEFAULT_QUOTA + 1) != -EPERM ||
	       set_quota(agent, UINT64_MAX) != -EPERM || set_quota(agent, PAGE) ||
	       alloc(agent, 2 * PAGE, &memory) != -EDQUOT || alloc(agent, PAGE, &memory) ||
	       set_quota(agent, GDL_DEFAULT_QUOTA);
}

int test_quota(void)
{
	struct memory memory[4];
	struct gdl_query now;
	long long refused = stat_of("quota_refusals");
	int agent = new_agent(0);

	EXPECT(set_quota(agent, 3 * PAGE), 0);
	EXPECT(alloc(agent, 2 * PAGE, &memory[0]), 0);
	EXPECT(alloc(agent, 2 * PAGE, &memory[1]), -EDQUOT);
	EXPECT(alloc(agent, PAGE, &memory[1]), 0);
	EXPECT(alloc(agent, PAGE, &memory[2]), -EDQUOT);
	/* One byte too little. */
	EXPECT(set_quota(agent, 4 * PAGE - 1), 0);
	EXPECT(alloc(agent, PAGE, &memory[2]), -EDQUOT);
	EXPECT(set_quota(agent, 4 * PAGE), 0);
	EXPECT(alloc(agent, PAGE, &memory[2]), 0);
	/* Below what is used: nothing new, and what is there stays. */
	EXPECT(set_quota(agent, 0), 0);
	EXPECT(alloc(agent, PAGE, &memory[3]), -EDQUOT);
	EXPECT(query(agent, 0, &now), 0);
	EXPECT(now.quota, 0);
	EXPECT(now.charged, 4 * PAGE);
	/* What was freed, and is held, is charged. */
	EXPECT(set_quota(agent, 4 * PAGE), 0);
	EXPECT(free_handle(agent, memory[0].handle), 0);
	EXPECT(alloc(agent, PAGE, &memory[3]), -EDQUOT);
	close(memory[0].fd);
	EXPECT(alloc(agent, PAGE, &memory[3]), 0);
	/* A huge sum does not wrap around. */
	EXPECT(set_quota(agent, UINT64_MAX), 0);
	EXPECT(alloc(agent, UINT64_MAX - PAGE + 1, &memory[0]), -EDQUOT);
	EXPECT(alloc(agent, 1ull << 62, &memory[0]), -ENOMEM);
	EXPECT(query(agent, 0, &now), 0);
	EXPECT(now.charged, 3 * PAGE);
	EXPECT(stat_of("quota_refusals"), refused + 6);
	EXPECT(in_child(quota_of_nobody, NULL), 0);
	return 0;
}

static int lock_as_nobody(void *unused)
{
	struct rlimit limit = {4 * PAGE, 4 * PAGE};
	struct memory memory[2];
	int agent;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || be_nobody())
		return 90;
	agent = new_agent(0);
	if (alloc(agent, 5 * PAGE, &memory[0]) != -ENOMEM)
		return 1;
	if (alloc(agent, 4 * PAGE, &memory[0]))
		return 2;
	/* Another agent of the same user, in another process, is charged to the same. */
	if (alloc(new_agent(0), PAGE, &memory[1]) != -ENOMEM)
		return 3;
	if (free_handle(agent, memory[0].handle) || alloc(agent, PAGE, &memory[1]) != -ENOMEM)
		return 4;
	close(memory[0].fd);
	return alloc(agent, 4 * PAGE, &memory[1]) ? 5 : 0;
}

int test_memlock(void)
{
	EXPECT(in_child(lock_as_nobody, NULL), 0);
	EXPECT(in_child(lock_as_nobody, NULL), 0);
	return 0;
}

/*
 * A memory cgroup of our own, below a hierarchy that is there or mounted for it; "" if
 * there can be none.
 */
static void make_cgroup(char *path, size_t size, char *root, size_t root_size)
{
	char control[160];
	int fd;

	path[0] = '\0';
	snprintf(root, root_size, "/sys/fs/cgroup");
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK)) {
		snprintf(root, root_size, "/tmp/gpu_dma_test.cgroup");
		mkdir(root, 0700);
		if (mount("none", root, "cgroup2", 0, NULL))
			return;
	}
	snprintf(control, sizeof(control), "%s/cgroup.subtree_control", root);
	fd = open(control, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "+memory", 7) != 7) {
		close(fd);
		return;
	}
	close(fd);
	snprintf(path, size, "%s/gpu_dma_test.%d", root, getpid());
	if (mkdir(path, 0700))
		path[0] = '\0';
}

static long long cgroup_value(const char *path, const char *name)
{
	char file[200], text[32] = "";
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return text[0] ? atoll(text) : -1;
}

static int alloc_in_cgroup(void *arg)
{
	const char *path = arg;
	char file[200];
	struct memory memory;
	long long before, with;
	int agent = new_agent(0), fd;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return 1;
	close(fd);
	before = cgroup_value(path, "memory.current");
	if (before < 0 || alloc(agent, 16 << 20, &memory))
		return 2;
	with = cgroup_value(path, "memory.current");
	if (with - before < 15 << 20)
		return 3;
	if (free_handle(agent, memory.handle) || close(memory.fd))
		return 4;
	return cgroup_value(path, "memory.current") - before > 8 << 20 ? 5 : 0;
}

int test_memcg(void)
{
	char path[120], root[64];
	int status;

	if (geteuid())
		return skip("needs root");
	make_cgroup(path, sizeof(path), root, sizeof(root));
	if (!path[0])
		return skip("no cgroup v2 with a memory controller");
	status = in_child(alloc_in_cgroup, path);
	rmdir(path);
	if (strncmp(root, "/sys", 4))
		umount(root);
	EXPECT(status, 0);
	return 0;
}

int test_mapping(void)
{
	struct memory memory;
	struct gdl_export export = {.size = sizeof(export)};
	struct iovec part;
	struct stat one, two;
	uint64_t *map, *again, ordinary[1] = {0};
	int agent = new_agent(0), pipes[2];

	EXPECT(alloc(agent, 300 * PAGE, &memory), 0);
	map = map_memory(&memory);
	REQUIRE(map != MAP_FAILED, "mmap: %m");
	for (size_t i = 0; i < memory.bytes / 8; i++) {
		REQUIRE(!map[i], "word %zu was not cleared: %#llx", i, (unsigned long long)map[i]);
		map[i] = i * PATTERN;
	}
	/* In parts, at another place; through another descriptor. */
	export.handle = memory.handle;
	EXPECT(call(agent, GDL_IOC_EXPORT, &export), 0);
	EXPECT(fstat(memory.fd, &one), 0);
	EXPECT(fstat(export.fd, &two), 0);
	REQUIRE(one.st_ino == two.st_ino, "EXPORT gave another dma-buf");
	for (uint64_t page = 0; page < 300; page += 37) {
		again = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, export.fd, (off_t)(page * PAGE));
		REQUIRE(again != MAP_FAILED, "mmap of page %d: %m", (int)page);
		REQUIRE(again[5] == (page * PAGE / 8 + 5) * PATTERN, "page %d is another",
			(int)page);
		munmap(again, PAGE);
	}
	REQUIRE(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, memory.fd, (off_t)memory.bytes) ==
				MAP_FAILED &&
			errno == EINVAL,
		"mmap beyond the end");
	REQUIRE(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, memory.fd,
			(off_t)(memory.bytes - PAGE)) == MAP_FAILED,
		"mmap over the end");
	REQUIRE(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, memory.fd, 0) == MAP_FAILED &&
			errno == EINVAL,
		"a private mapping");

	/* Nobody takes references to its pages: that would be a way to DMA without a grant. */
	EXPECT(pipe(pipes), 0);
	part = (struct iovec){ordinary, 8};
	EXPECT(sys(vmsplice(pipes[1], &part, 1, 0)), 8);
	part.iov_base = map;
	EXPECT(sys(vmsplice(pipes[1], &part, 1, 0)), -EFAULT);

	/* The memory outlives both descriptors and the agent. */
	close(memory.fd);
	close(export.fd);
	close(agent);
	for (size_t i = 0; i < memory.bytes / 8; i++)
		REQUIRE(map[i] == i * PATTERN, "word %zu was lost", i);
	munmap(map, memory.bytes);
	return 0;
}

int test_huge(void)
{
	struct memory memory;
	uint64_t *map;
	int agent = new_agent(0);
	long ret;

	EXPECT(alloc_flags(agent, PAGE, GDL_ALLOC_HUGE, &memory), -EINVAL);
	EXPECT(alloc_flags(agent, GDL_HUGE_BYTES + PAGE, GDL_ALLOC_HUGE, &memory), -EINVAL);
	ret = alloc_flags(agent, 2 * GDL_HUGE_BYTES, GDL_ALLOC_HUGE, &memory);
	if (ret == -ENOMEM)
		return skip("this machine has no 2 MiB chunks left");
	EXPECT(ret, 0);
	EXPECT(memory.segments, 2);
	map = map_memory(&memory);
	REQUIRE(map != MAP_FAILED, "mmap: %m");
	for (size_t i = 0; i < memory.bytes / 8; i += 64) {
		REQUIRE(!map[i], "not cleared");
		map[i] = i;
	}
	for (size_t i = 0; i < memory.bytes / 8; i += 64)
		REQUIRE(map[i] == i, "word %zu is another", i);
	return 0;
}
