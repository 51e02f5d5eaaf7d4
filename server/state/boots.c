/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/boots.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "manifests/manifest.h"
#include "server/server.h"
#include "server/store/store.h"

/* A row of BOOT_COLUMNS. */
static void read_row(sqlite3_stmt *row, struct rp_boot *ret)
{
	*ret = (struct rp_boot){0};
	rp_column_copy(row, 0, ret->id);
	rp_column_copy(row, 1, ret->rig);
	rp_column_copy(row, 2, ret->job);
	if (rp_boot_purpose_parse(rp_column_text(row, 3), &ret->purpose) < 0 ||
		rp_boot_state_parse(rp_column_text(row, 4), &ret->state) < 0)
		rp_log_error("boot %s: its row has words that are not ours", ret->id);
	rp_column_copy(row, 5, ret->mac);
	rp_column_copy(row, 6, ret->uuid);
	rp_column_copy(row, 7, ret->address);
	rp_column_copy(row, 8, ret->image);
	rp_column_copy(row, 9, ret->image_sha256);
	rp_column_copy(row, 10, ret->loader);
	rp_column_copy(row, 11, ret->loader_sha256);
	rp_column_copy(row, 12, ret->token);
	rp_column_copy(row, 13, ret->assurance);
	rp_column_copy(row, 14, ret->boot_key);
	rp_column_copy(row, 15, ret->nonce);
	ret->stage = (enum rp_stage)rp_column_int(row, 16);
	ret->stage_deadline = rp_column_int(row, 17);
	ret->started = rp_column_int(row, 18);
	ret->script_at = rp_column_int(row, 19);
	ret->certified_at = rp_column_int(row, 20);
	ret->ended = rp_column_int(row, 21);
	ret->heartbeat_at = rp_column_int(row, 22);
	ret->silent = rp_column_int(row, 23) != 0;
	rp_column_copy(row, 24, ret->message);
	if (rp_boot_power_parse(rp_column_text(row, 25), &ret->power) < 0)
		rp_log_error("boot %s: its row has words that are not ours", ret->id);
	ret->offered_at = rp_column_int(row, 26);
	ret->image_bytes = rp_column_int(row, 27);
	ret->image_at = rp_column_int(row, 28);
	rp_column_copy(row, 29, ret->announced_by);
	ret->announced_at = rp_column_int(row, 30);
}

static int get(
	struct rp_server *server, enum rp_sql statement, const char *key, struct rp_boot *ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, statement, RP_TEXT(key));

	if (r > 0)
		read_row(row, ret);
	return r;
}

int rp_boots_get(struct rp_server *server, const char *id, struct rp_boot *ret)
{
	return get(server, RP_SQL_BOOT_BY_ID, id, ret);
}

int rp_boots_open_of_rig(struct rp_server *server, const char *rig, struct rp_boot *ret)
{
	return get(server, RP_SQL_BOOT_OPEN_OF_RIG, rig, ret);
}

int rp_boots_newest_of_rig(struct rp_server *server, const char *rig, struct rp_boot *ret)
{
	return get(server, RP_SQL_BOOT_NEWEST_OF_RIG, rig, ret);
}

int rp_boots_by_key(struct rp_server *server, const char *boot_key, struct rp_boot *ret)
{
	return get(server, RP_SQL_BOOT_BY_KEY, boot_key, ret);
}

int rp_boots_collect(struct rp_server *server, enum rp_sql statement, const char *key,
	int64_t number, struct rp_boot **ret, size_t *ret_count)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0;
	int r;

	if (statement == RP_SQL_BOOT_OPEN_LIST)
		r = rp_store_first(server->store, &row, statement);
	else
		r = rp_store_first(
			server->store, &row, statement, key ? RP_TEXT(key) : RP_INT(number));
	while (r > 0) {
		struct rp_boot *more = reallocarray(boots, count + 1, sizeof(*boots));

		if (!more)
			return -ENOMEM;
		boots = more;
		read_row(row, &boots[count++]);
		r = rp_store_next(server->store, row);
	}
	if (r < 0)
		return r;
	*ret = rp_steal(boots);
	*ret_count = count;
	return 0;
}

