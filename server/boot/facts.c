/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/facts.h"

#include "lib/cleanup.h"
#include "manifests/manifest.h"
#include "server/jobs/jobs.h"
#include "server/server.h"
#include "server/state/boots.h"
#include "server/state/rigs.h"
#include "server/store/store.h"

int rp_facts_gather(struct rp_server *server, const struct rp_rig *rig, struct rp_facts *ret,
	struct rp_job *ret_job)
{
	rp_cleanup(image) struct rp_image image = {0};
	rp_cleanup(job) struct rp_job job = {0};
	struct rp_boot boot;
	int open, waits, has_image;

	open = rp_boots_open_of_rig(server, rig->name, &boot);
	waits = open < 0 ? open : rp_jobs_next(server, rig, &job);
	has_image = waits < 0 ? waits : rp_images_get(server, "", &image);
	if (has_image < 0)
		return has_image;
	*ret = (struct rp_facts){
		.rig = rig->state,
		.ignored = rig->manifest->rig->ignore,
		.powered = rig->manifest->rig->power.driver != RP_POWER_NONE,
		.keys_ours = rp_rig_has_our_keys(server, rig) > 0,
		.keys_written = rig->keys_enrolled[0] != '\0',
		.setup_mode = json_is_true(json_object_get(rig->secure_boot, "setup_mode")),
		.training_left = rig->training_left,
		.open = open > 0,
		.job_waits = waits > 0,
		.by_rule = server->site->approve != RP_APPROVE_OPERATOR,
		.settling = rig->settle_until > rp_store_now(server->store),
		.image = has_image > 0,
	};
	if (ret_job) {
		*ret_job = job;
		job = (struct rp_job){0};
	}
	return 0;
}

bool rp_facts_boot_is_ours(const struct rp_boot *boot)
{
	return (boot->power == RP_BOOT_POWER_DRIVER || boot->announced_by[0]) && boot->script_at &&
	       boot->image_at >= boot->script_at;
}
