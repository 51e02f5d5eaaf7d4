// SPDX-License-Identifier: Apache-2.0
/* read and write in all their forms, open, fsync. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "calls.h"
#include "fd_class.h"
#include "plain.h"
#include "policy.h"

#define ADDR(p) ((uint64_t)(uintptr_t)(p))
/* As the kernel: no transfer is longer. */
#define MAX_LEN 0x7ffff000u

static bool transfer(struct xp_turn *turn, struct xsc_sqe *sqe, size_t len, long *ret_res)
{
	if (!turn->ring || xp_fd_class(sqe->fd) != XP_FILE)
		return false;
	sqe->len = len > MAX_LEN ? MAX_LEN : (uint32_t)len;
	if (!xp_turn_ring(turn, sqe, ret_res))
		return false;
	/* The signal went to the lent thread: do it again, where it belongs. */
	if (*ret_res == -EFBIG || *ret_res == -EPIPE)
		turn->by_ring = false;
	return turn->by_ring;
}

XP_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	struct xp_turn turn = xp_turn_begin(XP_READ);
	struct xsc_sqe sqe = {.opcode = XSC_OP_READ, .fd = fd, .addr = ADDR(buf)};
	long res;

	if (transfer(&turn, &sqe, len, &res))
		res = xp_result(res);
	else if (!xp_socket_receive(&turn, fd, buf, len, 0, &res))
		res = xp_plain_read(fd, buf, len);
	return xp_turn_end(&turn, res);
}

XP_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	struct xp_turn turn = xp_turn_begin(XP_WRITE);
	struct xsc_sqe sqe = {.opcode = XSC_OP_WRITE, .fd = fd, .addr = ADDR(buf)};
	long res;

	if (transfer(&turn, &sqe, len, &res))
		res = xp_result(res);
	else if (!xp_socket_send(&turn, fd, buf, len, 0, &res))
		res = xp_plain_write(fd, buf, len);
	return xp_turn_end(&turn, res);
}

XP_EXPORT ssize_t pread64(int fd, void *buf, size_t len, off64_t off)
{
	struct xp_turn turn = xp_turn_begin(XP_PREAD);
	struct xsc_sqe sqe = {
		.opcode = XSC_OP_PREAD, .fd = fd, .addr = ADDR(buf), .off = (uint64_t)off};
	long res;

	if (transfer(&turn, &sqe, len, &res))
		res = xp_result(res);
	else
		res = xp_plain_pread64(fd, buf, len, off);
	return xp_turn_end(&turn, res);
}

XP_EXPORT ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off)
{
	struct xp_turn turn = xp_turn_begin(XP_PWRITE);
	struct xsc_sqe sqe = {
		.opcode = XSC_OP_PWRITE, .fd = fd, .addr = ADDR(buf), .off = (uint64_t)off};
	long res;

	if (transfer(&turn, &sqe, len, &res))
		res = xp_result(res);
	else
		res = xp_plain_pwrite64(fd, buf, len, off);
	return xp_turn_end(&turn, res);
}

XP_EXPORT ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
	return pread64(fd, buf, len, off);
}

XP_EXPORT ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	return pwrite64(fd, buf, len, off);
}

XP_EXPORT ssize_t readv(int fd, const struct iovec *vec, int count)
{
	struct xp_turn turn = xp_turn_begin(XP_READV);
	struct xsc_sqe sqe = {.opcode = XSC_OP_READV, .fd = fd, .addr = ADDR(vec)};
	long res;

	if (count >= 0 && transfer(&turn, &sqe, (size_t)count, &res))
		res = xp_result(res);
	else
		res = xp_plain_readv(fd, vec, count);
	return xp_turn_end(&turn, res);
}

XP_EXPORT ssize_t writev(int fd, const struct iovec *vec, int count)
{
	struct xp_turn turn = xp_turn_begin(XP_WRITEV);
	struct xsc_sqe sqe = {.opcode = XSC_OP_WRITEV, .fd = fd, .addr = ADDR(vec)};
	long res;

	if (count >= 0 && transfer(&turn, &sqe, (size_t)count, &res))
		res = xp_result(res);
	else
		res = xp_plain_writev(fd, vec, count);
	return xp_turn_end(&turn, res);
}

