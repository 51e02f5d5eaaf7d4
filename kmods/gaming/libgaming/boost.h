/* SPDX-License-Identifier: Apache-2.0 */
/* libgaming: a better nice value for a time, on BOOST (linux/gaming_boost.h). */
#ifndef LIBGAMING_BOOST_H
#define LIBGAMING_BOOST_H

#include <stdint.h>

#include "gaming.h"

/* The document's classes, as nice values. */
#define GAMING_NICE_CRITICAL (-20)
#define GAMING_NICE_MISSED (-18) /* after frames were missed */
#define GAMING_NICE_FRAME (-15)
#define GAMING_NICE_AUDIO (-10)
#define GAMING_NICE_INPUT (-5)

/*
 * The calling thread gets @nice, for @ns at most (GAMING_BOOST_MAX_NS), and is put back
 * then, or with gaming_unboost(), or when it or the session ends. -EACCES and -EPERM:
 * setpriority(2) refused; then nothing has changed. -EINVAL: @nice is no better than
 * what the thread has. -EBUSY: a boost is under way.
 */
int gaming_boost(const struct gaming *g, int nice, uint64_t ns);
/* -ENOENT: it is over. */
int gaming_unboost(const struct gaming *g);

#endif
