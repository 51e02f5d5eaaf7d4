/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/policy.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/hardware_id.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "pxe/client.h"
#include "server/boot/facts.h"
#include "server/http/limits.h"
#include "server/jobs/jobs.h"
#include "server/state/announced.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

#define SEEN_EVERY (10 * RP_SECOND) /* last_seen is a write to the disk */

void rp_policy_seen(struct rp_server *server, const struct rp_rig *rig)
{
	int64_t now = rp_store_now(server->store);

	if (now - rig->last_seen >= SEEN_EVERY)
		rp_store_run(server->store, RP_SQL_RIG_SET_SEEN, RP_TEXT(rig->name), RP_INT(now));
}

bool rp_policy_uuid_fits(const struct rp_rig *rig, const char *uuid)
{
	const char *registered = rp_uuid_known(rig->manifest->rig->uuid);

	return rig->state == RP_RIG_PENDING || !*registered ||
	       rp_uuid_same(registered, rp_uuid_known(uuid));
}

/* The text without the spaces at its ends; *ret_len: how much is left. */
static const char *trimmed(const char *text, size_t *ret_len)
{
	size_t len;

	text += strspn(text, " ");
	len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	*ret_len = len;
	return text;
}

bool rp_policy_serial_fits(const struct rp_rig *rig, const char *serial)
{
	size_t registered_len, said_len;
	const char *registered = trimmed(rig->manifest->rig->serial, &registered_len);
	const char *said = trimmed(serial, &said_len);

	return rig->state == RP_RIG_PENDING || !registered_len ||
	       (registered_len == said_len && memcmp(registered, said, said_len) == 0);
}

/* By DHCP anybody can be a thousand machines: what that costs has its share of our time, too. */
static bool may_register(struct rp_server *server, const char *from)
{
	return *from || !server->limits || rp_limits_may_register(server->limits);
}

int rp_policy_find_rig(struct rp_server *server, const char *mac, const char *uuid,
	const char *from, struct rp_rig **ret)
{
	int64_t start = rp_clock_monotonic();
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_rigs_get_by_mac(server, mac, ret);

	if (r > 0)
		return rp_rigs_show_uuid(server, uuid, ret);
	if (r < 0)
		return r;
	if (server->site->unknown == RP_UNKNOWN_IGNORE) {
		rp_metrics_add(server->metrics, "machines_left_alone_total{why=\"unknown\"}", 1);
		return 0;
	}
	if (!may_register(server, from)) {
		rp_metrics_add(server->metrics, "machines_left_alone_total{why=\"share\"}", 1);
		return 0;
	}
	r = rp_rigs_register(server, mac, uuid, from, ret, &err);
	if (!*from && server->limits)
		rp_limits_registered(server->limits, rp_clock_monotonic() - start);
	if (r == -ENOSPC || r == -EIO)
		return r;
	if (r < 0) {
		rp_metrics_add(server->metrics, "machines_left_alone_total{why=\"refused\"}", 1);
		rp_log_warning("%s: not registered: %s", mac, err.text);
		return 0;
	}
	rp_metrics_add(server->metrics, "rigs_registered_total", 1);
	return 1;
}

/* NULL where there is a reason to boot it now, else why it is left alone (a metric's label). */
static const char *no_reason_to_boot(const struct rp_facts *facts)
{
	switch (rp_next(RP_AT_FIRMWARE, facts).next) {
	case RP_NEXT_GO_ON:
		return NULL;
	case RP_NEXT_TURN_AWAY:
		return facts->ignored ? "ignore" : "out_of_service";
	default:
		return "idle";
	}
}

/* "http://HOST:PORT/cas/sha256/HEX.efi": firmware knows no root of ours, Secure Boot is the proof.
 */
static int image_url(struct rp_server *server, const struct rp_rig *rig, struct rp_pxe_answer *ret)
{
	rp_cleanup(image) struct rp_image image = {0};
	char sha256[RP_SHA256_HEX];
	struct rp_boot boot;
	int r;

	if (rp_boots_open_of_rig(server, rig->name, &boot) > 0) {
		memcpy(sha256, boot.image_sha256, sizeof(sha256));
	} else {
		r = rp_images_get(server, "", &image);
		if (r <= 0)
			return r < 0 ? r : -ENOENT;
		memcpy(sha256, image.sha256, sizeof(sha256));
	}
	snprintf(ret->http_url, sizeof(ret->http_url), "%s/cas/sha256/%s.efi",
		server->http_url ? server->http_url : server->url, sha256);
	return 0;
}

static int leave_alone(struct rp_server *server, const char *why)
{
	char name[80];

	snprintf(name, sizeof(name), "machines_left_alone_total{why=\"%s\"}", why);
	rp_metrics_add(server->metrics, name, 1);
	return -ENOENT;
}

