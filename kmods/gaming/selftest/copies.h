/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes the CPU copies out of the page cache for this thread: counted by the
 * kernel itself, with a probe on what filemap_read() has copied, and a histogram that
 * adds it up. (The copy routines themselves cannot be probed.)
 */
#ifndef GAMING_SELFTEST_COPIES_H
#define GAMING_SELFTEST_COPIES_H

#include <stdbool.h>
#include <stdint.h>

/* False where the kernel does not let us count: not root, or no tracing. */
bool copies_begin(void);

/* Nothing is left of the probe. */
void copies_end(void);

/* Bytes copied for this thread since copies_begin(). */
uint64_t copies_bytes(void);

#endif
