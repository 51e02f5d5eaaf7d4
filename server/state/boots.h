/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boots: one row for each time that a rig is started or starts by itself, with its timeline.
 *
 * A boot is open until it is closed (done, failed, cancelled); a rig has at most one open boot. Its
 * stage only moves forward; entering a stage ends all before it and sets the stage's deadline, an
 * absolute time in the store, so that a restart of the server changes nothing.
 */
#ifndef RP_SERVER_STATE_BOOTS_H
#define RP_SERVER_STATE_BOOTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "keys/pki.h"
#include "keys/rig_protocol.h"
#include "lib/digest.h"
#include "lib/error.h"
#include "lib/id.h"
#include "server/state/announced.h"
#include "server/state/states.h"
#include "server/store/store_sql.h"

struct rp_server;

#define RP_BOOT_EVENTS_MAX 500 /* per boot; older ones go */
#define RP_BOOT_MESSAGE_MAX 400
#define RP_BOOT_TOKEN_TEXT 65

struct rp_boot {
	char id[RP_ID_TEXT], rig[RP_RIG_TEXT];
	char job[RP_ID_TEXT]; /* "" none */
	enum rp_boot_purpose purpose;
	enum rp_boot_state state;
	char mac[18], uuid[37], address[64]; /* address: who fetched the script, "" nobody yet */
	char image[RP_RIG_TEXT], image_sha256[RP_SHA256_HEX];
	char loader[64], loader_sha256[RP_SHA256_HEX]; /* what TFTP was told to give; "" none */
	char token[RP_BOOT_TOKEN_TEXT];		       /* travels only without Secure Boot */
	char assurance[16];
	char boot_key[RP_SHA256_HEX]; /* "" until certified */
	char nonce[65];
	enum rp_stage stage;
	int64_t stage_deadline; /* 0: none */
	int64_t started, script_at, certified_at, ended, heartbeat_at;
	bool silent;
	enum rp_boot_power power;
	int64_t offered_at;  /* its firmware was offered a loader; 0: not by us */
	int64_t image_bytes; /* of the image, from its beginning, sent to address */
	char announced_by[RP_ANNOUNCED_BY_TEXT]; /* whose token said that it comes; "" nobody's */
	int64_t announced_at;
	int64_t image_at;		   /* when that was all of it, 0: not yet */
	char message[RP_BOOT_MESSAGE_MAX]; /* why it failed */
};

struct rp_boot_new {
	const char *rig, *job; /* job NULL: none */
	enum rp_boot_purpose purpose;
	const char *mac, *uuid;
	const char *image, *image_sha256;
	enum rp_stage
		stage; /* where it starts; POWER: the server is about to have it switched on */
};

/* Opens a boot with a fresh id, nonce and token. -EEXIST: the rig has an open one. */
int rp_boots_open(struct rp_server *server, const struct rp_boot_new *new, struct rp_boot *ret);

/* 1 with *ret, 0 where there is none, or negative errno. */
int rp_boots_get(struct rp_server *server, const char *id, struct rp_boot *ret);
int rp_boots_open_of_rig(struct rp_server *server, const char *rig, struct rp_boot *ret);
int rp_boots_newest_of_rig(struct rp_server *server, const char *rig, struct rp_boot *ret);
int rp_boots_by_key(struct rp_server *server, const char *boot_key, struct rp_boot *ret);

/*
 * All boots of a statement that selects BOOT_COLUMNS, bound to at most one value (key, or number
 * where key is NULL). *ret is allocated.
 */
int rp_boots_collect(struct rp_server *server, enum rp_sql statement, const char *key,
	int64_t number, struct rp_boot **ret, size_t *ret_count);

/* How the detail of stage `power` begins where a person must do something. */
#define RP_BOOT_ASKS "press the button"

/* Enter a stage (nothing where the boot is there or beyond already). detail may be NULL. */
int rp_boots_reach(struct rp_server *server, struct rp_boot *boot, enum rp_stage stage);
int rp_boots_detail(struct rp_server *server, const struct rp_boot *boot, enum rp_stage stage,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Move the deadline of the present stage to so many seconds from now. */
int rp_boots_extend(struct rp_server *server, struct rp_boot *boot, int seconds);

/* Add to the history, under the present stage. The same message again within a second is dropped.
 */
int rp_boots_event(struct rp_server *server, const struct rp_boot *boot, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* state: done, failed or cancelled; message "" where there is nothing to say. */
int rp_boots_close(struct rp_server *server, struct rp_boot *boot, enum rp_boot_state state,
	const char *message);

/*
 * Why the present stage went over its time: "stage dhcp timed out after 120 s; last seen: ...;
 * DIAGNOSIS". The diagnosis is what usually is wrong after the events of this boot, all of them.
 */
void rp_boots_explain_timeout(
	struct rp_server *server, const struct rp_boot *boot, char *ret_text, size_t size);

/* [{"stage","start","end"}], end "" while it runs: for signed records. New reference. */
int rp_boots_stages(struct rp_server *server, const char *boot, json_t **ret);

/* timeline.json and a boot of the API's list. New references. */
int rp_boots_timeline(struct rp_server *server, const struct rp_boot *boot, json_t **ret);
int rp_boot_to_json(const struct rp_boot *boot, json_t **ret);
int rp_boots_list(struct rp_server *server, const char *rig, json_t **ret);

#endif
