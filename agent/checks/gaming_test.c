/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of /dev/gaming, checked: each against what a system call or the machine
 * itself says of the same thing, bad input, rights, and processes that end anywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmods/selftest/runner.h"
#include "kmods/gaming/selftest/test_assets.h"
#include "kmods/gaming/selftest/test_compaction.h"
#include "kmods/gaming/selftest/test_pagefault.h"
#include "kmods/gaming/selftest/test_cache.h"
#include "kmods/gaming/selftest/test_frame.h"
#include "kmods/gaming/selftest/test_gpu.h"
#include "kmods/gaming/selftest/test_futex.h"
#include "kmods/gaming/selftest/test_mutex.h"
#include "kmods/gaming/selftest/test_priority.h"
#include "kmods/gaming/selftest/test_setup.h"
#include "kmods/gaming/selftest/test_time.h"
#include "kmods/gaming/selftest/test_watch.h"
#include "kmods/gaming/selftest/test_yield.h"

static const struct test tests[] = {
	{"setup", test_setup, "sizes and numbers, which calls are done", 10},
	{"bad-input", test_bad_input, "INFO and BATCH: each bad input alone, with its errno", 10},
	{"batch", test_batch, "in order, stopped by a failure, by a signal, by bad memory", 10},
	{"owner", test_owner, "a child, another program and a passed descriptor are refused", 10},
	{"call-time", test_call_time, "of a call that has nothing to do (never fails)", 30},
	{"futex-wait-wake", test_futex_wait_wake, "woken and in time, never early, not by others",
		10},
	{"futex-bad-input", test_futex_bad, "each bad input alone, with its errno", 10},
	{"futex-classes", test_futex_classes, "woken by class, then by age", 20},
	{"futex-requeue", test_futex_requeue, "from word to word, in order", 20},
	{"futex-signal", test_futex_signal, "EINTR and restart as futex(2)", 20},
	{"futex-memory", test_futex_memory, "pages that come, go and cannot be written", 10},
	{"futex-hammer", test_futex_hammer,
		"wake against timeout and signal: none lost, none twice", 60},
	{"futex-killed", test_futex_killed, "60 processes killed in the middle of all of it", 60},
	{"futex-events", test_events, "spinning and sleeping lose nothing between them", 30},
	{"barrier", test_barrier, "all or none, and who leaves is not counted", 20},
	{"mutex", test_mutex, "one owner at a time, of four threads", 60},
	{"mutex-bad-input", test_mutex_bad, "each bad input alone, with its errno", 10},
	{"mutex-order", test_mutex_order, "handed on by class, then by age; timeouts and signals",
		20},
	{"mutex-deadlock", test_mutex_deadlock, "who would wait for itself is told", 20},
	{"mutex-owner-ends", test_mutex_owner_ends, "its waiters are told", 20},
	{"mutex-hostile", test_mutex_hostile, "the word scribbled over by another thread", 30},
	{"condition", test_condition, "nothing lost, the mutex always back, no stampede", 60},
	{"inherit", test_inherit, "the holder is raised, and put back at each way to end", 20},
	{"inherit-handover", test_inherit_handover, "the next owner inherits from who is left", 20},
	{"inherit-nested", test_inherit_nested, "two mutexes, and owners that wait for owners", 20},
	{"inherit-undo", test_inherit_undo, "what others set stays, chains come down", 20},
	{"inherit-others", test_inherit_others, "no other process, no idle thread is raised", 20},
	{"inherit-real-time", test_inherit_real_time, "from real-time threads, both ways", 20},
	{"boost", test_boost, "by the rights of setpriority(2), and it ends", 30},
	{"storage-read", test_storage_read, "byte for byte as pread(2): ends, holes, alignment",
		60},
	{"storage-batch", test_storage_batch,
		"900 reads out of order, each in its place, each told once", 60},
	{"storage-priority", test_storage_priority, "begun by priority, and in order within one",
		10},
	{"storage-position", test_storage_position,
		"READ and WRITE at the position, as read(2) and write(2)", 30},
	{"storage-cache", test_storage_cache,
		"what is in the page cache and what is not, as mincore(2) says", 30},
	{"storage-copies", test_storage_copies,
		"copies by the CPU for each byte, counted by a kprobe", 30},
	{"storage-buffers", test_storage_buffers,
		"what can be one, RLIMIT_MEMLOCK, nothing stays pinned", 60},
	{"storage-bad-input", test_storage_bad, "each bad input alone, with its errno", 10},
	{"storage-seccomp", test_storage_seccomp, "a confined thread is not served", 10},
	{"storage-gone", test_storage_gone, "unmapped, ended, killed in the middle of reads", 60},
	{"storage-load", test_storage_load, "LZ4 and ZSTD: what their own libraries packed", 60},
	{"storage-damaged", test_storage_damaged,
		"3000 damaged assets: refused, nothing beyond their room", 60},
	{"storage-load-bad", test_storage_load_bad, "each bad input alone, with its errno", 10},
	{"storage-stream", test_storage_stream, "chunk by chunk, counted by an eventfd", 30},
	{"pagefault", test_pagefault, "MMAP and MADVISE: no fault afterwards, what was there stays",
		30},
	{"pagefault-clean", test_pagefault_clean, "no page holds what somebody else wrote", 120},
	{"pagefault-ordinary", test_pagefault_ordinary, "fork, munmap, mremap, mprotect as ever",
		30},
	{"pagefault-locked", test_pagefault_locked,
		"MLOCK within RLIMIT_MEMLOCK, and only of what is locked", 30},
	{"pagefault-charged", test_pagefault_charged, "the memory cgroup pays, as for faults", 60},
	{"pagefault-huge", test_pagefault_huge,
		"huge pages where there are some, and the truth about it", 30},
	{"pagefault-bad-input", test_pagefault_bad, "each bad input alone, with its errno", 10},
	{"compaction", test_compaction, "scattered pages side by side, the same bytes in them", 60},
	{"compaction-busy", test_compaction_busy, "a thread writes to what is just being moved",
		60},
	{"compaction-kept", test_compaction_kept, "shared and absent pages are left where they are",
		30},
	{"compaction-budget", test_compaction_budget, "steps end within their budget of time", 120},
	{"compaction-progress", test_compaction_progress,
		"a step gets on, also when its time was over before", 60},
	{"compaction-turns", test_compaction_turns, "a step does not wait for another thread's",
		30},
	{"compaction-frees", test_compaction_frees, "what pages were moved away from is free again",
		60},
	{"compaction-bad-input", test_compaction_bad, "each bad input alone, with its errno", 10},
	{"cache-choice", test_cache_choice, "the largest and the nearest, as sysfs has them", 60},
	{"cache-unequal", test_cache_unequal, "the largest, where they differ in size", 30},
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
	{"frame-early", test_frame_early, "the last part of the wait left to the caller", 60},
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
