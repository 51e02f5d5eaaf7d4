/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the preload library takes the ring, on a clock of our own: a program's calls
 * are simulated with what they cost by ring and by system call.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "kmods/xsc/preload/policy.h"

enum xp_mode xp_mode = XP_OFF;
bool xp_counting;
static uint64_t now;
static bool usable;
static int clock_reads, rings_left;

uint64_t xp_now_ns(void)
{
	clock_reads++;
	return now;
}

bool xp_ring_usable(void)
{
	return usable;
}

void xp_ring_leave(void)
{
	rings_left++;
}

void xp_count(enum xp_call call, bool by_ring)
{
}

#define SET_UP 1000000

/* Nanoseconds: a call by ring and by system call, and what the program does in between. */
struct program {
	enum xp_call call; /* XP_READ is 0 */
	unsigned int calls;
	uint64_t ring, plain, own, own_beside_ring;
	bool cannot; /* its descriptors go by no ring */
};

struct spent {
	uint64_t ns;
	unsigned int by_ring, late_by_ring; /* the latter: of the second half */
};

struct simulation {
	const struct program *programs;
	int count;
	struct spent spent;
};

static void one_call(const struct program *program, bool *up, struct spent *spent, bool late)
{
	struct xp_turn turn = xp_turn_begin(program->call);
	uint64_t begin = now;

	turn.by_ring = turn.ring && !program->cannot;
	if (turn.by_ring && !*up)
		now += SET_UP;
	*up |= turn.by_ring;
	now += turn.by_ring ? program->ring : program->plain;
	xp_turn_end(&turn, 0);
	now += turn.by_ring && program->own_beside_ring ? program->own_beside_ring : program->own;
	spent->ns += now - begin;
	spent->by_ring += turn.by_ring;
	spent->late_by_ring += turn.by_ring && late;
}

/* What the library knows is a thread's: each simulation has one of its own. */
static void *run(void *arg)
{
	struct simulation *s = arg;
	bool up = false;

	for (int i = 0; i < s->count; i++)
		for (unsigned int call = 0; call < s->programs[i].calls; call++)
			one_call(&s->programs[i], &up, &s->spent,
				i == s->count - 1 && call >= s->programs[i].calls / 2);
	return NULL;
}

static struct spent simulate(enum xp_mode mode, const struct program *programs, int count)
{
	struct simulation s = {.programs = programs, .count = count};
	pthread_t thread;

	xp_mode = mode;
	usable = true;
	now = 1;
	clock_reads = rings_left = 0;
	assert_int_equal(pthread_create(&thread, NULL, run, &s), 0);
	pthread_join(thread, NULL);
	return s.spent;
}

static double against_libc(const struct program *program, const struct spent *spent)
{
	return (double)spent->ns /
	       ((double)program->calls * (double)(program->plain + program->own));
}

static void modes(void **state)
{
	const struct program program = {.calls = 100, .ring = 1, .plain = 1};
	struct xp_turn turn;

	assert_int_equal(simulate(XP_OFF, &program, 1).by_ring, 0);
	assert_int_equal(simulate(XP_ALWAYS, &program, 1).by_ring, 100);
	usable = false;
	turn = xp_turn_begin(XP_READ);
	assert_false(turn.ring || turn.timed);
}

/* A short program makes no ring; a very short one does not even look at the clock. */
static void short_programs(void **state)
{
	const struct program few = {.calls = 255, .ring = 1, .plain = 1000000};
	const struct program brief = {.calls = 50000, .ring = 100, .plain = 1000};

	assert_int_equal(simulate(XP_AUTO, &few, 1).by_ring, 0);
	assert_int_equal(clock_reads, 0);
	assert_int_equal(simulate(XP_AUTO, &brief, 1).by_ring, 0);
	assert_in_range(clock_reads, 1, 50000 / 60);
}

static void ring_pays(void **state)
{
	const struct program program = {.calls = 4000000, .ring = 150, .plain = 400, .own = 100};
	struct spent spent = simulate(XP_AUTO, &program, 1);

	assert_true(spent.late_by_ring > program.calls / 2 * 9 / 10);
	assert_true(against_libc(&program, &spent) < 0.6);
}

