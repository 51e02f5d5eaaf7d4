// SPDX-License-Identifier: Apache-2.0
/*
 * What makes the calling thread differ from the lent one: another set of files,
 * other namespaces, other rights, a filter. It is the end of rings in the process.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "plain.h"
#include "preload.h"
#include "ring.h"
#include "state.h"

XP_EXPORT int sigaction(
	int sig, const struct sigaction *restrict act, struct sigaction *restrict old)
{
	if (act && !(act->sa_flags & SA_RESTART) && act->sa_handler != SIG_DFL &&
		act->sa_handler != SIG_IGN)
		xp_note_interrupting_handler();
	return xp_plain_sigaction(sig, act, old);
}

XP_EXPORT int unshare(int flags)
{
	xp_ring_end();
	return xp_plain_unshare(flags);
}

XP_EXPORT int setns(int fd, int type)
{
	xp_ring_end();
	return xp_plain_setns(fd, type);
}

XP_EXPORT int prctl(int what, ...)
{
	long args[4];
	va_list ap;

	va_start(ap, what);
	for (int i = 0; i < 4; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	if (what == PR_SET_SECCOMP || what == PR_CAPBSET_DROP || what == PR_CAP_AMBIENT ||
		what == PR_SET_SECUREBITS || what == PR_SET_NO_NEW_PRIVS)
		xp_ring_end();
	return xp_plain_prctl(what, args[0], args[1], args[2], args[3]);
}

/* libc's setuid() and so on reach all threads; these reach one. */
XP_EXPORT long syscall(long nr, ...)
{
	static const long ends[] = {SYS_seccomp, SYS_unshare, SYS_setns, SYS_capset, SYS_setuid,
		SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
		SYS_setfsuid, SYS_setfsgid, SYS_clone, SYS_clone3, SYS_landlock_restrict_self};
	long args[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_close)
		return close((int)args[0]);
	if (nr == SYS_close_range)
		return close_range((unsigned int)args[0], (unsigned int)args[1], (int)args[2]);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (nr == ends[i])
			xp_ring_end();
	return xp_plain_syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* libcap calls it by this name. */
int capset(void *header, const void *data);
XP_EXPORT int capset(void *header, const void *data)
{
	xp_ring_end();
	return (int)xp_plain_syscall(SYS_capset, (long)header, (long)data, 0, 0, 0, 0);
}

void xp_exit_group(int status)
{
	for (;;)
		xp_plain_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/*
 * vfork returns twice on one stack, so that no C function can stand in front of it.
 * The child runs with xp_vfork_begin()'s mark; only the parent takes it off.
 */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
	".globl vfork\n.type vfork, @function\n"
	"vfork:\n"
	"	sub $8, %rsp\n"
	"	call xp_vfork_begin\n"
	"	add $8, %rsp\n"
	"	pop %rdi\n" /* the child will write over the stack; rdi stays */
	"	mov $58, %eax\n"
	"	syscall\n"
	"	push %rdi\n"
	"	test %eax, %eax\n"
	"	jz 1f\n"
	"	push %rax\n"
	"	call xp_vfork_end\n"
	"	pop %rax\n"
	"	cmp $-4095, %rax\n"
	"	jb 1f\n"
	"	mov %eax, %edi\n"
	"	sub $8, %rsp\n"
	"	call xp_vfork_failed\n"
	"	add $8, %rsp\n"
	"1:	ret\n"
	".size vfork, .-vfork\n"
	".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
	".globl vfork\n.type vfork, %function\n"
	"vfork:\n"
	"	stp x29, x30, [sp, -16]!\n"
	"	bl xp_vfork_begin\n"
	"	ldp x29, x30, [sp], 16\n"
	"	mov x0, 0x4111\n" /* CLONE_VFORK | CLONE_VM | SIGCHLD */
	"	mov x1, 0\n	mov x2, 0\n	mov x3, 0\n	mov x4, 0\n"
	"	mov x8, 220\n"
	"	svc 0\n"
	"	cbz x0, 1f\n"
	"	stp x0, x30, [sp, -16]!\n"
	"	bl xp_vfork_end\n"
	"	ldp x0, x30, [sp], 16\n"
	"	cmn x0, 4095\n"
	"	b.cc 1f\n"
	"	b xp_vfork_failed\n"
	"1:	ret\n"
	".size vfork, .-vfork\n"
	".popsection\n");
#else
#error "vfork for this architecture"
#endif

/* libc's vfork returns -1, in 64 bits where pid_t has 32: the caller looks at 32. */
long xp_vfork_failed(int err) __asm__("xp_vfork_failed");
long xp_vfork_failed(int err)
{
	errno = -err;
	return -1;
}
