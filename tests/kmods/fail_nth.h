/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep over every point of failure: a sequence of calls is run with the first
 * allocation or copy to or from user space made to fail, then with the second,
 * and so on until the sequence ends before a failure (fault injection's
 * /proc/thread-self/fail-nth; needs root and the debug kernel).
 *
 * A module adds an array of struct sweep to the table in fail_nth.c.
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include <stdbool.h>

/* What one run of a sequence is given, and what it says. */
struct fail_run {
	unsigned int nth; /* which point is to fail; 0: none */
	bool injected;	  /* out: it was reached */
	int refused;	  /* out: how many calls said a clean errno */
	char why[256];	  /* out: what was wrong, or empty */
};

/*
 * A sequence. It arms the thread that is to meet the failure, does its calls,
 * disarms, and leaves nothing behind: no descriptor, no mapping, no thread. It
 * says 0, or with fail_say() what was wrong. Without a failure to meet, each call
 * must succeed. It is ended as hanging after some seconds.
 */
struct sweep {
	const char *name;
	const char *what;
	int (*run)(struct fail_run *run);
};

/* What a module's sweeps need to be run. */
struct sweep_set {
	const char *device; /* skipped where it is not there */
	const char *module; /* its count of references comes back to what it was */
	const struct sweep *sweeps;
	unsigned int count;
};

extern const struct sweep_set gaming_sweeps;
extern const struct sweep_set gaming_hardware_sweeps;
extern const struct sweep_set gaming_memory_sweeps;
extern const struct sweep_set gpu_dma_lock_sweeps;
extern const struct sweep_set xsc_sweeps;

/*
 * From fail_arm to fail_disarm the calling thread meets the failure. fail_open is
 * called before, as opening a file can itself fail.
 */
int fail_open(void);
void fail_arm(int fd, struct fail_run *run);
void fail_disarm(int fd, struct fail_run *run);

/*
 * A call's result, negative errno for failure. 0 if it may be: a success, or,
 * in a run with a failure to meet, one of the errors that a lack of memory or an
 * unreadable argument gives. Else it is said what was wrong, and -1.
 */
int fail_allow(struct fail_run *run, const char *call, long result);

__attribute__((format(printf, 2, 3))) int fail_say(struct fail_run *run, const char *format, ...);

#endif