static int sync_file(int fd, uint32_t flags, int (*plain)(int))
{
	struct xp_turn turn = xp_turn_begin(XP_FSYNC);
	struct xsc_sqe sqe = {.opcode = XSC_OP_FSYNC, .fd = fd, .op_flags = flags};
	long res;

	if (turn.ring && xp_fd_class(fd) == XP_FILE && xp_turn_ring(&turn, &sqe, &res))
		res = xp_result(res);
	else
		res = plain(fd);
	return (int)xp_turn_end(&turn, res);
}

XP_EXPORT int fsync(int fd)
{
	return sync_file(fd, 0, xp_plain_fsync);
}

XP_EXPORT int fdatasync(int fd)
{
	return sync_file(fd, XSC_FSYNC_DATASYNC, xp_plain_fdatasync);
}

/*
 * The path is not looked at: it may be at a bad address, which open(2) tells.
 * EFAULT and EINVAL are left to open(2), which may weigh them otherwise.
 */
static int open_file(int at, const char *path, int flags, mode_t mode)
{
	struct xp_turn turn = xp_turn_begin(XP_OPEN);
	struct xsc_sqe sqe = {.opcode = XSC_OP_OPEN,
		.fd = AT_FDCWD,
		.addr = ADDR(path),
		.len = mode,
		.op_flags = (uint32_t)flags};
	long res;

	if (turn.ring && at == AT_FDCWD && xp_turn_ring(&turn, &sqe, &res) && res != -EFAULT &&
		res != -EINVAL) {
		res = xp_result(res);
	} else {
		turn.by_ring = false;
		res = xp_plain_openat(at, path, flags, mode);
	}
	if (res >= 0)
		xp_fd_forget((int)res);
	return (int)xp_turn_end(&turn, res);
}

static bool has_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define TAKE_MODE(last)                                                                            \
	mode_t mode = 0;                                                                           \
	va_list ap;                                                                                \
                                                                                                   \
	va_start(ap, last);                                                                        \
	if (has_mode(last))                                                                        \
		mode = va_arg(ap, mode_t);                                                         \
	va_end(ap)

XP_EXPORT int open(const char *path, int flags, ...)
{
	TAKE_MODE(flags);
	return open_file(AT_FDCWD, path, flags, mode);
}

XP_EXPORT int open64(const char *path, int flags, ...)
{
	TAKE_MODE(flags);
	return open_file(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

XP_EXPORT int openat(int at, const char *path, int flags, ...)
{
	TAKE_MODE(flags);
	return open_file(at, path, flags, mode);
}

XP_EXPORT int openat64(int at, const char *path, int flags, ...)
{
	TAKE_MODE(flags);
	return open_file(at, path, flags | O_LARGEFILE, mode);
}

XP_EXPORT int creat(const char *path, mode_t mode)
{
	return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/*
 * What a program calls that was built with _FORTIFY_SOURCE. Where libc's own would
 * end the program, ours does, too.
 */
#define CHECKED(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t off, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t off, size_t size);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

XP_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t size)
{
	CHECKED(len <= size);
	return read(fd, buf, len);
}

XP_EXPORT ssize_t __pread_chk(int fd, void *buf, size_t len, off_t off, size_t size)
{
	CHECKED(len <= size);
	return pread64(fd, buf, len, off);
}

XP_EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t off, size_t size)
{
	CHECKED(len <= size);
	return pread64(fd, buf, len, off);
}

XP_EXPORT int __open_2(const char *path, int flags)
{
	CHECKED(!has_mode(flags));
	return open_file(AT_FDCWD, path, flags, 0);
}

XP_EXPORT int __open64_2(const char *path, int flags)
{
	CHECKED(!has_mode(flags));
	return open_file(AT_FDCWD, path, flags | O_LARGEFILE, 0);
}

XP_EXPORT int __openat_2(int at, const char *path, int flags)
{
	CHECKED(!has_mode(flags));
	return open_file(at, path, flags, 0);
}

XP_EXPORT int __openat64_2(int at, const char *path, int flags)
{
	CHECKED(!has_mode(flags));
	return open_file(at, path, flags | O_LARGEFILE, 0);
}
