/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trap guard: what system calls does a thread still make that uses a ring?
 *
 * A thread guards itself (Linux's syscall user dispatch: prctl(2)
 * PR_SET_SYSCALL_USER_DISPATCH). There is no process, no descriptor and no ring in
 * these calls, so there is nobody else who could be guarded by them. Threads that
 * it makes later are not guarded, nor is what it executes; the threads lent to a ring
 * never are. Calls of the vDSO are no system calls.
 *
 * x86-64 with Linux 5.11; elsewhere -EOPNOTSUPP. It takes the process's handler of
 * SIGSYS, which must not be set or blocked while a thread is guarded.
 */
#ifndef XSC_GUARD_H
#define XSC_GUARD_H

#include <stddef.h>
#include <stdint.h>

enum xsc_guard_mode {
	XSC_GUARD_COUNT, /* the call is counted and made */
	XSC_GUARD_KILL,	 /* SIGSYS ends the process, as by seccomp */
};

/*
 * Guard the calling thread. The calls whose numbers are in @allowed are made, and not
 * counted; they cost a signal, all the same. rt_sigreturn, exit, exit_group and
 * rt_sigprocmask are always allowed: without them a guarded thread could not even end.
 * 0, -EBUSY if it is guarded, -EINVAL, -EOPNOTSUPP.
 */
int xsc_guard_enable(enum xsc_guard_mode mode, const int *allowed, size_t count);

/* Guard the calling thread no more. 0, or -EINVAL if it is not guarded. */
int xsc_guard_disable(void);

/*
 * What the calling thread's guard has counted since it was enabled. clone, clone3 and
 * vfork cannot be made from a signal's handler: for them the guard is disabled, which
 * makes itself known by @ret_off, and they are counted.
 */
uint64_t xsc_guard_count(int *ret_off);

/* The number of the call counted last, or -1. */
int xsc_guard_last(void);

#endif
