/* SPDX-License-Identifier: GPL-2.0-only */
/* CLOCK_MONOTONIC as the caller has it: in a time namespace it is another one. */
#ifndef _GAMING_CALLER_TIME_H
#define _GAMING_CALLER_TIME_H

#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>

static inline s64 gaming_caller_time_offset(void)
{
#ifdef CONFIG_TIME_NS
	return timespec64_to_ns(&current->nsproxy->time_ns->offsets.monotonic);
#else
	return 0;
#endif
}

/* @ns may be any number: one before the machine was switched on is 0. */
static inline ktime_t gaming_caller_time_in(u64 ns)
{
	s64 offset = gaming_caller_time_offset();

	if (offset > 0 && ns <= offset)
		return 0;
	return min_t(u64, min_t(u64, ns, KTIME_MAX) - offset, KTIME_MAX);
}

static inline u64 gaming_caller_time_out(ktime_t time)
{
	return ktime_to_ns(time) + gaming_caller_time_offset();
}

#endif /* _GAMING_CALLER_TIME_H */
