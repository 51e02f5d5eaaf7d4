/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FRAME: what it says of each frame is held against the rules of gaming_time.h, written
 * down here a second time. So a machine that is late fails nothing: being late is judged.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/pace.h"
#include "kmods/gaming/selftest/alarms.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

static void work_for(uint64_t ns)
{
	struct timespec ts = {.tv_nsec = (long)ns};

	nanosleep(&ts, NULL);
}

int test_frame_fixed(void)
{
	const uint64_t period = 1000000000000u / 59940;
	struct gaming_frame f, before = {0};
	uint64_t ready;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_pace(&g, 59940, 0), 0);
	for (uint64_t i = 1; i <= 40; i++) {
		if (i > 1)
			work_for(i % 10 == 0 ? period * 5 / 2 : period / 4);
		ready = now_ns();
		EXPECT(gaming_frame(&g, &f), 0);
		REQUIRE(now_ns() >= f.end_ns + f.late_ns, "frame %d: back before its end", (int)i);
		EXPECT(f.frame, i);
		EXPECT(f.rate_mhz, 59940);
		if (i > 1) {
			uint64_t ends = (f.end_ns - before.end_ns) / period;

			REQUIRE((f.end_ns - before.end_ns) % period == 0 && ends,
				"frame %d: not on the grid", (int)i);
			REQUIRE(f.missed - before.missed == ends - 1,
				"frame %d: %d ends were missed, %d told", (int)i, (int)ends - 1,
				(int)(f.missed - before.missed));
			/* No end was left out that the frame could have had. */
			REQUIRE(f.end_ns - period <= before.end_ns + f.work_ns,
				"frame %d: later than need be", (int)i);
			REQUIRE(before.end_ns + f.work_ns >= ready, "frame %d: ready before it was",
				(int)i);
		}
		before = f;
	}
	REQUIRE(f.missed >= 2 * 4, "four frames of two and a half periods missed %d ends",
		(int)f.missed);
	EXPECT(gaming_pace(&g, 0, 0), 0);
	EXPECT(gaming_frame(&g, &f), -ENOENT);
	gaming_close(&g);
	return 0;
}

struct vrr_model {
	uint32_t rate, lowest, highest, stable;
	uint64_t missed;
};

/* 1: the frame was late. */
static int vrr_next(struct vrr_model *m, uint64_t work, uint32_t margin)
{
	uint64_t period = 1000000000000u / m->rate;

	if (work > period) {
		uint64_t rate = 1000000000000u / work;

		m->stable = 0;
		m->missed += work > 1000000000000u / m->lowest;
		m->rate = rate > m->lowest ? (uint32_t)rate : m->lowest;
		return 1;
	}
	if (work > period - period * margin / 100) {
		m->stable = 0;
	} else if (++m->stable == GAMING_PACE_STABLE) {
		m->stable = 0;
		m->rate += GAMING_PACE_STEP_MHZ;
		if (m->rate > m->highest)
			m->rate = m->highest;
	}
	return 0;
}

int test_frame_vrr(void)
{
	struct vrr_model model = {.rate = 120000, .lowest = 80000, .highest = 160000};
	uint64_t end = 0, raised = 0, lowered = 0;
	struct gaming_frame f;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_pace(&g, 120000, GAMING_PACE_VRR), 0);
	for (int i = 0; i < 120; i++) {
		uint32_t before = model.rate;
		uint64_t period = 1000000000000u / before;
		int late;

		if (i % 40 == 30)
			work_for(10 * MS); /* within the band */
		else if (i % 40 == 35)
			work_for(40 * MS); /* beyond it */
		EXPECT(gaming_frame(&g, &f), 0);
		late = vrr_next(&model, f.work_ns, 10);
		REQUIRE(f.rate_mhz == model.rate,
			"frame %d: took %llu ns at %u mHz: %u mHz, not %u", i,
			(unsigned long long)f.work_ns, before, f.rate_mhz, model.rate);
		REQUIRE(f.missed == model.missed, "frame %d: %d missed, not %d", i, (int)f.missed,
			(int)model.missed);
		REQUIRE(!end || f.end_ns == end + (late ? f.work_ns : period),
			"frame %d: ended after %llu ns", i, (unsigned long long)(f.end_ns - end));
		raised += model.rate > before;
		lowered += model.rate < before;
		end = f.end_ns;
	}
	REQUIRE(raised >= 3 && lowered >= 3 && model.missed >= 3,
		"raised %d times, lowered %d times, %d missed", (int)raised, (int)lowered,
		(int)model.missed);
	gaming_close(&g);
	return 0;
}

