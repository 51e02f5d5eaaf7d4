// SPDX-License-Identifier: Apache-2.0
/* libc's own functions, looked up at their first call. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plain.h"

/*
 * Two threads may look up at once; both find the same. Without libc's there is
 * nothing to go on with, and nothing to say it with.
 */
static void *find(void **slot, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	__atomic_store_n(slot, found, __ATOMIC_RELAXED);
	return found;
}

#define PLAIN(type, name, params, args)                                                            \
	type xp_plain_##name params                                                                \
	{                                                                                          \
		static void *slot;                                                                 \
		void *found = __atomic_load_n(&slot, __ATOMIC_RELAXED);                            \
                                                                                                   \
		if (!found)                                                                        \
			found = find(&slot, #name);                                                \
		return ((type(*) params)found)args;                                                \
	}
XP_PLAIN_LIST
#undef PLAIN
