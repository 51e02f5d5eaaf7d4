/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.rigproof.Agent1 on the system bus, at /io/rigproof/Agent1: what the agent is doing. It can be
 * read and watched; nothing can be changed through it.
 *
 *   property  State         s     "hello" "enrol" "job" "checks" "report" "end"
 *   property  Job           s     id, "" while there is none
 *   property  CurrentCheck  s     name, "" between checks
 *   property  Progress      (uu)  checks done, checks of the job
 *   signal    CheckFinished ss    name, verdict of the check's own output ("pass" "fail" ...)
 */
#ifndef RP_AGENT_BUS_H
#define RP_AGENT_BUS_H

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "lib/id.h"

#define RP_AGENT_BUS_NAME "io.rigproof.Agent1"
#define RP_AGENT_BUS_PATH "/io/rigproof/Agent1"

struct rp_agent_status {
	const char *state;
	char job[RP_ID_TEXT];
	char check[64];
	uint32_t done, total;
};

/* Show *status, which must outlive the bus connection, and ask for the name (asynchronously). */
int rp_agent_bus_show(sd_bus *bus, struct rp_agent_status *status)
	__attribute__((warn_unused_result));

/* *status has changed. bus NULL: nobody to tell. */
void rp_agent_bus_changed(sd_bus *bus);

void rp_agent_bus_check_finished(sd_bus *bus, const char *name, const char *verdict);

#endif
