/* SPDX-License-Identifier: Apache-2.0 */
/* 256 MiB, had and written to once a page: by MMAP, and by demand faults. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/libgaming/memory.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/selftest/report.h"

#define FIRST_TOUCH_BYTES (256 * MIB)
#define POOL_PARAMETER "/sys/module/gaming/parameters/pool_mib"

struct first_touch {
	struct gaming g;
	uint32_t flags; /* ours: GAMING_MEM_* */
	int advice;	/* theirs: MADV_HUGEPAGE or MADV_NOHUGEPAGE */
	long faults[2]; /* of the last sample, behind the call */
	bool failed;
};

/* Milliseconds for memory and all touches. The pool is full before, whoever's turn it is. */
static double first_touch(int side, void *arg)
{
	struct first_touch *t = arg;
	uint64_t start;
	void *addr;

	fill_pool(&t->g, FIRST_TOUCH_BYTES / PAGE);
	start = now_ns();
	if (side == 0) {
		if (gaming_mmap(&t->g, FIRST_TOUCH_BYTES, t->flags, &addr, NULL)) {
			t->failed = true;
			return 1;
		}
	} else {
		addr = mmap(NULL, FIRST_TOUCH_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(addr, FIRST_TOUCH_BYTES, t->advice);
	}
	t->faults[side] = touch(addr, FIRST_TOUCH_BYTES);
	start = now_ns() - start;
	munmap(addr, FIRST_TOUCH_BYTES);
	return (double)start / 1e6;
}

static void first_touch_faults(const struct first_touch *t)
{
	struct bench_row row = {.what = "first touch of 256 MiB: faults behind the call",
		.against = "demand faults",
		.value = (double)t->faults[0],
		.unit = "count",
		.target = "0",
		.met = !t->faults[0]};

	bench_print(&row);
	row = (struct bench_row){.what = "first touch of 256 MiB: demand faults",
		.against = "-",
		.value = (double)t->faults[1],
		.unit = "count",
		.target = ""};
	bench_print(&row);
}

int bench_first_touch(void)
{
	struct bench_row row = {.what = "first touch of 256 MiB, from the pool",
		.against = "demand faults, small pages",
		.unit = "ms",
		.target = "2x"};
	struct first_touch t = {.advice = MADV_NOHUGEPAGE};
	char before[16] = "";
	int fd = open(POOL_PARAMETER, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return skip("needs root, to make the pool large enough");
	EXPECT(read(fd, before, sizeof(before) - 1) > 0, 1);
	EXPECT(pwrite(fd, "256", 3, 0), 3);
	EXPECT(gaming_open(&t.g), 0);
	bench_compare("first_touch_pool", row, 2, first_touch, &t);
	first_touch_faults(&t);
	REQUIRE(!t.faults[0], "%ld faults behind the call", t.faults[0]);
	REQUIRE(t.faults[1] >= (long)(FIRST_TOUCH_BYTES / PAGE), "%ld demand faults", t.faults[1]);

	row.against = "demand faults, huge pages (Debian's default)";
	t.advice = MADV_HUGEPAGE;
	bench_compare("first_touch_pool_huge", row, 2, first_touch, &t);

	row.what = "first touch of 256 MiB, huge pages";
	row.against = "demand faults, small pages";
	row.target = "";
	t.flags = GAMING_MEM_HUGE;
	t.advice = MADV_NOHUGEPAGE;
	bench_compare("first_touch_huge", row, 0, first_touch, &t);
	EXPECT(pwrite(fd, before, strlen(before), 0) > 0, 1);
	EXPECT(t.failed, false);
	gaming_close(&t.g);
	return 0;
}
