/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handovers between two threads on two CPUs: how long from the one saying so to the
 * other one running with it, half of a round trip. A round begins when the other thread
 * has had time to wait, not to fall asleep: the handover of a frame from thread to thread.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/bench/counts.h"
#include "kmods/gaming/libgaming/sync.h"
#include "kmods/selftest/report.h"

#define ROUNDS 300
#define BUSY_TICKS 20000 /* of work between two handovers */

enum handover_by { BY_EVENT, BY_FUTEX2, BY_GAMING_FUTEX, HANDOVERS };

/* One way of a pair. */
struct way {
	struct gaming_event event;
	_Atomic uint32_t word;
};

static struct handover {
	struct gaming g;
	enum handover_by by;
	struct way there, back;
	_Atomic bool stop;
	double times[ROUNDS]; /* us */
} handover;

static void tell(struct way *way)
{
	switch (handover.by) {
	case BY_EVENT:
		gaming_event_set(&handover.g, &way->event);
		break;
	case BY_FUTEX2:
		way->word = 1;
		syscall(SYS_futex, &way->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		break;
	default:
		way->word = 1;
		gaming_futex_wake(&handover.g, &way->word, 1);
		break;
	}
}

static void hear(struct way *way)
{
	if (handover.by == BY_EVENT) {
		gaming_event_wait(&handover.g, &way->event, GAMING_CLASS_FRAME, 0);
		return;
	}
	while (!way->word) {
		if (handover.by == BY_FUTEX2)
			syscall(SYS_futex, &way->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		else
			gaming_futex_wait(&handover.g, &way->word, 0, 0, 0);
	}
	way->word = 0;
}

static void *answer(void *arg)
{
	(void)arg;
	if (bench_pin(1))
		return &handover;
	for (;;) {
		hear(&handover.there);
		if (handover.stop)
			return NULL;
		tell(&handover.back);
	}
}

static uint64_t bench_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	uint64_t count;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count;
#endif
}

/* Fills handover.times. False: it cannot be pinned to two CPUs. */
static bool slice(enum handover_by by)
{
	pthread_t thread;
	void *bad;

	handover.by = by;
	handover.stop = false;
	handover.there = handover.back = (struct way){0};
	if (pthread_create(&thread, NULL, answer, NULL))
		return false;
	for (int i = -20; i < ROUNDS; i++) {
		uint64_t start = bench_ticks();

		while (bench_ticks() - start < BUSY_TICKS)
			;
		start = now_ns();
		tell(&handover.there);
		hear(&handover.back);
		if (i >= 0)
			handover.times[i] = (double)(now_ns() - start) / 2000;
	}
	handover.stop = true;
	tell(&handover.there);
	pthread_join(thread, &bad);
	return !bad;
}

/* Traps and sleeps of a handover. */
static int count_handovers(enum handover_by by, const char *name)
{
	int fd = count_open("raw_syscalls/sys_enter");
	double traps, sleeps;
	char text[64];

	if (fd < 0)
		return FAIL("no counter of system calls: %m");
	sleeps = (double)sleeps_now();
	count_begin(fd);
	if (!slice(by))
		return FAIL("needs 2 CPUs");
	traps = count_end(fd);
	sleeps = (double)sleeps_now() - sleeps;
	close(fd);
	/* The thread's own beginning and end are no more than 40. */
	snprintf(text, sizeof(text), "traps per handover, %s", name);
	bench_print(&(struct bench_row){.what = text,
		.against = "",
		.value = traps / (2 * (ROUNDS + 20)),
		.unit = "traps",
		.target = ""});
	snprintf(text, sizeof(text), "sleeps per handover, %s", name);
	sleeps /= 2 * (ROUNDS + 20);
	bench_print(&(struct bench_row){.what = text,
		.against = "",
		.value = sleeps,
		.unit = "sleeps",
		.target = by == BY_EVENT ? "< 0.1" : "",
		.met = sleeps < 0.1});
	/* The count is one that can count: futex(2) traps at least once on each way. */
	if (by == BY_FUTEX2)
		REQUIRE(traps >= 2 * ROUNDS, "%.0f traps of futex(2) in %d rounds", traps, ROUNDS);
	return 0;
}

int bench_futex(void)
{
	double half[2][BENCH_PAIRS], tail[2][BENCH_PAIRS], asleep[2][BENCH_PAIRS];
	static const enum handover_by turns[] = {
		BY_EVENT, BY_FUTEX2, BY_GAMING_FUTEX, BY_GAMING_FUTEX, BY_FUTEX2, BY_EVENT};

	EXPECT(gaming_open(&handover.g), 0);
	if (bench_pin(0))
		return skip("needs 2 CPUs");
	for (int i = -1; i < BENCH_PAIRS; i++) {
		double p50[HANDOVERS] = {0}, p99[HANDOVERS] = {0};

		for (size_t t = 0; t < ARRAY_LEN(turns); t++) {
			if (!slice(turns[t]))
				return skip("needs 2 CPUs");
			p50[turns[t]] += bench_quantile(handover.times, ROUNDS, 0.5) / 2;
			p99[turns[t]] += bench_quantile(handover.times, ROUNDS, 0.99) / 2;
		}
		if (i < 0)
			continue;
		half[0][i] = p50[BY_EVENT];
		half[1][i] = asleep[1][i] = p50[BY_FUTEX2];
		tail[0][i] = p99[BY_EVENT];
		tail[1][i] = p99[BY_FUTEX2];
		asleep[0][i] = p50[BY_GAMING_FUTEX];
	}
	bench_tell("handover_p50_vs_futex",
		(struct bench_row){.what = "handover across CPUs, p50",
			.against = "futex(2)",
			.unit = "us",
			.target = ">= 2"},
		2, half[0], half[1], BENCH_PAIRS);
	bench_tell("handover_p99_vs_futex",
		(struct bench_row){.what = "handover across CPUs, p99",
			.against = "futex(2)",
			.unit = "us",
			.target = ">= 1"},
		1, tail[0], tail[1], BENCH_PAIRS);
	bench_tell("handover_no_spin_vs_futex",
		(struct bench_row){.what = "handover without spinning, p50",
			.against = "futex(2)",
			.unit = "us",
			.target = ""},
		0, asleep[0], asleep[1], BENCH_PAIRS);
	if (count_handovers(BY_EVENT, "libgaming") || count_handovers(BY_FUTEX2, "futex(2)"))
		return 1;
	gaming_close(&handover.g);
	return 0;
}
