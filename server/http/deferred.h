/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that a handler gives later, from an event. */
#ifndef RP_SERVER_HTTP_DEFERRED_H
#define RP_SERVER_HTTP_DEFERRED_H

#include "server/http/route.h"

struct rp_deferred;

/*
 * A handler calls rp_request_defer, returns 0 (its reply is then
 * ignored), and somebody calls rp_deferred_reply exactly once. A peer that has gone meanwhile is
 * no error. NULL where there is no connection (unit tests): then answer 202 at once.
 */
struct rp_deferred *rp_request_defer(const struct rp_request *request);
void rp_deferred_reply(struct rp_deferred *deferred, struct rp_reply *reply); /* does reply_done */

#endif