int rp_policy_boot_for(
	struct rp_server *server, const struct rp_pxe_client *client, struct rp_pxe_answer *ret)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	const char *why, *file;
	struct rp_facts facts;
	int r = rp_policy_find_rig(server, client->mac, rp_uuid_known(client->uuid), "", &rig);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = rp_facts_gather(server, rig, &facts, NULL);
	if (r < 0)
		return r;
	why = no_reason_to_boot(&facts);
	if (why)
		return leave_alone(server, why);
	if (client->kind == RP_PXE_BIOS && !rig->manifest->rig->bios_allowed)
		return leave_alone(server, "bios");
	file = rp_pxe_loader_file(rp_loader_name(rig->manifest->rig->loader), client);
	if (!file)
		return leave_alone(server, "loader");
	if (client->kind == RP_PXE_HTTP)
		return image_url(server, rig, ret);
	snprintf(ret->loader, sizeof(ret->loader), "%s", file);
	return 0;
}

/* The loader that firmware was told to fetch, with the digest of the file as it is now. */
static int note_loader(struct rp_server *server, struct rp_boot *boot, const char *file)
{
	rp_cleanup(free) char *path = rp_path("%s/tftp/%s", server->state_dir, file);
	char sha256[RP_SHA256_HEX];

	if (strcmp(boot->loader, file) == 0)
		return 0;
	if (!path || rp_sha256_file_hex(path, sha256, NULL) < 0)
		return 0; /* TFTP is somebody else's: then the record names no loader */
	return rp_store_run(server->store, RP_SQL_BOOT_SET_LOADER, RP_TEXT(boot->id), RP_TEXT(file),
		RP_TEXT(sha256), RP_TEXT(boot->mac));
}

static int note_offer(struct rp_server *server, const struct rp_boot *boot)
{
	return boot->offered_at ? 0
				: rp_store_run(server->store, RP_SQL_BOOT_SET_OFFERED,
					  RP_TEXT(boot->id), RP_INT(rp_store_now(server->store)));
}

static int pxe_step(struct rp_server *server, struct rp_boot *boot,
	const struct rp_pxe_client *client, enum rp_pxe_event event, const char *detail)
{
	int r = 0;

	switch (event) {
	case RP_PXE_DISCOVER_SEEN:
		r = rp_boots_reach(server, boot, RP_STAGE_DHCP);
		if (r == 0)
			r = rp_boots_event(server, boot,
				"%sDISCOVER seen from %s (architecture %d)",
				client->kind == RP_PXE_HTTP ? "HTTP " : "", client->mac,
				client->arch);
		break;
	case RP_PXE_OFFERED:
	case RP_PXE_ACKED:
		if (client->is_ipxe)
			break;
		r = rp_boots_reach(server, boot, RP_STAGE_LOADER);
		if (r == 0)
			r = rp_boots_event(server, boot, "%s %s",
				event == RP_PXE_OFFERED ? "offered" : "acknowledged on 4011:",
				detail);
		if (r == 0)
			r = note_loader(server, boot, detail);
		if (r >= 0)
			r = note_offer(server, boot);
		if (r >= 0)
			r = rp_boots_detail(server, boot, RP_STAGE_LOADER, "%s", detail);
		break;
	case RP_PXE_IPXE_SEEN:
		r = rp_boots_reach(server, boot, RP_STAGE_SCRIPT);
		if (r == 0)
			r = rp_boots_event(server, boot, "iPXE started (DISCOVER of an iPXE)");
		break;
	case RP_PXE_HTTP_OFFERED:
		r = rp_boots_reach(server, boot, RP_STAGE_LOADER);
		if (r == 0)
			r = rp_boots_event(server, boot, "offered for UEFI HTTP boot: %s", detail);
		if (r == 0)
			r = note_offer(server, boot);
		if (r >= 0)
			r = rp_boots_detail(server, boot, RP_STAGE_LOADER, "UEFI HTTP boot");
		break;
	default:
		break;
	}
	return r;
}

void rp_policy_pxe_event(struct rp_server *server, const struct rp_pxe_client *client,
	enum rp_pxe_event event, const char *detail)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_boot boot;
	int r;

	if (event == RP_PXE_MALFORMED || !rp_mac_valid(client->mac) ||
		rp_rigs_get_by_mac(server, client->mac, &rig) <= 0 || rig->manifest->rig->ignore)
		return;
	rp_policy_seen(server, rig);
	r = rp_boots_open_of_rig(server, rig->name, &boot);
	if (r <= 0)
		return;
	r = rp_store_begin(server->store); /* one sync for all rows of a packet */
	if (r < 0)
		return;
	/* Once the agent has the machine, what its firmware asks is told by the script it fetches.
	 */
	if (boot.certified_at)
		r = rp_boots_event(server, &boot, "its firmware asks to boot again (%s)",
			rp_pxe_event_name(event));
	else
		r = pxe_step(server, &boot, client, event, detail ? detail : "");
	r = rp_store_end(server->store, r);
	if (r < 0)
		rp_log_warning("boot %s: %s", boot.id, rp_store_reason(server->store));
}

