// SPDX-License-Identifier: Apache-2.0
/* Begin and end of a program under the library: its settings, and the report of what was counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "plain.h"
#include "policy.h"
#include "ring.h"
#include "state.h"

static const char *const names[XP_CALLS] = {"read", "write", "pread", "pwrite", "readv", "writev",
	"open", "close", "fsync", "recv", "send", "socket", "connect/accept", "aio"};
static int report_fd = -1;

/* To a file whose name was given, or to what was stderr when the program began. */
static void report(void)
{
	const char *where = getenv("XSC_PRELOAD_STATS");
	char text[1024];
	uint64_t ring = 0, plain = 0;
	int fd = report_fd, n;

	for (enum xp_call i = 0; i < XP_CALLS; i++) {
		ring += xp_counted(i, true);
		plain += xp_counted(i, false);
	}
	n = snprintf(text, sizeof(text), "xsc-preload: %s: %llu by ring, %llu by system call",
		program_invocation_short_name, (unsigned long long)ring, (unsigned long long)plain);
	for (enum xp_call i = 0; i < XP_CALLS; i++)
		if (xp_counted(i, false) + xp_counted(i, true))
			n += snprintf(text + n, sizeof(text) - (size_t)n, "; %s %llu/%llu",
				names[i], (unsigned long long)xp_counted(i, true),
				(unsigned long long)xp_counted(i, false));
	text[n++] = '\n';
	if (where && *where == '/')
		fd = xp_plain_openat(
			AT_FDCWD, where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0 && xp_plain_write(fd, text, (size_t)n) < 0)
		return; /* there is nobody to tell */
}

__attribute__((destructor)) static void finish(void)
{
	if (xp_counting)
		report();
}

/* _exit(2) runs no destructor. */
XP_EXPORT void _exit(int status)
{
	if (xp_counting && xp_ring_usable())
		report();
	xp_exit_group(status);
}

__attribute__((constructor)) static void start(void)
{
	const char *mode = getenv("XSC_PRELOAD"), *stats = getenv("XSC_PRELOAD_STATS");

	if (mode && !strcmp(mode, "off"))
		return;
	if (stats && *stats) {
		xp_counting = true;
		if (*stats != '/')
			report_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 200);
	}
	xp_ring_at_fork(xp_policy_forget);
	xp_mode = mode && !strcmp(mode, "always") ? XP_ALWAYS : XP_AUTO;
}
