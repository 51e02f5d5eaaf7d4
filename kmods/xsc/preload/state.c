// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "state.h"

enum xp_mode xp_mode = XP_OFF;
bool xp_counting;

static uint64_t counts[XP_CALLS][2];
static bool interrupting;

void xp_count(enum xp_call call, bool by_ring)
{
	__atomic_fetch_add(&counts[call][by_ring], 1, __ATOMIC_RELAXED);
}

uint64_t xp_counted(enum xp_call call, bool by_ring)
{
	return __atomic_load_n(&counts[call][by_ring], __ATOMIC_RELAXED);
}

/* In the vDSO: no system call. */
uint64_t xp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void xp_note_interrupting_handler(void)
{
	__atomic_store_n(&interrupting, true, __ATOMIC_RELAXED);
}

bool xp_has_interrupting_handler(void)
{
	return __atomic_load_n(&interrupting, __ATOMIC_RELAXED);
}
