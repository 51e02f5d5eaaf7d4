/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/assurance.h"

const char *const rp_seen_words[RP_SEENS + 1] = {
	[RP_SEEN_POWER] = "power",
	[RP_SEEN_OFFER] = "offer",
	[RP_SEEN_IMAGE] = "image",
	[RP_SEEN_UUID] = "uuid",
	[RP_SEEN_KEYS] = "keys",
	[RP_SEENS] = NULL,
};

const char *rp_assurance_of(const struct rp_assurance_facts *facts)
{
	/* Whoever never had the image does not run it. */
	if (!facts->seen[RP_SEEN_IMAGE])
		return "none";
	if (facts->secure_boot && facts->seen[RP_SEEN_KEYS] && facts->seen[RP_SEEN_POWER] &&
		facts->seen[RP_SEEN_UUID])
		return "secure-boot";
	return facts->token ? "boot-token" : "none";
}
