/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: one conversation with the server, as a state machine in one event loop.
 *
 *   hello -> enrol -> end                      a new rig in Setup Mode
 *         -> job -> checks -> report -> end
 *
 * Whatever fails is tried again after a while; only a signal ends it.
 */
#ifndef RP_AGENT_AGENT_H
#define RP_AGENT_AGENT_H

#include "lib/error.h"

struct rp_agent_options {
	const char *config_dir;	 /* agent.json, root.crt */
	const char *run_dir;	 /* this boot's key, nonces, spool, downloads */
	const char *modules_dir; /* modules that came with the image */
	const char *root; /* NULL: this machine; else a folder with its sys/, proc/ and dev/ */
};

struct rp_agent;

/*
 * options are copied. -ENOENT, -EINVAL (configuration), -ENOMEM. Blocks SIGTERM and SIGINT in this
 * thread: the event loop takes them.
 */
int rp_agent_new(const struct rp_agent_options *options, struct rp_agent **ret,
	struct rp_error *err) __attribute__((warn_unused_result));
struct rp_agent *rp_agent_free(struct rp_agent *agent);

/* Until SIGTERM or SIGINT. */
int rp_agent_run(struct rp_agent *agent, struct rp_error *err) __attribute__((warn_unused_result));

static inline void rp_cleanup_agent(struct rp_agent **agent)
{
	rp_agent_free(*agent);
}

#endif
