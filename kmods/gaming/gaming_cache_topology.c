// SPDX-License-Identifier: GPL-2.0-only
/*
 * get_cpu_cacheinfo() is not exported, but the devices that show it in sysfs
 * (cpuN/cache/indexM) can be walked, and the driver data of the last is its struct
 * cacheinfo, on every architecture.
 */
#include <linux/cacheinfo.h>
#include <linux/cpu.h>
#include <linux/device.h>
#include <linux/string.h>

#include "gaming_cache_topology.h"

static int is_cache(struct device *dev, void *data)
{
	return !strcmp(dev_name(dev), "cache");
}

static int take_if_higher(struct device *dev, void *data)
{
	const struct cacheinfo *leaf = dev_get_drvdata(dev);
	struct gaming_llc *llc = data;

	if (!leaf || leaf->type == CACHE_TYPE_INST || leaf->level <= llc->level)
		return 0;
	if (cpumask_empty(&leaf->shared_cpu_map))
		return 0;
	llc->level = leaf->level;
	llc->bytes = leaf->size;
	llc->first_cpu = cpumask_first(&leaf->shared_cpu_map);
	cpumask_and(&llc->cpus, &leaf->shared_cpu_map, cpu_online_mask);
	return 0;
}

int gaming_llc_of_cpu(unsigned int cpu, struct gaming_llc *ret)
{
	struct device *dev, *cache = NULL;

	memset(ret, 0, sizeof(*ret));
	/* Its caches come and go with a CPU. */
	cpus_read_lock();
	dev = cpu_online(cpu) ? get_cpu_device(cpu) : NULL;
	if (dev)
		cache = device_find_child(dev, NULL, is_cache);
	if (cache) {
		device_for_each_child(cache, ret, take_if_higher);
		put_device(cache);
	}
	cpus_read_unlock();
	return ret->level ? 0 : -ENOENT;
}
