/* SPDX-License-Identifier: Apache-2.0 */
/* Rings, files and children, as the tests need them. */
#ifndef XSC_SELFTEST_RINGS_H
#define XSC_SELFTEST_RINGS_H

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kmods/selftest/report.h"
#include "xsc.h"

#define NOBODY 65534

extern const char *self; /* the path of this program */
extern char dir[64];	 /* a directory of this run, that all may search */

/* A ring whose thread sleeps as late as it can: what is measured is the busy ring. */
extern const struct xsc_params busy;

/* Submit what was got and return the result of the one operation. */
long finish_one(struct xsc_ring *ring);

#define ONE(ring, prep, ...)                                                                       \
	({                                                                                         \
		struct xsc_sqe *sqe_ = xsc_get_sqe(ring);                                          \
		xsc_prep_##prep(sqe_, ##__VA_ARGS__);                                              \
		finish_one(ring);                                                                  \
	})

/* The same by ring and by system call: the result, or the errno. */
#define SAME(ring_op, call)                                                                        \
	do {                                                                                       \
		long ring_ = (ring_op), call_ = sys(call);                                         \
		REQUIRE(ring_ == call_, "%s: %ld by ring, %ld by system call", #call, ring_,       \
			call_);                                                                    \
	} while (0)

int raw_setup(struct xsc_setup *setup);

long ioctl_arg(int fd, unsigned long cmd, void *arg);

int module_refs(void);

int wait_for_refs(int refs);

/* Each test has a process of its own, so the name may repeat. */
const char *path_of(const char *name);

int new_file(const char *name, const void *data, size_t size);

/* A thread lent by hand: what ended its service is what it returns. */
void *serve_main(void *arg);

int child_status(pid_t child);

/* The guest's init does not do it. */
void loopback_up(void);

#endif
