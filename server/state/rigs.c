/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/rigs.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hardware_id.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/server.h"
#include "server/store/store.h"

struct rp_rig *rp_rig_free(struct rp_rig *rig)
{
	if (!rig)
		return NULL;
	rp_manifest_free(rig->manifest);
	json_decref(rig->secure_boot);
	json_decref(rig->inventory);
	free(rig);
	return NULL;
}

/* A row of RIG_COLUMNS. */
static int read_row(sqlite3_stmt *row, struct rp_rig **ret)
{
	rp_cleanup(rig) struct rp_rig *rig = calloc(1, sizeof(*rig));
	rp_cleanup(json) json_t *manifest = NULL;
	int r;

	if (!rig)
		return -ENOMEM;
	manifest = rp_column_json(row, 2);
	r = rp_manifest_from_json(manifest, &rig->manifest, NULL);
	if (r == 0)
		r = rp_rig_state_parse(rp_column_text(row, 1), &rig->state);
	if (r < 0)
		return r;
	rp_column_copy(row, 0, rig->name);
	rig->training_left = (int)rp_column_int(row, 3);
	rig->errors = (int)rp_column_int(row, 4);
	rp_column_copy(row, 5, rig->keys_enrolled);
	rig->secure_boot = rp_column_json(row, 6);
	rig->inventory = rp_column_json(row, 7);
	rig->created = rp_column_int(row, 8);
	rig->last_seen = rp_column_int(row, 9);
	rig->settle_until = rp_column_int(row, 10);
	rig->off_at = rp_column_int(row, 11);
	rp_column_copy(row, 12, rig->reason);
	*ret = rp_steal(rig);
	return 1;
}

static int get(
	struct rp_server *server, enum rp_sql statement, const char *key, struct rp_rig **ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, statement, RP_TEXT(key));

	return r <= 0 ? r : read_row(row, ret);
}

int rp_rigs_get(struct rp_server *server, const char *name, struct rp_rig **ret)
{
	return get(server, RP_SQL_RIG_BY_NAME, name, ret);
}

int rp_rigs_get_by_mac(struct rp_server *server, const char *mac, struct rp_rig **ret)
{
	return get(server, RP_SQL_RIG_BY_MAC, mac, ret);
}

/* Where a MAC is taken: whose, and what to do about it. */
static int mac_taken(struct rp_server *server, const char *mac, struct rp_error *err)
{
	rp_cleanup(rig) struct rp_rig *other = NULL;

	if (rp_rigs_get_by_mac(server, mac, &other) <= 0)
		return rp_error_set(err, -EEXIST, "mac: %s belongs to another rig", mac);
	if (other->state == RP_RIG_PENDING)
		return rp_error_set(err, -EEXIST,
			"mac: %s registered by itself as %s: approve that with this manifest", mac,
			other->name);
	return rp_error_set(err, -EEXIST, "mac: %s belongs to rig %s", mac, other->name);
}

static int put_macs(
	struct rp_server *server, const struct rp_rig_manifest *manifest, struct rp_error *err)
{
	int r = rp_store_run(server->store, RP_SQL_RIG_MAC_CLEAR, RP_TEXT(manifest->name));

	for (unsigned i = 0; r >= 0 && i < manifest->mac_count; i++) {
		r = rp_store_run(server->store, RP_SQL_RIG_MAC_ADD, RP_TEXT(manifest->mac[i]),
			RP_TEXT(manifest->name));
		if (r == -EEXIST)
			return mac_taken(server, manifest->mac[i], err);
	}
	return r < 0 ? rp_error_set(err, r, "%s", rp_store_reason(server->store)) : 0;
}

static int parse_manifest(
	const json_t *json, struct rp_manifest **ret, char **ret_text, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(json) json_t *complete = NULL;
	char *text;
	int r;

	r = rp_manifest_from_json(json, &manifest, err);
	if (r < 0)
		return r;
	if (manifest->kind != RP_MANIFEST_RIG)
		return rp_error_set(err, -EINVAL, "kind: found %s, expected rig",
			rp_manifest_kind_name(manifest->kind));
	complete = rp_manifest_to_json(manifest);
	text = complete ? rp_json_canonical(complete) : NULL;
	if (!text)
		return rp_error_memory(err);
	*ret_text = text;
	*ret = rp_steal(manifest);
	return 0;
}

static int put(struct rp_server *server, const struct rp_rig_manifest *rig, const char *text,
	enum rp_rig_state state, const char *reason, int *ret_created, struct rp_error *err)
{
	rp_cleanup(rig) struct rp_rig *old = NULL;
	int64_t now = rp_store_now(server->store);
	int r = rp_rigs_get(server, rig->name, &old);

