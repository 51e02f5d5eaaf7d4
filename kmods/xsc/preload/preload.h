/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxsc-preload.so: an unmodified program's reads, writes and socket calls over a
 * ring. Each file here is one noun: start.c begin and end, state.c what all others
 * look at, ring.c a thread's ring, policy.c when it is worth it, fd_class.c which
 * descriptors may, calls_*.c the functions of libc that stand in front of libc's own.
 *
 * Every function that stands in front of libc's does what libc's does: an
 * operation goes over the ring or, whenever there is a doubt, by system call.
 */
#ifndef XSC_PRELOAD_H
#define XSC_PRELOAD_H

#define XP_EXPORT __attribute__((visibility("default")))

/* Reached from signal handlers: a fixed place in each thread, nothing allocated. */
#define XP_THREAD __thread __attribute__((tls_model("initial-exec")))

/* What is counted, and decided, by itself. */
enum xp_call {
	XP_READ,
	XP_WRITE,
	XP_PREAD,
	XP_PWRITE,
	XP_READV,
	XP_WRITEV,
	XP_OPEN,
	XP_CLOSE,
	XP_FSYNC,
	XP_RECV,
	XP_SEND,
	XP_SOCKET,
	XP_CONNECT, /* and accept: always by system call, see the README */
	XP_AIO,	    /* a list counts once */
	XP_CALLS
};

#endif
