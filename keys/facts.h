/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be, though its form is right. Private to keys/; the rules stand in keys/statement.h. */
#ifndef RP_KEYS_FACTS_H
#define RP_KEYS_FACTS_H

#include "keys/statement.h"

/* The parts' forms have been checked. -EINVAL, naming the place; -ENOMEM. */
RP_MUST_USE int rp_facts_check(const struct rp_statement_parts *parts, struct rp_error *err);

#endif
