/* SPDX-License-Identifier: Apache-2.0 */
/* The benches, by file. Each runs in a process of its own: 0, or what FAIL() gives. */
#ifndef GAMING_BENCH_BENCHES_H
#define GAMING_BENCH_BENCHES_H

/* futex.c */
int bench_futex(void);

/* priority.c */
int bench_priority(void);

/* frame.c */
int bench_frame(void);

/* l3.c */
int bench_l3(void);

/* first_touch.c */
int bench_first_touch(void);

/* storage.c */
int bench_storage_copies(void);
int bench_storage_instructions(void);

/* compaction.c */
int bench_compaction(void);

#endif
