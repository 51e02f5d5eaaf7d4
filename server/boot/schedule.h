/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that time brings to boots and jobs: deadlines, silent agents, rigs to switch on or
 * off, jobs to start. All times are rows of the store, so that a restart loses nothing.
 */
#ifndef RP_SERVER_BOOT_SCHEDULE_H
#define RP_SERVER_BOOT_SCHEDULE_H

#include "lib/error.h"
#include "server/power/power.h"

struct rp_schedule;
struct rp_server;

/* Makes server->schedule and server->kick, resumes what a crash interrupted, arms the timer. */
int rp_schedule_start(struct rp_server *server, struct rp_error *err);

/* Disarms it; nothing of boots and jobs runs after it. Takes server->schedule NULL. */
void rp_schedule_stop(struct rp_server *server);

/* Called each second and after each change; unit tests call it by hand. */
void rp_schedule_tick(struct rp_server *server);

/* Replaces rp_power_request, for unit tests. */
typedef void (*rp_schedule_power)(struct rp_server *server, const struct rp_rig_manifest *rig,
	enum rp_power_action action, rp_power_done done, void *context);
void rp_schedule_set_power(struct rp_server *server, rp_schedule_power power);

#endif
