/* SPDX-License-Identifier: Apache-2.0 */
/* Answers whose body is a blob of the store: ranges, HEAD, ETag. */
#ifndef RP_SERVER_HTTP_TRANSFER_H
#define RP_SERVER_HTTP_TRANSFER_H

struct rp_exchange;
struct rp_reply;

/*
 * Answer with reply, which is done with after it; where it names an artefact, that is sent. Ends
 * the exchange now or later.
 */
void rp_transfer_reply(struct rp_exchange *exchange, struct rp_reply *reply);

/* What was given of the blob is with the socket: the next block, or the end of the exchange. */
void rp_transfer_drained(struct rp_exchange *exchange);

#endif
