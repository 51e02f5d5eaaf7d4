/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgaming: the user's side of /dev/gaming. Each group of calls has a header of
 * its own here; this one opens the device and says what it can do.
 *
 * All return 0 or more, or a negative errno, and log nothing.
 */
#ifndef LIBGAMING_GAMING_H
#define LIBGAMING_GAMING_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/gaming.h>

struct gaming {
	int fd;		   /* of the device; -1 where it is not there */
	uint64_t calls;	   /* struct gaming_info */
	uint64_t features; /* GAMING_FEAT_* */
};

/*
 * -ENOENT where the module is not loaded: @g then still serves the calls that
 * libgaming makes from user space. One session is enough for a process.
 */
int gaming_open(struct gaming *g);

/* Undoes all that calls have made. Takes NULL and what was never opened. */
void gaming_close(struct gaming *g);

/* Does the module do @call (GAMING_CALL_*)? */
bool gaming_has(const struct gaming *g, uint32_t call);

/* One call of the device, or an ioctl of a group's own: its result, or a negative errno. */
long gaming_ioctl(const struct gaming *g, unsigned long cmd, void *arg);

/* @entries in one trap (struct gaming_batch). How many were made, or a negative errno. */
int gaming_batch(
	const struct gaming *g, struct gaming_batch_entry *entries, uint32_t count, uint32_t flags);

#endif
