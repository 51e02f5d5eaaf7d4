/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a line of sh or of a probe, with or without the library, in a folder of its own. */
#ifndef XSC_PRELOAD_RUNS_H
#define XSC_PRELOAD_RUNS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kmods/xsc/preload/selftest/traced.h"

extern char top[]; /* the folder of all, by mkdtemp(3) */
extern char library[PATH_MAX], self[PATH_MAX], suite[PATH_MAX];

/* 0, or -1 with errno. */
int write_file(const char *path, const void *data, size_t size);

/* The files that the programs are given, into the working directory; aborts where it cannot. */
void write_input(void);

/* A server of the file big until it is killed; its port is $PORT of a run. -1 on failure. */
pid_t start_server(void);

struct run {
	const char *line;  /* for sh, or */
	const char *probe; /* a probe's name */
	const char *mode;  /* XSC_PRELOAD, or NULL: without the library */
	bool traced;
	bool timed; /* nothing but the program: no statistics */
};

struct outcome {
	int status;
	uint64_t ns;
	struct traced traced; /* if it was */
};

/* In an empty folder, within 240 s. */
struct outcome carry_out(const struct run *run);

/* Sums of what the library wrote at each exit. */
void read_stats(unsigned long *ret_ring, unsigned long *ret_plain);

#endif