static int64_t deadline_of(struct rp_server *server, enum rp_stage stage)
{
	int seconds = rp_site_stage_limit(server->site, rp_stage_text(stage));

	return rp_store_now(server->store) + seconds * RP_SECOND;
}

int rp_boots_open(struct rp_server *server, const struct rp_boot_new *new, struct rp_boot *ret)
{
	struct rp_boot boot = {.stage = new->stage};
	int64_t now = rp_store_now(server->store);
	int r;

	rp_id_new(boot.id);
	rp_nonce_hex(32, boot.nonce);
	rp_nonce_hex(32, boot.token);
	boot.stage_deadline = deadline_of(server, new->stage);
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	r = rp_store_run(server->store, RP_SQL_BOOT_ADD, RP_TEXT(boot.id), RP_TEXT(new->rig),
		RP_TEXT(new->job), RP_TEXT(rp_boot_purpose_text(new->purpose)), RP_TEXT(new->mac),
		RP_TEXT(new->uuid), RP_TEXT(new->image), RP_TEXT(new->image_sha256),
		RP_TEXT(boot.token), RP_TEXT(boot.nonce), RP_INT(new->stage),
		RP_INT(boot.stage_deadline), RP_INT(now),
		RP_TEXT(rp_boot_power_text(new->stage == RP_STAGE_POWER ? RP_BOOT_POWER_ASKED
									: RP_BOOT_POWER_UNKNOWN)));
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_STAGE_START, RP_TEXT(boot.id),
			RP_INT(new->stage), RP_INT(now), RP_TEXT(""));
	if (r >= 0) /* whatever was to switch it off is overtaken by this */
		r = rp_store_run(server->store, RP_SQL_RIG_SET_SETTLE, RP_TEXT(new->rig), RP_INT(0),
			RP_INT(0));
	r = rp_store_end(server->store, r);
	if (r < 0)
		return r;
	rp_metrics_add(server->metrics, "boots_total", 1);
	r = rp_boots_get(server, boot.id, ret);
	return r < 0 ? r : 0;
}

static int reach(struct rp_server *server, struct rp_boot *boot, enum rp_stage stage)
{
	int64_t now = rp_store_now(server->store);
	int64_t deadline = deadline_of(server, stage);
	int r;

	r = rp_store_run(server->store, RP_SQL_STAGE_SET_END, RP_TEXT(boot->id),
		RP_INT(boot->stage), RP_INT(now), RP_TEXT("done"));
	/* Stages that were passed unseen (UEFI HTTP boot has no loader) have their moment. */
	for (enum rp_stage between = boot->stage + 1; r >= 0 && between < stage; between++) {
		r = rp_store_run(server->store, RP_SQL_STAGE_START, RP_TEXT(boot->id),
			RP_INT(between), RP_INT(now), RP_TEXT("not seen"));
		if (r >= 0)
			r = rp_store_run(server->store, RP_SQL_STAGE_SET_END, RP_TEXT(boot->id),
				RP_INT(between), RP_INT(now), RP_TEXT("done"));
	}
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_STAGE_START, RP_TEXT(boot->id),
			RP_INT(stage), RP_INT(now), RP_TEXT(""));
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_STAGE, RP_TEXT(boot->id),
			RP_INT(stage), RP_INT(deadline));
	if (r < 0)
		return r;
	boot->stage = stage;
	boot->stage_deadline = deadline;
	return 0;
}

int rp_boots_reach(struct rp_server *server, struct rp_boot *boot, enum rp_stage stage)
{
	int r;

	if (stage <= boot->stage || boot->state != RP_BOOT_OPEN)
		return 0;
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	return rp_store_end(server->store, reach(server, boot, stage));
}