	if (r == 0)
		r = rp_store_run(server->store, RP_SQL_RIG_ADD, RP_TEXT(rig->name),
			RP_TEXT(rp_rig_state_text(state)), RP_TEXT(text),
			RP_INT(server->site->training_boots), RP_INT(now), RP_INT(0),
			RP_TEXT(reason));
	else if (r > 0)
		r = rp_store_run(
			server->store, RP_SQL_RIG_SET_MANIFEST, RP_TEXT(rig->name), RP_TEXT(text));
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	*ret_created = old == NULL;
	return put_macs(server, rig, err);
}

int rp_rigs_put(struct rp_server *server, const json_t *json, enum rp_rig_state state,
	int *ret_created, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(free) char *text = NULL;
	int created, r;

	r = parse_manifest(json, &manifest, &text, err);
	if (r < 0)
		return r;
	r = rp_store_begin(server->store);
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	r = put(server, manifest->rig, text, state, "", &created, err);
	r = rp_store_end(server->store, r);
	if (r < 0)
		return r;
	*ret_created = created;
	return 0;
}

static int count(struct rp_server *server, enum rp_sql statement, const char *key)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, statement, RP_TEXT(key));

	return r <= 0 ? r : (int)rp_column_int(row, 0);
}

static int forget(struct rp_server *server, const char *name)
{
	static const enum rp_sql all[] = {RP_SQL_RIG_FORGET_EVENTS, RP_SQL_RIG_FORGET_STAGES,
		RP_SQL_RIG_FORGET_BOOTS, RP_SQL_RIG_FORGET};
	int r = rp_store_begin(server->store);

	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < sizeof(all) / sizeof(*all); i++)
		r = rp_store_run(server->store, all[i], RP_TEXT(name));
	return rp_store_end(server->store, r);
}

int rp_rigs_forget(struct rp_server *server, const char *name, struct rp_error *err)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	int r = rp_rigs_get(server, name, &rig);

	if (r == 0)
		return rp_error_set(err, -ENOENT, "%s: no such rig", name);
	if (r > 0 && rig->state != RP_RIG_PENDING && rig->state != RP_RIG_RETIRED)
		return rp_error_set(err, -ENOTSUP,
			"%s: is %s: retire it first: rigproof rig retire %s", name,
			rp_rig_state_text(rig->state), name);
	if (r > 0)
		r = forget(server, name);
	if (r == -ESTALE)
		return rp_error_set(
			err, -ENOTSUP, "%s: has had jobs, whose results name it: it stays", name);
	return r < 0 ? rp_error_set(err, r, "%s", rp_store_reason(server->store)) : 0;
}

/* The text of a row's first column, "" where there is no row. */
static int first_text(
	struct rp_server *server, enum rp_sql statement, const char *key, char ret_text[64])
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = key ? rp_store_first(server->store, &row, statement, RP_TEXT(key))
		    : rp_store_first(server->store, &row, statement);

	if (r > 0)
		snprintf(ret_text, 64, "%s", rp_column_text(row, 0));
	return r;
}

/* -EMFILE: there is none, and none to be made. */
static int make_room(struct rp_server *server, const char *from)
{
	const int max = *from ? RP_RIG_PENDING_PEER : RP_RIG_PENDING_DHCP;
	char origin[64], oldest[64];
	int r;

	snprintf(origin, sizeof(origin), "%s", from);
	r = count(server, RP_SQL_RIG_COUNT_FROM, from);
	if (r >= 0 && r < max) {
		r = count(server, RP_SQL_RIG_COUNT_STATE, rp_rig_state_text(RP_RIG_PENDING));
		if (r < RP_RIG_PENDING_MAX)
			return r < 0 ? r : 0;
		r = first_text(server, RP_SQL_RIG_LOUDEST, NULL, origin);
		if (r <= 0)
			return r < 0 ? r : -EMFILE;
	}
	if (r >= 0)
		r = first_text(server, RP_SQL_RIG_OLDEST_FROM, origin, oldest);
	if (r <= 0)
		return r < 0 ? r : -EMFILE;
	rp_metrics_add(server->metrics, "rigs_forgotten_total{why=\"room\"}", 1);
	return forget(server, oldest);
}

