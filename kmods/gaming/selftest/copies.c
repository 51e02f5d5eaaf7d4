/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/types.h>
#include <unistd.h>

#include "kmods/gaming/selftest/copies.h"

#define TRACING "/sys/kernel/tracing/"
#define COPIES_EVENT TRACING "events/kprobes/gaming_copies/"

static int write_file(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

void copies_end(void)
{
	write_file(COPIES_EVENT "trigger", O_APPEND, "!hist:keys=common_pid:vals=bytes");
	write_file(TRACING "kprobe_events", O_APPEND, "-:gaming_copies");
}

bool copies_begin(void)
{
	if (access(TRACING "kprobe_events", W_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	copies_end();
	if (write_file(TRACING "kprobe_events", O_APPEND,
		    "r:gaming_copies filemap_read bytes=$retval:u64"))
		return false;
	return !write_file(COPIES_EVENT "trigger", O_APPEND, "hist:keys=common_pid:vals=bytes");
}

uint64_t copies_bytes(void)
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
