// SPDX-License-Identifier: Apache-2.0
/* Begin and end of a program under the library: its settings, and what was counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plain.h"
#include "preload.h"

bool xp_counting;

static const char *const names[XP_CALLS] = {"read", "write", "pread", "pwrite", "readv", "writev",
	"open", "close", "fsync", "recv", "send", "socket", "connect/accept", "aio"};
static uint64_t counts[XP_CALLS][2];
static int report_fd = -1;

void xp_turn_count(const struct xp_turn *turn)
{
	__atomic_fetch_add(&counts[turn->call][turn->by_ring], 1, __ATOMIC_RELAXED);
}

/* In the vDSO: no system call. */
uint64_t xp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* To a file whose name was given, or to what was stderr when the program began. */
static void report(void)
{
	const char *where = getenv("XSC_PRELOAD_STATS");
	char text[1024];
	uint64_t ring = 0, plain = 0;
	int fd = report_fd, n;

	for (int i = 0; i < XP_CALLS; i++) {
		ring += counts[i][1];
		plain += counts[i][0];
	}
	n = snprintf(text, sizeof(text), "xsc-preload: %s: %llu by ring, %llu by system call",
		program_invocation_short_name, (unsigned long long)ring, (unsigned long long)plain);
	for (int i = 0; i < XP_CALLS; i++)
		if (counts[i][0] + counts[i][1])
			n += snprintf(text + n, sizeof(text) - (size_t)n, "; %s %llu/%llu",
				names[i], (unsigned long long)counts[i][1],
				(unsigned long long)counts[i][0]);
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
	xp_mode = mode && !strcmp(mode, "always") ? XP_ALWAYS : XP_AUTO;
}
