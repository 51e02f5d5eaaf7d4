/* SPDX-License-Identifier: Apache-2.0 */
#include "boost.h"

#include <errno.h>
#include <sys/resource.h>

#include <linux/gaming_boost.h>

int gaming_boost(const struct gaming *g, int nice, uint64_t ns)
{
	struct gaming_boost arg = {.size = sizeof(arg), .nice = nice, .timeout_ns = ns};
	long err = gaming_ioctl(g, GAMING_IOC(GAMING_CALL_BOOST), &arg);

	if (err)
		return (int)err;
	/* Of a thread, not of the process: Linux. Its end is arranged for already. */
	if (!setpriority(PRIO_PROCESS, 0, nice))
		return 0;
	err = -errno;
	gaming_unboost(g);
	return (int)err;
}

int gaming_unboost(const struct gaming *g)
{
	struct gaming_boost arg = {.size = sizeof(arg), .flags = GAMING_BOOST_END};

	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_BOOST), &arg);
}
