// SPDX-License-Identifier: Apache-2.0
/*
 * When a call goes over the ring.
 *
 * XSC_PRELOAD=always takes the ring whenever it can carry the call out. The
 * default, auto, goes by what it measures, in each thread and for each kind of
 * call, so that a program which the ring does not help pays next to nothing:
 *
 *   COUNTING  system calls; every WINDOW calls the clock is read, which gives the
 *             pace: time from call to call, the program's own work included
 *   TRIAL     calls by ring and by system call in turns, each one timed: a ring
 *             that is slower by the call is slower
 *   RING      all calls by ring, as long as the pace is better than it was: here
 *             all counts that a ring costs beside the call (a CPU that polls)
 *   AGAIN     a few windows by system call, as the program may have changed
 *
 * AIO has no TRIAL: what its calls only begin takes the time. It goes by pace.
 *
 * A thread begins a trial only when it has lived for SHARE times as long as all
 * its trials have cost, with the price of the first one guessed.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define WINDOW 64
/* No clock is read before that many calls of a kind. */
#define FIRST_WINDOW 256
/* By ring, and as many by system call, in turns. */
#define TRIAL 9
/* Windows until the next trial; it doubles each time that the system call wins. */
#define PAUSE 16
#define PAUSE_MAX 16384
/* Windows by ring until some by system call, and how many those are. */
#define RING_WINDOWS 64
#define AGAIN_WINDOWS 4
/* Windows by ring before their pace counts; one as slow as that counts at once. */
#define FIRST_RING_WINDOWS 4
#define MUCH_SLOWER 4
/* A trial's price, guessed; what a ring costs that is left to poll; the bound on all of it. */
#define FIRST_PRICE_NS 2000000u
#define POLLED_NS 1000000u
#define SHARE 32

enum phase { COUNTING, TRYING, BY_RING, AGAIN };

struct choice {
	enum phase phase;
	uint32_t calls;			/* of this window */
	uint32_t windows;		/* of this phase */
	uint32_t pause;			/* windows of COUNTING before the next trial */
	uint64_t since;			/* the window's begin; 0: before the first */
	uint64_t plain_pace, ring_pace; /* ns a window; averages, 0: not known */
	uint16_t ring_nr, plain_nr;
	uint64_t ring_ns[TRIAL], plain_ns[TRIAL];
};

static XP_THREAD struct choice choices[XP_CALLS];
static XP_THREAD uint64_t born, spent;
static XP_THREAD unsigned int by_ring; /* kinds of call in BY_RING */

void xp_policy_forget(void)
{
	memset(choices, 0, sizeof(choices));
	born = spent = 0;
	by_ring = 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *ns)
{
	qsort(ns, TRIAL, sizeof(*ns), by_value);
	return ns[TRIAL / 2];
}

static void enter(struct choice *choice, enum phase phase)
{
	by_ring += (phase == BY_RING) - (choice->phase == BY_RING);
	choice->phase = phase;
	choice->calls = choice->windows = 0;
	choice->ring_nr = choice->plain_nr = 0;
	choice->since = 0;
}

/* The system call was better. */
static void give_up(struct choice *choice)
{
	uint64_t lost = 0;

	if (choice->phase == BY_RING && choice->ring_pace > choice->plain_pace)
		lost = (choice->ring_pace - choice->plain_pace) * choice->windows;
	spent += lost;
	choice->pause = choice->pause < PAUSE_MAX ? choice->pause * 2 : PAUSE_MAX;
	enter(choice, COUNTING);
	if (!by_ring)
		xp_ring_leave();
}

static uint64_t average(uint64_t old, uint64_t new)
{
	return old ? (7 * old + new) / 8 : new;
}

static void end_window(struct choice *choice, bool trial, uint64_t ns, uint64_t now)
{
	choice->windows++;
	switch (choice->phase) {
	case COUNTING:
		choice->plain_pace = average(choice->plain_pace, ns);
		if (!choice->pause)
			choice->pause = PAUSE;
		if (choice->windows < choice->pause)
			return;
		if (now - born >= SHARE * (spent + FIRST_PRICE_NS))
			enter(choice, trial ? TRYING : BY_RING);
		return;
	case BY_RING:
		choice->ring_pace = average(choice->ring_pace, ns);
		if (ns > MUCH_SLOWER * choice->plain_pace ||
			(choice->windows >= FIRST_RING_WINDOWS &&
				choice->ring_pace > choice->plain_pace))
			give_up(choice);
		else if (choice->windows == RING_WINDOWS)
			enter(choice, AGAIN);
		return;
	case AGAIN:
		choice->plain_pace = average(choice->plain_pace, ns);
		if (choice->windows == AGAIN_WINDOWS)
			enter(choice, BY_RING);
		return;
	case TRYING:
		return;
	}
}

static void count_call(struct choice *choice, bool trial)
{
	uint64_t now, since = choice->since;

	if (since ? ++choice->calls < WINDOW
		  : ++choice->calls < FIRST_WINDOW && choice->phase == COUNTING)
		return;
	now = xp_now_ns();
	if (!born)
		born = now;
	choice->calls = 0;
	choice->since = now;
	if (since)
		end_window(choice, trial, now - since, now);
}

void xp_turn_decide(struct xp_turn *turn)
{
	struct choice *choice = &choices[turn->call];

	if (!xp_ring_usable())
		return;
	if (xp_mode == XP_ALWAYS) {
		turn->ring = true;
		return;
	}
	if (choice->phase != TRYING)
		count_call(choice, turn->call != XP_AIO);
	turn->ring = choice->phase == BY_RING;
	if (choice->phase == TRYING) {
		turn->timed = true;
		turn->ring = choice->ring_nr <= choice->plain_nr;
		turn->start = xp_now_ns();
	}
}

/* A call that was to go by ring and could not is no sample, but ends the trial in time. */
void xp_turn_time(struct xp_turn *turn)
{
	struct choice *choice = &choices[turn->call];
	uint64_t ns = xp_now_ns() - turn->start;

	if (choice->phase != TRYING)
		return; /* a signal handler ended the trial */
	if (turn->ring) {
		spent += ns;
		choice->ring_ns[choice->ring_nr++] = turn->by_ring ? ns : UINT64_MAX;
	} else {
		choice->plain_ns[choice->plain_nr++] = ns;
	}
	if (choice->ring_nr < TRIAL || choice->plain_nr < TRIAL)
		return;
	spent += POLLED_NS;
	if (median(choice->ring_ns) < median(choice->plain_ns)) {
		choice->ring_pace = 0;
		choice->pause = PAUSE;
		enter(choice, BY_RING);
	} else {
		give_up(choice);
	}
}