int rp_rigs_register(struct rp_server *server, const char *mac, const char *uuid, const char *from,
	struct rp_rig **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *manifest = NULL;
	rp_cleanup(rig) struct rp_rig *other = NULL;
	char name[RP_RIG_TEXT] = "rig-";
	size_t len = strlen(name);
	int created, r;

	for (const char *c = mac; *c && len < sizeof(name) - 1; c++) {
		if (*c != ':')
			name[len++] = *c;
	}
	r = rp_rigs_get(server, name, &other);
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	if (r > 0) /* it has other MACs now: to replace its manifest would hand the rig over */
		return rp_error_set(err, -EEXIST, "%s: there is another rig of that name", name);
	manifest = json_pack(
		"{s:s, s:s, s:[s], s:s}", "kind", "rig", "name", name, "mac", mac, "uuid", uuid);
	if (!manifest)
		return rp_error_memory(err);
	r = rp_store_begin(server->store);
	if (r == 0) {
		r = make_room(server, from);
		if (r == 0)
			r = rp_rigs_put(server, manifest, RP_RIG_PENDING, &created, err);
		if (r == 0)
			r = rp_store_run(
				server->store, RP_SQL_RIG_SET_FROM, RP_TEXT(name), RP_TEXT(from));
		r = rp_store_end(server->store, r);
	}
	if (r == -EMFILE)
		return rp_error_set(err, r,
			"%d machines wait for approval already: approve or delete some",
			RP_RIG_PENDING_MAX);
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	r = rp_rigs_get(server, name, ret);
	return r > 0 ? 0 : rp_error_set(err, r ? r : -ENOENT, "%s: not stored", name);
}

int rp_rigs_show_uuid(struct rp_server *server, const char *uuid, struct rp_rig **rig)
{
	const char *had = (*rig)->manifest->rig->uuid;
	rp_cleanup(json) json_t *manifest = NULL;
	rp_cleanup(rig) struct rp_rig *updated = NULL;
	int created, r;

	if ((*rig)->state != RP_RIG_PENDING || !*uuid || rp_uuid_same(had, uuid))
		return 1;
	manifest = rp_manifest_to_json((*rig)->manifest);
	if (!manifest || json_object_set_new(manifest, "uuid", json_string(uuid)) < 0)
		return -ENOMEM;
	r = rp_rigs_put(server, manifest, RP_RIG_PENDING, &created, NULL);
	if (r == 0)
		r = rp_rigs_get(server, (*rig)->name, &updated);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	rp_rig_free(*rig);
	*rig = rp_steal(updated);
	return 1;
}

/* The MACs that a rig keeps: those that are not mac. */
static int give_up_mac(
	struct rp_server *server, const struct rp_rig *other, const char *mac, const char *rig)
{
	rp_cleanup(json) json_t *manifest = rp_manifest_to_json(other->manifest);
	json_t *macs = json_object_get(manifest, "mac");
	char reason[160];
	int created;

	for (size_t i = json_array_size(macs); i > 0; i--)
		if (strcmp(json_string_value(json_array_get(macs, i - 1)), mac) == 0)
			json_array_remove(macs, i - 1);
	if (json_array_size(macs) > 0)
		return rp_rigs_put(server, manifest, other->state, &created, NULL);
	snprintf(
		reason, sizeof(reason), "it is rig %s: another interface of the same machine", rig);
	if (rp_store_run(server->store, RP_SQL_RIG_MAC_CLEAR, RP_TEXT(other->name)) < 0)
		return -EIO;
	return rp_rigs_set_state(server, other->name, RP_RIG_RETIRED, reason);
}

/*
 * A machine with two interfaces registers as two rigs. Whoever approves one of them with the MACs of
 * both means the one machine, where both have said one UUID that names a board.
 */
static int take_over_macs(
	struct rp_server *server, const struct rp_rig *rig, const struct rp_rig_manifest *manifest)
{
	const char *uuid = rp_uuid_known(rig->manifest->rig->uuid);

