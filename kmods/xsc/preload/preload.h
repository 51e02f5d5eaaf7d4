/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxsc-preload.so: an unmodified program's reads, writes and socket calls over a
 * ring. Each file here is one noun: start.c the settings and the counts, ring.c a
 * thread's ring, policy.c when it is worth it, fd_class.c which descriptors may,
 * calls_*.c the functions of libc that stand in front of libc's own.
 *
 * Every function that stands in front of libc's does what libc's does: an
 * operation goes over the ring or, whenever there is a doubt, by system call.
 */
#ifndef XSC_PRELOAD_H
#define XSC_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "xsc.h"

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

/* ring.c */

/*
 * Carry @sqe out over the ring of the calling thread, made if need be. False: it
 * was not, and will not be, carried out: make the system call. True: @ret_res is
 * its result, or a negative errno. Keeps errno.
 */
bool xp_ring_call(const struct xsc_sqe *sqe, long *ret_res);

/* May the calling thread use a ring now, as far as can be told without a system call? */
bool xp_ring_usable(void);

/* Is the operation there, in the kernel? False when the thread has no ring yet. */
bool xp_ring_has(enum xsc_opcode opcode);

/* Is it a descriptor of a ring of this process? */
bool xp_ring_owns(int fd);

/* Give the calling thread's ring up; another is made when it is needed. */
void xp_ring_drop(void);

/* The same because it does not pay; not in a signal handler, where it stays. */
void xp_ring_leave(void);

/* A ring that is no thread's own: the caller sees to it that one thread uses it at a time. */
bool xp_ring_shared(struct xsc_ring *ret_ring, const struct xsc_params *params);

/* Another number in each forked child; never 0. */
unsigned int xp_ring_generation(void);

/* No ring any more in this process, and none of the calling thread's. */
void xp_ring_end(void);

/*
 * Called by vfork's two assembler lines: until it returns in the parent, the child
 * runs on the parent's memory, where a ring would change the parent's files.
 */
void xp_vfork_begin(void) __asm__("xp_vfork_begin");
void xp_vfork_end(void) __asm__("xp_vfork_end");

/* calls_process.c: handlers without SA_RESTART were installed. */
bool xp_has_interrupting_handler(void);
__attribute__((noreturn)) void xp_exit_group(int status);

/* calls_socket.c: false: by system call. True: *ret and errno are as libc's. */
struct xp_turn;
bool xp_socket_receive(struct xp_turn *turn, int fd, void *buf, size_t len, int flags, long *ret);
bool xp_socket_send(
	struct xp_turn *turn, int fd, const void *buf, size_t len, int flags, long *ret);

/* fd_class.c */
enum xp_class {
	XP_UNKNOWN,
	XP_FILE,   /* regular, its operations do not sleep for ever */
	XP_STREAM, /* a socket */
	XP_OTHER   /* pipes, terminals, devices, /proc: by system call */
};

enum xp_class xp_fd_class(int fd);
/* Was it opened with O_APPEND? As far as it was not changed later. */
bool xp_fd_appends(int fd);
void xp_fd_forget(int fd);
void xp_fd_forget_from(unsigned int first, unsigned int last);

/* start.c */
extern bool xp_counting;
uint64_t xp_now_ns(void);

/* policy.c */
enum xp_mode { XP_OFF, XP_AUTO, XP_ALWAYS };
extern enum xp_mode xp_mode;

/* The calling thread begins anew: a forked child may live for a few calls only. */
void xp_policy_forget(void);

/* What one call needs between its decision and its end. */
struct xp_turn {
	enum xp_call call;
	bool ring;    /* try the ring */
	bool timed;   /* its time counts */
	bool by_ring; /* it was carried out by the ring */
	uint64_t start;
};

void xp_turn_decide(struct xp_turn *turn);	/* policy.c */
void xp_turn_time(struct xp_turn *turn);	/* policy.c: if turn->timed */
void xp_turn_count(const struct xp_turn *turn); /* start.c: if xp_counting */

static inline struct xp_turn xp_turn_begin(enum xp_call call)
{
	struct xp_turn turn = {.call = call};

	if (xp_mode != XP_OFF)
		xp_turn_decide(&turn);
	return turn;
}

/* Before the return of each function: @ret is libc's, or xp_result()'s. */
static inline long xp_turn_end(struct xp_turn *turn, long ret)
{
	if (turn->timed)
		xp_turn_time(turn);
	if (xp_counting)
		xp_turn_count(turn);
	return ret;
}

/* The ring's result as libc's functions return it. */
long xp_result(long res);

static inline bool xp_turn_ring(struct xp_turn *turn, const struct xsc_sqe *sqe, long *ret_res)
{
	turn->by_ring = xp_ring_call(sqe, ret_res);
	return turn->by_ring;
}

#endif
