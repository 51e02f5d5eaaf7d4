/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of /dev/gaming, checked: each against what a system call or the machine
 * itself says of the same thing, bad input, rights, and processes that end anywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/checks/runner.h"
#include "kmods/gaming/selftest/test_cache.h"
#include "kmods/gaming/selftest/test_frame.h"
#include "kmods/gaming/selftest/test_gpu.h"
#include "kmods/gaming/selftest/test_setup.h"
#include "kmods/gaming/selftest/test_time.h"

static const struct test tests[] = {
	{"setup", test_setup, "sizes and numbers, which calls are done", 10},
	{"bad-input", test_bad_input, "INFO and BATCH: each bad input alone, with its errno", 10},
	{"batch", test_batch, "in order, stopped by a failure, by a signal, by bad memory", 10},
	{"owner", test_owner, "a child, another program and a passed descriptor are refused", 10},
	{"cache-choice", test_cache_choice, "the largest and the nearest, as sysfs has them", 60},
	{"cache-local", test_cache_local, "none of another NUMA node", 30},
	{"cache-bad-input", test_cache_bad, "each bad input alone, with its errno", 10},
	{"cache-place", test_place, "placed, kept, brought back, undone", 30},
	{"watch-counts", test_watch_counts, "moves and wake-ups counted to the last", 30},
	{"watch-ends", test_watch_ends, "threads, sessions and processes end in any order", 60},
	{"yield", test_yield, "the turn goes to the thread that is named", 60},
	{"time-bad-input", test_time_bad, "each bad input alone, with its errno", 10},
	{"sleep-precise", test_sleep_precise, "never early, and as late as it says", 60},
	{"sleep-signal", test_sleep_signal, "broken off, the rest told, gone on with", 20},
	{"sleep-namespace", test_sleep_namespace, "the clock is that of the time namespace", 20},
	{"get-time", test_get_time, "counter and clocks as one, where it may be read", 20},
	{"timer", test_timer, "16 on one eventfd, set anew, ended, gone with the session", 30},
	{"frame-fixed", test_frame_fixed, "a grid of ends, the missed ones counted", 30},
	{"frame-vrr", test_frame_vrr, "the rate rises and falls by its rules", 60},
	{"frame-signal", test_frame_signal, "broken off, gone on with; one thread at a time", 30},
	{"gpu-sync", test_gpu_sync, "pending or not, as poll says; time out, signals", 20},
	{"gpu-wakes", test_gpu_wakes, "a wait ends with the fence's signal, in a batch too", 60},
	{"gpu-memory", test_gpu_memory, "size and exporter as fdinfo has them", 10},
	{"gpu-error", test_gpu_error, "what a fence failed with", 10},
	{"gpu-bad-input", test_gpu_bad, "each bad input alone, with its errno", 10},
};

static const struct check check = {
	.name = "gaming_test",
	.what = "Checks the calls of /dev/gaming.",
	.device = GAMING_DEVICE,
	.module = "gaming",
	.tests = tests,
	.count = ARRAY_LEN(tests),
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--exec-probe"))
		return exec_probe(atoi(argv[2]));
	return run_check(&check, argc, argv);
}
