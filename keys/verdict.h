/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from the facts of a result. Private to keys/; the rules stand in keys/statement.h.
 */
#ifndef RP_KEYS_VERDICT_H
#define RP_KEYS_VERDICT_H

#include "keys/statement.h"

struct rp_judgement {
	const char *verdict, *result;
	json_t *checks; /* copies, with verdict and limits */
	json_t *passed, *warned, *failed;
	json_t *error; /* given or made; NULL unless the verdict is error */
};

/* The parts' forms, names and order have been checked. -ENOMEM. */
int rp_judge(
	const struct rp_statement_parts *parts, struct rp_judgement *ret, struct rp_error *err);

void rp_judgement_done(struct rp_judgement *judgement);

static inline void rp_cleanup_judgement(struct rp_judgement *judgement)
{
	rp_judgement_done(judgement);
}

#endif
