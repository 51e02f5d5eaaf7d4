/* SPDX-License-Identifier: Apache-2.0 */
/* Running the tools of others: programs found on PATH, and the kernel's tracers. */
#ifndef RP_CHECK_LATENCY_RUN_H
#define RP_CHECK_LATENCY_RUN_H

#include <signal.h>

extern char why[256];		      /* of the tool under way: what was wrong, or is not there */
extern volatile sig_atomic_t stopped; /* by a signal: what runs is ended */

/* Into why. -1. */
__attribute__((format(printf, 1, 2))) int say(const char *format, ...);

/* Runs a program to its end, its output in @path. Its status, -1 with why. */
int run_program(const char *const *argv, const char *path, int seconds);

/*
 * Lets a tracer run in an instance of its own, so that nobody's trace is disturbed, and
 * hands its lines to @line. -1 with why, also if a line is not what the tracer prints.
 */
int run_tracer(
	const char *tracer, int seconds, int (*line)(const char *text, void *arg), void *arg);

/* -1 with why: this machine cannot run it. */
int need_program(const char *name, const char *package);

int need_tracer(const char *name);

#endif
