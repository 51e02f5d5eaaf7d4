/* SPDX-License-Identifier: Apache-2.0 */
/* Time: microseconds in an int64_t, everywhere. Monotonic for durations, realtime for people. */
#ifndef RP_LIB_CLOCK_H
#define RP_LIB_CLOCK_H

#include <stdint.h>

#define RP_SECOND INT64_C(1000000)

int64_t rp_clock_realtime(void);  /* since 1970-01-01T00:00:00Z */
int64_t rp_clock_monotonic(void); /* CLOCK_BOOTTIME */

#define RP_TIME_TEXT 25 /* "2026-11-20T12:00:00.000Z" and NUL */

/* RFC 3339, UTC, milliseconds. Times outside of years 1970-9999 become "invalid". */
void rp_clock_format(int64_t realtime, char ret_text[RP_TIME_TEXT]);

/* The inverse, of exactly that form. -EINVAL. */
int rp_clock_parse(const char *text, int64_t *ret_realtime);

#endif
