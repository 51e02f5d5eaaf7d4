/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations that the kernel leaves to the lent thread (XSC_SERVE_CALL), each by
 * its system call. A field's meaning is told in <linux/xsc.h>.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lend.h"
#include "xsc.h"

static void *pointer(uint64_t value)
{
	return (void *)(uintptr_t)value;
}

static long call_bind(const struct xsc_sqe *sqe)
{
	return syscall(SYS_bind, sqe->fd, sqe->addr, sqe->len);
}

static long call_connect(const struct xsc_sqe *sqe)
{
	return syscall(SYS_connect, sqe->fd, sqe->addr, sqe->len);
}

static long call_listen(const struct xsc_sqe *sqe)
{
	return syscall(SYS_listen, sqe->fd, sqe->len);
}

static long call_accept(const struct xsc_sqe *sqe)
{
	return syscall(SYS_accept4, sqe->fd, sqe->addr, sqe->off, sqe->op_flags);
}

static long call_epoll_wait(const struct xsc_sqe *sqe)
{
	return syscall(SYS_epoll_pwait, sqe->fd, sqe->addr, sqe->len, (int)sqe->op_flags, NULL, 8);
}

static long call_select(const struct xsc_sqe *sqe)
{
	return select((int)sqe->len, pointer(sqe->addr), pointer(sqe->off), pointer(sqe->arg[0]),
		pointer(sqe->arg[1]));
}

/* Only what is private or not, so that no other operation of futex(2) is asked for. */
static long call_futex(const struct xsc_sqe *sqe, int op)
{
	if (sqe->op_flags & ~(uint32_t)FUTEX_PRIVATE_FLAG) {
		errno = EINVAL;
		return -1;
	}
	return syscall(SYS_futex, sqe->addr, op | (int)sqe->op_flags, sqe->len, sqe->off, NULL, 0);
}

static long call_futex_wait(const struct xsc_sqe *sqe)
{
	return call_futex(sqe, FUTEX_WAIT);
}

static long call_futex_wake(const struct xsc_sqe *sqe)
{
	return call_futex(sqe, FUTEX_WAKE);
}

static long call_clock_nanosleep(const struct xsc_sqe *sqe)
{
	return syscall(SYS_clock_nanosleep, sqe->fd, sqe->op_flags, sqe->addr, NULL);
}

/* The child must not inherit the lent thread's mask, in which all is blocked. */
static long call_spawn(const struct xsc_sqe *sqe)
{
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int err;

	sigemptyset(&none);
	err = posix_spawnattr_init(&attr);
	if (!err) {
		posix_spawnattr_setsigmask(&attr, &none);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
		err = posix_spawn(&pid, pointer(sqe->addr), NULL, &attr, pointer(sqe->off),
			sqe->arg[0] ? pointer(sqe->arg[0]) : environ);
		posix_spawnattr_destroy(&attr);
	}
	errno = err;
	return err ? -1 : pid;
}

static long (*const calls[XSC_OP_COUNT])(const struct xsc_sqe *sqe) = {
	[XSC_OP_ACCEPT] = call_accept,
	[XSC_OP_CONNECT] = call_connect,
	[XSC_OP_EPOLL_WAIT] = call_epoll_wait,
	[XSC_OP_SELECT] = call_select,
	[XSC_OP_CLOCK_NANOSLEEP] = call_clock_nanosleep,
	[XSC_OP_FUTEX_WAIT] = call_futex_wait,
	[XSC_OP_FUTEX_WAKE] = call_futex_wake,
	[XSC_OP_BIND] = call_bind,
	[XSC_OP_LISTEN] = call_listen,
	[XSC_OP_SPAWN] = call_spawn,
};

int32_t xsc_call(const struct xsc_sqe *sqe)
{
	long ret;

	if (sqe->opcode >= XSC_OP_COUNT || !calls[sqe->opcode])
		return -EOPNOTSUPP;
	ret = calls[sqe->opcode](sqe);
	return (int32_t)(ret < 0 ? -errno : ret);
}
