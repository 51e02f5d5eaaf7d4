/* SPDX-License-Identifier: Apache-2.0 */
/* What a boot's stages and events say: for people, for the API, for signed records. */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "manifests/manifest.h"
#include "server/state/boots.h"
#include "server/server.h"
#include "server/store/store.h"

/*
 * What usually is wrong where a boot ends in this stage. First match counts: any of its events, or
 * its last one, begins so; "" stands for none of the others. Any, since firmware goes on to its next
 * boot entry, whose requests come last and say nothing of what failed.
 */
static const struct {
	enum rp_stage stage;
	const char *event;
	bool last;
	const char *diagnosis;
} diagnoses[] = {
	{RP_STAGE_POWER, "press the button", false,
		"nobody switched the rig on, or its power switch is broken"},
	{RP_STAGE_POWER, "", false, "the power driver gave no answer"},
	{RP_STAGE_DHCP, "DISCOVER seen", false,
		"the rig asked, but no offer was sent: see the events and `rigproof rig show`"},
	{RP_STAGE_DHCP, "HTTP DISCOVER seen", false,
		"the firmware asks for UEFI HTTP boot alone: set `loader: http` in the rig's "
		"manifest, or switch PXE on in the firmware"},
	{RP_STAGE_DHCP, "", false,
		"no DISCOVER from its MAC: check cable, switch port, boot order, and that network "
		"boot is on in the firmware"},
	{RP_STAGE_LOADER, "acknowledged", false,
		"the loader was named but did not start: TFTP (UDP 69) is filtered, or Secure Boot "
		"refused a loader that is not signed for this rig's db"},
	/* BIOS takes the file of the offer and never asks on 4011 (pxe/reply.c). */
	{RP_STAGE_LOADER, "offered undionly", false,
		"the loader was named but did not start: TFTP (UDP 69) is filtered, or another "
		"boot "
		"server answers on this network"},
	{RP_STAGE_LOADER, "offered for UEFI HTTP boot", false,
		"the image's URL was named but not fetched: HTTP to this server is filtered, or "
		"the "
		"firmware takes https:// alone"},
	{RP_STAGE_LOADER, "offered", false,
		"the firmware did not take our offer: another boot server answers on this network, "
		"or port 4011 is filtered"},
	{RP_STAGE_LOADER, "", false, "the loader was named but did not start"},
	{RP_STAGE_SCRIPT, "script refused", false,
		"the loader asked for its script and was refused: see the events"},
	{RP_STAGE_SCRIPT, "", false,
		"the loader started but fetched no script: HTTPS to this server is blocked, or the "
		"loader was made for another lab root"},
	{RP_STAGE_KERNEL, "image download", false,
		"the image was fetched but no agent came: Secure Boot refused it, or its kernel "
		"found no network card"},
	{RP_STAGE_KERNEL, "", false,
		"no agent came: the image was not fetched (out of memory on the rig, network "
		"gone), was refused (Secure Boot), or its kernel found no network card"},
	{RP_STAGE_AGENT, "", false, "the agent said hello but fetched no job: see its console"},
	{RP_STAGE_CHECKS, "agent silent", true, /* one that was heard again is not silent */
		"the agent stopped talking: the rig hangs, crashed or lost its network"},
	{RP_STAGE_CHECKS, "", false,
		"the checks took longer than the site allows: raise stages.checks_s or shorten the "
		"plan"},
	{RP_STAGE_REPORT, "", false, "the agent ended its checks but its result did not arrive"},
};

#define DIAGNOSES (sizeof(diagnoses) / sizeof(diagnoses[0]))

/* Which of them the events seen so far would be. */
static void note_event(const char *event, bool hit[DIAGNOSES])
{
	for (size_t i = 0; i < DIAGNOSES; i++) {
		const char *start = diagnoses[i].event;
		bool match = strncmp(event, start, strlen(start)) == 0;

		hit[i] = match || (hit[i] && !diagnoses[i].last);
	}
}

static const char *diagnose(enum rp_stage stage, const bool hit[DIAGNOSES])
{
	for (size_t i = 0; i < DIAGNOSES; i++) {
		if (diagnoses[i].stage == stage && (hit[i] || !*diagnoses[i].event))
			return diagnoses[i].diagnosis;
	}
	return "";
}

/* 0 where the stage never began. */
static int64_t stage_start(struct rp_server *server, const struct rp_boot *boot)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_STAGE_LIST, RP_TEXT(boot->id));

	for (; r > 0; r = rp_store_next(server->store, row)) {
		if (rp_column_int(row, 0) == boot->stage)
			return rp_column_int(row, 1);
	}
	return 0;
}

