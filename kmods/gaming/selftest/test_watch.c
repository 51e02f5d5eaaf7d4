/* SPDX-License-Identifier: Apache-2.0 */
/* Watches, against what the process knows itself; and threads placed by them. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/place.h"
#include "kmods/gaming/selftest/caches.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

static long naps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static long preemptions(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

static void *spin_here(void *arg)
{
	while (!*(_Atomic int *)arg)
		;
	return NULL;
}

/* Beside a thread that wants the same CPU: being preempted is a turn, and no wake-up. */
static int count_turns(const struct gaming *g)
{
	struct gaming_watch w = {.size = sizeof(w)}, v = w;
	_Atomic int stop = 0;
	long slept, preempted;
	pthread_t rival;

	EXPECT(gaming_ioctl(g, GAMING_IOC_WATCH, &w), 0);
	slept = naps();
	preempted = preemptions();
	REQUIRE(!pthread_create(&rival, NULL, spin_here, &stop), "no thread");
	for (int i = 0; i < 500 && preemptions() - preempted < 5; i++) {
		uint64_t until = now_ns() + 10000000;

		nap();
		while (now_ns() < until)
			;
	}
	slept = naps() - slept;
	preempted = preemptions() - preempted;
	EXPECT(gaming_ioctl(g, GAMING_IOC_WATCH, &v), 0);
	stop = 1;
	pthread_join(rival, NULL);
	REQUIRE(preempted >= 5, "preempted %ld times only", preempted);
	v.wakeups -= w.wakeups;
	v.turns -= w.turns;
	/* It may be preempted between the readings too. */
	REQUIRE((long)v.wakeups == slept && (long)v.turns >= slept + preempted &&
			(long)v.turns <= slept + preempted + 4,
		"%ld sleeps, %ld preemptions; %d wake-ups, %d turns told", slept, preempted,
		(int)v.wakeups, (int)v.turns);
	return 0;
}

static int watch_begin(const struct gaming *g)
{
	uint64_t cpus[GAMING_CPU_WORDS];
	struct gaming_affinity a;

	return ask(g->fd, GAMING_AFFINITY_NEAREST | GAMING_AFFINITY_WATCH, cpus, &a);
}

static int watch_read(const struct gaming *g, uint32_t flags)
{
	struct gaming_watch w = {.size = sizeof(w), .flags = flags};

	return (int)gaming_ioctl(g, GAMING_IOC_WATCH, &w);
}

static void *close_it(void *arg)
{
	gaming_close(arg);
	return NULL;
}

/* Two sessions cannot watch one thread, and the first one's end makes room at once. */
int test_watch_one(void)
{
	struct gaming first, second;
	pthread_t closer;

	if (!have_caches())
		return skip("this machine does not tell of its caches");
	EXPECT(gaming_open(&first), 0);
	EXPECT(gaming_open(&second), 0);
	EXPECT(watch_begin(&first), 0);
	EXPECT(watch_begin(&first), 0);
	EXPECT(watch_begin(&second), -EBUSY);
	EXPECT(watch_read(&second, 0), -ENOENT);
	EXPECT(watch_read(&first, GAMING_WATCH_END), 0);
	EXPECT(watch_begin(&second), 0);
	EXPECT(watch_begin(&first), -EBUSY);
	/* Ended by another thread; what is left of it is the watched one's to take off. */
	for (int i = 0; i < 100; i++) {
		REQUIRE(!pthread_create(&closer, NULL, close_it, &second), "no thread");
		pthread_join(closer, NULL);
		EXPECT(watch_begin(&first), 0);
		EXPECT(gaming_open(&second), 0);
		EXPECT(watch_begin(&second), -EBUSY);
		EXPECT(watch_read(&first, GAMING_WATCH_END), 0);
		EXPECT(watch_begin(&second), 0);
	}
	gaming_close(&second);
	EXPECT(watch_begin(&first), 0);
	gaming_close(&first);
	return 0;
}

static const struct gaming *crowded;
static _Atomic int crowd_in, crowd_failed;
static int crowd_over[2]; /* a pipe, closed at the end */

static void *one_of_crowd(void *arg)
{
	char none;

	if (watch_begin(crowded))
		crowd_failed++;
	crowd_in++;
	return read(crowd_over[0], &none, 1) ? &crowded : NULL;
}

