/* SPDX-License-Identifier: Apache-2.0 */
/* What programs do that a ring could break, and what it says on standard output. */
#ifndef XSC_PRELOAD_PROBES_H
#define XSC_PRELOAD_PROBES_H

#include <stddef.h>

struct probe {
	const char *name;
	void (*run)(void); /* in an empty folder; aborts if the machine does not do its part */
};

extern const struct probe probes[];
extern const size_t probe_count;

#endif
