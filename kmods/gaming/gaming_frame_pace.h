/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When frames end: gaming_time.h tells the rules. No clock is read and nothing
 * waits here; the caller brings the time, and excludes others.
 */
#ifndef _GAMING_FRAME_PACE_H
#define _GAMING_FRAME_PACE_H

#include <linux/ktime.h>
#include <linux/types.h>

struct gaming_frame;
struct gaming_pace;

struct gaming_frame_pace {
	u32 rate_mhz;		/* 0: no pacing */
	u32 lowest_mhz;		/* of the band; without VRR all three are one */
	u32 highest_mhz;
	u32 spin_ns;
	u32 margin_percent;
	u32 stable;		/* frames in a row */
	bool vrr;
	bool waiting;		/* the frame under way was ready at @ready, and is judged */
	ktime_t ready;
	ktime_t last;		/* end of the frame before */
	ktime_t end;		/* of the frame under way */
	u64 frame;
	u64 missed;
};

/* -EINVAL, and nothing has changed. */
int gaming_frame_pace_begin(struct gaming_frame_pace *p, const struct gaming_pace *pace,
			    ktime_t now);

/* The frame is ready at @now: when does it end? @now or earlier: at once. -ENOENT. */
int gaming_frame_pace_ready(struct gaming_frame_pace *p, ktime_t now, ktime_t *ret_end);

/* It ended at @end, the next begins. Fills in what @frame tells of the pace. */
void gaming_frame_pace_end(struct gaming_frame_pace *p, ktime_t end, struct gaming_frame *frame);

#endif /* _GAMING_FRAME_PACE_H */
