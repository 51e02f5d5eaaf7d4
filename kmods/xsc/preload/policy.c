// SPDX-License-Identifier: Apache-2.0
/*
 * When a call goes over the ring, and the counts.
 *
 * XSC_PRELOAD=always takes the ring whenever it can carry the call out. The
 * default, auto, measures: after some calls of a kind it makes a few of them by
 * ring and a few by system call in turns, and stays with the faster way for a
 * while. So a program that the ring does not help pays for a trial, not for a ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plain.h"
#include "preload.h"

/* A program that makes fewer calls of a kind than that never pays for a ring. */
#define FIRST_TRIAL 256
/* By ring, and as many by system call, in turns. */
#define TRIAL 9
/* Calls until the next trial; it doubles each time that the system call is faster. */
#define HOLD 4096
#define HOLD_MAX (1u << 20)

enum xp_mode xp_mode = XP_OFF;
bool xp_counting;

struct choice {
	uint32_t made; /* calls until the next trial: HOLD at first holds FIRST_TRIAL */
	uint32_t hold;
	uint16_t ring_nr, plain_nr;
	bool trial, ring_better;
	uint64_t ring_ns[TRIAL], plain_ns[TRIAL];
};

static XP_THREAD struct choice choices[XP_CALLS];

static const char *const names[XP_CALLS] = {"read", "write", "pread", "pwrite", "readv", "writev",
	"open", "close", "fsync", "recv", "send", "socket", "connect/accept"};
static uint64_t counts[XP_CALLS][2];
static int report_fd = -1;

/* In the vDSO: no system call. */
static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *ns, unsigned int count)
{
	qsort(ns, count, sizeof(*ns), by_value);
	return ns[count / 2];
}

static void decide_by_trial(struct choice *choice, struct xp_turn *turn)
{
	if (!choice->trial) {
		if (++choice->made < (choice->hold ? choice->hold : FIRST_TRIAL)) {
			turn->ring = choice->ring_better;
			return;
		}
		choice->trial = true;
		choice->ring_nr = choice->plain_nr = 0;
	}
	turn->timed = true;
	turn->ring = choice->ring_nr <= choice->plain_nr;
	turn->start = now_ns();
}

void xp_turn_decide(struct xp_turn *turn)
{
	if (!xp_ring_usable())
		return;
	if (xp_mode == XP_ALWAYS)
		turn->ring = true;
	else
		decide_by_trial(&choices[turn->call], turn);
}

static void end_trial(struct choice *choice)
{
	choice->ring_better = median(choice->ring_ns, TRIAL) < median(choice->plain_ns, TRIAL);
	if (choice->ring_better || !choice->hold)
		choice->hold = HOLD;
	else if (choice->hold < HOLD_MAX)
		choice->hold *= 2;
	choice->trial = false;
	choice->made = 0;
}

/* A call that was to go by ring and could not is no sample, but ends the trial in time. */
void xp_turn_count(struct xp_turn *turn)
{
	struct choice *choice = &choices[turn->call];

	if (xp_counting)
		__atomic_fetch_add(&counts[turn->call][turn->by_ring], 1, __ATOMIC_RELAXED);
	if (!turn->timed || !choice->trial)
		return;
	if (turn->by_ring)
		choice->ring_ns[choice->ring_nr++] = now_ns() - turn->start;
	else if (turn->ring)
		choice->ring_ns[choice->ring_nr++] = UINT64_MAX;
	else
		choice->plain_ns[choice->plain_nr++] = now_ns() - turn->start;
	if (choice->ring_nr == TRIAL && choice->plain_nr == TRIAL)
		end_trial(choice);
}

/* To a file whose name was given, or to what was stderr when the program began. */
static void report(void)
{
	const char *where = getenv("XSC_PRELOAD_STATS");
	char text[1024];
	uint64_t ring = 0, plain = 0;
	int fd = report_fd, n;

	for (int i = 0; i < XP_CALLS; i++) {
		ring += counts[i][1];
		plain += counts[i][0];
	}
	n = snprintf(text, sizeof(text), "xsc-preload: %s: %llu by ring, %llu by system call",
		program_invocation_short_name, (unsigned long long)ring, (unsigned long long)plain);
	for (int i = 0; i < XP_CALLS; i++)
		if (counts[i][0] + counts[i][1])
			n += snprintf(text + n, sizeof(text) - (size_t)n, "; %s %llu/%llu",
				names[i], (unsigned long long)counts[i][1],
				(unsigned long long)counts[i][0]);
	text[n++] = '\n';
	if (where && *where == '/')
		fd = xp_plain_openat(
			AT_FDCWD, where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0 && xp_plain_write(fd, text, (size_t)n) < 0)
		return; /* there is nobody to tell */
}

__attribute__((destructor)) static void finish(void)
{
	if (xp_counting)
		report();
}

/* _exit(2) runs no destructor. */
XP_EXPORT void _exit(int status)
{
	if (xp_counting && xp_ring_usable())
		report();
	xp_exit_group(status);
}

__attribute__((constructor)) static void start(void)
{
	const char *mode = getenv("XSC_PRELOAD"), *stats = getenv("XSC_PRELOAD_STATS");

	if (mode && !strcmp(mode, "off"))
		return;
	if (stats && *stats) {
		xp_counting = true;
		if (*stats != '/')
			report_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 200);
	}
	xp_mode = mode && !strcmp(mode, "always") ? XP_ALWAYS : XP_AUTO;
	xp_ring_start();
}
