// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grid of a fixed rate, and the band of a variable one.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/errno.h>

#include <linux/gaming_time.h>

#include "gaming_frame_pace.h"

static u64 period_ns(u32 rate_mhz)
{
	return div_u64(1000000000000ULL, rate_mhz);
}

int gaming_frame_pace_begin(struct gaming_frame_pace *p, const struct gaming_pace *pace,
			    ktime_t now)
{
	bool vrr = pace->flags & GAMING_PACE_VRR;
	u32 rate = pace->rate_mhz;

	if (pace->flags & ~GAMING_PACE_VRR || pace->margin_percent > 50)
		return -EINVAL;
	if (!rate) {
		*p = (struct gaming_frame_pace){};
		return 0;
	}
	if (rate < GAMING_RATE_MIN_MHZ || rate > GAMING_RATE_MAX_MHZ)
		return -EINVAL;
	if (vrr && (rate < GAMING_RATE_VRR_MHZ || rate / 3 * 4 > GAMING_RATE_MAX_MHZ))
		return -EINVAL;
	if (pace->spin_ns > GAMING_SPIN_MAX_NS ||
	    pace->spin_ns > period_ns(vrr ? rate / 3 * 4 : rate) / 4)
		return -EINVAL;

	*p = (struct gaming_frame_pace){
		.rate_mhz = rate,
		.lowest_mhz = vrr ? rate / 3 * 2 : rate,
		.highest_mhz = vrr ? rate / 3 * 4 : rate,
		.spin_ns = pace->spin_ns,
		.margin_percent = pace->margin_percent,
		.vrr = vrr,
		.last = now,
		.end = ktime_add_ns(now, period_ns(rate)),
	};
	return 0;
}

static void raise_rate(struct gaming_frame_pace *p)
{
	p->stable = 0;
	p->rate_mhz = min(p->rate_mhz + GAMING_PACE_STEP_MHZ, p->highest_mhz);
}

/* A frame took @took_ns, more than a period. */
static void lower_rate(struct gaming_frame_pace *p, u64 took_ns)
{
	p->rate_mhz = max_t(u64, div64_u64(1000000000000ULL, took_ns), p->lowest_mhz);
}

static void judge_early(struct gaming_frame_pace *p)
{
	u64 margin = div_u64(ktime_to_ns(ktime_sub(p->end, p->last)) * p->margin_percent, 100);

	if (!p->vrr)
		return;
	if (ktime_after(p->ready, ktime_sub_ns(p->end, margin)))
		p->stable = 0;
	else if (++p->stable == GAMING_PACE_STABLE)
		raise_rate(p);
}

static void judge_late(struct gaming_frame_pace *p)
{
	u64 late = ktime_to_ns(ktime_sub(p->ready, p->end));
	u64 took = ktime_to_ns(ktime_sub(p->ready, p->last));

	p->stable = 0;
	if (p->vrr) {
		lower_rate(p, took);
		p->missed += took > period_ns(p->lowest_mhz);
		p->end = p->ready;
	} else {
		u64 ends = div64_u64(late, period_ns(p->rate_mhz)) + 1;

		p->missed += ends;
		p->end = ktime_add_ns(p->end, ends * period_ns(p->rate_mhz));
	}
}

int gaming_frame_pace_ready(struct gaming_frame_pace *p, ktime_t now, ktime_t *ret_end)
{
	if (!p->rate_mhz)
		return -ENOENT;
	/* A signal broke the wait off: the frame was ready then, not only now. */
	if (!p->waiting) {
		p->waiting = true;
		/* With GAMING_FRAME_EARLY the one before may still be under way. */
		p->ready = ktime_after(now, p->last) ? now : p->last;
		if (ktime_after(now, p->end))
			judge_late(p);
		else
			judge_early(p);
	}
	*ret_end = p->end;
	return 0;
}

void gaming_frame_pace_end(struct gaming_frame_pace *p, ktime_t end, struct gaming_frame *frame)
{
	p->frame++;
	frame->frame = p->frame;
	frame->missed = p->missed;
	frame->work_ns = ktime_to_ns(ktime_sub(p->ready, p->last));
	frame->rate_mhz = p->rate_mhz;
	p->waiting = false;
	p->last = end;
	p->end = ktime_add_ns(end, period_ns(p->rate_mhz));
}
