/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "kmods/gaming/selftest/pages.h"
#include "kmods/selftest/report.h"

long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

long touch(volatile char *addr, size_t len)
{
	long before = faults();

	for (size_t at = 0; at < len; at += PAGE)
		addr[at] = 1;
	return faults() - before;
}

bool is_zero(const void *addr, size_t len)
{
	const uint64_t *words = addr;

	for (size_t i = 0; i < len / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

uint64_t fill_pool(const struct gaming *g, uint64_t pages)
{
	struct gaming_pool pool = {0};
	uint64_t before = 0;

	for (int still = 0; still < 20 * slowness(); still++) {
		if (gaming_pool(g, &pool) || pool.pages >= pages || pool.pages >= pool.most)
			break;
		if (pool.pages != before)
			still = 0;
		before = pool.pages;
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	return pool.pages;
}

void *plain_memory(size_t len)
{
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Small pages, whatever the machine's policy. */
	madvise(addr, len, MADV_NOHUGEPAGE);
	return addr;
}

long proc_kib(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	char line[128];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = strtol(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

long locked_kib(void)
{
	return proc_kib("/proc/self/status", "VmLck:");
}

int become_nobody(void)
{
	return !geteuid() && (setgid(65534) || setuid(65534));
}

char *scattered_memory(size_t len, uint32_t seed)
{
	size_t pages = len / PAGE;
	char *spare = plain_memory(2 * len), *addr = plain_memory(len);

	/* In turns, so that no two of ours come one behind the other. */
	for (size_t i = 0; i < pages; i++) {
		spare[2 * i * PAGE] = 1;
		for (size_t at = 0; at < PAGE; at += sizeof(uint32_t))
			*(uint32_t *)(void *)(addr + i * PAGE + at) = random_next(&seed);
		spare[(2 * i + 1) * PAGE] = 1;
	}
	munmap(spare, 2 * len);
	return addr;
}

int compact_all_by(compact_step *make_step, const struct gaming *g, char *addr, size_t len,
	uint64_t budget_ns, struct gaming_compact *sum, uint64_t *longest_step)
{
	struct gaming_compact step = {0};
	void *next = addr;
	int ret, steps = 0, waits = 0;

	*sum = (struct gaming_compact){0};
	*longest_step = 0;
	for (;;) {
		ret = make_step(g, addr, len, budget_ns, &next, &step);
		if (ret == -EAGAIN && waits++ < 100 * slowness()) {
			nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
			continue;
		}
		if (ret < 0)
			return ret;
		sum->moved += step.moved;
		sum->kept += step.kept;
		if (step.spent_ns > *longest_step)
			*longest_step = step.spent_ns;
		if (step.longest_ns > sum->longest_ns)
			sum->longest_ns = step.longest_ns;
		steps++;
		if (ret)
			return steps;
	}
}

int compact_all(const struct gaming *g, char *addr, size_t len, uint64_t budget_ns,
	struct gaming_compact *sum, uint64_t *longest_step)
{
	return compact_all_by(gaming_compact, g, addr, len, budget_ns, sum, longest_step);
}

int begin_compaction(struct gaming *g)
{
	int ret = gaming_open(g);

	if (!ret && !(g->features & GAMING_FEAT_POOL))
		return skip("this kernel lets no module move pages");
	return ret;
}
