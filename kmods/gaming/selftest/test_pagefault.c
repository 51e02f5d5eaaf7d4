/* SPDX-License-Identifier: Apache-2.0 */
/* MMAP, MADVISE, MLOCK, MUNMAP: no fault afterwards, nobody's bytes, ordinary memory. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/selftest/pages.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

int test_pagefault(void)
{
	struct gaming_filled filled;
	struct gaming g;
	struct metric *m;
	char *plain;
	void *addr;

	EXPECT(gaming_open(&g), 0);
	EXPECT(sizeof(struct gaming_memory), 56);
	fill_pool(&g, 8 * MIB / PAGE);
	EXPECT(gaming_mmap(&g, 16 * MIB, 0, &addr, &filled), 0);
	/* What would count faults if there were any: memory that nobody filled. */
	plain = plain_memory(MIB);
	REQUIRE(touch(plain, MIB) >= (long)(MIB / PAGE), "the count of faults counts nothing");
	m = add_metric("faults_after_mmap", "count", true);
	m->samples[m->count++] = (double)touch(addr, 16 * MIB);
	EXPECT(m->samples[0], 0);
	m = add_metric("pages_from_pool", "percent", false);
	m->higher_is_better = true;
	m->samples[m->count++] = (double)filled.pooled * 100 / (16.0 * MIB / PAGE);
	REQUIRE(!(g.features & GAMING_FEAT_POOL) || filled.pooled, "nothing came from the pool");
	REQUIRE(filled.faulted <= 16 * MIB / PAGE - filled.pooled,
		"%lu pages from the pool, %lu faults", filled.pooled, filled.faulted);
	EXPECT(gaming_munmap(&g, addr, 16 * MIB), 0);
	REQUIRE(mincore(addr, PAGE, (unsigned char *)plain) == -1 && errno == ENOMEM,
		"still mapped");

	/* MADVISE: what is there stays, what is not comes. */
	plain = plain_memory(4 * MIB);
	for (size_t at = 0; at < 4 * MIB; at += 3 * PAGE)
		memset(plain + at, 0x5a, PAGE);
	(void)*(volatile char *)(plain + PAGE); /* the zero page */
	EXPECT(gaming_populate(&g, plain, 4 * MIB, 0, &filled), 0);
	for (size_t at = 0; at < 4 * MIB; at += PAGE)
		REQUIRE(at / PAGE % 3 ? is_zero(plain + at, PAGE) : plain[at] == 0x5a,
			"page %zu has other bytes", at / PAGE);
	EXPECT(touch(plain, 4 * MIB), 0);
	EXPECT(gaming_populate(&g, plain, 4 * MIB, 0, &filled), 0);
	EXPECT(filled.pooled, 0);
	EXPECT(filled.faulted, 0);
	gaming_close(&g);
	return 0;
}

/*
 * Pages given back full of a pattern never come again with it: by this process or by
 * another one, with more memory turned over than the pool holds.
 */
int test_pagefault_clean(void)
{
	enum { ROUNDS = 12 };
	size_t len = 24 * MIB;
	struct gaming_filled filled;
	uint64_t pooled = 0;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < ROUNDS; i++) {
		pid_t child = i & 1 ? fork() : 0;
		int status = 0;
		void *addr;

		if (!(i & 1) || !child) {
			struct gaming own;

			if (gaming_open(&own))
				_exit(2);
			fill_pool(&own, 2 * MIB / PAGE);
			status = gaming_mmap(&own, len, 0, &addr, &filled) ? 2 : 0;
			if (!status && !is_zero(addr, len))
				status = 3;
			if (!status)
				memset(addr, 0xa5, len);
			pooled += filled.pooled;
			gaming_close(&own);
			if (i & 1)
				_exit(status); /* with all of it mapped */
			munmap(addr, len);
		} else {
			EXPECT(waitpid(child, &status, 0), child);
			status = WEXITSTATUS(status);
		}
		REQUIRE(status != 3, "round %d: bytes that somebody else has written", i);
		EXPECT(status, 0);
	}
	REQUIRE(!(g.features & GAMING_FEAT_POOL) || pooled, "nothing came from the pool");
	gaming_close(&g);
	return 0;
}

