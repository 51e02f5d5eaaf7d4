/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames, sleeps and clocks (linux/gaming_time.h). All return 0, or a negative errno.
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef LIBGAMING_PACE_H
#define LIBGAMING_PACE_H

#include <linux/gaming_time.h>

#include "gaming.h"

/* What a machine that is not busy wakes within; costs that much of a CPU for each wait. */
#define GAMING_SPIN_NS 100000

/*
 * @rate_mhz 0 ends the pacing. @flags: GAMING_PACE_VRR. The spin is GAMING_SPIN_NS, or
 * less where frames are short; a frame is stable 10 % before its end.
 */
int gaming_pace(const struct gaming *g, uint32_t rate_mhz, uint32_t flags);

/*
 * Comes back when the frame ends, with the end of the wait spun here
 * (GAMING_FRAME_EARLY). -EINTR: call again. @ret_frame may be NULL.
 */
int gaming_frame(const struct gaming *g, struct gaming_frame *ret_frame);

/* Also after signals, and without the device (then as clock_nanosleep(2) does). */
int gaming_sleep_until(const struct gaming *g, uint64_t ns);

int gaming_get_time(const struct gaming *g, struct gaming_time *ret_time);

/* At @ns, 1 is added to @eventfd. @timer: 0, then its number. */
int gaming_timer_set(const struct gaming *g, uint32_t *timer, int eventfd, uint64_t ns);
int gaming_timer_end(const struct gaming *g, uint32_t timer);

#endif