	for (unsigned i = 0; *uuid && i < manifest->mac_count; i++) {
		rp_cleanup(rig) struct rp_rig *other = NULL;
		int r = rp_rigs_get_by_mac(server, manifest->mac[i], &other);

		if (r > 0 && strcmp(other->name, rig->name) != 0 &&
			other->state == RP_RIG_PENDING &&
			rp_uuid_same(uuid, rp_uuid_known(other->manifest->rig->uuid)))
			r = give_up_mac(server, other, manifest->mac[i], manifest->name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int approve(struct rp_server *server, const struct rp_rig *rig, const json_t *json,
	char ret_name[RP_RIG_TEXT], struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(free) char *text = NULL;
	const char *name = rig->name;
	int created, r = 0;

	if (json) {
		r = parse_manifest(json, &manifest, &text, err);
		if (r < 0)
			return r;
		name = manifest->rig->name;
		if (strcmp(name, rig->name) != 0)
			r = rp_store_run(server->store, RP_SQL_RIG_RENAME, RP_TEXT(rig->name),
				RP_TEXT(name));
		if (r == -EEXIST)
			return rp_error_set(err, r, "%s: there is another rig of that name", name);
		if (r >= 0)
			r = take_over_macs(server, rig, manifest->rig);
		if (r >= 0)
			r = put(server, manifest->rig, text, RP_RIG_ENROLLED, "", &created, err);
		if (r < 0)
			return r;
	}
	r = rp_rigs_set_state(server, name, RP_RIG_ENROLLED, "");
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	snprintf(ret_name, RP_RIG_TEXT, "%s", name);
	return 0;
}

int rp_rigs_approve(struct rp_server *server, const char *name, const json_t *json,
	char ret_name[RP_RIG_TEXT], struct rp_error *err)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	char approved[RP_RIG_TEXT];
	int r = rp_rigs_get(server, name, &rig);

	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	if (r == 0)
		return rp_error_set(err, -ENOENT, "%s: no such rig", name);
	if (rig->state != RP_RIG_PENDING)
		return rp_error_set(err, -ENOTSUP, "%s: is %s, only a pending rig can be approved",
			name, rp_rig_state_text(rig->state));
	r = rp_store_begin(server->store);
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	r = rp_store_end(server->store, approve(server, rig, json, approved, err));
	if (r < 0)
		return r;
	memcpy(ret_name, approved, sizeof(approved));
	return 0;
}

int rp_rigs_set_state(
	struct rp_server *server, const char *name, enum rp_rig_state state, const char *reason)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	int r = rp_rigs_get(server, name, &rig);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	if (!rp_arrow_exists(RP_MACHINE_RIG, (int)rig->state, (int)state)) {
		rp_log_error("rig %s: no arrow leads from %s to %s", name,
			rp_rig_state_text(rig->state), rp_rig_state_text(state));
		return -ESTALE;
	}
	r = rp_store_run(server->store, RP_SQL_RIG_SET_STATE, RP_TEXT(name),
		RP_TEXT(rp_rig_state_text(state)), RP_TEXT(reason));
	return r < 0 ? r : 0;
}

int rp_rigs_settle(struct rp_server *server, const char *name, int settle_s, bool off)
{
	int64_t until = rp_store_now(server->store) + settle_s * INT64_C(1000000);
	int r;

	r = rp_store_run(server->store, RP_SQL_RIG_SET_SETTLE, RP_TEXT(name), RP_INT(until),
		RP_INT(off ? until : 0));
	return r < 0 ? r : 0;
}

int rp_rigs_db_digest(struct rp_server *server, char ret_hex[RP_SHA256_HEX])
{
	rp_cleanup(free) char *path = rp_path("%s/db.esl", server->keys_dir);

	return path ? rp_sha256_file_hex(path, ret_hex, NULL) : -ENOMEM;
}

int rp_rig_has_our_keys(struct rp_server *server, const struct rp_rig *rig)
{
	char digest[RP_SHA256_HEX];

	if (!rig->keys_enrolled[0] || rp_rigs_db_digest(server, digest) < 0)
		return 0;
	return strcmp(digest, rig->keys_enrolled) == 0;
}

int rp_rig_to_json(const struct rp_rig *rig, json_t **ret)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:i, s:i, s:b, s:O, s:O, s:o, s:o}", "name",
		rig->name, "state", rp_rig_state_text(rig->state), "reason", rig->reason,
		"manifest", rp_manifest_to_json(rig->manifest), "training_left", rig->training_left,
		"errors", rig->errors, "keys_enrolled", rig->keys_enrolled[0] != '\0',
		"secure_boot", rig->secure_boot, "inventory", rig->inventory, "created",
		rp_time_json(rig->created), "last_seen", rp_time_json(rig->last_seen));

	if (!json)
		return -ENOMEM;
	*ret = json;
	return 0;
}

int rp_rigs_list(struct rp_server *server, json_t **ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(json) json_t *list = json_array();
	int r = rp_store_first(server->store, &row, RP_SQL_RIG_LIST);

	while (r > 0) {
		rp_cleanup(rig) struct rp_rig *rig = NULL;
		json_t *json = NULL;

		r = read_row(row, &rig);
		if (r > 0)
			r = rp_rig_to_json(rig, &json);
		if (r < 0)
			return r;
		if (json_array_append_new(list, json) < 0)
			return -ENOMEM;
		r = rp_store_next(server->store, row);
	}
	if (r < 0)
		return r;
	*ret = rp_steal(list);
	return 0;
}