/* fork, mprotect, mremap, partial munmap: as with memory of mmap(2). */
int test_pagefault_ordinary(void)
{
	struct gaming g;
	void *addr;
	char *bytes;
	pid_t child;
	int status;
	unsigned char in_core[4];

	EXPECT(gaming_open(&g), 0);
	fill_pool(&g, 4 * MIB / PAGE);
	EXPECT(gaming_mmap(&g, 4 * MIB, 0, &addr, NULL), 0);
	bytes = addr;
	memset(bytes, 'p', 4 * MIB);
	child = fork();
	if (!child) {
		for (size_t at = 0; at < 4 * MIB; at += PAGE) {
			if (bytes[at] != 'p')
				_exit(1);
			bytes[at] = 'c';
		}
		_exit(0);
	}
	EXPECT(waitpid(child, &status, 0), child);
	EXPECT(status, 0);
	for (size_t at = 0; at < 4 * MIB; at++)
		REQUIRE(bytes[at] == 'p', "the child's write is the parent's, at %zu", at);

	/* A hole in the middle: its pages are gone, the others are not. */
	EXPECT(gaming_munmap(&g, bytes + PAGE, PAGE), 0);
	EXPECT(sys(mincore(bytes + PAGE, PAGE, in_core)), -ENOMEM);
	EXPECT(bytes[0] == 'p' && bytes[2 * PAGE] == 'p', 1);
	EXPECT(sys(madvise(bytes, PAGE, MADV_DONTNEED)), 0);
	EXPECT(bytes[0], 0);
	bytes = mremap(bytes + 2 * PAGE, 4 * MIB - 2 * PAGE, 8 * MIB, MREMAP_MAYMOVE);
	REQUIRE(bytes != MAP_FAILED, "mremap: %m");
	EXPECT(bytes[0] == 'p' && bytes[4 * MIB - 2 * PAGE - 1] == 'p' && !bytes[5 * MIB], 1);

	/* What cannot be written to is not filled; nor what is not mapped. */
	EXPECT(mprotect(bytes, MIB, PROT_READ), 0);
	EXPECT(gaming_populate(&g, bytes, 8 * MIB, 0, NULL), -EFAULT);
	EXPECT(munmap(bytes, 8 * MIB), 0);
	EXPECT(gaming_populate(&g, bytes, MIB, 0, NULL), -EFAULT);

	/* Shared memory and a file's: by faults, and right. */
	bytes = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT(gaming_populate(&g, bytes, MIB, 0, NULL), 0);
	EXPECT(touch(bytes, MIB), 0);
	gaming_close(&g);
	return 0;
}

int test_pagefault_locked(void)
{
	struct rlimit limit = {2 * MIB, 2 * MIB};
	struct gaming_memory m = {.size = sizeof(m), .len = MIB};
	struct gaming_filled filled;
	struct gaming g;
	char *bytes;

	EXPECT(gaming_open(&g), 0);
	EXPECT(become_nobody(), 0);
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	bytes = plain_memory(8 * MIB);
	fill_pool(&g, MIB / PAGE);
	EXPECT(gaming_mlock(&g, bytes, MIB, 0, &filled), 0);
	EXPECT(locked_kib(), 1024);
	EXPECT(touch(bytes, MIB), 0);
	/* Over the limit: refused, and nothing of it is locked. */
	EXPECT(gaming_mlock(&g, bytes + 4 * MIB, 2 * MIB, 0, NULL), -ENOMEM);
	EXPECT(locked_kib(), 1024);
	/* The call does not say that something is locked which is not. */
	m.addr = (uintptr_t)bytes + MIB;
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MLOCK), &m), -EINVAL);
	m.addr = (uintptr_t)bytes + PAGE; /* its last page is not */
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MLOCK), &m), -EINVAL);
	EXPECT(munmap(bytes, 8 * MIB), 0);
	EXPECT(locked_kib(), 0);
	gaming_close(&g);
	return 0;
}

