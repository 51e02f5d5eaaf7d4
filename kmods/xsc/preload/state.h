/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the whole library looks at: the mode, the counts, the clock, the program's
 * handlers. It knows none of the other files.
 */
#ifndef XSC_PRELOAD_STATE_H
#define XSC_PRELOAD_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload.h"

/* XP_OFF until the library's constructor has read the settings, and when there can be no ring. */
enum xp_mode { XP_OFF, XP_AUTO, XP_ALWAYS };
extern enum xp_mode xp_mode;

/* Are calls counted? Set once, by the constructor. */
extern bool xp_counting;
void xp_count(enum xp_call call, bool by_ring);
uint64_t xp_counted(enum xp_call call, bool by_ring);

/* CLOCK_MONOTONIC, without a system call. */
uint64_t xp_now_ns(void);

/* A handler without SA_RESTART was installed: from now on, and for ever, one may have run. */
void xp_note_interrupting_handler(void);
bool xp_has_interrupting_handler(void);

#endif
