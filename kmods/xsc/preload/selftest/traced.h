/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the system calls of a program and all that it starts, by ptrace: those
 * that the preload library could have put on a ring, those to a ring (set-up,
 * waits, wake-ups), and all of them without the latter. A thread that is lent is
 * let go at once: it is the kernel's, and tracing would keep calling it out.
 */
#ifndef XSC_PRELOAD_TRACED_H
#define XSC_PRELOAD_TRACED_H

#include <sys/types.h>

struct traced {
	unsigned long all, io, ring;
};

/* In the child, before its execve: from there on it is traced. */
void traced_begin(void);

/* The status of @child; returns when it and all that it started are gone. */
int traced_run(pid_t child, struct traced *ret);

#endif