/* However slow the ring is, all trials together stay a small part. */
static void ring_does_not_pay(void **state)
{
	static const struct program programs[] = {
		{.calls = 4000000, .ring = 450, .plain = 400, .own = 100},
		{.calls = 4000000, .ring = 4000, .plain = 400, .own = 100},
		{.calls = 1000000, .ring = 5000000, .plain = 2000, .own = 2000},
		/* by the call it pays, but the thread that polls slows the program down */
		{.calls = 4000000, .ring = 200, .plain = 400, .own = 400, .own_beside_ring = 900},
		{.calls = 4000000, .ring = 200, .plain = 400, .own = 400, .own_beside_ring = 90000},
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct spent spent = simulate(XP_AUTO, &programs[i], 1);
		double ratio = against_libc(&programs[i], &spent);

		if (!spent.by_ring || ratio > 1.06)
			fail_msg("program %zu: %u by ring, %.3f", i, spent.by_ring, ratio);
		assert_true(rings_left > 0);
	}
}

/* What is begun and ends later: no call is timed, and the pace decides. */
static void by_pace_alone(void **state)
{
	const struct program pays = {
		.call = XP_AIO, .calls = 2000000, .ring = 150, .plain = 400, .own = 100};
	const struct program costs = {
		.call = XP_AIO, .calls = 2000000, .ring = 700, .plain = 400, .own = 100};
	const struct program hurts = {
		.call = XP_AIO, .calls = 1000000, .ring = 900000, .plain = 2000, .own = 2000};
	struct spent spent = simulate(XP_AUTO, &pays, 1);

	assert_true(spent.late_by_ring > pays.calls / 2 * 9 / 10);
	spent = simulate(XP_AUTO, &costs, 1);
	assert_true(spent.by_ring > 0 && against_libc(&costs, &spent) < 1.03);
	spent = simulate(XP_AUTO, &hurts, 1);
	assert_true(spent.by_ring > 0 && against_libc(&hurts, &spent) < 1.06);
}

static void ring_cannot(void **state)
{
	const struct program program = {.calls = 2000000, .ring = 1, .plain = 400, .cannot = true};
	struct spent spent = simulate(XP_AUTO, &program, 1);

	assert_int_equal(spent.by_ring, 0);
	assert_true(against_libc(&program, &spent) < 1.001);
}

/* What paid does not pay any more, and the other way round. */
static void changes(void **state)
{
	const struct program pays = {.calls = 2000000, .ring = 150, .plain = 400, .own = 100};
	const struct program costs = {.calls = 2000000, .ring = 2000, .plain = 400, .own = 100};
	const struct program worse[] = {pays, costs}, better[] = {costs, pays, pays, pays, pays};

	assert_true(simulate(XP_AUTO, worse, 2).late_by_ring < costs.calls / 2 / 20);
	assert_true(rings_left > 0);
	assert_true(simulate(XP_AUTO, better, 5).late_by_ring > pays.calls / 2 / 2);
}

/* How many of the first calls after a fork are by ring; in @arg: was the one before? */
static void *forked(void *arg)
{
	const struct program pays = {.calls = 2000000, .ring = 150, .plain = 400, .own = 100};
	struct simulation s = {.programs = &pays, .count = 1};
	uintptr_t by_ring = 0;

	run(&s);
	*(bool *)arg = xp_turn_begin(XP_READ).ring;
	xp_policy_forget();
	for (int i = 0; i < 255; i++) {
		struct xp_turn turn = xp_turn_begin(XP_READ);

		by_ring += turn.ring;
		xp_turn_end(&turn, 0);
	}
	return (void *)by_ring;
}

/* What paid for the parent is not tried in each short-lived child. */
static void children(void **state)
{
	bool parent = false;
	pthread_t thread;
	void *by_ring;

	xp_mode = XP_AUTO;
	usable = true;
	now = 1;
	assert_int_equal(pthread_create(&thread, NULL, forked, &parent), 0);
	pthread_join(thread, &by_ring);
	assert_true(parent);
	assert_null(by_ring);
}

/* A handler's calls come in the middle of the program's own. */
static void *interrupted(void *arg)
{
	for (unsigned int i = 0; i < 2000000; i++) {
		struct xp_turn outer = xp_turn_begin(XP_READ), inner = xp_turn_begin(XP_READ);

		now += 300;
		outer.by_ring = outer.ring;
		xp_turn_end(&inner, 0);
		xp_turn_end(&outer, 0);
	}
	return NULL;
}

static void handlers(void **state)
{
	pthread_t thread;

	xp_mode = XP_AUTO;
	usable = true;
	now = 1;
	assert_int_equal(pthread_create(&thread, NULL, interrupted, NULL), 0);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(short_programs),
		cmocka_unit_test(ring_pays),
		cmocka_unit_test(ring_does_not_pay),
		cmocka_unit_test(by_pace_alone),
		cmocka_unit_test(ring_cannot),
		cmocka_unit_test(changes),
		cmocka_unit_test(children),
		cmocka_unit_test(handlers),
	};

	return cmocka_run_group_tests_name("preload policy", tests, NULL, NULL);
}
