/* SPDX-License-Identifier: Apache-2.0 */
/* SET_AFFINITY against sysfs. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/place.h"
#include "kmods/gaming/selftest/caches.h"
#include "kmods/gaming/selftest/ioctl.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

/* The answer for these allowed CPUs, held against what sysfs says of each of them. */
static int check_answers(int fd, const cpu_set_t *allowed)
{
	struct sys_cache cache, other;
	uint64_t cpus[GAMING_CPU_WORDS];
	struct gaming_affinity a;
	cpu_set_t both;

	REQUIRE(!sched_setaffinity(0, sizeof(*allowed), allowed), "sched_setaffinity: %m");
	EXPECT(ask(fd, GAMING_AFFINITY_LARGEST, cpus, &a), 0);
	REQUIRE(sys_cache((int)a.first_cpu, &cache), "CPU %u has no cache", a.first_cpu);
	CPU_AND(&both, &cache.shared, allowed);
	REQUIRE(CPU_COUNT(&both) && same_cpus(cpus, &both), "the mask is not the cache's");
	EXPECT(a.level, cache.level);
	EXPECT(a.bytes, cache.bytes);
	EXPECT(a.first_cpu, lowest(&cache.shared));
	/* None that is allowed is larger, nor as large and with more of the allowed CPUs. */
	for (int cpu = 0; cpu < CPUS; cpu++) {
		cpu_set_t more;

		if (!CPU_ISSET(cpu, allowed) || !sys_cache(cpu, &other))
			continue;
		CPU_AND(&more, &other.shared, allowed);
		REQUIRE(other.bytes < a.bytes ||
				(other.bytes == a.bytes && CPU_COUNT(&more) <= CPU_COUNT(&both)),
			"the cache of CPU %d is better", cpu);
	}
	for (int cpu = 0; cpu < CPUS; cpu++) {
		cpu_set_t one;

		if (!CPU_ISSET(cpu, allowed) || !sys_cache(cpu, &other))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		EXPECT(ask(fd, GAMING_AFFINITY_NEAREST, cpus, &a), 0);
		REQUIRE(same_cpus(cpus, &one), "CPU %d: not only what is allowed", cpu);
		EXPECT(a.first_cpu, lowest(&other.shared));
	}
	sched_setaffinity(0, sizeof(*allowed), allowed);
	return 0;
}

int test_cache_choice(void)
{
	struct sys_cache cache;
	cpu_set_t all, some;
	struct gaming g;
	int cpu;

	EXPECT(gaming_open(&g), 0);
	if (!have_caches()) {
		uint64_t cpus[GAMING_CPU_WORDS];
		struct gaming_affinity a;

		EXPECT(ask(g.fd, GAMING_AFFINITY_LARGEST, cpus, &a), -EOPNOTSUPP);
		EXPECT(ask(g.fd, GAMING_AFFINITY_NEAREST, cpus, &a), -EOPNOTSUPP);
		return skip("this machine does not tell of its caches");
	}
	sys_cache(sched_getcpu(), &cache);
	EXPECT(!!(g.features & GAMING_FEAT_L3), cache.level >= 3);
	sched_getaffinity(0, sizeof(all), &all);
	if (check_answers(g.fd, &all))
		return 1;
	/* Without any one CPU: where there are two equal caches, now one has more. */
	for (cpu = 0; cpu < CPUS && CPU_COUNT(&all) > 1; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		some = all;
		CPU_CLR(cpu, &some);
		if (check_answers(g.fd, &some))
			return 1;
	}
	gaming_close(&g);
	return 0;
}

/* Where caches differ in size (one die with more of it), the largest is taken, from everywhere. */
int test_cache_unequal(void)
{
	uint64_t cpus[GAMING_CPU_WORDS], most = 0, least = UINT64_MAX;
	struct gaming_affinity a;
	struct sys_cache cache;
	cpu_set_t all;
	struct gaming g;

	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		if (!CPU_ISSET(cpu, &all) || !sys_cache(cpu, &cache))
			continue;
		most = cache.bytes > most ? cache.bytes : most;
		least = cache.bytes < least ? cache.bytes : least;
	}
	if (most <= least)
		return skip("all last-level caches are of one size");
	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < 50; i++) {
		usleep(1000);
		EXPECT(ask(g.fd, GAMING_AFFINITY_LARGEST, cpus, &a), 0);
		EXPECT(a.bytes, most);
	}
	gaming_close(&g);
	return 0;
}

