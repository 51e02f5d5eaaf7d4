/* SPDX-License-Identifier: Apache-2.0 */
/* Waking in time: NANOSLEEP, GET_TIME, SET_TIMER. Frames are test_frame.c. */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/pace.h"
#include "kmods/gaming/selftest/alarms.h"
#include "kmods/gaming/selftest/ioctl.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A field of a good argument changed, and what must come of it. */
struct time_case {
	const char *name;
	unsigned long cmd;
	size_t size, offset;
	uint32_t value;
	int err;
};

#define TIME_CASE(name, cmd, type, field, value, err)                                              \
	{                                                                                          \
		name, cmd, sizeof(struct type), offsetof(struct type, field), value, err           \
	}

static const struct gaming_sleep good_sleep = {.size = sizeof(good_sleep), .ns = 1000};
static const struct gaming_pace good_pace = {
	.size = sizeof(good_pace), .rate_mhz = 120000, .margin_percent = 10};
static const struct gaming_frame good_frame = {.size = sizeof(good_frame)};
static const struct gaming_time good_time = {.size = sizeof(good_time)};
static struct gaming_timer good_timer = {.size = sizeof(good_timer)};

static const void *good_of(unsigned long cmd)
{
	switch (cmd) {
	case GAMING_IOC(GAMING_CALL_NANOSLEEP):
		return &good_sleep;
	case GAMING_IOC_PACE:
		return &good_pace;
	case GAMING_IOC(GAMING_CALL_FRAME):
		return &good_frame;
	case GAMING_IOC(GAMING_CALL_GET_TIME):
		return &good_time;
	default:
		return &good_timer;
	}
}

#define SLEEP_CMD GAMING_IOC(GAMING_CALL_NANOSLEEP)
#define TIMER_CMD GAMING_IOC(GAMING_CALL_SET_TIMER)

int test_time_bad(void)
{
	const struct time_case cases[] = {
		TIME_CASE("sleep, size", SLEEP_CMD, gaming_sleep, size, 39, EINVAL),
		TIME_CASE("sleep, flag", SLEEP_CMD, gaming_sleep, flags, 2, EINVAL),
		TIME_CASE("sleep, spin", SLEEP_CMD, gaming_sleep, spin_ns, GAMING_SPIN_MAX_NS + 1,
			EINVAL),
		TIME_CASE("sleep, reserved", SLEEP_CMD, gaming_sleep, resv, 1, EINVAL),
		TIME_CASE("pace, flag", GAMING_IOC_PACE, gaming_pace, flags, 2, EINVAL),
		TIME_CASE("pace, below 1 Hz", GAMING_IOC_PACE, gaming_pace, rate_mhz, 999, EINVAL),
		TIME_CASE("pace, above 1 kHz", GAMING_IOC_PACE, gaming_pace, rate_mhz, 1000001,
			EINVAL),
		TIME_CASE("pace, spin", GAMING_IOC_PACE, gaming_pace, spin_ns,
			GAMING_SPIN_MAX_NS + 1, EINVAL),
		TIME_CASE("pace, margin", GAMING_IOC_PACE, gaming_pace, margin_percent, 51, EINVAL),
		TIME_CASE("pace, reserved", GAMING_IOC_PACE, gaming_pace, resv[2], 1, EINVAL),
		TIME_CASE("frame, flag", GAMING_IOC(GAMING_CALL_FRAME), gaming_frame, flags, 2,
			EINVAL),
		TIME_CASE("frame, reserved", GAMING_IOC(GAMING_CALL_FRAME), gaming_frame, resv[0],
			1, EINVAL),
		TIME_CASE("time, flag", GAMING_IOC(GAMING_CALL_GET_TIME), gaming_time, flags, 1,
			EINVAL),
		TIME_CASE("time, reserved", GAMING_IOC(GAMING_CALL_GET_TIME), gaming_time, resv, 1,
			EINVAL),
		TIME_CASE("timer, flag", TIMER_CMD, gaming_timer, flags, 4, EINVAL),
		TIME_CASE("timer, not there", TIMER_CMD, gaming_timer, timer, 1, ENOENT),
		TIME_CASE("timer, 17", TIMER_CMD, gaming_timer, timer, 17, ENOENT),
		TIME_CASE("timer, 2^32 - 1", TIMER_CMD, gaming_timer, timer, UINT32_MAX, ENOENT),
		TIME_CASE("timer, no descriptor", TIMER_CMD, gaming_timer, eventfd, 1000, EBADF),
		TIME_CASE("timer, no eventfd", TIMER_CMD, gaming_timer, eventfd, 0, EINVAL),
		TIME_CASE("timer, reserved", TIMER_CMD, gaming_timer, resv, 1, EINVAL),
		TIME_CASE("timer, end of none", TIMER_CMD, gaming_timer, flags, GAMING_TIMER_END,
			EINVAL),
	};
	struct gaming_pace pace;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	good_timer.eventfd = eventfd(0, EFD_CLOEXEC);
	dup2(g.fd, 0); /* a descriptor that is no eventfd */
	EXPECT(gaming_frame(&g, NULL), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char arg[128], before[128];
		long got;

		memcpy(arg, good_of(cases[i].cmd), cases[i].size);
		memcpy(arg + cases[i].offset, &cases[i].value, 4);
		memcpy(before, arg, sizeof(before));
		got = ioctl_arg(g.fd, cases[i].cmd, arg);
		REQUIRE(got == -cases[i].err, "%s: %ld", cases[i].name, got);
		REQUIRE(!memcmp(arg, before, cases[i].size), "%s: written to", cases[i].name);
	}
	/* Rules across fields. */
	pace = good_pace;
	pace.flags = GAMING_PACE_VRR;
	pace.rate_mhz = GAMING_RATE_VRR_MHZ - 1;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_PACE, &pace), -EINVAL);
	pace.rate_mhz = 750003; /* 4/3 of it is above 1 kHz */
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_PACE, &pace), -EINVAL);
	pace.flags = 0;
	pace.rate_mhz = GAMING_RATE_MAX_MHZ;
	pace.spin_ns = GAMING_SPIN_MAX_NS;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_PACE, &pace), 0);
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_PACE, (void *)&good_pace), 0);
	gaming_close(&g);
	return 0;
}

