/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes the CPU copies out of the page cache for this thread: counted by the
 * kernel itself, with a probe on what filemap_read() has copied, and a histogram that
 * adds it up. (The copy routines themselves cannot be probed.)
 */
#ifndef GAMING_SELFTEST_COPIES_H
#define GAMING_SELFTEST_COPIES_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kmods/selftest/report.h"

#define TRACING "/sys/kernel/tracing/"
#define COPIES_EVENT TRACING "events/kprobes/gaming_copies/"

UNUSED static int write_file(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

UNUSED static void copies_end(void)
{
	write_file(COPIES_EVENT "trigger", O_APPEND, "!hist:keys=common_pid:vals=bytes");
	write_file(TRACING "kprobe_events", O_APPEND, "-:gaming_copies");
}

/* False where the kernel does not let us count: not root, or no tracing. */
UNUSED static bool copies_begin(void)
{
	if (access(TRACING "kprobe_events", W_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	copies_end();
	if (write_file(TRACING "kprobe_events", O_APPEND,
		    "r:gaming_copies filemap_read bytes=$retval:u64"))
		return false;
	return !write_file(COPIES_EVENT "trigger", O_APPEND, "hist:keys=common_pid:vals=bytes");
}

/* Bytes copied for this thread since copies_begin(). */
UNUSED static uint64_t copies_bytes(void)
{
	FILE *f = fopen(COPIES_EVENT "hist", "re");
	uint64_t bytes = 0, sum;
	char line[256];
	int pid;

	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "bytes:");

		if (at && sscanf(line, "{ common_pid: %d", &pid) == 1 && pid == gettid() &&
			sscanf(at, "bytes: %lu", &sum) == 1)
			bytes += sum;
	}
	if (f)
		fclose(f);
	return bytes;
}

#endif
