/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libc's own functions behind ours: xp_plain_read() and so on. They are found by
 * dlsym(RTLD_NEXT), so that cancellation points and errno stay libc's.
 *
 * The linker is told (--wrap) that libxsc's calls of these names mean these
 * functions: what the lent thread or the set-up of a ring does never goes over a
 * ring. The Makefile reads the names out of the list below.
 */
#ifndef XSC_PRELOAD_PLAIN_H
#define XSC_PRELOAD_PLAIN_H

#include <aio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* PLAIN(return type, name, (parameters), (arguments)) */
#define XP_PLAIN_LIST                                                                              \
	PLAIN(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))                          \
	PLAIN(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))                   \
	PLAIN(ssize_t, pread64, (int fd, void *buf, size_t n, off64_t off), (fd, buf, n, off))     \
	PLAIN(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t off),                 \
		(fd, buf, n, off))                                                                 \
	PLAIN(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n))                  \
	PLAIN(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))                 \
	PLAIN(int, openat, (int at, const char *path, int flags, mode_t mode),                     \
		(at, path, flags, mode))                                                           \
	PLAIN(int, close, (int fd), (fd))                                                          \
	PLAIN(int, fclose, (FILE * file), (file))                                                  \
	PLAIN(int, close_range, (unsigned int first, unsigned int last, int flags),                \
		(first, last, flags))                                                              \
	PLAIN(int, dup2, (int from, int to), (from, to))                                           \
	PLAIN(int, dup3, (int from, int to, int flags), (from, to, flags))                         \
	PLAIN(int, fsync, (int fd), (fd))                                                          \
	PLAIN(int, fdatasync, (int fd), (fd))                                                      \
	PLAIN(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))        \
	PLAIN(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))  \
	PLAIN(ssize_t, recvfrom,                                                                   \
		(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len),   \
		(fd, buf, n, flags, from, len))                                                    \
	PLAIN(ssize_t, sendto,                                                                     \
		(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,          \
			socklen_t len),                                                            \
		(fd, buf, n, flags, to, len))                                                      \
	PLAIN(int, socket, (int family, int type, int protocol), (family, type, protocol))         \
	PLAIN(int, connect, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))     \
	PLAIN(int, accept, (int fd, struct sockaddr *from, socklen_t *len), (fd, from, len))       \
	PLAIN(int, accept4, (int fd, struct sockaddr *from, socklen_t *len, int flags),            \
		(fd, from, len, flags))                                                            \
	PLAIN(int, aio_read, (struct aiocb * cb), (cb))                                            \
	PLAIN(int, aio_write, (struct aiocb * cb), (cb))                                           \
	PLAIN(int, aio_fsync, (int how, struct aiocb *cb), (how, cb))                              \
	PLAIN(int, aio_error, (const struct aiocb *cb), (cb))                                      \
	PLAIN(int, aio_cancel, (int fd, struct aiocb *cb), (fd, cb))                               \
	PLAIN(int, aio_suspend,                                                                    \
		(const struct aiocb *const list[], int n, const struct timespec *timeout),         \
		(list, n, timeout))                                                                \
	PLAIN(int, lio_listio,                                                                     \
		(int mode, struct aiocb *const list[], int n, struct sigevent *event),             \
		(mode, list, n, event))                                                            \
	PLAIN(int, sigaction, (int sig, const struct sigaction *act, struct sigaction *old),       \
		(sig, act, old))                                                                   \
	PLAIN(int, prctl, (int what, long a, long b, long c, long d), (what, a, b, c, d))          \
	PLAIN(int, unshare, (int flags), (flags))                                                  \
	PLAIN(int, setns, (int fd, int type), (fd, type))                                          \
	PLAIN(long, syscall, (long nr, long a, long b, long c, long d, long e, long f),            \
		(nr, a, b, c, d, e, f))

#define PLAIN(type, name, params, args)                                                            \
	type xp_plain_##name params __asm__("__wrap_" #name) __attribute__((visibility("hidde"     \
										       "n")));
XP_PLAIN_LIST
#undef PLAIN

#endif