/* Not once too early, with and without a spin, until a time and for a time. */
int test_sleep_precise(void)
{
	static const uint32_t spins[] = {0, 50000, GAMING_SPIN_MAX_NS};
	struct metric *m = add_metric("sleep_late_ns", "ns", false);
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < 300; i++) {
		struct gaming_sleep sleep = {
			.size = sizeof(sleep),
			.spin_ns = spins[i % 3],
			.left_ns = 77,
			.late_ns = 77,
		};
		uint64_t start = now_ns(), end, after;
		uint64_t len = (uint64_t)(i % 50) * 50000; /* below the spin too */

		end = start + len;
		sleep.ns = len;
		if (i & 1) {
			sleep.flags = GAMING_SLEEP_ABS;
			sleep.ns = end;
		}
		EXPECT(gaming_ioctl(&g, SLEEP_CMD, &sleep), 0);
		after = now_ns();
		REQUIRE(after >= end, "sleep %d came back %llu ns early", i,
			(unsigned long long)(end - after));
		REQUIRE(sleep.left_ns == 0, "sleep %d left %llu ns", i,
			(unsigned long long)sleep.left_ns);
		REQUIRE(sleep.late_ns <= after - end, "sleep %d says %llu ns late, was %llu", i,
			(unsigned long long)sleep.late_ns, (unsigned long long)(after - end));
		if (i % 3 == 2 && m->count < MAX_SAMPLES)
			m->samples[m->count++] = (double)sleep.late_ns;
	}
	/* A time that has long passed is no sleep. */
	EXPECT(gaming_sleep_until(&g, 0), 0);
	EXPECT(gaming_sleep_until(&g, 1), 0);
	gaming_close(&g);
	EXPECT(gaming_sleep_until(&g, now_ns() + MS), 0); /* without the device */
	return 0;
}

