/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a thread wake on the cache that was chosen for it? It is woken by another one,
 * on a machine where more threads than CPUs come and go. Placed, against left to the
 * scheduler; both counted by the same watch.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/libgaming/place.h"
#include "kmods/selftest/report.h"

#define L3_CROWD 6
#define L3_WAKES 200 /* a slice */

struct l3_bench {
	struct gaming g;
	int ping;
	_Atomic int stop;
	struct gaming_watch sums[2];
};

/* Works and sleeps, both for about a millisecond: the scheduler has something to balance. */
static void *l3_crowd(void *arg)
{
	struct l3_bench *b = arg;
	uint32_t random = (uint32_t)(uintptr_t)&b ^ 0x9e3779b9u;

	while (!b->stop) {
		uint64_t until = now_ns() + random_next(&random) % 2000000;

		while (now_ns() < until)
			;
		usleep(random_next(&random) % 2000);
	}
	return NULL;
}

static void *l3_waker(void *arg)
{
	struct l3_bench *b = arg;

	while (!b->stop) {
		eventfd_write(b->ping, 1);
		usleep(500);
	}
	return NULL;
}

/* Only watched: the home is chosen in the same way, and nothing is placed. */
static int l3_watch_only(struct l3_bench *b, struct gaming_placed *placed)
{
	placed->home = (struct gaming_affinity){
		.size = sizeof(placed->home),
		.flags = GAMING_AFFINITY_LARGEST | GAMING_AFFINITY_WATCH,
		.cpus = (uintptr_t)placed->cpus,
		.cpus_size = sizeof(placed->cpus),
	};
	return (int)gaming_ioctl(&b->g, GAMING_IOC(GAMING_CALL_SET_AFFINITY), &placed->home);
}

/* The share of wake-ups away from home: the less the better. */
static int l3_slice(struct l3_bench *b, int side)
{
	struct gaming_watch watch = {.size = sizeof(watch), .flags = GAMING_WATCH_END};
	static struct gaming_placed placed;
	struct gaming_watch *sum = &b->sums[side];
	eventfd_t pings;

	if (side == 0)
		EXPECT(gaming_place(&b->g, GAMING_AFFINITY_LARGEST, &placed), 0);
	else
		EXPECT(l3_watch_only(b, &placed), 0);
	for (int i = 0; i < L3_WAKES; i++)
		eventfd_read(b->ping, &pings);
	if (side == 0)
		EXPECT(gaming_unplace(&b->g, &placed, &watch), 0);
	else
		EXPECT(gaming_ioctl(&b->g, GAMING_IOC_WATCH, &watch), 0);
	sum->wakeups += watch.wakeups;
	sum->wakeups_home += watch.wakeups_home;
	sum->migrations += watch.migrations;
	sum->departures += watch.departures;
	return 0;
}

/* A second home that is another cache? Else all wake-ups are at home. */
static bool l3_has_two(const struct gaming *g)
{
	struct gaming_placed placed;
	cpu_set_t all;
	int cpus = 0;

	sched_getaffinity(0, sizeof(all), &all);
	if (gaming_place(g, GAMING_AFFINITY_LARGEST, &placed))
		return false;
	for (int i = 0; i < GAMING_CPU_WORDS; i++)
		cpus += __builtin_popcountll(placed.cpus[i]);
	gaming_unplace(g, &placed, NULL);
	return cpus < CPU_COUNT(&all);
}

static double l3_kept(const struct gaming_watch *sum)
{
	return sum->wakeups ? 100.0 * (double)sum->wakeups_home / (double)sum->wakeups : 0;
}

int bench_l3(void)
{
	static struct l3_bench b;
	pthread_t crowd[L3_CROWD], waker;
	struct bench_row row = {.what = "wake-ups kept on the chosen L3",
		.against = "stock scheduler",
		.unit = "%",
		.target = ">= 99 %"};
	struct metric *m;

	EXPECT(gaming_open(&b.g), 0);
	if (!l3_has_two(&b.g))
		return skip("one L3, or this machine does not tell of it");
	b.ping = eventfd(0, EFD_CLOEXEC);
	for (int i = 0; i < L3_CROWD; i++)
		pthread_create(&crowd[i], NULL, l3_crowd, &b);
	pthread_create(&waker, NULL, l3_waker, &b);
	for (int i = 0; i < BENCH_PAIRS; i++)
		if (l3_slice(&b, 0) || l3_slice(&b, 1) || l3_slice(&b, 1) || l3_slice(&b, 0))
			return 1;
	b.stop = 1;
	for (int i = 0; i < L3_CROWD; i++)
		pthread_join(crowd[i], NULL);
	pthread_join(waker, NULL);
	row.value = l3_kept(&b.sums[0]);
	row.ratio = row.value / l3_kept(&b.sums[1]);
	row.met = row.value >= 99;
	bench_print(&row);
	m = add_metric("l3_kept", "%", false);
	m->higher_is_better = true;
	m->samples[m->count++] = row.value;
	for (int side = 0; side < 2; side++) {
		const struct gaming_watch *sum = &b.sums[side];

		bench_print(&(struct bench_row){
			.what = side ? "migrations per 1000 wake-ups, stock scheduler"
				     : "migrations per 1000 wake-ups, placed",
			.against = "",
			.value = 1000.0 * (double)sum->migrations / (double)sum->wakeups,
			.unit = "migrations",
			.target = ""});
		printf("# %s: %d wake-ups, %d at home, %d departures\n", side ? "stock" : "placed",
			(int)sum->wakeups, (int)sum->wakeups_home, (int)sum->departures);
	}
	/* A count, not a time: it must hold on any machine. */
	REQUIRE(row.value >= 99, "%.2f %% of the wake-ups were at home", row.value);
	gaming_close(&b.g);
	return 0;
}
