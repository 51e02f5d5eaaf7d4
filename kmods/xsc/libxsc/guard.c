/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trap guard, by syscall user dispatch. The kernel lets system calls through that
 * come from one range of code, `guard_text`: the two instructions by which the handler
 * makes the call that it was told of, and by which it returns.
 */
#include <errno.h>

#include "guard.h"

#if defined(__x86_64__)

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif
#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2 /* si_code */
#endif
#define ALLOW 0
#define BLOCK 1
#define SA_RESTORER 0x04000000
#define NUMBERS 1024

struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

/* Initial-exec: a handler must not make the first access to a lazily allocated one. */
#define THREAD static __thread __attribute__((tls_model("initial-exec")))
THREAD volatile unsigned char selector;
THREAD bool guarded;
THREAD bool off;
THREAD enum xsc_guard_mode mode_now;
THREAD uint8_t allowed_now[NUMBERS / 8];
THREAD volatile uint64_t counted;
THREAD volatile int last;

long xsc_guard_syscall(long number, const greg_t *args);
void xsc_guard_sigreturn(void);
extern const char xsc_guard_text[], xsc_guard_text_end[];

/* args: rdi, rsi, rdx, r10, r8, r9. The result is the kernel's: negative errno. */
__asm__(".pushsection .text\n"
	".balign 64\n"
	".hidden xsc_guard_text, xsc_guard_text_end\n"
	".hidden xsc_guard_syscall, xsc_guard_sigreturn\n"
	".globl xsc_guard_text, xsc_guard_text_end, xsc_guard_syscall, xsc_guard_sigreturn\n"
	"xsc_guard_text:\n"
	".type xsc_guard_syscall, @function\n"
	"xsc_guard_syscall:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %r11\n"
	"	mov 0(%r11), %rdi\n"
	"	mov 8(%r11), %rsi\n"
	"	mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %r10\n"
	"	mov 32(%r11), %r8\n"
	"	mov 40(%r11), %r9\n"
	"	syscall\n"
	"	ret\n"
	".size xsc_guard_syscall, . - xsc_guard_syscall\n"
	".type xsc_guard_sigreturn, @function\n"
	"xsc_guard_sigreturn:\n"
	"	mov $15, %eax\n"
	"	syscall\n"
	".size xsc_guard_sigreturn, . - xsc_guard_sigreturn\n"
	/* The kernel compares the address behind the instruction. */
	"	nop\n"
	"xsc_guard_text_end:\n"
	".popsection\n");

static long direct(long number, long a, long b, long c, long d, long e)
{
	const greg_t args[] = {a, b, c, d, e, 0};

	return xsc_guard_syscall(number, args);
}

static bool is_allowed(int number)
{
	return number >= 0 && number < NUMBERS && allowed_now[number / 8] >> number % 8 & 1;
}

static long end_process(void)
{
	const struct kernel_sigaction action = {0};
	uint64_t only = 1ull << (SIGSYS - 1);

	direct(SYS_rt_sigaction, SIGSYS, (long)&action, 0, 8, 0);
	direct(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&only, 0, 8, 0);
	direct(SYS_tgkill, direct(SYS_getpid, 0, 0, 0, 0, 0), direct(SYS_gettid, 0, 0, 0, 0, 0),
		SIGSYS, 0, 0);
	return direct(SYS_exit_group, 128 + SIGSYS, 0, 0, 0, 0);
}

/*
 * The mask of a thread inside a handler is not the one it comes back with: that is in
 * the context. 8 bytes are what glibc and the kernel mean by it.
 */
static long set_mask(ucontext_t *context, const greg_t *args)
{
	uint64_t mask, more = 0;
	uint64_t *saved = (uint64_t *)(void *)&context->uc_sigmask;

	memcpy(&mask, saved, sizeof(mask));
	if (args[3] != sizeof(mask))
		return -EINVAL;
	if (args[1])
		memcpy(&more, (const void *)args[1], sizeof(more));
	if (args[2])
		memcpy((void *)args[2], &mask, sizeof(mask));
	if (!args[1])
		return 0;
	/* A guarded thread that blocks SIGSYS would be killed by its next call. */
	more &= ~(1ull << (SIGSYS - 1));
	switch (args[0]) {
	case SIG_BLOCK:
		mask |= more;
		break;
	case SIG_UNBLOCK:
		mask &= ~more;
		break;
	case SIG_SETMASK:
		mask = more;
		break;
	default:
		return -EINVAL;
	}
	memcpy(saved, &mask, sizeof(mask));
	return 0;
}