int test_sleep_signal(void)
{
	struct gaming_sleep sleep = {.size = sizeof(sleep), .ns = 3600000 * MS, .spin_ns = 1000};
	struct alarm alarm;
	struct gaming g;
	uint64_t start;

	EXPECT(gaming_open(&g), 0);
	alarm_begin(&alarm);
	EXPECT(gaming_ioctl(&g, SLEEP_CMD, &sleep), -EINTR);
	alarm_end(&alarm);
	EXPECT(alarms, 1);
	REQUIRE(sleep.left_ns > 3500000 * MS && sleep.left_ns <= 3600000 * MS - 20 * MS,
		"%llu ns left", (unsigned long long)sleep.left_ns);
	sleep.flags = GAMING_SLEEP_ABS;
	sleep.ns = UINT64_MAX;
	alarm_begin(&alarm);
	EXPECT(gaming_ioctl(&g, SLEEP_CMD, &sleep), -EINTR);
	alarm_end(&alarm);
	/* libgaming sleeps on. */
	alarm_begin(&alarm);
	start = now_ns();
	EXPECT(gaming_sleep_until(&g, start + 200 * MS), 0);
	REQUIRE(now_ns() >= start + 200 * MS, "a signal ended gaming_sleep_until()");
	alarm_end(&alarm);
	EXPECT(alarms, 3);
	gaming_close(&g);
	return 0;
}

static int check_time(const struct gaming *g)
{
	uint64_t mono = clock_ns(CLOCK_MONOTONIC), boot = clock_ns(CLOCK_BOOTTIME),
		 real = clock_ns(CLOCK_REALTIME);
	struct gaming_time t;

	memset(&t, 0x5a, sizeof(t));
	EXPECT(gaming_get_time(g, &t), 0);
	REQUIRE(t.monotonic_ns >= mono && t.monotonic_ns <= clock_ns(CLOCK_MONOTONIC),
		"CLOCK_MONOTONIC is %llu, told %llu", (unsigned long long)mono,
		(unsigned long long)t.monotonic_ns);
	REQUIRE(t.boot_ns >= boot && t.boot_ns <= clock_ns(CLOCK_BOOTTIME), "CLOCK_BOOTTIME");
	REQUIRE(t.real_ns >= real && t.real_ns <= clock_ns(CLOCK_REALTIME), "CLOCK_REALTIME");
	return 0;
}

#ifdef __x86_64__
static uint64_t counter(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/* Who may not read the TSC does not get it here. */
static int forbidden_counter(const struct gaming *g)
{
	struct gaming_time t;

	EXPECT(prctl(PR_SET_TSC, PR_TSC_SIGSEGV), 0);
	EXPECT(gaming_get_time(g, &t), -EPERM);
	EXPECT(prctl(PR_SET_TSC, PR_TSC_ENABLE), 0);
	return 0;
}
#elif defined(__aarch64__)
static uint64_t counter(void)
{
	uint64_t value;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value)::"memory");
	return value;
}

static int forbidden_counter(const struct gaming *g)
{
	return 0;
}
#endif

static bool cpu_has(const char *flag)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char word[64];
	bool found = false;

	while (file && !found && fscanf(file, "%63s", word) == 1)
		found = !strcmp(word, flag);
	if (file)
		fclose(file);
	return found;
}

/* One CPU: the counters of two need not agree on an emulated machine. */
int test_get_time(void)
{
	struct gaming_time first = {0}, t;
	cpu_set_t one;
	struct gaming g;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	EXPECT(gaming_open(&g), 0);
	EXPECT(!!(g.features & GAMING_FEAT_TSC_DEADLINE), cpu_has("tsc_deadline_timer"));
	for (int i = 0; i < 100; i++) {
		uint64_t before = counter();

		if (check_time(&g))
			return 1;
		EXPECT(gaming_get_time(&g, &t), 0);
		REQUIRE(t.cycles >= before && t.cycles <= counter(),
			"the counter was %llu before, told %llu", (unsigned long long)before,
			(unsigned long long)t.cycles);
		if (!i)
			first = t;
	}
	/* The pair tells the rate: a fault of a factor shows. */
	usleep(200000);
	EXPECT(gaming_get_time(&g, &t), 0);
	if (t.hz && t.flags & GAMING_TIME_STEADY) {
		double hz = (double)(t.cycles - first.cycles) * 1e9 /
			    (double)(t.monotonic_ns - first.monotonic_ns);

		REQUIRE(hz > 0.5 * (double)t.hz && hz < 2.0 * (double)t.hz,
			"%.0f Hz between two pairs, told %.0f", hz, (double)t.hz);
	}
	if (forbidden_counter(&g))
		return 1;
	gaming_close(&g);
	return 0;
}

