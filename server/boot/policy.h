/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine that boots from the network is told, and what its steps mean for its boot.
 */
#ifndef RP_SERVER_BOOT_POLICY_H
#define RP_SERVER_BOOT_POLICY_H

#include <stdbool.h>

#include "lib/error.h"
#include "pxe/proxydhcp.h"
#include "server/http/https_config.h"

struct rp_boot;
struct rp_rig;
struct rp_server;

/* 0: answer with *ret; -ENOENT: leave that machine alone. */
int rp_policy_boot_for(
	struct rp_server *server, const struct rp_pxe_client *client, struct rp_pxe_answer *ret);

/* Every step of a machine's firmware; detail may be NULL. Rows of the boot's timeline. */
void rp_policy_pxe_event(struct rp_server *server, const struct rp_pxe_client *client,
	enum rp_pxe_event event, const char *detail);

/* What iPXE told with GET /boot/v1/script; foreign text, never NULL. */
struct rp_script_request {
	const char *mac, *uuid, *arch, *platform;
	const char *manufacturer, *product, *serial, *asset;
	const char *peer;
	bool plain; /* came over plain HTTP */
};

/*
 * The script for this machine: boot an image (which begins or goes on with a boot), wait, exit to
 * the local disk, or power off. Bad input gets an exit with the reason, which is an event of the
 * boot that waits for this MAC too. Texts may have any length: events have the beginning of each.
 * Negative errno only where the store failed.
 */
int rp_policy_script(
	struct rp_server *server, const struct rp_script_request *request, char **ret_script);

/* iPXE's own report that a step failed. Ignored (and refused) from another address. */
int rp_policy_script_failed(struct rp_server *server, const char *boot, const char *step,
	const char *error, const char *peer);

/*
 * Someone begins to fetch a blob, or has ended it. Where it is the image of an open boot at that
 * address, the timeline says so, and the boot remembers when that address had the whole of it; for
 * UEFI HTTP boot, which has no script, its beginning also ties the address to the boot.
 */
void rp_policy_artefact_fetched(struct rp_server *server, const struct rp_fetched *fetched);

/*
 * The rig with this MAC; one that nobody knows registers, where the site lets it, and has the UUID
 * that it said last (rp_rigs_show_uuid) until it is approved. from is its address, "" by DHCP. 1
 * with *ret (rp_rig_free), 0 where it is to be left alone, or negative errno.
 */
int rp_policy_find_rig(struct rp_server *server, const char *mac, const char *uuid,
	const char *from, struct rp_rig **ret);

/*
 * Whether a machine that says it has this UUID can be the rig: of an approved one, what its manifest
 * has is asked, in either byte order (rp_uuid_same). Nothing is where that names no machine
 * (rp_uuid_known).
 */
bool rp_policy_uuid_fits(const struct rp_rig *rig, const char *uuid);

/*
 * Whether it can be the rig by its serial number: what the manifest has is asked, but for spaces at
 * its ends, which firmware pads with. A pending rig has none.
 */
bool rp_policy_serial_fits(const struct rp_rig *rig, const char *serial);

/* Where a person said that it comes, this is the boot that was meant: the first that gets so far. */
int rp_policy_take_announcement(struct rp_server *server, struct rp_boot *boot);

/* It gave a sign of life: last_seen, at most each 10 s. */
void rp_policy_seen(struct rp_server *server, const struct rp_rig *rig);

#endif
