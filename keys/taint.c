/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/taint.h"

#include <stdio.h>

enum { OUT_OF_TREE = 12, UNSIGNED = 13 };

static const struct {
	char letter;
	const char *words;
} taints[] = {
	{'P', "proprietary module"},
	{'F', "module loaded by force"},
	{'S', "hardware out of its specification"},
	{'R', "module unloaded by force"},
	{'M', "machine check"},
	{'B', "bad page"},
	{'U', "asked for by user space"},
	{'D', "oops or BUG"},
	{'A', "ACPI table overridden"},
	{'W', "warning"},
	{'C', "staging driver"},
	{'I', "firmware bug worked around"},
	[OUT_OF_TREE] = {'O', "out-of-tree module"},
	[UNSIGNED] = {'E', "unsigned module"},
	{'L', "soft lockup"},
	{'K', "live patch"},
	{'X', "auxiliary, set by the distribution"},
	{'T', "randomised structures"},
	{'N', "in-kernel test"},
	{'J', "firmware changed by fwctl"},
};

uint64_t rp_taint_unexplained(uint64_t bits, bool modules_loaded)
{
	const uint64_t modules = UINT64_C(1) << OUT_OF_TREE | UINT64_C(1) << UNSIGNED;

	return modules_loaded ? bits & ~modules : bits;
}

void rp_taint_describe(unsigned int bit, char *ret_text, size_t size)
{
	if (bit < sizeof(taints) / sizeof(*taints))
		snprintf(ret_text, size, "%s (%c)", taints[bit].words, taints[bit].letter);
	else
		snprintf(ret_text, size, "bit %u", bit);
}
