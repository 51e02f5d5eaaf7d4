/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define HUGE_PAGE ((size_t)2 << 20)

static uint64_t faults_of_thread(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)(usage.ru_minflt + usage.ru_majflt);
}

/* Where the module does not do it: the same, by faults only. */
static int populate_without(void *addr, size_t len, struct gaming_filled *ret_filled)
{
	uint64_t before = faults_of_thread();

	if (madvise(addr, len, MADV_POPULATE_WRITE))
		return -errno;
	if (ret_filled)
		*ret_filled = (struct gaming_filled){.faulted = faults_of_thread() - before};
	return 0;
}

static int fill(const struct gaming *g, uint32_t call, void *addr, size_t len, uint32_t flags,
	struct gaming_filled *ret_filled)
{
	struct gaming_memory m = {
		.size = sizeof(m), .flags = flags, .addr = (uintptr_t)addr, .len = len};
	long ret;

	if (!gaming_has(g, call))
		return populate_without(addr, len, ret_filled);
	ret = gaming_ioctl(g, GAMING_IOC(call), &m);
	if (!ret && ret_filled)
		*ret_filled = (struct gaming_filled){m.pooled, m.faulted, m.huge};
	return (int)ret;
}

/* Begins at a huge page, with advice that the module cannot give. */
static void *map_huge(size_t len)
{
	char *spare, *begin;

	if (len + HUGE_PAGE < len) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	spare = mmap(
		NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (spare == MAP_FAILED)
		return MAP_FAILED;
	begin = spare + (HUGE_PAGE - (uintptr_t)spare % HUGE_PAGE) % HUGE_PAGE;
	if (begin > spare)
		munmap(spare, (size_t)(begin - spare));
	munmap(begin + len, (size_t)(spare + HUGE_PAGE - begin));
	/* A kernel without huge pages refuses; then they are small. */
	madvise(begin, len, MADV_HUGEPAGE);
	return begin;
}

int gaming_mmap(const struct gaming *g, size_t len, uint32_t flags, void **ret_addr,
	struct gaming_filled *ret_filled)
{
	struct gaming_memory m = {.size = sizeof(m), .flags = flags, .len = len};
	void *addr;
	long ret;

	if (!(flags & GAMING_MEM_HUGE) && gaming_has(g, GAMING_CALL_MMAP)) {
		ret = gaming_ioctl(g, GAMING_IOC(GAMING_CALL_MMAP), &m);
		if (ret)
			return (int)ret;
		*ret_addr = (void *)(uintptr_t)m.addr;
		if (ret_filled)
			*ret_filled = (struct gaming_filled){m.pooled, m.faulted, m.huge};
		return 0;
	}
	if (flags & ~GAMING_MEM_HUGE || !len || len % (size_t)sysconf(_SC_PAGESIZE))
		return -EINVAL;
	addr = flags & GAMING_MEM_HUGE ? map_huge(len)
				       : mmap(NULL, len, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return -errno;
	ret = fill(g, GAMING_CALL_MADVISE, addr, len, flags, ret_filled);
	if (ret)
		munmap(addr, len);
	else
		*ret_addr = addr;
	return (int)ret;
}

int gaming_populate(const struct gaming *g, void *addr, size_t len, uint32_t flags,
	struct gaming_filled *ret_filled)
{
	return fill(g, GAMING_CALL_MADVISE, addr, len, flags, ret_filled);
}

int gaming_mlock(const struct gaming *g, void *addr, size_t len, uint32_t flags,
	struct gaming_filled *ret_filled)
{
	int ret;

	/* Locked when they come: so the pool's pages can, and no lock is taken too late. */
	if (mlock2(addr, len, MLOCK_ONFAULT))
		return -errno;
	ret = fill(g, GAMING_CALL_MLOCK, addr, len, flags, ret_filled);
	if (ret)
		munlock(addr, len);
	return ret;
}

int gaming_munmap(const struct gaming *g, void *addr, size_t len)
{
	struct gaming_memory m = {.size = sizeof(m), .addr = (uintptr_t)addr, .len = len};

	if (gaming_has(g, GAMING_CALL_MUNMAP))
		return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_MUNMAP), &m);
	return munmap(addr, len) ? -errno : 0;
}

int gaming_compact(const struct gaming *g, void *addr, size_t len, uint64_t budget_ns, void **next,
	struct gaming_compact *ret_step)
{
	uint64_t end = (uintptr_t)addr + len;
	struct gaming_compact step = {.size = sizeof(step), .budget_ns = budget_ns};
	long ret;

	step.addr = (uintptr_t)*next;
	if (step.addr == end)
		return 1;
	step.len = end - step.addr;
	ret = gaming_ioctl(g, GAMING_IOC_COMPACT, &step);
	if (ret)
		return (int)ret;
	*next = (void *)(uintptr_t)step.next;
	if (ret_step)
		*ret_step = step;
	return step.next == end;
}

int gaming_contiguity(const struct gaming *g, const void *addr, size_t len,
	struct gaming_contiguity *ret_contiguity)
{
	struct gaming_contiguity c = {.size = sizeof(c), .addr = (uintptr_t)addr, .len = len};
	long ret = gaming_ioctl(g, GAMING_IOC_CONTIGUITY, &c);

	if (!ret)
		*ret_contiguity = c;
	return (int)ret;
}

int gaming_pool(const struct gaming *g, struct gaming_pool *ret_pool)
{
	struct gaming_pool pool = {.size = sizeof(pool)};
	long ret = gaming_ioctl(g, GAMING_IOC_POOL, &pool);

	if (!ret)
		*ret_pool = pool;
	return (int)ret;
}
