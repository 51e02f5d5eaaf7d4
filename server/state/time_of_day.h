/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of rows when somebody, or NTP, sets the time of day. */
#ifndef RP_SERVER_STATE_TIME_OF_DAY_H
#define RP_SERVER_STATE_TIME_OF_DAY_H

struct rp_server;

/*
 * Deadlines run by the boot clock (rp_store_now), and people read the time of day in the same rows.
 * Where the two have come apart by a second or more, all that is under way is moved to the new time
 * of day in one transaction, and the clock with it: nothing ends early or late. 1: it was moved.
 */
int rp_follow_time_of_day(struct rp_server *server);

#endif