int rp_policy_take_announcement(struct rp_server *server, struct rp_boot *boot)
{
	struct rp_announcement said;
	int r;

	if (boot->address[0] || boot->power == RP_BOOT_POWER_DRIVER ||
		!rp_announced_get(server, boot->rig, &said))
		return 0;
	r = rp_store_run(server->store, RP_SQL_BOOT_SET_ANNOUNCED, RP_TEXT(boot->id),
		RP_TEXT(said.by), RP_INT(said.at));
	if (r >= 0)
		r = rp_boots_event(server, boot, "announced by %s", said.by);
	if (r >= 0)
		rp_announced_drop(server, boot->rig);
	return r;
}

/* Its manifest says so. Anybody may load an image: that ties no rig to him which boots otherwise. */
static bool boots_by_http(struct rp_server *server, const char *name)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;

	return rp_rigs_get(server, name, &rig) > 0 && rig->manifest->rig->loader == RP_LOADER_HTTP;
}

/* UEFI HTTP boot fetches the image without a script: the rig that was offered just that. */
static int bind_http_boot(struct rp_server *server, const char *peer, const char *sha256)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0;
	struct rp_boot *found = NULL;
	int r = rp_boots_collect(server, RP_SQL_BOOT_OPEN_LIST, NULL, 0, &boots, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (boots[i].stage != RP_STAGE_LOADER || boots[i].loader[0] ||
			boots[i].power == RP_BOOT_POWER_ASKED ||
			strcmp(boots[i].image_sha256, sha256) != 0 ||
			!boots_by_http(server, boots[i].rig))
			continue;
		if (found)
			return 0; /* two at once: which one this is cannot be told */
		found = &boots[i];
	}
	if (r < 0 || !found)
		return r;
	r = rp_policy_take_announcement(server, found);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_SCRIPT, RP_TEXT(found->id),
			RP_TEXT(found->mac), RP_TEXT(found->uuid), RP_TEXT(peer),
			RP_INT(rp_store_now(server->store)));
	return r < 0 ? r : rp_boots_reach(server, found, RP_STAGE_KERNEL);
}

static int image_begins(struct rp_server *server, struct rp_boot *boot, const char *peer)
{
	int r = rp_boots_event(server, boot, "image download by %s", peer);

	return r < 0 ? r
		     : rp_boots_detail(
			       server, boot, RP_STAGE_KERNEL, "image %s fetched", boot->image);
}

/* Only what joins on to what it has: parts in any order are nobody's loader. */
static int image_came(
	struct rp_server *server, struct rp_boot *boot, const struct rp_fetched *fetched)
{
	int64_t end = fetched->first + fetched->sent;
	bool whole = end == fetched->size;
	int r;

	if (boot->image_at || fetched->first > boot->image_bytes || end <= boot->image_bytes)
		return 0;
	r = rp_store_run(server->store, RP_SQL_BOOT_SET_IMAGE, RP_TEXT(boot->id), RP_INT(end),
		RP_INT(whole ? rp_store_now(server->store) : 0));
	if (r >= 0 && whole)
		r = rp_boots_event(server, boot, "the whole image is with %s", fetched->peer);
	return r;
}

void rp_policy_artefact_fetched(struct rp_server *server, const struct rp_fetched *fetched)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0;
	int r = rp_boots_collect(
		server, RP_SQL_BOOT_OPEN_AT_ADDRESS, fetched->peer, 0, &boots, &count);

	if (r == 0 && count == 0 && !fetched->sent && !fetched->first) {
		r = bind_http_boot(server, fetched->peer, fetched->sha256);
		free(boots);
		boots = NULL;
		if (r >= 0)
			r = rp_boots_collect(server, RP_SQL_BOOT_OPEN_AT_ADDRESS, fetched->peer, 0,
				&boots, &count);
	}
	for (size_t i = 0; r >= 0 && i < count; i++) {
		if (boots[i].stage != RP_STAGE_KERNEL ||
			strcmp(boots[i].image_sha256, fetched->sha256) != 0)
			continue;
		if (fetched->sent)
			r = image_came(server, &boots[i], fetched);
		else if (!fetched->first)
			r = image_begins(server, &boots[i], fetched->peer);
	}
	if (r < 0)
		rp_log_warning("artefact %s: %s", fetched->sha256, rp_store_reason(server->store));
}
