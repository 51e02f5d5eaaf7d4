/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Priority inversion: a thread waits for a mutex, whose owner computes in its section on
 * a CPU that it shares with others (hogs). What is told is how many times the length of
 * the section, in CPU time of the owner's, the waiter waits.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/libgaming/sync.h"
#include "kmods/selftest/report.h"

#define INVERSION_PAIRS 7
#define SECTION_NS 20000000u
#define HOGS_MAX 8

enum mutex_kind { MUTEX_GAMING, MUTEX_GAMING_RT, MUTEX_PLAIN, MUTEX_PI };

/* Who they are. */
struct cast {
	const char *name, *metric;
	int waiter_nice; /* of SCHED_OTHER */
	int waiter_fifo; /* or its priority in SCHED_FIFO */
	int owner_nice;
	int hogs;
};

static struct inversion {
	struct gaming g;
	const struct cast *cast;
	enum mutex_kind kind;
	struct gaming_lock gaming;
	pthread_mutex_t mutex;
	_Atomic int in_section, end;
	double waited; /* in sections */
	bool failed;
} inversion;

static void lock_of_kind(bool lock)
{
	int err;

	switch (inversion.kind) {
	case MUTEX_GAMING:
	case MUTEX_GAMING_RT:
		err = lock ? gaming_lock(&inversion.g, &inversion.gaming, 0, 0)
			   : gaming_unlock(&inversion.g, &inversion.gaming);
		break;
	default:
		err = lock ? pthread_mutex_lock(&inversion.mutex)
			   : pthread_mutex_unlock(&inversion.mutex);
		break;
	}
	if (err)
		inversion.failed = true;
}

static uint64_t cpu_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *owner_main(void *arg)
{
	uint64_t end;

	(void)arg;
	bench_pin(1);
	setpriority(PRIO_PROCESS, 0, inversion.cast->owner_nice);
	lock_of_kind(true);
	end = cpu_time_ns() + SECTION_NS;
	inversion.in_section = 1;
	while (cpu_time_ns() < end)
		;
	lock_of_kind(false);
	return NULL;
}

static void *hog_main(void *arg)
{
	(void)arg;
	bench_pin(1);
	while (!inversion.end)
		;
	return NULL;
}

/* On the other CPU, so that nothing is measured but the wait. */
static void *waiter_main(void *arg)
{
	const struct cast *cast = inversion.cast;
	uint64_t start;

	(void)arg;
	bench_pin(0);
	if (cast->waiter_fifo &&
		sched_setscheduler(
			0, SCHED_FIFO, &(struct sched_param){.sched_priority = cast->waiter_fifo}))
		inversion.failed = true;
	if (setpriority(PRIO_PROCESS, 0, cast->waiter_nice))
		inversion.failed = true;
	while (!inversion.in_section)
		if (cast->waiter_fifo)
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
		else
			sched_yield();
	start = now_ns();
	lock_of_kind(true);
	inversion.waited = (double)(now_ns() - start) / SECTION_NS;
	lock_of_kind(false);
	return NULL;
}

/* How many sections the waiter waits. */
static double invert(const struct cast *cast, enum mutex_kind kind)
{
	pthread_t owner, waiter, hogs[HOGS_MAX];
	pthread_mutexattr_t attr;

	inversion.cast = cast;
	inversion.kind = kind;
	inversion.in_section = inversion.end = 0;
	inversion.gaming = (struct gaming_lock){.real_time = kind == MUTEX_GAMING_RT};
	pthread_mutexattr_init(&attr);
	if (kind == MUTEX_PI)
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inversion.mutex, &attr);
	for (int i = 0; i < cast->hogs; i++)
		pthread_create(&hogs[i], NULL, hog_main, NULL);
	pthread_create(&waiter, NULL, waiter_main, NULL);
	pthread_create(&owner, NULL, owner_main, NULL);
	pthread_join(waiter, NULL);
	pthread_join(owner, NULL);
	inversion.end = 1;
	for (int i = 0; i < cast->hogs; i++)
		pthread_join(hogs[i], NULL);
	pthread_mutex_destroy(&inversion.mutex);
	pthread_mutexattr_destroy(&attr);
	return inversion.waited;
}

static int compare_kinds(const struct cast *cast, enum mutex_kind ours, enum mutex_kind theirs,
	const char *against, double at_least, const char *target)
{
	double a[INVERSION_PAIRS], b[INVERSION_PAIRS];
	char metric[40];

	for (int i = 0; i < INVERSION_PAIRS; i++) {
		a[i] = invert(cast, ours);
		b[i] = invert(cast, theirs);
		b[i] = (b[i] + invert(cast, theirs)) / 2;
		a[i] = (a[i] + invert(cast, ours)) / 2;
	}
	REQUIRE(!inversion.failed, "%s: a lock or a priority was refused", cast->name);
	snprintf(metric, sizeof(metric), "%s_vs_%s", cast->metric,
		theirs == MUTEX_PI ? "pi" : "plain");
	bench_tell(metric,
		(struct bench_row){.what = cast->name,
			.against = against,
			.unit = "sections",
			.target = target},
		at_least, a, b, INVERSION_PAIRS);
	return 0;
}

int bench_priority(void)
{
	static const struct cast usual = {
		"nice -10 waits for nice 0, 4 hogs", "inversion_nice", -10, 0, 0, 4};
	static const struct cast background = {
		"nice -10 waits for nice 19, 1 hog", "inversion_nice19", -10, 0, 19, 1};
	static const struct cast real_time = {
		"SCHED_FIFO waits for nice 0, 4 hogs", "inversion_fifo", 0, 10, 0, 4};
	cpu_set_t cpus;

	if (geteuid() || sched_getaffinity(0, sizeof(cpus), &cpus) || CPU_COUNT(&cpus) < 2)
		return skip("needs root and 2 CPUs");
	EXPECT(gaming_open(&inversion.g), 0);
	/* The last is a PI futex on both sides: two runs of the same lock differ by as much. */
	if (compare_kinds(&usual, MUTEX_GAMING, MUTEX_PLAIN, "no inheritance", 1, ">= 1") ||
		compare_kinds(&usual, MUTEX_GAMING, MUTEX_PI, "PI futex", 1, ">= 1") ||
		compare_kinds(&background, MUTEX_GAMING, MUTEX_PI, "PI futex", 0, "") ||
		compare_kinds(
			&real_time, MUTEX_GAMING_RT, MUTEX_PLAIN, "no inheritance", 1, ">= 1") ||
		compare_kinds(&real_time, MUTEX_GAMING_RT, MUTEX_PI, "PI futex", 0.95, ">= 0.95"))
		return 1;
	gaming_close(&inversion.g);
	return 0;
}