void rp_boots_explain_timeout(
	struct rp_server *server, const struct rp_boot *boot, char *ret_text, size_t size)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int64_t now = rp_store_now(server->store), start = stage_start(server, boot);
	bool hit[DIAGNOSES] = {false};
	char seen[192] = "nothing";
	int r = rp_store_first(server->store, &row, RP_SQL_EVENT_LIST, RP_TEXT(boot->id));

	for (; r > 0; r = rp_store_next(server->store, row)) {
		const char *event = rp_column_text(row, 2);

		note_event(event, hit);
		snprintf(seen, sizeof(seen), "%.120s (%lld s ago)", event,
			(long long)((now - rp_column_int(row, 0)) / RP_SECOND));
	}
	snprintf(ret_text, size, "stage %s timed out after %lld s; last seen: %s; %s",
		rp_stage_text(boot->stage), (long long)((now - start) / RP_SECOND), seen,
		diagnose(boot->stage, hit));
}

static json_t *read_stage(sqlite3_stmt *row, const void *context)
{
	char start[RP_TIME_TEXT], end[RP_TIME_TEXT] = "";

	(void)context;
	rp_clock_format(rp_column_int(row, 1), start);
	if (rp_column_int(row, 2))
		rp_clock_format(rp_column_int(row, 2), end);
	return json_pack("{s:s, s:s, s:s}", "stage",
		rp_stage_text((enum rp_stage)rp_column_int(row, 0)), "start", start, "end", end);
}

int rp_boots_stages(struct rp_server *server, const char *boot, json_t **ret)
{
	return rp_store_list(
		server->store, RP_SQL_STAGE_LIST, RP_TEXT(boot), read_stage, NULL, ret);
}

/* context: the time now, where a stage that runs has come to */
static const char *stage_detail(sqlite3_stmt *row)
{
	const char *detail = rp_column_text(row, 4);

	/* What asks a person for something holds until it was done. */
	return rp_column_int(row, 2) && rp_column_int(row, 0) == RP_STAGE_POWER &&
			       !strncmp(detail, RP_BOOT_ASKS, strlen(RP_BOOT_ASKS))
		       ? ""
		       : detail;
}

static json_t *read_stage_full(sqlite3_stmt *row, const void *context)
{
	int64_t start = rp_column_int(row, 1), end = rp_column_int(row, 2);
	int64_t until = end ? end : *(const int64_t *)context;

	return json_pack("{s:s, s:o, s:o, s:I, s:s, s:s}", "stage",
		rp_stage_text((enum rp_stage)rp_column_int(row, 0)), "start", rp_time_json(start),
		"end", rp_time_json(end), "duration_ms", (json_int_t)((until - start) / 1000),
		"state", rp_column_text(row, 3), "detail", stage_detail(row));
}

static json_t *read_event(sqlite3_stmt *row, const void *context)
{
	(void)context;
	return json_pack("{s:o, s:s, s:s}", "time", rp_column_time(row, 0), "stage",
		rp_stage_text((enum rp_stage)rp_column_int(row, 1)), "message",
		rp_column_text(row, 2));
}

int rp_boots_timeline(struct rp_server *server, const struct rp_boot *boot, json_t **ret)
{
	rp_cleanup(json) json_t *stages = NULL;
	rp_cleanup(json) json_t *history = NULL;
	int64_t now = rp_store_now(server->store);
	json_t *timeline;
	int r = rp_store_list(server->store, RP_SQL_STAGE_LIST, RP_TEXT(boot->id), read_stage_full,
		&now, &stages);

	if (r == 0)
		r = rp_store_list(server->store, RP_SQL_EVENT_LIST, RP_TEXT(boot->id), read_event,
			NULL, &history);
	if (r < 0)
		return r;
	timeline = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:O}", "rig", boot->rig, "boot",
		boot->id, "job", boot->job, "state", rp_boot_state_text(boot->state), "assurance",
		boot->assurance, "stages", stages, "events", history);
	if (!timeline)
		return -ENOMEM;
	*ret = timeline;
	return 0;
}

int rp_boot_to_json(const struct rp_boot *boot, json_t **ret)
{
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}",
		"boot", boot->id, "rig", boot->rig, "job", boot->job, "purpose",
		rp_boot_purpose_text(boot->purpose), "state", rp_boot_state_text(boot->state),
		"stage", rp_stage_text(boot->stage), "mac", boot->mac, "uuid", boot->uuid,
		"address", boot->address, "image", boot->image, "assurance", boot->assurance,
		"started", rp_time_json(boot->started), "certified",
		rp_time_json(boot->certified_at), "ended", rp_time_json(boot->ended), "message",
		boot->message);

	if (!json)
		return -ENOMEM;
	*ret = json;
	return 0;
}

int rp_boots_list(struct rp_server *server, const char *rig, json_t **ret)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	rp_cleanup(json) json_t *list = json_array();
	size_t count;
	int r = rp_boots_collect(server, RP_SQL_BOOT_LIST_OF_RIG, rig, 0, &boots, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		json_t *json = NULL;

		r = rp_boot_to_json(&boots[i], &json);
		if (r == 0 && json_array_append_new(list, json) < 0)
			r = -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret = rp_steal(list);
	return 0;
}
