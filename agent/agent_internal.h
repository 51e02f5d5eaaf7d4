/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's state and what its states do. Private to agent.c and states.c. */
#ifndef RP_AGENT_AGENT_INTERNAL_H
#define RP_AGENT_AGENT_INTERNAL_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/config.h"
#include "agent/hello.h"
#include "agent/kmsg.h"
#include "agent/run.h"
#include "agent/server.h"

#define RP_AGENT_WAIT (-1) /* no next step by time: something else wakes the agent */

enum rp_agent_state {
	RP_AGENT_HELLO,
	RP_AGENT_ENROL,
	RP_AGENT_JOB,
	RP_AGENT_CHECKS,
	RP_AGENT_REPORT,
	RP_AGENT_END,
};

struct rp_agent {
	struct rp_agent_config *config;
	char *run_dir, *modules_dir, *modules_cache, *nonces_dir, *spool_dir;
	EVP_PKEY *key;
	struct rp_agent_server *server;
	struct rp_kmsg *kmsg; /* NULL where it cannot be read */
	sd_event *event;
	sd_bus *bus; /* NULL while there is none */
	sd_event_source *step, *heartbeat, *kmsg_source;
	enum rp_agent_state state;
	int failures; /* in a row: they set the pace */
	bool admitted;
	struct rp_identity identity;
	struct rp_run *run;
	struct rp_agent_status status;
	json_t *stages;	 /* "agent" */
	char ending[16]; /* "poweroff" or "reboot" */
};

/* states.c: do one bounded thing; returns microseconds until the next, or RP_AGENT_WAIT. */
int64_t rp_agent_step(struct rp_agent *agent);

/* agent.c */
void rp_agent_enter(struct rp_agent *agent, enum rp_agent_state state);
void rp_agent_wake(struct rp_agent *agent);

/* Microseconds to wait after one more failure: up to a minute, jittered. */
int64_t rp_agent_backoff(struct rp_agent *agent);

/* Connect to the system bus if there is no connection. */
void rp_agent_ensure_bus(struct rp_agent *agent);

/* POST /rig/v1/event, once; nothing depends on it. */
void rp_agent_event(struct rp_agent *agent, const char *stage, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
