/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switching rigs on and off, without ever blocking the event loop. The driver is chosen by the
 * rig's manifest. Power is verified, not assumed: an action succeeds when the rig was afterwards
 * seen in the wanted state.
 */
#ifndef RP_SERVER_POWER_POWER_H
#define RP_SERVER_POWER_POWER_H

#include <event2/event.h>

#include "lib/error.h"

struct rp_rig_manifest;
struct rp_metrics;
struct rp_power; /* all requests in flight */

enum rp_power_action { RP_POWER_ON, RP_POWER_OFF, RP_POWER_CYCLE, RP_POWER_STATUS };

enum rp_power_state { RP_POWER_STATE_UNKNOWN, RP_POWER_STATE_OFF, RP_POWER_STATE_ON };

/* "on" "off" "cycle" "status" and the inverse; -EINVAL for any other text. */
const char *rp_power_action_text(enum rp_power_action action);
int rp_power_action_parse(const char *text, enum rp_power_action *ret);
const char *rp_power_state_text(enum rp_power_state state); /* "unknown" "off" "on" */

/*
 * result: 0, or negative errno (-ENOTSUP driver none: a person must do it; -ECONNREFUSED, -ENOENT
 * nothing at the other end; -ETIMEDOUT; -EPROTO; -ECANCELED the server is stopping; -EIO the rig
 * is not in the wanted state). text: one line for people, without the
 * rig's name: the reason and remedy on failure.
 */
typedef void (*rp_power_done)(
	void *context, int result, enum rp_power_state state, const char *text);

/*
 * Ask for an action; done is called exactly once, always from the event loop, never from within
 * this call (so the caller may change its state after it). Nothing of rig is kept. Requests for
 * the same rig run in order. Within 20 s there is an answer.
 */
void rp_power_request(struct rp_power *power, const struct rp_rig_manifest *rig,
	enum rp_power_action action, rp_power_done done, void *context);

/* metrics may be NULL. NULL: no memory. */
struct rp_power *rp_power_new(struct event_base *base, struct rp_metrics *metrics);

/* Ends all requests with -ECANCELED. Takes NULL, returns NULL. */
struct rp_power *rp_power_free(struct rp_power *power);

/* ---- between power.c and its drivers ---- */

struct rp_power_driver {
	const char *name; /* as the manifest says: power.driver */
	/*
	 * Start; done is called once, from the event loop. Returns the operation, for cancel, or
	 * NULL with err filled (then done is not called).
	 */
	void *(*start)(struct event_base *base, const char *address, enum rp_power_action action,
		rp_power_done done, void *context, struct rp_error *err);
	/* Drop it without calling done. */
	void (*cancel)(void *operation);
};

extern const struct rp_power_driver rp_power_qemu, rp_power_none;

/*
 * One line from QEMU's monitor, as far as we need it; fuzzed. Returns 0, or -EPROTO where it is
 * not one JSON object of a known form.
 */
struct rp_qmp_message {
	enum { RP_QMP_GREETING, RP_QMP_RETURN, RP_QMP_ERROR, RP_QMP_EVENT } kind;
	int id;	       /* of a return or error that answers one of ours; -1: none */
	char text[96]; /* the event's name, the error's description, query-status' status */
	int running;   /* of query-status' return; -1: not told */
};
int rp_qmp_parse(const char *line, size_t len, struct rp_qmp_message *ret);

#endif