int test_watch_limit(void)
{
	static pthread_t crowd[GAMING_WATCHES_MAX];
	pthread_attr_t small;
	struct gaming g;

	if (!have_caches())
		return skip("this machine does not tell of its caches");
	EXPECT(gaming_open(&g), 0);
	EXPECT(sys(pipe(crowd_over)), 0);
	crowded = &g;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < GAMING_WATCHES_MAX; i++) {
		REQUIRE(!pthread_create(&crowd[i], &small, one_of_crowd, NULL), "no thread %d", i);
		while (crowd_in <= i)
			sched_yield();
	}
	EXPECT(crowd_failed, 0);
	EXPECT(watch_begin(&g), -EDQUOT);
	close(crowd_over[1]);
	for (int i = 0; i < GAMING_WATCHES_MAX; i++)
		pthread_join(crowd[i], NULL);
	/* Those that have ended make room. */
	for (int i = 0; watch_begin(&g); i++) {
		REQUIRE(i < 1000, "no room after all have ended");
		nap();
	}
	close(crowd_over[0]);
	gaming_close(&g);
	return 0;
}

/* Moves and sleeps that the thread makes itself, counted to the last one. */
int test_watch_counts(void)
{
	uint64_t cpus[GAMING_CPU_WORDS];
	struct gaming_watch w = {.size = sizeof(w)}, v = w;
	struct gaming_affinity a;
	cpu_set_t all;
	struct gaming g;
	int home, away;
	long before;

	if (!have_caches())
		return skip("this machine does not tell of its caches");
	sched_getaffinity(0, sizeof(all), &all);
	if (CPU_COUNT(&all) < 2)
		return skip("one CPU only");
	home = lowest(&all);
	for (away = home + 1; !CPU_ISSET(away, &all);)
		away++;
	EXPECT(gaming_open(&g), 0);
	/* With one CPU allowed it is all of home, whatever the caches are. */
	run_on(home);
	EXPECT(ask(g.fd, GAMING_AFFINITY_NEAREST | GAMING_AFFINITY_WATCH, cpus, &a), 0);
	for (int i = 0; i < 20; i++)
		run_on(i & 1 ? home : away);
	EXPECT(gaming_ioctl(&g, GAMING_IOC_WATCH, &w), 0);
	EXPECT(w.migrations, 20);
	EXPECT(w.departures, 10);
	REQUIRE(w.turns >= 20 && w.turns_home >= 10 && w.turns - w.turns_home >= 10,
		"%d turns, %d of them at home", (int)w.turns, (int)w.turns_home);

	for (int part = 0; part < 2; part++) {
		run_on(part ? away : home);
		EXPECT(gaming_ioctl(&g, GAMING_IOC_WATCH, &w), 0);
		before = naps();
		for (int i = 0; i < 50; i++)
			nap();
		before = naps() - before;
		EXPECT(gaming_ioctl(&g, GAMING_IOC_WATCH, &v), 0);
		REQUIRE((long)(v.wakeups - w.wakeups) == before && before >= 10,
			"%d wake-ups, %ld sleeps", (int)(v.wakeups - w.wakeups), before);
		EXPECT(v.wakeups_home - w.wakeups_home, part ? 0 : before);
	}
	if (count_turns(&g))
		return 1;
	/* Another watch of the same thread begins with nothing; the end is one. */
	EXPECT(ask(g.fd, GAMING_AFFINITY_NEAREST | GAMING_AFFINITY_WATCH, cpus, &a), 0);
	w.flags = GAMING_WATCH_END;
	EXPECT(gaming_ioctl(&g, GAMING_IOC_WATCH, &w), 0);
	EXPECT(w.departures, 0);
	EXPECT(gaming_ioctl(&g, GAMING_IOC_WATCH, &w), -ENOENT);
	gaming_close(&g);
	return 0;
}

static int module_refs(void)
{
	char text[16] = "-1";

	read_line("/sys/module/gaming/refcnt", text, sizeof(text));
	return atoi(text);
}

struct watched {
	struct gaming *g;
	_Atomic int ready, stop;
	bool busy;
};

