/* SPDX-License-Identifier: Apache-2.0 */
/* What was refused, by whom it came and why: for people, and counted for programs. */
#ifndef RP_SERVER_STATE_REFUSED_H
#define RP_SERVER_STATE_REFUSED_H

#include <jansson.h>
#include <stddef.h>

#include "server/state/selection.h"

struct rp_server;

#define RP_REFUSED_KEPT 10000 /* rows; older ones go */

/*
 * Remember a refusal. what: "result", "hello", "script"...; job and boot may be "" or foreign text;
 * body may be NULL. A flood is counted, but only 20 a second become rows.
 */
void rp_refused_add(struct rp_server *server, const char *what, const char *job, const char *boot,
	const char *peer, const void *body, size_t len, const char *reason);

/* Newest first, of those since then. *ret is a new reference; ret_total may be NULL. */
int rp_refused_list(struct rp_server *server, const struct rp_selection *selection, json_t **ret,
	int64_t *ret_total);

#endif
