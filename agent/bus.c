/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus.h"

#include <stddef.h>

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *text, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "s", (const char *)text);
}

static int get_progress(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *context, sd_bus_error *error)
{
	const struct rp_agent_status *status = context;

	return sd_bus_message_append(reply, "(uu)", status->done, status->total);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("State", "s", NULL, offsetof(struct rp_agent_status, state), EMITS),
	SD_BUS_PROPERTY("Job", "s", get_text, offsetof(struct rp_agent_status, job), EMITS),
	SD_BUS_PROPERTY(
		"CurrentCheck", "s", get_text, offsetof(struct rp_agent_status, check), EMITS),
	SD_BUS_PROPERTY("Progress", "(uu)", get_progress, 0, EMITS),
	SD_BUS_SIGNAL_WITH_ARGS("CheckFinished", SD_BUS_ARGS("s", name, "s", verdict), 0),
	SD_BUS_VTABLE_END,
};

int rp_agent_bus_show(sd_bus *bus, struct rp_agent_status *status)
{
	int r = sd_bus_add_object_vtable(
		bus, NULL, RP_AGENT_BUS_PATH, RP_AGENT_BUS_NAME, vtable, status);

	return r < 0 ? r : sd_bus_request_name_async(bus, NULL, RP_AGENT_BUS_NAME, 0, NULL, NULL);
}

void rp_agent_bus_changed(sd_bus *bus)
{
	if (bus)
		sd_bus_emit_properties_changed(bus, RP_AGENT_BUS_PATH, RP_AGENT_BUS_NAME, "State",
			"Job", "CurrentCheck", "Progress", NULL);
}

void rp_agent_bus_check_finished(sd_bus *bus, const char *name, const char *verdict)
{
	if (bus)
		sd_bus_emit_signal(bus, RP_AGENT_BUS_PATH, RP_AGENT_BUS_NAME, "CheckFinished", "ss",
			name, verdict);
}
