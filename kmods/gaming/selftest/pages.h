/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: their faults, counted; memory in pieces; what a process has locked. */
#ifndef GAMING_SELFTEST_PAGES_H
#define GAMING_SELFTEST_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmods/gaming/libgaming/memory.h"

#define PAGE 4096ul
#define KIB 1024ul
#define MIB (1ul << 20)

/* Faults of this thread, which the kernel counts. */
long faults(void);

/* Writes to every page. How many faults that took. */
long touch(volatile char *addr, size_t len);

bool is_zero(const void *addr, size_t len);

/* Waits until the pool has @pages, or has stopped growing. How many it has. */
uint64_t fill_pool(const struct gaming *g, uint64_t pages);

/* Private memory of small pages, whatever the machine's policy. */
void *plain_memory(size_t len);

/* What stands behind @name ("VmLck:") in a file of /proc, in KiB; -1: not told. */
long proc_kib(const char *path, const char *name);

/* Locked memory of this process. */
long locked_kib(void);

/* Not root any more. 0, or it is still. */
int become_nobody(void);

/* Every other page of twice as much memory is given back: what is left is scattered. */
char *scattered_memory(size_t len, uint32_t seed);

/* gaming_compact(), or something around it. */
typedef int compact_step(const struct gaming *g, void *addr, size_t len, uint64_t budget_ns,
	void **next, struct gaming_compact *step);

/* Steps until all is done. How many, or a negative errno. */
int compact_all_by(compact_step *make_step, const struct gaming *g, char *addr, size_t len,
	uint64_t budget_ns, struct gaming_compact *sum, uint64_t *longest_step);

/* The same, by gaming_compact(). */
int compact_all(const struct gaming *g, char *addr, size_t len, uint64_t budget_ns,
	struct gaming_compact *sum, uint64_t *longest_step);

/* gaming_open(), and the test is skipped where no pages can be moved. */
int begin_compaction(struct gaming *g);

#endif
