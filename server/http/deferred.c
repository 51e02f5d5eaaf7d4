/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/deferred.h"

#include "server/http/exchange.h"
#include "server/http/transfer.h"

struct rp_deferred *rp_request_defer(const struct rp_request *request)
{
	if (!request->exchange)
		return NULL;
	request->exchange->deferred = true;
	return (struct rp_deferred *)request->exchange;
}

void rp_deferred_reply(struct rp_deferred *deferred, struct rp_reply *reply)
{
	rp_transfer_reply((struct rp_exchange *)deferred, reply);
}
