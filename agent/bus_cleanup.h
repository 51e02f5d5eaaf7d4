/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup types for sd-bus's handles; see lib/cleanup.h. */
#ifndef RP_AGENT_BUS_CLEANUP_H
#define RP_AGENT_BUS_CLEANUP_H

#include <systemd/sd-bus.h>

#include "lib/cleanup.h"

RP_DEFINE_CLEANUP(bus, sd_bus, sd_bus_unref)
RP_DEFINE_CLEANUP(bus_message, sd_bus_message, sd_bus_message_unref)

#endif
