/* SPDX-License-Identifier: GPL-2.0-only */
/* What has happened since the module was loaded: counters per CPU, summed up when read. */
#ifndef GDL_STATS_H
#define GDL_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#define GDL_STATS(X)							\
	X(agents_created)						\
	X(agents_ended)		/* and nothing is charged any more */	\
	X(allocations)							\
	X(frees)		/* pages given back */			\
	X(allocated_bytes)						\
	X(freed_bytes)							\
	X(quota_refusals)						\
	X(memlock_refusals)						\
	X(grants)							\
	X(revokes)							\
	X(revokes_refused)	/* EBUSY */				\
	X(revokes_late)		/* ETIMEDOUT */				\
	X(checks)							\
	X(checks_allowed)						\
	X(attached)							\
	X(attach_refusals)						\
	X(mapped)							\
	X(map_refusals)							\
	X(unmapped)							\
	X(mapped_bytes)							\
	X(bounced_bytes)	/* of these: not the pages themselves */ \
	X(cpu_mapped)		/* mmap and vmap */

struct gdl_stats {
#define GDL_FIELD(name) u64 name;
	GDL_STATS(GDL_FIELD)
#undef GDL_FIELD
};

DECLARE_PER_CPU(struct gdl_stats, gdl_stats);

#define gdl_count(name)		this_cpu_inc(gdl_stats.name)
#define gdl_add(name, n)	this_cpu_add(gdl_stats.name, n)

#endif
