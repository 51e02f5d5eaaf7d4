/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/gaming's clocks, caches and dma-bufs, for the fuzzer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/gaming_gpu.h>
#include <linux/gaming_sched.h>
#include <linux/gaming_time.h>

#include "tests/kmods/fuzz_ioctl.h"

static uint64_t mask[128];

static uint64_t soon(struct fuzz_session *session)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
	       fuzz_below(&session->random, 2000000);
}

/* Made once in a process, and shared by its threads. */
static int event(void)
{
	static _Thread_local int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd;
}

static int dma_buf(void)
{
	static _Thread_local int fd = -1;
	struct udmabuf_create create = {.flags = UDMABUF_FLAGS_CLOEXEC, .size = 4096};
	int device, memory;

	if (fd >= 0)
		return fd;
	device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	memory = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	create.memfd = (uint32_t)memory;
	if (device >= 0 && !ftruncate(memory, 4096) && !fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(device, UDMABUF_CREATE, &create);
	close(memory);
	close(device);
	return fd;
}

static void fill_sleep(struct fuzz_session *session, void *arg)
{
	struct gaming_sleep *sleep = arg;

	sleep->size = sizeof(*sleep);
	sleep->spin_ns = fuzz_below(&session->random, GAMING_SPIN_MAX_NS + 1);
	sleep->ns = fuzz_below(&session->random, 2000000);
	if (fuzz_below(&session->random, 2)) {
		sleep->flags = GAMING_SLEEP_ABS;
		sleep->ns = soon(session);
	}
}

static void fill_pace(struct fuzz_session *session, void *arg)
{
	struct gaming_pace *pace = arg;

	pace->size = sizeof(*pace);
	pace->rate_mhz = 500000 + fuzz_below(&session->random, 200000);
	pace->flags = fuzz_below(&session->random, 2);
	pace->spin_ns = fuzz_below(&session->random, GAMING_SPIN_MAX_NS + 1);
	pace->margin_percent = fuzz_below(&session->random, 51);
}

static void fill_frame(struct fuzz_session *session, void *arg)
{
	struct gaming_frame *frame = arg;

	frame->size = sizeof(*frame);
	frame->flags = fuzz_below(&session->random, 2);
}

static void fill_time(struct fuzz_session *session, void *arg)
{
	(void)session;
	((struct gaming_time *)arg)->size = sizeof(struct gaming_time);
}

static void fill_timer(struct fuzz_session *session, void *arg)
{
	struct gaming_timer *timer = arg;

	timer->size = sizeof(*timer);
	timer->timer = fuzz_below(&session->random, GAMING_TIMERS + 1);
	timer->eventfd = event();
	timer->ns = fuzz_below(&session->random, 2) ? fuzz_below(&session->random, 3000000)
						    : fuzz_value(&session->random);
	if (timer->timer && fuzz_below(&session->random, 4) == 0)
		*timer = (struct gaming_timer){.size = sizeof(*timer),
			.flags = GAMING_TIMER_END,
			.timer = timer->timer,
			.eventfd = -1};
}

static void fill_affinity(struct fuzz_session *session, void *arg)
{
	struct gaming_affinity *affinity = arg;
	cpu_set_t one;

	affinity->size = sizeof(*affinity);
	affinity->flags = 1u << fuzz_below(&session->random, 2);
	affinity->flags |= fuzz_below(&session->random, 4) << 2;
	affinity->cpus = (uintptr_t)mask;
	affinity->cpus_size = sizeof(mask);
	/* The thread moves meanwhile: home, and away from it. */
	CPU_ZERO(&one);
	CPU_SET((int)fuzz_below(&session->random, 4), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void fill_watch(struct fuzz_session *session, void *arg)
{
	struct gaming_watch *watch = arg;

	watch->size = sizeof(*watch);
	watch->flags = fuzz_below(&session->random, 4) == 0 ? GAMING_WATCH_END : 0;
}

static void fill_yield(struct fuzz_session *session, void *arg)
{
	struct gaming_yield *yield = arg;

	yield->size = sizeof(*yield);
	yield->tid = gettid() + (int)fuzz_below(&session->random, 5) - 2;
	if (fuzz_below(&session->random, 4) == 0)
		yield->tid = 0;
}

static void fill_sync(struct fuzz_session *session, void *arg)
{
	struct gaming_gpu_sync *sync = arg;

	sync->size = sizeof(*sync);
	sync->fd = dma_buf();
	sync->flags = GAMING_SYNC_TIMEOUT | 1u << fuzz_below(&session->random, 2);
	sync->timeout_ns = soon(session);
}

static void fill_memory(struct fuzz_session *session, void *arg)
{
	struct gaming_gpu_memory *memory = arg;

	(void)session;
	memory->size = sizeof(*memory);
	memory->fd = dma_buf();
}

static const int frame_reached[] = {ENOENT, EBUSY, EINTR, 0};
static const int timer_reached[] = {ENOENT, EBUSY, 0};
static const int watch_reached[] = {ENOENT, 0};
static const int broken_off[] = {EINTR, 0};
static const int gpu_reached[] = {EBADF, ETIMEDOUT, EINTR, 0}; /* udmabuf may be root's only */

static const struct fuzz_call calls[] = {
	{"NANOSLEEP", GAMING_IOC(GAMING_CALL_NANOSLEEP), sizeof(struct gaming_sleep), true,
		fill_sleep, NULL, broken_off},
	{"PACE", GAMING_IOC_PACE, sizeof(struct gaming_pace), false, fill_pace},
	{"FRAME", GAMING_IOC(GAMING_CALL_FRAME), sizeof(struct gaming_frame), true, fill_frame,
		NULL, frame_reached},
	{"GET_TIME", GAMING_IOC(GAMING_CALL_GET_TIME), sizeof(struct gaming_time), false,
		fill_time},
	{"SET_TIMER", GAMING_IOC(GAMING_CALL_SET_TIMER), sizeof(struct gaming_timer), false,
		fill_timer, NULL, timer_reached},
	{"SET_AFFINITY", GAMING_IOC(GAMING_CALL_SET_AFFINITY), sizeof(struct gaming_affinity),
		false, fill_affinity},
	{"WATCH", GAMING_IOC_WATCH, sizeof(struct gaming_watch), false, fill_watch, NULL,
		watch_reached},
	{"YIELD", GAMING_IOC(GAMING_CALL_YIELD), sizeof(struct gaming_yield), false, fill_yield},
	{"SYNC", GAMING_IOC(GAMING_CALL_SYNC), sizeof(struct gaming_gpu_sync), true, fill_sync,
		NULL, gpu_reached},
	{"MEMORY", GAMING_IOC(GAMING_CALL_MEMORY), sizeof(struct gaming_gpu_memory), false,
		fill_memory, NULL, gpu_reached},
};

const struct fuzz_device gaming_hardware_fuzz = {
	.path = GAMING_DEVICE,
	.magic = GAMING_IOC_MAGIC,
	.calls = calls,
	.count = sizeof(calls) / sizeof(calls[0]),
};