static int raw_frame(const struct gaming *g, uint32_t flags, struct gaming_frame *f)
{
	*f = (struct gaming_frame){.size = sizeof(*f), .flags = flags};
	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_FRAME), f);
}

/* EARLY leaves the spin to the caller, who may also not spin; without it nobody is early. */
int test_frame_early(void)
{
	struct gaming_pace pace = {
		.size = sizeof(pace), .rate_mhz = 100000, .spin_ns = GAMING_SPIN_MAX_NS};
	uint64_t end, now, most = 0;
	struct gaming_frame f;
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_ioctl(&g, GAMING_IOC_PACE, &pace), 0);
	for (int i = 0; i < 50; i++) {
		EXPECT(raw_frame(&g, 0, &f), 0);
		REQUIRE(now_ns() >= f.end_ns + f.late_ns, "frame %d: back before its end", i);
	}
	/*
	 * On a machine that is late it takes a while until one is early, and the next ready
	 * before it has ended: then that has taken no time.
	 */
	end = now_ns() + 20000000000u;
	do {
		EXPECT(raw_frame(&g, GAMING_FRAME_EARLY, &f), 0);
		now = now_ns();
		REQUIRE(f.work_ns < 1000 * MS, "a frame took %llu ns",
			(unsigned long long)f.work_ns);
		if (now < f.end_ns) {
			EXPECT(f.late_ns, 0);
			most = f.end_ns - now > most ? f.end_ns - now : most;
		}
	} while ((!most || f.work_ns) && now < end);
	if ((!most || f.work_ns) && slowness() > 1)
		return skip("here a thread wakes later than the longest spin is long");
	REQUIRE(most && !f.work_ns, "of %llu frames none was early", (unsigned long long)f.frame);
	REQUIRE(most <= GAMING_SPIN_MAX_NS, "%llu ns early", (unsigned long long)most);
	gaming_close(&g);
	return 0;
}

static void *wait_for_frame(void *arg)
{
	return (void *)(intptr_t)gaming_frame(arg, NULL);
}

/* Broken off by a signal it goes on; a second thread is refused; so is another pace. */
int test_frame_signal(void)
{
	uint64_t begun, broken;
	struct gaming_frame f;
	struct alarm alarm;
	pthread_t thread;
	void *result;
	struct gaming g;
	sigset_t set;
	int err;

	EXPECT(gaming_open(&g), 0);
	begun = now_ns();
	EXPECT(gaming_pace(&g, GAMING_RATE_MIN_MHZ, 0), 0);
	alarm_begin(&alarm);
	EXPECT(gaming_frame(&g, &f), -EINTR);
	broken = now_ns();
	alarm_end(&alarm);
	work_for(50 * MS);
	EXPECT(gaming_frame(&g, &f), 0);
	EXPECT(f.frame, 1);
	/* It was ready when the signal came. */
	REQUIRE(f.work_ns <= broken - begun, "the frame took %llu ns, not %llu",
		(unsigned long long)f.work_ns, (unsigned long long)(broken - begun));

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	REQUIRE(!pthread_create(&thread, NULL, wait_for_frame, &g), "no thread");
	do {
		err = gaming_pace(&g, 2000, 0);
		usleep(1000);
	} while (!err);
	EXPECT(err, -EBUSY);
	EXPECT(gaming_frame(&g, &f), -EBUSY);
	pthread_join(thread, &result);
	EXPECT((intptr_t)result, 0);
	gaming_close(&g);
	return 0;
}
