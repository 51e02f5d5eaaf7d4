/* SPDX-License-Identifier: Apache-2.0 */
/* Which descriptors a ring may be used for. */
#ifndef XSC_PRELOAD_FD_CLASS_H
#define XSC_PRELOAD_FD_CLASS_H

#include <stdbool.h>

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

#endif
