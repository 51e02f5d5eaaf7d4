/* SPDX-License-Identifier: Apache-2.0 */
/* A rig that a person switches. */
#include <errno.h>

#include "server/power/power.h"

static void *none_start(struct event_base *base, const char *address, enum rp_power_action action,
	rp_power_done done, void *context, struct rp_error *err)
{
	rp_error_set(err, -ENOTSUP,
		"this rig has no power driver: press its button, or name one in its manifest "
		"(power: driver)");
	return NULL;
}

static void none_cancel(void *operation)
{
}

const struct rp_power_driver rp_power_none = {"none", none_start, none_cancel};
