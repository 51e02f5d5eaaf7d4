/* SPDX-License-Identifier: GPL-2.0-only */
/* The last-level caches of this machine, as its CPUs tell of them. */
#ifndef _CACHE_TOPOLOGY_H
#define _CACHE_TOPOLOGY_H

#include <linux/cpumask.h>
#include <linux/types.h>

struct llc {
	unsigned int level;
	u64 bytes;
	unsigned int first_cpu;	/* the lowest that shares it */
	struct cpumask cpus;	/* that share it and are online */
};

/* Of @cpu. -ENOENT: it tells nothing, or has been switched off. May sleep. */
int llc_of_cpu(unsigned int cpu, struct llc *ret);

#endif /* _CACHE_TOPOLOGY_H */
