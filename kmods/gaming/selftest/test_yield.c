/* SPDX-License-Identifier: Apache-2.0 */
/* YIELD with a name: who is the next to run on a CPU that many want. */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/place.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

#define HOGS 6
#define NOBODY (-1)

struct hogs {
	_Atomic int ready, stop;
	_Atomic int tid[HOGS];
	_Atomic int first; /* that ran since this was NOBODY */
};

struct hog {
	struct hogs *hogs;
	int number;
};

static void *hog_thread(void *arg)
{
	struct hog *hog = arg;
	struct hogs *h = hog->hogs;

	h->tid[hog->number] = (int)syscall(SYS_gettid);
	h->ready++;
	while (!h->stop)
		if (h->first == NOBODY)
			h->first = hog->number;
	return NULL;
}

/*
 * How often of @rounds was a hog the first to run when the turn was given to it, or
 * (not @directed) to nobody? Who gives works as hard as they do: a thread that has
 * slept has so much time to come that the scheduler lets it go on.
 */
static int chosen_ran(struct gaming *g, struct hogs *h, bool directed, int rounds)
{
	int ran = 0;

	for (int i = 0; i < rounds; i++) {
		uint64_t until = now_ns() + 3 * 1000000;
		int chosen = i % HOGS;

		while (now_ns() < until)
			;
		h->first = NOBODY;
		gaming_yield_to(g, directed ? h->tid[chosen] : 0);
		ran += h->first == chosen;
	}
	return ran;
}

/* One CPU, six threads that want it: who has the next turn? */
int test_yield(void)
{
	static struct hogs h;
	struct hog hogs[HOGS];
	pthread_t threads[HOGS];
	int directed = 0, plain = 0, rounds = 60;
	struct metric *m = add_metric("yield_to_ran", "ratio", false);
	struct gaming g;

	m->higher_is_better = true;
	EXPECT(gaming_open(&g), 0);
	run_on(sched_getcpu());
	for (int i = 0; i < HOGS; i++) {
		hogs[i] = (struct hog){&h, i};
		pthread_create(&threads[i], NULL, hog_thread, &hogs[i]);
	}
	while (h.ready < HOGS)
		usleep(1000);
	for (int i = 0; i < 4; i++) {
		directed += chosen_ran(&g, &h, true, rounds / 4);
		plain += chosen_ran(&g, &h, false, rounds / 4);
	}
	h.stop = 1;
	for (int i = 0; i < HOGS; i++)
		pthread_join(threads[i], NULL);
	m->samples[m->count++] = (double)directed / rounds;
	printf("# of %d turns given to one of %d threads it had %d; given to nobody, it had %d\n",
		rounds, HOGS, directed, plain);
	/* By chance it would be one in six. */
	REQUIRE(directed * 3 >= rounds, "directed %d of %d, not directed %d", directed, rounds,
		plain);
	gaming_close(&g);
	return 0;
}
