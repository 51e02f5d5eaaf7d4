/* SPDX-License-Identifier: Apache-2.0 */
/* The script half of the policy: what iPXE is told to do next. */
#include "server/boot/policy.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hardware_id.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "pxe/bootscript.h"
#include "server/cas/artefacts.h"
#include "server/boot/facts.h"
#include "server/jobs/jobs.h"
#include "server/state/refused.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

#define WAIT_S 10
#define SAID "%.64s" /* foreign text in an event: its beginning, so that each has its place */
#define AGENT_ALIVE (30 * RP_SECOND) /* three heartbeats */

static int say_exit(struct rp_server *server, const char *reason, const char *kind, char **ret)
{
	char name[64];

	snprintf(name, sizeof(name), "scripts_total{kind=\"%s\"}", kind);
	rp_metrics_add(server->metrics, name, 1);
	return rp_bootscript_exit(reason, ret, NULL);
}

static int say_wait(struct rp_server *server, const char *reason, char **ret)
{
	rp_metrics_add(server->metrics, "scripts_total{kind=\"wait\"}", 1);
	return rp_bootscript_wait(server->url, reason, WAIT_S, ret, NULL);
}

/*
 * NULL, or what is wrong with what it says about itself. Only what names it: SMBIOS sets no bound to
 * a serial number or an asset tag, so neither do we.
 */
static const char *bad_request(const struct rp_script_request *request)
{
	if (!rp_mac_valid(request->mac))
		return "the MAC is missing or malformed";
	if (*request->uuid && !rp_uuid_valid(request->uuid))
		return "the UUID is malformed";
	return NULL;
}

/* The image that this boot is of, as a script. Its script stage ends here. */
static int say_boot(struct rp_server *server, const struct rp_rig *rig, struct rp_boot *boot,
	const struct rp_script_request *request, char **ret)
{
	rp_cleanup(image) struct rp_image image = {0};
	rp_cleanup(free) char *script = NULL;
	struct rp_error err = RP_ERROR_NONE;
	bool token = !request->plain && !rp_rig_has_our_keys(server, rig);
	char path[96], file[80];
	int r = rp_images_get(server, boot->image, &image);

	if (r < 0)
		return r;
	if (r == 0 || !rp_artefacts_has(server->artefacts, boot->image_sha256)) {
		r = rp_jobs_attempt_failed(
			server, boot, "its image is gone from the artefact store");
		return r < 0 ? r : say_exit(server, "its image is gone", "error", ret);
	}
	snprintf(path, sizeof(path), "/cas/sha256/%s", boot->image_sha256);
	snprintf(file, sizeof(file), "%s.efi", boot->image);
	r = rp_bootscript_boot(&(struct rp_bootscript_boot){.server_url = server->url,
				       .image_path = path,
				       .image_name = file,
				       .command_line = token ? rp_json_string_or(image.description,
								       "command_line", "")
							     : "",
				       .token = token ? boot->token : "",
				       .boot = boot->id},
		&script, &err);
	if (r < 0) {
		r = rp_jobs_attempt_failed(server, boot, err.text);
		return r < 0 ? r : say_exit(server, "no script could be made", "error", ret);
	}
	r = rp_policy_take_announcement(server, boot);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_SCRIPT, RP_TEXT(boot->id),
			RP_TEXT(request->mac), RP_TEXT(request->uuid), RP_TEXT(request->peer),
			RP_INT(rp_store_now(server->store)));
	if (r >= 0)
		r = rp_boots_reach(server, boot, RP_STAGE_SCRIPT);
	if (r >= 0)
		r = rp_boots_event(server, boot,
			"script fetched by %s (" SAID " " SAID " " SAID ", " SAID " " SAID ")",
			request->peer, request->manufacturer, request->product, request->serial,
			request->platform, request->arch);
	if (r >= 0)
		r = rp_boots_detail(server, boot, RP_STAGE_SCRIPT, "image %s%s", boot->image,
			token ? ", with a token" : "");
	if (r >= 0)
		r = rp_boots_reach(server, boot, RP_STAGE_KERNEL);
	if (r < 0)
		return r;
	rp_metrics_add(server->metrics, "scripts_total{kind=\"boot\"}", 1);
	*ret = rp_steal(script);
	return 0;
}

