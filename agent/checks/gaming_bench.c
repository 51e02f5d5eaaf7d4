/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of /dev/gaming against what a program does without them: rows for the
 * table of tests/bench/gaming, and counts. See kmods/gaming/bench/bench.h.
 */
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/libgaming/gaming.h"
#include "kmods/selftest/runner.h"

static const struct test tests[] = {
	{"futex", bench_futex, "handovers across CPUs, against futex(2)", 120},
	{"priority", bench_priority, "priority inversion, against none and against PI futexes",
		300},
	{"frame", bench_frame, "frames, against clock_nanosleep(2) with default slack", 120},
	{"l3", bench_l3, "wake-ups kept on the chosen cache, against the scheduler", 120},
	{"first-touch", bench_first_touch, "256 MiB, against demand faults", 400},
	{"storage-copies", bench_storage_copies, "copies by the CPU per byte, against read(2)", 60},
	{"counted-storage", bench_storage_instructions,
		"instructions per MiB, against read(2) and io_uring", 300},
	{"counted-compaction", bench_compaction, "the longest step, against its budget", 200},
};

static const struct check check = {
	.name = "gaming_bench",
	.what = "Compares the calls of /dev/gaming with what does without them.",
	.device = GAMING_DEVICE,
	.module = "gaming",
	.tests = tests,
	.count = ARRAY_LEN(tests),
};

int main(int argc, char **argv)
{
	return run_check(&check, argc, argv);
}
