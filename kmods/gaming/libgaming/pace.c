/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include <errno.h>
#include <time.h>

static uint32_t spin_for(uint32_t rate_mhz, uint32_t flags)
{
	uint32_t highest = flags & GAMING_PACE_VRR ? rate_mhz / 3 * 4 : rate_mhz;
	uint64_t quarter = highest ? 1000000000000u / highest / 4 : 0;

	return quarter < GAMING_SPIN_NS ? (uint32_t)quarter : GAMING_SPIN_NS;
}

int gaming_pace(const struct gaming *g, uint32_t rate_mhz, uint32_t flags)
{
	struct gaming_pace pace = {
		.size = sizeof(pace),
		.flags = flags,
		.rate_mhz = rate_mhz,
		.spin_ns = spin_for(rate_mhz, flags),
		.margin_percent = 10,
	};

	return (int)gaming_ioctl(g, GAMING_IOC_PACE, &pace);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Until @end. How far behind it. */
static uint64_t spin_until(uint64_t end)
{
	uint64_t now;

	do {
		now = now_ns();
	} while (now < end);
	return now - end;
}

int gaming_frame(const struct gaming *g, struct gaming_frame *ret_frame)
{
	struct gaming_frame frame = {.size = sizeof(frame), .flags = GAMING_FRAME_EARLY};
	int err = (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_FRAME), &frame);

	if (err)
		return err;
	frame.late_ns = spin_until(frame.end_ns);
	if (ret_frame)
		*ret_frame = frame;
	return 0;
}

static int plain_sleep_until(uint64_t ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	int err;

	do {
		err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	} while (err == EINTR);
	return -err;
}

int gaming_sleep_until(const struct gaming *g, uint64_t ns)
{
	struct gaming_sleep sleep = {
		.size = sizeof(sleep),
		.flags = GAMING_SLEEP_ABS,
		.ns = ns,
		.spin_ns = GAMING_SPIN_NS,
	};
	int err;

	if (!gaming_has(g, GAMING_CALL_NANOSLEEP))
		return plain_sleep_until(ns);
	do {
		err = (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_NANOSLEEP), &sleep);
	} while (err == -EINTR);
	return err;
}

int gaming_get_time(const struct gaming *g, struct gaming_time *ret_time)
{
	struct gaming_time time = {.size = sizeof(time)};
	int err = (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_GET_TIME), &time);

	if (!err)
		*ret_time = time;
	return err;
}

int gaming_timer_set(const struct gaming *g, uint32_t *timer, int eventfd, uint64_t ns)
{
	struct gaming_timer set = {
		.size = sizeof(set),
		.flags = GAMING_TIMER_ABS,
		.timer = *timer,
		.eventfd = eventfd,
		.ns = ns,
	};
	int err = (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_SET_TIMER), &set);

	if (!err)
		*timer = set.timer;
	return err;
}

int gaming_timer_end(const struct gaming *g, uint32_t timer)
{
	struct gaming_timer set = {
		.size = sizeof(set), .flags = GAMING_TIMER_END, .timer = timer, .eventfd = -1};

	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_SET_TIMER), &set);
}