/* A boot for a machine that came by itself. */
static int own_boot(struct rp_server *server, const struct rp_rig *rig,
	const struct rp_script_request *request, enum rp_boot_purpose purpose, struct rp_boot *ret)
{
	rp_cleanup(image) struct rp_image image = {0};
	int r = rp_images_get(server, "", &image);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return rp_boots_open(server,
		&(struct rp_boot_new){.rig = rig->name,
			.purpose = purpose,
			.mac = request->mac,
			.uuid = request->uuid,
			.image = image.name,
			.image_sha256 = image.sha256,
			.stage = RP_STAGE_SCRIPT},
		ret);
}

/* What the rig does next, and the boot that it does it in. 1: say_boot; 0: *ret_script is made. */
static int find_boot(struct rp_server *server, const struct rp_rig *rig,
	const struct rp_script_request *request, struct rp_boot *boot, char **ret_script)
{
	rp_cleanup(job) struct rp_job job = {0};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_facts facts;
	struct rp_step step;
	int r = rp_facts_gather(server, rig, &facts, &job);

	if (r < 0)
		return r;
	step = rp_next(RP_AT_SCRIPT, &facts);
	switch (step.next) {
	case RP_NEXT_GO_ON:
		return 1;
	case RP_NEXT_WAIT:
		return say_wait(server, "its next boot is about to begin", ret_script);
	case RP_NEXT_BEGIN_JOB:
		r = rp_jobs_begin(server, &job, NULL, boot, &err);
		if (r < 0)
			rp_log_warning("job %s: %s", job.id, err.text);
		return r < 0 ? r : 1;
	case RP_NEXT_PREPARE:
		r = own_boot(server, rig, request, step.purpose, boot);
		return r < 0 ? r : 1;
	default:
		return say_exit(server,
			rig->state == RP_RIG_READY ? "nothing to do for this rig"
						   : "the server has no image yet",
			"exit", ret_script);
	}
}

static const char other_uuid[] = "the UUID is not that of the rig with this MAC";
static const char other_serial[] = "the serial number is not that of the rig with this MAC";

/* Whether this machine may boot over the network at all: NULL, or the reason that it is told. */
static const char *turned_away(const struct rp_rig *rig, const struct rp_script_request *request)
{
	if (rig->manifest->rig->ignore)
		return "this rig is left alone (ignore: true)";
	if (rig->state == RP_RIG_RETIRED || rig->state == RP_RIG_QUARANTINED)
		return "this rig is out of service";
	if (!rp_policy_uuid_fits(rig, request->uuid))
		return other_uuid;
	if (!rp_policy_serial_fits(rig, request->serial))
		return other_serial;
	if (request->plain && !rig->manifest->rig->bios_allowed)
		return "plain HTTP is not allowed for this rig (bios_allowed)";
	return NULL;
}

/* Anyone can give a MAC. While the agent of this boot is heard, its rig did not start again. */
static bool is_at_work(struct rp_server *server, const struct rp_boot *boot)
{
	return boot->certified_at && rp_store_now(server->store) - boot->heartbeat_at < AGENT_ALIVE;
}

/* What it says is a hint for people and no more: it ends nothing. */
static int no_image_for(struct rp_server *server, const struct rp_boot *boot,
	const struct rp_script_request *request, char **ret)
{
	static const char why[] = "its firmware says it is not x86-64 UEFI, the image is";
	int r = 0;

	rp_refused_add(server, "script", boot->job, boot->id, request->peer, NULL, 0, why);
	if (boot->id[0])
		r = rp_boots_event(server, boot, "script refused to %s: %s", request->peer, why);
	return r < 0 ? r : say_exit(server, "no image for this architecture", "exit", ret);
}

static int script_for(struct rp_server *server, const char *name,
	const struct rp_script_request *request, char **ret)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_boot boot = {0};
	int r = rp_boots_open_of_rig(server, name, &boot);

	if (r >= 0 && *request->arch && strcmp(request->arch, "x86_64") != 0)
		return no_image_for(server, &boot, request, ret);
	if (r > 0 && boot.power == RP_BOOT_POWER_ASKED)
		return say_wait(server, "this rig is about to be switched on", ret);
	if (r > 0 && is_at_work(server, &boot)) {
		rp_refused_add(server, "script", boot.job, boot.id, request->peer, NULL, 0,
			"the MAC of a rig whose agent is alive");
		return say_wait(server, "a rig with this MAC is at work", ret);
	}
	if (r > 0 && boot.address[0] && strcmp(boot.address, request->peer) != 0) {
		r = rp_jobs_contested(server, &boot, request->peer);
		return r < 0 ? r : say_wait(server, "another machine has this boot", ret);
	}
	if (r > 0 && boot.certified_at) {
		char message[RP_BOOT_MESSAGE_MAX];

		snprintf(message, sizeof(message),
			"the rig started again by itself in stage %s: a crash, a kernel panic or a "
			"power cut",
			rp_stage_text(boot.stage));
		r = rp_jobs_attempt_failed(server, &boot, message);
		if (r >= 0)
			r = rp_boots_open_of_rig(server, name, &boot);
	}
	if (r >= 0 && rp_rigs_get(server, name, &rig) <= 0)
		r = -EIO;
	if (r < 0)
		return r;
	if (turned_away(rig, request)) /* the crash may have quarantined it */
		return say_exit(server, turned_away(rig, request), "turned_away", ret);
	r = find_boot(server, rig, request, &boot, ret);
	if (r <= 0)
		return r;
	return say_boot(server, rig, &boot, request, ret);
}