static int node_of(int cpu)
{
	char path[96];

	for (int node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/node%d", cpu, node);
		if (!access(path, F_OK))
			return node;
	}
	return 0;
}

int test_cache_local(void)
{
	uint64_t cpus[GAMING_CPU_WORDS];
	struct gaming_affinity a;
	cpu_set_t all, one;
	struct gaming g;
	int nodes = 0;

	if (!have_caches())
		return skip("this machine does not tell of its caches");
	EXPECT(gaming_open(&g), 0);
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		nodes |= 1 << node_of(cpu);
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		EXPECT(ask(g.fd, GAMING_AFFINITY_LARGEST | GAMING_AFFINITY_LOCAL, cpus, &a), 0);
		EXPECT(a.node, node_of(cpu));
		/* All are allowed again, and it still runs here, or was just moved. */
		sched_setaffinity(0, sizeof(all), &all);
		EXPECT(ask(g.fd, GAMING_AFFINITY_LARGEST | GAMING_AFFINITY_LOCAL, cpus, &a), 0);
		EXPECT(a.node, node_of((int)a.first_cpu));
	}
	gaming_close(&g);
	return nodes & (nodes - 1) ? 0 : skip("one NUMA node only");
}

int test_cache_bad(void)
{
	static uint64_t mask[GAMING_CPU_WORDS];
	static const struct {
		const char *name;
		size_t offset;
		uint32_t value;
		int err;
	} cases[] = {
		{"size", offsetof(struct gaming_affinity, size), 47, EINVAL},
		{"no choice", offsetof(struct gaming_affinity, flags), 0, EINVAL},
		{"both choices", offsetof(struct gaming_affinity, flags), 3, EINVAL},
		{"unknown flag", offsetof(struct gaming_affinity, flags), 17, EINVAL},
		{"mask of no bytes", offsetof(struct gaming_affinity, cpus_size), 0, EINVAL},
		{"mask of 12 bytes", offsetof(struct gaming_affinity, cpus_size), 12, EINVAL},
		{"mask of 8 KiB", offsetof(struct gaming_affinity, cpus_size), 8192, EINVAL},
		{"mask nowhere", offsetof(struct gaming_affinity, cpus), 16, EFAULT},
		{"reserved", offsetof(struct gaming_affinity, resv), 1, EINVAL},
	};
	struct gaming_watch watch = {.size = sizeof(watch)};
	struct gaming_yield y = {.size = sizeof(y)};
	struct gaming g;
	pid_t child;

	EXPECT(sizeof(struct gaming_affinity), 48);
	EXPECT(sizeof(struct gaming_watch), 64);
	EXPECT(gaming_open(&g), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_affinity a = {.size = sizeof(a),
			.flags = GAMING_AFFINITY_NEAREST,
			.cpus = (uintptr_t)mask,
			.cpus_size = sizeof(mask)};
		long got;

		if (cases[i].err == EFAULT && !have_caches())
			continue;
		memcpy((char *)&a + cases[i].offset, &cases[i].value, 4);
		if (cases[i].offset == offsetof(struct gaming_affinity, cpus))
			a.cpus = cases[i].value;
		got = ioctl_arg(g.fd, GAMING_IOC(GAMING_CALL_SET_AFFINITY), &a);
		REQUIRE(got == -cases[i].err, "SET_AFFINITY, %s: %ld", cases[i].name, got);
	}
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_WATCH, &watch), -ENOENT);
	watch.flags = 2;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_WATCH, &watch), -EINVAL);
	watch.flags = 0;
	watch.resv = 1;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_WATCH, &watch), -EINVAL);
	y.flags = 1;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC(GAMING_CALL_YIELD), &y), -EINVAL);
	y.flags = 0;
	y.tid = -1;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC(GAMING_CALL_YIELD), &y), -EINVAL);
	/* Threads of others are none of ours, nor are those that are not there. */
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	EXPECT(gaming_yield_to(&g, child), -ENOENT);
	EXPECT(gaming_yield_to(&g, 1), -ENOENT);
	EXPECT(gaming_yield_to(&g, INT32_MAX), -ENOENT);
	EXPECT(gaming_yield_to(&g, 0), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	gaming_close(&g);
	return 0;
}