static void on_sigsys(int signal_number, siginfo_t *info, void *arg)
{
	ucontext_t *context = arg;
	greg_t *regs = context->uc_mcontext.gregs;
	const greg_t args[] = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10],
		regs[REG_R8], regs[REG_R9]};
	int number = info->si_syscall;

	(void)signal_number;
	if (info->si_code != SYS_USER_DISPATCH) {
		end_process(); /* seccomp's, or somebody's kill(2) */
		return;
	}
	if (!is_allowed(number)) {
		counted++;
		last = number;
		if (mode_now == XSC_GUARD_KILL)
			end_process();
	}
	switch (number) {
	case SYS_rt_sigreturn:
		/* Of another handler: it is made behind this one, on the same stack. */
		regs[REG_RIP] = (greg_t)xsc_guard_sigreturn;
		return;
	case SYS_clone:
	case SYS_clone3:
	case SYS_vfork:
		/* The child would run in this handler: made anew, where it was. */
		selector = ALLOW;
		off = true;
		regs[REG_RIP] -= 2;
		regs[REG_RAX] = number;
		return;
	case SYS_rt_sigprocmask:
		regs[REG_RAX] = set_mask(context, args);
		return;
	default:
		regs[REG_RAX] = xsc_guard_syscall(number, args);
	}
}

static long dispatch(bool on)
{
	/* The end is exclusive; the address compared is the one behind `syscall`. */
	return direct(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH,
		on ? PR_SYS_DISPATCH_ON : PR_SYS_DISPATCH_OFF, on ? (long)xsc_guard_text : 0,
		on ? xsc_guard_text_end - xsc_guard_text : 0, on ? (long)&selector : 0);
}

int xsc_guard_enable(enum xsc_guard_mode mode, const int *allowed, size_t count)
{
	static const int always[] = {
		SYS_rt_sigreturn, SYS_exit, SYS_exit_group, SYS_rt_sigprocmask};
	const struct kernel_sigaction action = {.handler = on_sigsys,
		.flags = SA_SIGINFO | SA_NODEFER | SA_RESTORER,
		.restorer = xsc_guard_sigreturn};
	uint64_t only = 1ull << (SIGSYS - 1);
	long err;

	if (guarded)
		return -EBUSY;
	if (mode != XSC_GUARD_COUNT && mode != XSC_GUARD_KILL)
		return -EINVAL;
	memset(allowed_now, 0, sizeof(allowed_now));
	for (size_t i = 0; i < count; i++) {
		if (allowed[i] < 0 || allowed[i] >= NUMBERS)
			return -EINVAL;
		allowed_now[allowed[i] / 8] |= (uint8_t)(1u << allowed[i] % 8);
	}
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		allowed_now[always[i] / 8] |= (uint8_t)(1u << always[i] % 8);
	mode_now = mode;
	counted = 0;
	last = -1;
	off = false;
	selector = ALLOW;
	err = dispatch(true);
	if (err)
		return err == -EINVAL ? -EOPNOTSUPP : (int)err;
	err = direct(SYS_rt_sigaction, SIGSYS, (long)&action, 0, 8, 0);
	if (!err)
		err = direct(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&only, 0, 8, 0);
	if (err) {
		dispatch(false);
		return (int)err;
	}
	guarded = true;
	selector = BLOCK;
	return 0;
}

int xsc_guard_disable(void)
{
	if (!guarded)
		return -EINVAL;
	selector = ALLOW;
	guarded = false;
	return (int)dispatch(false);
}

uint64_t xsc_guard_count(int *ret_off)
{
	if (ret_off)
		*ret_off = off;
	return counted;
}

int xsc_guard_last(void)
{
	return last;
}

#else

int xsc_guard_enable(enum xsc_guard_mode mode, const int *allowed, size_t count)
{
	(void)mode;
	(void)allowed;
	(void)count;
	return -EOPNOTSUPP;
}

int xsc_guard_disable(void)
{
	return -EINVAL;
}

uint64_t xsc_guard_count(int *ret_off)
{
	if (ret_off)
		*ret_off = 0;
	return 0;
}

int xsc_guard_last(void)
{
	return -1;
}

#endif
