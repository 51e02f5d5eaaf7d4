/* SPDX-License-Identifier: Apache-2.0 */
/* The last-level caches, as sysfs has them; and what SET_AFFINITY answers. */
#ifndef GAMING_SELFTEST_CACHES_H
#define GAMING_SELFTEST_CACHES_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmods/gaming/libgaming/place.h"

#define CPUS 256 /* at most, here */

/* The last-level cache of each CPU, as sysfs has it. */
struct sys_cache {
	int level;
	uint64_t bytes;
	cpu_set_t shared;
};

/* The first line of a file. */
bool read_line(const char *path, char *text, size_t size);

/* False: sysfs shows no cache of @cpu. */
bool sys_cache(int cpu, struct sys_cache *ret);

/* Does sysfs show one of this CPU? */
bool have_caches(void);

/* SET_AFFINITY, with @cpus of GAMING_CPU_WORDS poisoned before. */
int ask(int fd, uint32_t flags, uint64_t *cpus, struct gaming_affinity *ret);

/* Is @cpus exactly @set? */
bool same_cpus(const uint64_t *cpus, const cpu_set_t *set);

/* The first CPU in @set; CPU_SETSIZE: it is empty. */
int lowest(const cpu_set_t *set);

#endif