static const char *in_folder(const char *folder, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static long read_number(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	return atol(text);
}

/* A memory cgroup of our own. Its directory, or NULL where there cannot be one. */
static const char *new_cgroup(void)
{
	static char path[64];
	const char *root = access("/sys/fs/cgroup/cgroup.controllers", F_OK) ? "/tmp/cgroup"
									     : "/sys/fs/cgroup";

	if (mkdir(root, 0755) == 0)
		mount("cgroup2", root, "cgroup2", 0, NULL);
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", root);
	write_text(path, "+memory");
	snprintf(path, sizeof(path), "%s/gaming_test", root);
	mkdir(path, 0755);
	return access(in_folder(path, "memory.current"), R_OK) ? NULL : path;
}

/* What the cgroup of a process that has memory pays for it: as for memory by faults. */
int test_pagefault_charged(void)
{
	const char *cgroup = geteuid() ? NULL : new_cgroup();
	size_t len = 16 * MIB;
	char number[16];
	long charged[2];
	struct gaming g;
	void *addr;

	if (!cgroup)
		return skip("needs root and memory cgroups, version 2");
	snprintf(number, sizeof(number), "%d", getpid());
	EXPECT(write_text(in_folder(cgroup, "cgroup.procs"), number), 0);
	EXPECT(gaming_open(&g), 0);
	for (int by_faults = 0; by_faults < 2; by_faults++) {
		long before;

		fill_pool(&g, len / PAGE);
		before = read_number(in_folder(cgroup, "memory.current"));
		if (by_faults) {
			addr = plain_memory(len);
			touch(addr, len);
		} else {
			EXPECT(gaming_mmap(&g, len, 0, &addr, NULL), 0);
		}
		charged[by_faults] = read_number(in_folder(cgroup, "memory.current")) - before;
		munmap(addr, len);
	}
	/* Its counter is exact to some pages for each CPU. */
	for (int i = 0; i < 2; i++)
		REQUIRE(charged[i] > (long)len * 15 / 16 && charged[i] < (long)len * 17 / 16,
			"%ld KiB are charged for %zu", charged[i] / 1024, len / 1024);
	EXPECT(write_text(in_folder(cgroup, "../cgroup.procs"), number), 0);
	rmdir(cgroup);
	gaming_close(&g);
	return 0;
}

int test_pagefault_huge(void)
{
	struct gaming_filled filled;
	struct gaming g;
	void *addr;

	EXPECT(gaming_open(&g), 0);
	if (!(g.features & GAMING_FEAT_HUGE_PAGES))
		return skip("this kernel has no huge pages");
	EXPECT(gaming_mmap(&g, 8 * MIB, GAMING_MEM_HUGE, &addr, &filled), 0);
	EXPECT((uintptr_t)addr % (2 * MIB), 0);
	EXPECT(touch(addr, 8 * MIB), 0);
	EXPECT(filled.pooled, 0);
	/* Memory in pieces may have none left; then the pages are small, and said to be. */
	REQUIRE(filled.faulted <= 8 * MIB / PAGE - filled.huge + filled.huge / 512,
		"%lu pages in huge ones, and %lu faults", filled.huge, filled.faulted);
	EXPECT(munmap(addr, 8 * MIB), 0);
	/* Small pages are not called huge. */
	addr = plain_memory(8 * MIB);
	EXPECT(gaming_populate(&g, addr, 8 * MIB, GAMING_MEM_HUGE, &filled), 0);
	EXPECT(filled.huge, 0);
	gaming_close(&g);
	return 0;
}

int test_pagefault_bad(void)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t value;
	} cases[] = {
		{"size 0", offsetof(struct gaming_memory, size), 0},
		{"unknown flag", offsetof(struct gaming_memory, flags), 2},
		{"not a page's begin", offsetof(struct gaming_memory, addr), 1},
		{"not a page's end", offsetof(struct gaming_memory, len), 1},
		{"nothing", offsetof(struct gaming_memory, len), 0},
		{"all there is", offsetof(struct gaming_memory, len), ~0ull << 12},
		{"beyond user space", offsetof(struct gaming_memory, addr), 1ull << 63},
		{"reserved", offsetof(struct gaming_memory, resv), 1},
	};
	static const uint32_t calls[] = {
		GAMING_CALL_MMAP, GAMING_CALL_MUNMAP, GAMING_CALL_MADVISE, GAMING_CALL_MLOCK};
	char *good = plain_memory(MIB);
	struct gaming_memory m;
	struct rlimit limit = {64 * MIB, 64 * MIB};
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (size_t c = 0; c < ARRAY_LEN(calls); c++) {
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			size_t bytes = cases[i].offset < 8 ? 4 : 8;
			long got;

			m = (struct gaming_memory){.size = sizeof(m), .len = MIB};
			if (calls[c] != GAMING_CALL_MMAP)
				m.addr = (uintptr_t)good;
			memcpy((char *)&m + cases[i].offset, &cases[i].value, bytes);
			got = gaming_ioctl(&g, GAMING_IOC(calls[c]), &m);
			REQUIRE(got == -EINVAL, "call %u, %s: %ld", calls[c], cases[i].name, got);
		}
	}
	/* An address to MMAP; and more than the process may have. */
	m = (struct gaming_memory){.size = sizeof(m), .len = MIB, .addr = (uintptr_t)good};
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MMAP), &m), -EINVAL);
	EXPECT(setrlimit(RLIMIT_AS, &limit), 0);
	m = (struct gaming_memory){.size = sizeof(m), .len = 128 * MIB};
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MMAP), &m), -ENOMEM);
	gaming_close(&g);
	return 0;
}