static void *watched_thread(void *arg)
{
	struct watched *w = arg;
	uint64_t cpus[GAMING_CPU_WORDS];
	struct gaming_affinity a;

	if (ask(w->g->fd, GAMING_AFFINITY_NEAREST | GAMING_AFFINITY_WATCH, cpus, &a))
		FAIL("a watch was refused");
	w->ready++;
	while (!w->stop)
		if (!w->busy)
			usleep(1000);
	return NULL;
}

/* However a watch ends, it lets go of the module. */
static int watch_round(int round)
{
	struct watched w = {.busy = round & 1};
	pthread_t threads[8];
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	w.g = &g;
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, watched_thread, &w);
	while (w.ready < 8)
		usleep(1000);
	if (round == 2 || round == 3)
		raise(SIGKILL);
	if (round < 2) /* the session ends while they run, or sleep */
		gaming_close(&g);
	w.stop = 1;
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	if (round >= 4) { /* the threads end, then the session; a new watch frees theirs */
		w.stop = round & 1;
		w.ready = 0;
		pthread_create(&threads[0], NULL, watched_thread, &w);
		while (!w.ready)
			usleep(1000);
		w.stop = 1;
		pthread_join(threads[0], NULL);
		gaming_close(&g);
	}
	return 0;
}

int test_watch_ends(void)
{
	int before = module_refs();

	if (!have_caches())
		return skip("this machine does not tell of its caches");
	for (int round = 0; round < 6; round++) {
		pid_t child = fork();
		int status, refs = -1;

		if (!child)
			_exit(watch_round(round));
		waitpid(child, &status, 0);
		REQUIRE(!status || WTERMSIG(status) == SIGKILL, "round %d: status %d", round,
			status);
		for (int i = 0; i < 1000 && refs != before; i++) {
			usleep(i ? 10000 : 0);
			refs = module_refs();
		}
		REQUIRE(refs == before, "round %d: %d references to the module, %d before", round,
			refs, before);
	}
	return 0;
}

int test_place(void)
{
	struct gaming_placed placed;
	struct gaming_watch w;
	cpu_set_t all, now;
	struct gaming g;
	long before;
	int away;

	if (!have_caches())
		return skip("this machine does not tell of its caches");
	EXPECT(gaming_open(&g), 0);
	sched_getaffinity(0, sizeof(all), &all);
	EXPECT(gaming_place(&g, GAMING_AFFINITY_LARGEST, &placed), 0);
	sched_getaffinity(0, sizeof(now), &now);
	REQUIRE(same_cpus(placed.cpus, &now), "the mask is not the cache's");
	before = naps();
	for (int i = 0; i < 100; i++)
		nap();
	before = naps() - before;
	EXPECT(gaming_keep(&g, &placed, &w), 0);
	/* The first may have been on the way home. */
	REQUIRE(w.wakeups_home + 1 >= w.wakeups, "%d wake-ups, %d at home", (int)w.wakeups,
		(int)w.wakeups_home);
	REQUIRE(before && (long)w.wakeups >= before, "%d wake-ups, %ld sleeps", (int)w.wakeups,
		before);

	/* Someone moves the thread away: it comes back. */
	for (away = 0; away < CPUS && (!CPU_ISSET(away, &all) || CPU_ISSET(away, &now)); away++)
		;
	if (away < CPUS) {
		run_on(away);
		EXPECT(gaming_keep(&g, &placed, &w), 1);
		EXPECT(w.departures, 1);
		sched_getaffinity(0, sizeof(now), &now);
		REQUIRE(same_cpus(placed.cpus, &now), "the new mask is not the cache's");
		EXPECT(gaming_keep(&g, &placed, &w), 0);
		EXPECT(w.departures, 0);
	}
	EXPECT(gaming_unplace(&g, &placed, &w), 0);
	sched_getaffinity(0, sizeof(now), &now);
	REQUIRE(CPU_EQUAL(&all, &now), "the mask is not what it was");
	EXPECT(gaming_unplace(&g, &placed, &w), -ENOENT);
	gaming_close(&g);
	/* Without the device nothing is placed, and nothing changed. */
	EXPECT(gaming_place(&g, GAMING_AFFINITY_LARGEST, &placed), -EBADF);
	sched_getaffinity(0, sizeof(now), &now);
	REQUIRE(CPU_EQUAL(&all, &now), "the mask is not what it was");
	return away < CPUS ? 0 : skip("one last-level cache: placing shown, coming back not");
}
