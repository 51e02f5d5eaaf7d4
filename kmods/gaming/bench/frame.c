/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much later than asked for a frame ends, against clock_nanosleep(2) with the
 * slack that every process has, 50 us: as user space sees it, on the same grid.
 */
#include <sys/prctl.h>
#include <time.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/libgaming/pace.h"
#include "kmods/selftest/report.h"

#define PACE_HZ 250
#define PACE_FRAMES 50 /* a slice */

struct frame_bench {
	struct gaming g;
	double late[2][4 * (BENCH_PAIRS + 1) * PACE_FRAMES]; /* us, of all slices */
	int count[2];
};

static int pace_plain(uint64_t until, uint64_t *ret_end)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000)};

	*ret_end = until;
	return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static int pace_ours(const struct gaming *g, uint64_t *ret_end)
{
	struct gaming_frame frame;
	int err = gaming_frame(g, &frame);

	*ret_end = frame.end_ns;
	return err;
}

/* The median of a slice, in us. */
static double pace_slice(int side, void *arg)
{
	struct frame_bench *b = arg;
	uint64_t next = now_ns(), end = 0;
	double late[PACE_FRAMES];

	/* The spin is the longest there is: waking an emulated CPU takes that long. */
	struct gaming_pace pace = {
		.size = sizeof(pace),
		.rate_mhz = PACE_HZ * 1000,
		.spin_ns = GAMING_SPIN_MAX_NS,
	};

	if (side == 0 && gaming_ioctl(&b->g, GAMING_IOC_PACE, &pace))
		abort();
	for (int i = 0; i < PACE_FRAMES; i++) {
		next += 1000000000 / PACE_HZ;
		if (side == 0 ? pace_ours(&b->g, &end) : pace_plain(next, &end))
			abort();
		late[i] = (double)(now_ns() - end) / 1000;
		b->late[side][b->count[side]++] = late[i];
	}
	return bench_quantile(late, PACE_FRAMES, 0.5);
}

int bench_frame(void)
{
	static struct frame_bench b;
	struct bench_row row = {.what = "frame overshoot, p50",
		.against = "clock_nanosleep, slack 50 us",
		.unit = "us",
		.target = ">= 20"};
	double ours, theirs;

	EXPECT(gaming_open(&b.g), 0);
	EXPECT(prctl(PR_SET_TIMERSLACK, 50000), 0);
	bench_compare("frame_p50_vs_nanosleep", row, 20, pace_slice, &b);
	ours = bench_quantile(b.late[0], b.count[0], 0.99);
	theirs = bench_quantile(b.late[1], b.count[1], 0.99);
	row.what = "frame overshoot, p99 of all";
	row.value = ours;
	row.ratio = theirs / ours;
	row.spread = 0;
	row.target = ">= 1";
	row.met = row.ratio >= 1;
	bench_print(&row);
	printf("# not one early: %s\n",
		bench_quantile(b.late[0], b.count[0], 0) >= 0 ? "yes" : "no");
	gaming_close(&b.g);
	return 0;
}
