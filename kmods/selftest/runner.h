/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the tests of a check, and prints TAP 14 with their metrics.
 *
 * Each test is a child process with a deadline of its own, so that it may change
 * its limits and its user, close everything, or crash. What it has to say comes
 * back through a page shared with the parent, which alone prints.
 */
#ifndef KMODS_SELFTEST_RUNNER_H
#define KMODS_SELFTEST_RUNNER_H

#include <stddef.h>

#include "kmods/selftest/report.h"

struct test {
	const char *name;
	/* In a child. 0, or what FAIL() gives. */
	int (*run)(void);
	const char *what;
	int seconds; /* the deadline, on an idle machine */
};

struct check {
	const char *name;   /* of the program */
	const char *what;   /* a line for --help */
	const char *device; /* without it, all is skipped */
	const char *module; /* that brings the device */
	const struct test *tests;
	size_t count;
	/* Before the first test and after the last, in the parent; may be NULL. */
	int (*begin)(void);
	void (*end)(void);
};

/*
 * The program: all tests, or those named in @argv; --list and --help. Its exit status: 0 all
 * passed, or there is no device, 1 a test failed, 2 wrong use, RUNNER_STARVED a test failed
 * while others had the CPUs (starved.h): then it ends with "Bail out!".
 */
#define RUNNER_STARVED 75 /* EX_TEMPFAIL; RP_CHECK_STARVED of agent/result.h */

int run_check(const struct check *check, int argc, char **argv);

#endif
