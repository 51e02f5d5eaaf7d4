/* SPDX-License-Identifier: GPL-2.0-only */
/* What has happened since the module was loaded: counters per CPU, summed up when read. */
#ifndef GDL_STATS_H
#define GDL_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* In the order of /proc/swarm/gpu/stats. */
enum gdl_stat {
	GDL_AGENTS_CREATED,
	GDL_AGENTS_ENDED,	/* and nothing is charged any more */
	GDL_ALLOCATIONS,
	GDL_FREES,	/* pages given back */
	GDL_ALLOCATED_BYTES,
	GDL_FREED_BYTES,
	GDL_QUOTA_REFUSALS,
	GDL_MEMLOCK_REFUSALS,
	GDL_GRANTS,
	GDL_REVOKES,
	GDL_REVOKES_REFUSED,	/* EBUSY */
	GDL_REVOKES_LATE,	/* ETIMEDOUT */
	GDL_CHECKS,
	GDL_CHECKS_ALLOWED,
	GDL_ATTACHED,
	GDL_ATTACH_REFUSALS,
	GDL_MAPPED,
	GDL_MAP_REFUSALS,
	GDL_UNMAPPED,
	GDL_MAPPED_BYTES,
	GDL_BOUNCED_BYTES,	/* of these: not the pages themselves */
	GDL_CPU_MAPPED,	/* mmap and vmap */
	GDL_FLUSHES,	/* of an IOMMU's cache */
	GDL_FLUSH_WAITS,	/* GRANTs that waited for them */
	GDL_STAT_COUNT
};

struct gdl_stats {
	u64 count[GDL_STAT_COUNT];
};

DECLARE_PER_CPU(struct gdl_stats, gdl_stats);

static inline void gdl_add(enum gdl_stat stat, u64 n)
{
	this_cpu_add(gdl_stats.count[stat], n);
}

static inline void gdl_count(enum gdl_stat stat)
{
	gdl_add(stat, 1);
}

#endif
