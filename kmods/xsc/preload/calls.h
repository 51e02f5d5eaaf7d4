/* SPDX-License-Identifier: Apache-2.0 */
/* What the functions that stand in front of libc's have for each other. */
#ifndef XSC_PRELOAD_CALLS_H
#define XSC_PRELOAD_CALLS_H

#include <stdbool.h>
#include <stddef.h>

struct xp_turn;

/* calls_socket.c: false: by system call. True: *ret and errno are as libc's. */
bool xp_socket_receive(struct xp_turn *turn, int fd, void *buf, size_t len, int flags, long *ret);
bool xp_socket_send(
	struct xp_turn *turn, int fd, const void *buf, size_t len, int flags, long *ret);

/* calls_process.c: ends the process, and runs no destructor. */
__attribute__((noreturn)) void xp_exit_group(int status);

#endif
