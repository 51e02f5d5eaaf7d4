/* SPDX-License-Identifier: GPL-2.0-only */
/* The last-level caches of this machine, as its CPUs tell of them. */
#ifndef _GAMING_CACHE_TOPOLOGY_H
#define _GAMING_CACHE_TOPOLOGY_H

#include <linux/cpumask.h>
#include <linux/types.h>

struct gaming_llc {
	unsigned int level;
	u64 bytes;
	unsigned int first_cpu;	/* the lowest that shares it */
	struct cpumask cpus;	/* that share it and are online */
};

/* Of @cpu. -ENOENT: it tells nothing, or has been switched off. May sleep. */
int gaming_llc_of_cpu(unsigned int cpu, struct gaming_llc *ret);

#endif /* _GAMING_CACHE_TOPOLOGY_H */
