/* SPDX-License-Identifier: Apache-2.0 */
/* The tests, by file. Each runs in a process of its own: 0, or what FAIL() gives. */
#ifndef GAMING_SELFTEST_TESTS_H
#define GAMING_SELFTEST_TESTS_H

/* test_setup.c */
int test_setup(void);
int test_bad_input(void);
int test_batch(void);
int test_call_time(void);
int test_owner(void);
int test_access(void);
/* What `gaming_test --exec-probe FD` does: its exit status is the errno of INFO. */
int exec_probe(int fd);

/* test_futex.c */
int test_futex_wait_wake(void);
int test_futex_bad(void);
int test_futex_classes(void);
int test_futex_requeue(void);
int test_futex_hammer(void);
int test_futex_signal(void);
int test_futex_memory(void);
int test_futex_killed(void);
int test_barrier(void);
int test_events(void);

/* test_mutex.c */
int test_mutex(void);
int test_mutex_bad(void);
int test_mutex_order(void);
int test_mutex_deadlock(void);
int test_mutex_owner_ends(void);
int test_mutex_hostile(void);
int test_condition(void);

/* test_priority.c */
int test_inherit(void);
int test_inherit_handover(void);
int test_inherit_nested(void);
int test_inherit_undo(void);
int test_inherit_others(void);
int test_inherit_real_time(void);
int test_inherit_sessions(void);
int test_inherit_limits(void);
int test_boost(void);

/* test_storage.c */
int test_storage_read(void);
int test_storage_batch(void);
int test_storage_priority(void);
int test_storage_position(void);
int test_storage_cache(void);
int test_storage_buffers(void);
int test_storage_bad(void);
int test_storage_seccomp(void);
int test_storage_gone(void);

/* test_assets.c */
int test_storage_load(void);
int test_storage_damaged(void);
int test_storage_load_bad(void);
int test_storage_stream(void);
int test_storage_copies(void);

/* test_pagefault.c */
int test_pagefault(void);
int test_pagefault_clean(void);
int test_pagefault_ordinary(void);
int test_pagefault_locked(void);
int test_pagefault_charged(void);
int test_pagefault_huge(void);
int test_pagefault_bad(void);

/* test_compaction.c */
int test_compaction(void);
int test_compaction_busy(void);
int test_compaction_kept(void);
int test_compaction_budget(void);
int test_compaction_progress(void);
int test_compaction_frees(void);
int test_compaction_turns(void);
int test_compaction_bad(void);

/* test_cache.c */
int test_cache_choice(void);
int test_cache_unequal(void);
int test_cache_local(void);
int test_cache_bad(void);

/* test_watch.c */
int test_watch_counts(void);
int test_watch_ends(void);
int test_watch_one(void);
int test_watch_limit(void);
int test_place(void);

/* test_yield.c */
int test_yield(void);

/* test_time.c */
int test_time_bad(void);
int test_sleep_precise(void);
int test_sleep_signal(void);
int test_get_time(void);
int test_sleep_namespace(void);
int test_timer(void);

/* test_frame.c */
int test_frame_fixed(void);
int test_frame_vrr(void);
int test_frame_early(void);
int test_frame_signal(void);

/* test_gpu.c */
int test_gpu_sync(void);
int test_gpu_wakes(void);
int test_gpu_memory(void);
int test_gpu_bad(void);
int test_gpu_error(void);

#endif
