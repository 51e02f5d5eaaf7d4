/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a list somebody wants to see, and how many there are. */
#ifndef RP_SERVER_STATE_SELECTION_H
#define RP_SERVER_STATE_SELECTION_H

#include <jansson.h>
#include <stdint.h>

#include "server/store/store.h"

struct rp_server;

/* Text is never NULL; "" selects all. */
struct rp_selection {
	const char *state; /* or verdict: the words of the two differ */
	const char *rig, *plan;
	const char *id; /* what the id begins with */
	int64_t since;	/* made then or later; 0: all */
	int limit;	/* the newest so many ... */
	int64_t offset; /* ... of those before so many newer ones */
};

/* All of them, the newest limit. */
#define RP_SELECTION_NEWEST(count)                                                                 \
	((struct rp_selection){.state = "", .rig = "", .plan = "", .id = "", .limit = (int)(count)})

/*
 * The selected rows, newest first, each as read makes it, and how many there would be without limit
 * and offset. list takes ?1 to ?7 in the order of the struct, count takes ?1 to ?5 and gives one
 * number. *ret is a new reference; ret_total may be NULL.
 */
int rp_selection_list(struct rp_server *server, enum rp_sql list, enum rp_sql count,
	const struct rp_selection *selection, rp_row_reader read, json_t **ret, int64_t *ret_total);

#endif