int rp_boots_detail(struct rp_server *server, const struct rp_boot *boot, enum rp_stage stage,
	const char *format, ...)
{
	char text[RP_BOOT_MESSAGE_MAX];
	va_list arguments;
	int r;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	rp_text_ascii(text);
	r = rp_store_run(server->store, RP_SQL_STAGE_SET_DETAIL, RP_TEXT(boot->id), RP_INT(stage),
		RP_TEXT(text));
	return r < 0 ? r : 0;
}

int rp_boots_extend(struct rp_server *server, struct rp_boot *boot, int seconds)
{
	int r;

	boot->stage_deadline = rp_store_now(server->store) + seconds * RP_SECOND;
	r = rp_store_run(server->store, RP_SQL_BOOT_SET_DEADLINE, RP_TEXT(boot->id),
		RP_INT(boot->stage_deadline));
	return r < 0 ? r : 0;
}

static int event_last(struct rp_server *server, const char *boot, int64_t *ret_seq,
	int64_t *ret_time, char *ret_message, size_t size)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_EVENT_LAST, RP_TEXT(boot));

	if (r <= 0)
		return r;
	*ret_seq = rp_column_int(row, 0);
	*ret_time = rp_column_int(row, 1);
	snprintf(ret_message, size, "%s", rp_column_text(row, 3));
	return 1;
}

int rp_boots_event(struct rp_server *server, const struct rp_boot *boot, const char *format, ...)
{
	char text[RP_BOOT_MESSAGE_MAX], last[RP_BOOT_MESSAGE_MAX] = "";
	int64_t now = rp_store_now(server->store), seq = 0, time = 0;
	va_list arguments;
	int r;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	rp_text_ascii(text);
	r = event_last(server, boot->id, &seq, &time, last, sizeof(last));
	if (r < 0)
		return r;
	/* Each row is a write to the disk: a machine that repeats itself must not cost one each. */
	if (r > 0 && now - time < RP_SECOND && strcmp(text, last) == 0)
		return 0;
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	r = rp_store_run(server->store, RP_SQL_EVENT_ADD, RP_TEXT(boot->id), RP_INT(seq + 1),
		RP_INT(now), RP_INT(boot->stage), RP_TEXT(text));
	if (r >= 0 && seq >= RP_BOOT_EVENTS_MAX)
		r = rp_store_run(server->store, RP_SQL_EVENT_TRIM, RP_TEXT(boot->id),
			RP_INT(seq + 1 - RP_BOOT_EVENTS_MAX));
	return rp_store_end(server->store, r);
}

static int close_boot(struct rp_server *server, struct rp_boot *boot, enum rp_boot_state state,
	const char *message)
{
	int64_t now = rp_store_now(server->store);
	int r = 0;

	if (*message)
		r = rp_boots_event(server, boot, "%s", message);
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_STAGE_SET_END, RP_TEXT(boot->id),
			RP_INT(RP_STAGES), RP_INT(now),
			RP_TEXT(state == RP_BOOT_DONE ? "done" : "failed"));
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_BOOT_CLOSE, RP_TEXT(boot->id),
			RP_TEXT(rp_boot_state_text(state)), RP_INT(now), RP_TEXT(message));
	return r;
}

int rp_boots_close(struct rp_server *server, struct rp_boot *boot, enum rp_boot_state state,
	const char *message)
{
	char text[RP_BOOT_MESSAGE_MAX];
	int r;

	snprintf(text, sizeof(text), "%s", message);
	rp_text_ascii(text);
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	r = rp_store_end(server->store, close_boot(server, boot, state, text));
	if (r < 0)
		return r;
	boot->state = state;
	snprintf(boot->message, sizeof(boot->message), "%s", text);
	boot->ended = rp_store_now(server->store);
	boot->stage_deadline = 0;
	return 0;
}