/*
 * Why a script was refused: for the list of refusals, with its rig, and for the boot that waits for
 * this machine, whose time-out would be explained wrongly without it. rig: NULL where none is known.
 */
static int note_refusal(struct rp_server *server, const char *rig,
	const struct rp_script_request *request, const char *why)
{
	struct rp_boot boot = {0};
	char text[RP_BOOT_MESSAGE_MAX];
	int r = rig ? rp_boots_open_of_rig(server, rig, &boot) : 0;

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s%s%s%s", rig ? "rig " : "", rig ? rig : "", rig ? ": " : "",
		why);
	rp_refused_add(server, "script", boot.job, boot.id, request->peer, NULL, 0, text);
	return r == 0 ? 0
		      : rp_boots_event(
				server, &boot, "script refused to %s: %s", request->peer, why);
}

/* What turned_away means in full: for operators alone, since a UUID is what a rig is asked for. */
static void explain_refusal(const struct rp_rig *rig, const struct rp_script_request *request,
	const char *why, char *ret_text, size_t size)
{
	if (why == other_serial)
		snprintf(ret_text, size,
			"its serial number is " SAID ", the rig's manifest has " SAID
			": if its board was changed, correct `serial:` there and `rigproof rig "
			"add` "
			"it",
			*request->serial ? request->serial : "none", rig->manifest->rig->serial);
	else if (why != other_uuid)
		snprintf(ret_text, size, "%s", why);
	else
		snprintf(ret_text, size,
			"its UUID is %s, the rig's manifest has %s: if its firmware changed it, "
			"correct `uuid:` there and `rigproof rig add` it",
			*request->uuid ? request->uuid : "none", rig->manifest->rig->uuid);
}

int rp_policy_script(
	struct rp_server *server, const struct rp_script_request *request, char **ret_script)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(free) char *script = NULL;
	const char *why = bad_request(request);
	char text[RP_BOOT_MESSAGE_MAX];
	int r;

	if (why) {
		r = rp_mac_valid(request->mac) ? rp_rigs_get_by_mac(server, request->mac, &rig) : 0;
		if (r >= 0)
			r = note_refusal(server, rig ? rig->name : NULL, request, why);
		return r < 0 ? r : say_exit(server, why, "invalid", ret_script);
	}
	r = rp_policy_find_rig(server, request->mac, request->uuid, request->peer, &rig);
	if (r < 0)
		return r;
	if (r == 0)
		return say_exit(server, "this machine is not known here", "unknown", ret_script);
	rp_policy_seen(server, rig);
	why = turned_away(rig, request);
	if (why) {
		explain_refusal(rig, request, why, text, sizeof(text));
		r = note_refusal(server, rig->name, request, text);
		return r < 0 ? r : say_exit(server, why, "turned_away", ret_script);
	}
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	r = rp_store_end(server->store, script_for(server, rig->name, request, &script));
	if (r < 0)
		return r;
	*ret_script = rp_steal(script);
	return 0;
}

int rp_policy_script_failed(struct rp_server *server, const char *boot_id, const char *step,
	const char *error, const char *peer)
{
	struct rp_boot boot;
	char message[RP_BOOT_MESSAGE_MAX];
	int r = rp_id_valid(boot_id) ? rp_boots_get(server, boot_id, &boot) : 0;

	if (r < 0)
		return r;
	if (r == 0 || strcmp(boot.address, peer) != 0 || boot.state != RP_BOOT_OPEN ||
		boot.certified_at) {
		rp_refused_add(server, "failed", "", boot_id, peer, NULL, 0,
			"a failure report for a boot that is not this machine's, or not waiting "
			"for it");
		return 0;
	}
	snprintf(message, sizeof(message), "iPXE: step %.64s failed: %.128s", step, error);
	return rp_jobs_attempt_failed(server, &boot, message);
}
