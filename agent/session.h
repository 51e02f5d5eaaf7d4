/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One conversation of this rig with its server, and where it stands. What all states need is here:
 * how to enter one, the pace of retries, the bus, a word to the server. agent.c drives it,
 * states.c says what each state does, server.h carries what is said.
 */
#ifndef RP_AGENT_SESSION_H
#define RP_AGENT_SESSION_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/bus.h"
#include "agent/config.h"
#include "agent/hello.h"
#include "agent/kmsg.h"
#include "agent/run.h"
#include "agent/server.h"
#include "keys/rig_protocol.h"

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
	char *root, *efivars_dir; /* root: "" but in tests */
	EVP_PKEY *key;
	struct rp_agent_server *server;
	struct rp_kmsg *kmsg; /* NULL where it cannot be read */
	sd_event *event;
	sd_bus *bus; /* NULL while there is none */
	sd_event_source *step, *heartbeat, *kmsg_source;
	enum rp_agent_state state;
	int64_t began; /* monotonic: when the stage "agent" did */
	int failures;  /* in a row: they set the pace */
	bool admitted;
	struct rp_identity identity;
	struct rp_run *run; /* NULL but in RP_AGENT_CHECKS */
	struct rp_agent_status status;
	json_t *stages;	       /* [{"stage","start","end"}]: "agent" */
	enum rp_action ending; /* poweroff or reboot, in RP_AGENT_END */
};

/* The state's name on the bus. */
const char *rp_agent_state_text(enum rp_agent_state state);

/* The stage of a boot's timeline that the server is told of in this state. */
enum rp_stage rp_agent_stage(enum rp_agent_state state);

/* Enter state, and show it on the bus. By a success the pace of retries begins anew. */
void rp_agent_enter(struct rp_agent *agent, enum rp_agent_state state);

/* Step as soon as the loop comes to it. */
void rp_agent_wake(struct rp_agent *agent);

/* Between 3/4 and 5/4 of ms, in microseconds: a lab that lost power must not speak in one voice. */
int64_t rp_agent_jitter(int64_t ms);

/* Microseconds to wait after one more failure: up to a minute, jittered. */
int64_t rp_agent_backoff(struct rp_agent *agent);

/* Connect to the system bus if there is no connection. */
void rp_agent_ensure_bus(struct rp_agent *agent);
void rp_agent_drop_bus(struct rp_agent *agent);

/* A line for the history of this boot, sent once; nothing depends on it. */
void rp_agent_event(struct rp_agent *agent, enum rp_stage stage, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
