/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmods/gaming/selftest/caches.h"
#include "kmods/gaming/selftest/ioctl.h"

bool read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(text, (int)size, file);

	if (file)
		fclose(file);
	return good;
}

static bool read_index(int cpu, int index, const char *name, char *text, size_t size)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cache/index%d/%s", cpu, index,
		name);
	return read_line(path, text, size);
}

/* "0-3,8" */
static void parse_list(const char *text, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	while (*text >= '0' && *text <= '9') {
		char *end;
		long first = strtol(text, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (; first <= last; first++)
			CPU_SET((int)first, ret);
		text = *end == ',' ? end + 1 : end;
	}
}

bool sys_cache(int cpu, struct sys_cache *ret)
{
	char text[256];

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; read_index(cpu, i, "level", text, sizeof(text)); i++) {
		int level = atoi(text);
		unsigned long size;
		char unit;

		if (level <= ret->level || !read_index(cpu, i, "type", text, sizeof(text)) ||
			!strncmp(text, "Instruction", 11))
			continue;
		ret->level = level;
		if (read_index(cpu, i, "size", text, sizeof(text)) &&
			sscanf(text, "%lu%c", &size, &unit) == 2)
			ret->bytes = unit == 'K' ? size << 10 : size << 20;
		if (read_index(cpu, i, "shared_cpu_list", text, sizeof(text)))
			parse_list(text, &ret->shared);
	}
	return ret->level;
}

bool have_caches(void)
{
	struct sys_cache cache;

	return sys_cache(sched_getcpu(), &cache);
}

int ask(int fd, uint32_t flags, uint64_t *cpus, struct gaming_affinity *ret)
{
	memset(cpus, 0x5a, GAMING_CPU_WORDS * 8);
	*ret = (struct gaming_affinity){.size = sizeof(*ret),
		.flags = flags,
		.cpus = (uintptr_t)cpus,
		.cpus_size = GAMING_CPU_WORDS * 8};
	return (int)ioctl_arg(fd, GAMING_IOC(GAMING_CALL_SET_AFFINITY), ret);
}

bool same_cpus(const uint64_t *cpus, const cpu_set_t *set)
{
	for (int cpu = 0; cpu < GAMING_CPU_WORDS * 64; cpu++) {
		bool in = cpus[cpu / 64] >> (cpu % 64) & 1;

		if (in != (cpu < CPU_SETSIZE && CPU_ISSET(cpu, set)))
			return false;
	}
	return true;
}

int lowest(const cpu_set_t *set)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, set))
		cpu++;
	return cpu;
}
