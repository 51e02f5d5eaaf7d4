/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/checks/latency/virtual.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_virtual(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	if (file)
		fclose(file);
	return found;
}

void tell_if_virtual(void)
{
	if (is_virtual())
		puts("# a virtual machine: its worst latencies are its host's, and no real-time "
		     "claim");
}
