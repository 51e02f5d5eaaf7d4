/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent does next: one function a state, each of them bounded in time. */
#ifndef RP_AGENT_STATES_H
#define RP_AGENT_STATES_H

#include <stdint.h>

#include "agent/session.h"

#define RP_AGENT_WAIT (-1) /* no next step by time: something else wakes the agent */

/* Do one bounded thing; returns microseconds until the next, or RP_AGENT_WAIT. */
int64_t rp_agent_step(struct rp_agent *agent);

/* The server has given the job up: so do we. Nothing in states that are before or past it. */
void rp_agent_cancel(struct rp_agent *agent);

#endif
