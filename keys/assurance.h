/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How strongly a boot is bound to its rig: computed from what the lab server saw itself, in this one
 * place, by the server that signs it and by whoever reads a record. README.md has the table.
 */
#ifndef RP_KEYS_ASSURANCE_H
#define RP_KEYS_ASSURANCE_H

#include <stdbool.h>
#include <stddef.h>

enum rp_seen {
	RP_SEEN_POWER, /* it had the rig switched on for this boot, or a person announced it */
	RP_SEEN_OFFER, /* it offered a loader to the rig's MAC; somebody else may do that */
	RP_SEEN_IMAGE, /* it sent the script to one address, and after it the whole image there */
	RP_SEEN_UUID,  /* the machine said the UUID that its rig is registered with */
	RP_SEEN_KEYS,  /* the rig's keys are those that the lab enrolled */
	RP_SEENS,
};

struct rp_assurance_facts {
	bool seen[RP_SEENS];
	bool token;	  /* the machine returned the secret of the boot script */
	bool secure_boot; /* what it says of itself: on, and not in Setup Mode */
};

/* "secure-boot", "boot-token" or "none"; static. What a rig says can only lower it. */
const char *rp_assurance_of(const struct rp_assurance_facts *facts);

/* "power", "offer", "image", "uuid", "keys": as records name what was not seen. */
extern const char *const rp_seen_words[RP_SEENS + 1]; /* ends with NULL */

#endif
