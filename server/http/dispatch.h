/* SPDX-License-Identifier: Apache-2.0 */
/* From a head into a request that its handler understands, or into a refusal. */
#ifndef RP_SERVER_HTTP_DISPATCH_H
#define RP_SERVER_HTTP_DISPATCH_H

struct rp_exchange;

/*
 * At the end of the head. Either it is let in (wants_body, also where the body is empty), and
 * rp_dispatch_body follows once the body is there, or it is answered and ended.
 */
void rp_dispatch_head(struct rp_exchange *exchange);

/* The body is there: runs the handler. Ends the exchange, now or later. */
void rp_dispatch_body(struct rp_exchange *exchange);

#endif
