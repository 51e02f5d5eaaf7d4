/* SPDX-License-Identifier: Apache-2.0 */
/* The sweeps over /dev/gaming's clocks, caches and dma-bufs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"
#include "pace.h"
#include "place.h"
#include "tests/kmods/fail_nth.h"

/* Before it is armed: where the clock is a system call it would be what fails. */
static uint64_t soon(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + 1000000;
}

static int sweep_time(struct fail_run *run)
{
	int fail = fail_open(), event = eventfd(0, EFD_CLOEXEC);
	int slept, told, paced, framed = 0, set, ended = 0;
	uint64_t until = soon(), later = until + 1000000;
	struct gaming_time time;
	uint32_t timer = 0;
	struct gaming g;

	if (gaming_open(&g))
		return fail_say(run, "open, which was not to fail");
	fail_arm(fail, run);
	slept = gaming_sleep_until(&g, until);
	told = gaming_get_time(&g, &time);
	paced = gaming_pace(&g, 1000000, 0);
	if (!paced)
		framed = gaming_frame(&g, NULL);
	set = gaming_timer_set(&g, &timer, event, later);
	if (!set)
		ended = gaming_timer_end(&g, timer);
	fail_disarm(fail, run);
	fail_allow(run, "NANOSLEEP", slept);
	fail_allow(run, "GET_TIME", told);
	fail_allow(run, "PACE", paced);
	fail_allow(run, "FRAME", framed);
	fail_allow(run, "SET_TIMER", set);
	fail_allow(run, "SET_TIMER, its end", ended);
	gaming_close(&g);
	close(event);
	close(fail);
	return run->why[0] ? -1 : 0;
}

/* What was placed is back where it was, and nothing watches any more. */
static int sweep_cache(struct fail_run *run)
{
	static struct gaming_placed placed;
	int fail = fail_open(), begun, kept = 0, ended = 0, yielded;
	struct gaming g;

	if (gaming_open(&g))
		return fail_say(run, "open, which was not to fail");
	fail_arm(fail, run);
	begun = gaming_place(&g, GAMING_AFFINITY_LARGEST, &placed);
	if (!begun) {
		kept = gaming_keep(&g, &placed, NULL);
		ended = gaming_unplace(&g, &placed, NULL);
	}
	yielded = gaming_yield_to(&g, gettid());
	fail_disarm(fail, run);
	fail_allow(run, "SET_AFFINITY", begun);
	fail_allow(run, "WATCH", kept);
	fail_allow(run, "WATCH, its end", ended);
	fail_allow(run, "YIELD", yielded);
	gaming_close(&g);
	close(fail);
	return run->why[0] ? -1 : 0;
}

/* A dma-buf of 16 pages of a memfd, or -1. */
static int make_dma_buf(void)
{
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd = -1;
	int memory = memfd_create("sweep", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	struct udmabuf_create create = {.flags = UDMABUF_FLAGS_CLOEXEC, .size = 65536};

	create.memfd = (uint32_t)memory;
	if (device >= 0 && memory >= 0 && !ftruncate(memory, 65536) &&
		!fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(device, UDMABUF_CREATE, &create);
	if (memory >= 0)
		close(memory);
	if (device >= 0)
		close(device);
	return fd;
}

static int sweep_gpu(struct fail_run *run)
{
	int fail = fail_open(), buffer = make_dma_buf(), synced, told;
	struct gaming_gpu_memory memory;
	uint64_t until = soon();
	struct gaming g;

	if (buffer < 0 || gaming_open(&g))
		return fail_say(run, "udmabuf or open, which were not to fail");
	fail_arm(fail, run);
	synced = gaming_sync(&g, buffer, GAMING_SYNC_WRITE, until, NULL);
	told = gaming_gpu_memory(&g, buffer, &memory);
	fail_disarm(fail, run);
	fail_allow(run, "SYNC", synced);
	fail_allow(run, "MEMORY", told);
	if (!told && memory.bytes != 65536)
		fail_say(run, "a dma-buf of %d bytes", (int)memory.bytes);
	gaming_close(&g);
	close(buffer);
	close(fail);
	return run->why[0] ? -1 : 0;
}

static const struct sweep sweeps[] = {
	{"time", "NANOSLEEP, GET_TIME, PACE, FRAME, SET_TIMER", sweep_time},
	{"cache", "SET_AFFINITY, WATCH, YIELD", sweep_cache},
	{"gpu", "SYNC and MEMORY", sweep_gpu},
};

const struct sweep_set gaming_hardware_sweeps = {
	.device = GAMING_DEVICE,
	.module = "gaming",
	.sweeps = sweeps,
	.count = sizeof(sweeps) / sizeof(sweeps[0]),
};
