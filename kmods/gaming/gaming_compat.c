// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>

#include "gaming_compat.h"

int gaming_shrinker_add(struct gaming_shrinker *s, const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	s->it.count_objects = s->count_objects;
	s->it.scan_objects = s->scan_objects;
	s->it.seeks = DEFAULT_SEEKS;
	s->it.flags = SHRINKER_NUMA_AWARE;
	return register_shrinker(&s->it, "%s", name);
#else
	s->it = shrinker_alloc(SHRINKER_NUMA_AWARE, "%s", name);
	if (!s->it)
		return -ENOMEM;
	s->it->count_objects = s->count_objects;
	s->it->scan_objects = s->scan_objects;
	s->it->seeks = DEFAULT_SEEKS;
	shrinker_register(s->it);
	return 0;
#endif
}

void gaming_shrinker_remove(struct gaming_shrinker *s)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	unregister_shrinker(&s->it);
#else
	shrinker_free(s->it);
#endif
}
