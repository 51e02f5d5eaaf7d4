/* SPDX-License-Identifier: Apache-2.0 */
/* The longest step of COMPACT against its budget. */
#include <sched.h>
#include <sys/mman.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/bench/instructions.h"
#include "kmods/gaming/libgaming/memory.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/selftest/report.h"

/* Another thread's turn is no part of a step, and this CPU's only one may have one at each tick. */
static int step_undisturbed(const struct gaming *g, void *addr, size_t len, uint64_t budget_ns,
	void **next, struct gaming_compact *step)
{
	int ret =
		sys(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));

	if (ret)
		return ret;
	ret = gaming_compact(g, addr, len, budget_ns, next, step);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	return ret;
}

static int compact_within(const struct gaming *g, uint64_t budget_us)
{
	size_t len = 8 * MIB;
	struct gaming_compact sum;
	uint64_t longest;
	char name[40], what[80], target[40];
	struct metric *m;
	char *addr;
	int steps;

	fill_pool(g, 2 * len / PAGE);
	addr = scattered_memory(len, 9);
	steps = compact_all_by(step_undisturbed, g, addr, len, budget_us * 1000, &sum, &longest);
	REQUIRE(steps > 0, "COMPACT: %d", steps);
	munmap(addr, len);
	snprintf(name, sizeof(name), "longest_step_of_%lu_us", (unsigned long)budget_us);
	m = add_metric(name, "us", true);
	m->samples[m->count++] = (double)longest / 1000;
	snprintf(what, sizeof(what), "compaction of 8 MiB in %d steps: the longest", steps);
	snprintf(target, sizeof(target), "within %lu us", (unsigned long)budget_us);
	bench_print(&(struct bench_row){.what = what,
		.against = "its budget of time",
		.value = m->samples[0],
		.unit = "us",
		.ratio = (double)budget_us / m->samples[0],
		.target = target,
		.met = longest <= budget_us * 1000});
	return 0;
}

int bench_compaction(void)
{
	struct gaming g;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	if (!machine_counts())
		return skip("time is not claimable here: QEMU's -icount shift=0 and one CPU");
	if (compact_within(&g, 100) || compact_within(&g, 250) || compact_within(&g, 1000))
		return 1;
	gaming_close(&g);
	return 0;
}
