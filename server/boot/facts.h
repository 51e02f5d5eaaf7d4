/* SPDX-License-Identifier: Apache-2.0 */
/* What next.c asks to know of a rig, from the store. */
#ifndef RP_SERVER_BOOT_FACTS_H
#define RP_SERVER_BOOT_FACTS_H

#include "server/boot/next.h"

struct rp_boot;
struct rp_job;
struct rp_rig;
struct rp_server;

/*
 * All but what only a hello knows (job_here, job_same_image, ours); setup_mode as it said last. Jobs that the rig's
 * manifest forbids by now end on the way. ret_job, which may be NULL, gets the one that waits
 * (rp_job_done; id "": none). Negative errno where the store failed.
 */
int rp_facts_gather(struct rp_server *server, const struct rp_rig *rig, struct rp_facts *ret,
	struct rp_job *ret_job);

/*
 * The server's driver powered this boot, or a person announced it, and after the script one address
 * had the whole image. What a rig's firmware lets be written into it is believed in no other.
 */
bool rp_facts_boot_is_ours(const struct rp_boot *boot);

#endif
