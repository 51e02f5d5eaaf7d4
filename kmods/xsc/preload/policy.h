/* SPDX-License-Identifier: Apache-2.0 */
/* When a call goes over the ring: a turn is one call, from its decision to its end. */
#ifndef XSC_PRELOAD_POLICY_H
#define XSC_PRELOAD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "preload.h"
#include "ring.h"
#include "state.h"

/* The calling thread begins anew: a forked child may live for a few calls only. */
void xp_policy_forget(void);

struct xp_turn {
	enum xp_call call;
	bool ring;    /* try the ring */
	bool timed;   /* its time counts */
	bool by_ring; /* it was carried out by the ring */
	uint64_t start;
};

void xp_turn_decide(struct xp_turn *turn);
void xp_turn_time(struct xp_turn *turn); /* if turn->timed */

static inline struct xp_turn xp_turn_begin(enum xp_call call)
{
	struct xp_turn turn = {.call = call};

	if (xp_mode != XP_OFF)
		xp_turn_decide(&turn);
	return turn;
}

/* Before the return of each function: @ret is libc's, or xp_result()'s. */
static inline long xp_turn_end(struct xp_turn *turn, long ret)
{
	if (turn->timed)
		xp_turn_time(turn);
	if (xp_counting)
		xp_count(turn->call, turn->by_ring);
	return ret;
}

static inline bool xp_turn_ring(struct xp_turn *turn, const struct xsc_sqe *sqe, long *ret_res)
{
	turn->by_ring = xp_ring_call(sqe, ret_res);
	return turn->by_ring;
}

#endif
