/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator says of a boot that the server cannot bring about itself: "I am about to switch
 * this rig on". It holds for the next boot of the rig that fetches a script, for one only, and not
 * for ever. Its end is on the boot clock, so nothing is kept over a restart of the server: whoever
 * announced says so again. The boot that it went to remembers it (rp_boot.announced_by).
 */
#ifndef RP_SERVER_STATE_ANNOUNCED_H
#define RP_SERVER_STATE_ANNOUNCED_H

#include <stdint.h>

struct rp_server;

#define RP_ANNOUNCED_S 600 /* how long one holds, unless told otherwise */
#define RP_ANNOUNCED_MAX_S 86400
#define RP_ANNOUNCED_BY_TEXT 64 /* the token's name and NUL */

struct rp_announcement {
	char by[RP_ANNOUNCED_BY_TEXT]; /* the name of the operator's token */
	int64_t at;		       /* realtime, for people */
};

/* In place of what was said of this rig before. seconds: 1 to RP_ANNOUNCED_MAX_S. -ENOMEM. */
int rp_announced_add(struct rp_server *server, const char *rig, const char *by, int seconds);

/* 1 with *ret where one holds for this rig now, 0 where none does. */
int rp_announced_get(struct rp_server *server, const char *rig, struct rp_announcement *ret);

/* A boot has it. */
void rp_announced_drop(struct rp_server *server, const char *rig);

/* For tests: another clock than CLOCK_BOOTTIME, in microseconds. -ENOMEM. */
int rp_announced_set_clock(struct rp_server *server, int64_t (*now)(void *context), void *context);

void rp_announced_free(struct rp_server *server);

#endif