/* In a time namespace an hour ahead all times are those of its clock. */
static int in_namespace(void)
{
	struct gaming_frame frame;
	uint64_t start = now_ns(), took;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	REQUIRE(start > 3600000 * MS, "the namespace has no offset");
	if (check_time(&g))
		return 1;
	EXPECT(gaming_sleep_until(&g, start + 30 * MS), 0);
	took = now_ns() - start;
	REQUIRE(took >= 30 * MS && took < 60000 * MS, "30 ms took %llu ns",
		(unsigned long long)took);
	EXPECT(gaming_pace(&g, 100000, 0), 0);
	start = now_ns();
	EXPECT(gaming_frame(&g, &frame), 0);
	REQUIRE(frame.end_ns >= start - 10 * MS && frame.end_ns <= now_ns(),
		"the frame ended at %llu, it is %llu", (unsigned long long)frame.end_ns,
		(unsigned long long)now_ns());
	gaming_close(&g);
	return 0;
}

int test_sleep_namespace(void)
{
	FILE *offsets;
	pid_t child;
	int status;

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
	if (unshare(CLONE_NEWTIME))
		return skip("no time namespaces, or not root");
	offsets = fopen("/proc/self/timens_offsets", "we");
	REQUIRE(offsets, "timens_offsets: %m");
	fprintf(offsets, "monotonic 3600 0\nboottime 7200 0\n");
	REQUIRE(!fclose(offsets), "timens_offsets: %m");
	child = fork();
	if (!child)
		_exit(in_namespace());
	waitpid(child, &status, 0);
	return status ? FAIL("in the namespace") : 0;
}

static uint64_t drain(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	uint64_t count = 0;

	if (poll(&poll_fd, 1, timeout_ms) != 1 || read(fd, &count, sizeof(count)) < 0)
		return 0;
	return count;
}

int test_timer(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint32_t ids[GAMING_TIMERS] = {0}, more = 0;
	struct gaming_timer again = {.size = sizeof(again), .eventfd = fd, .expired = 9};
	uint64_t at = now_ns() + 30 * MS, sum = 0;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < GAMING_TIMERS; i++)
		EXPECT(gaming_timer_set(&g, &ids[i], fd, at), 0);
	REQUIRE(now_ns() >= at || !drain(fd, 0), "a timer came early");
	EXPECT(gaming_timer_set(&g, &more, fd, at), -EBUSY);
	while (sum < GAMING_TIMERS) {
		uint64_t n = drain(fd, 10000);

		REQUIRE(n, "%d of %d timers came", (int)sum, GAMING_TIMERS);
		REQUIRE(now_ns() >= at, "a timer came early");
		sum += n;
	}
	EXPECT(sum, GAMING_TIMERS);
	/* Set anew it tells that it had come; ended it never comes. */
	again.timer = ids[3];
	again.ns = 3600000 * MS;
	EXPECT(gaming_ioctl(&g, TIMER_CMD, &again), 0);
	EXPECT(again.expired, 1);
	again.ns = 20 * MS;
	EXPECT(gaming_ioctl(&g, TIMER_CMD, &again), 0);
	EXPECT(again.expired, 0);
	EXPECT(gaming_timer_end(&g, ids[3]), 0);
	EXPECT(gaming_timer_end(&g, ids[3]), -ENOENT);
	EXPECT(drain(fd, 60), 0);
	/* Another in its place; with the session all are gone. */
	EXPECT(gaming_timer_set(&g, &more, fd, now_ns() + 20 * MS), 0);
	EXPECT(more, ids[3]);
	gaming_close(&g);
	EXPECT(drain(fd, 60), 0);
	close(fd);
	return 0;
}
