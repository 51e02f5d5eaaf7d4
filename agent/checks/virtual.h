/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this a virtual machine? By the hypervisor bit that x86 processors show their guests
 * (/proc/cpuinfo; CPUID leaf 1, ECX bit 31). False where nothing says so, on arm64 too: who
 * prints a time then owes nobody a warning that this function could have given.
 */
#ifndef RP_CHECK_VIRTUAL_H
#define RP_CHECK_VIRTUAL_H

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

#endif
