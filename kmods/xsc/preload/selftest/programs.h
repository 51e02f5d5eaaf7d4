/* SPDX-License-Identifier: Apache-2.0 */
/* The unmodified programs, and what they are asked to do. */
#ifndef XSC_PRELOAD_PROGRAMS_H
#define XSC_PRELOAD_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

struct program {
	const char *name;
	const char *needs; /* a program, or a path, that must be there, or the test is skipped */
	const char *line;
	bool counted; /* its traps are counted, too */
	bool timed;   /* its time is compared, too */
};

extern const struct program programs[];
extern const size_t program_count;

/* A runner for Python's own tests, which the lines call $SUITE. */
extern const char python_suite[];

#endif
