/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"

#define BUSY_MS 5000

RP_DEFINE_CLEANUP(sqlite_stmt, sqlite3_stmt, sqlite3_finalize)

struct rp_store {
	sqlite3 *database;
	sqlite3_stmt *statements[RP_SQL_COUNT];
	int depth;  /* of nested transactions */
	int failed; /* first error inside of the open transaction: it can only roll back */
	struct rp_clock clock;
	int64_t offset; /* from its now to ours */
};

static const char *const statement_texts[RP_SQL_COUNT] = {
#define X(name, text) [RP_SQL_##name] = text,
	RP_STORE_STATEMENTS(X)
#undef X
};

static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		/* A disk that fills while the WAL grows shows as a short write. */
		return code == SQLITE_IOERR_WRITE && errno == ENOSPC ? -ENOSPC : -EIO;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EIO;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
			return -EEXIST;
		return -ESTALE;
	default:
		return -EINVAL;
	}
}

static int64_t boot_now(void *context)
{
	(void)context;
	return rp_clock_monotonic();
}

static int64_t real_wall(void *context)
{
	(void)context;
	return rp_clock_realtime();
}

static int exec(struct rp_store *store, const char *sql)
{
	return error_of(sqlite3_exec(store->database, sql, NULL, NULL, NULL));
}

static int version_get(struct rp_store *store, int *ret)
{
	rp_cleanup(sqlite_stmt) sqlite3_stmt *row = NULL;
	int r;

	r = error_of(sqlite3_prepare_v2(store->database, "PRAGMA user_version", -1, &row, NULL));
	if (r < 0)
		return r;
	if (sqlite3_step(row) != SQLITE_ROW)
		return -EIO;
	*ret = sqlite3_column_int(row, 0);
	return 0;
}

static int migrate(struct rp_store *store, const char *path, struct rp_error *err)
{
	int version, r;

	r = version_get(store, &version);
	if (r < 0)
		return rp_error_set(err, r, "%s: %s", path, rp_store_reason(store));
	if (version > rp_store_migrations_count)
		return rp_error_set(err, -EPROTO,
			"%s: made by a newer rigproofd (schema %d, this one knows %d): run that "
			"one",
			path, version, rp_store_migrations_count);
	for (; version < rp_store_migrations_count; version++) {
		char done[64];

		snprintf(done, sizeof(done), "PRAGMA user_version = %d", version + 1);
		r = exec(store, "BEGIN IMMEDIATE");
		if (r == 0)
			r = exec(store, rp_store_migrations[version]);
		if (r == 0)
			r = exec(store, done);
		if (r == 0)
			r = exec(store, "COMMIT");
		if (r < 0) {
			rp_error_set(err, r, "%s: schema step %d: %s", path, version + 1,
				rp_store_reason(store));
			exec(store, "ROLLBACK");
			return r;
		}
	}
	return 0;
}

static int prepare_all(struct rp_store *store, struct rp_error *err)
{
	for (int i = 0; i < RP_SQL_COUNT; i++) {
		int r = error_of(sqlite3_prepare_v3(store->database, statement_texts[i], -1,
			SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL));

		if (r < 0)
			return rp_error_set(err, r, "statement \"%s\": %s", statement_texts[i],
				rp_store_reason(store));
	}
	return 0;
}

/* SQLite would make the file with the process's umask; what is in it is not for everyone. */
static int create_private(const char *path, struct rp_error *err)
{
	rp_cleanup(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int rp_store_open(const char *path, struct rp_store **ret, struct rp_error *err)
{
	rp_cleanup(store) struct rp_store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return rp_error_memory(err);
	store->clock = (struct rp_clock){.now = boot_now, .wall = real_wall};
	store->offset = rp_store_wall(store) - rp_store_now(store);
	r = create_private(path, err);
	if (r < 0)
		return r;
	r = error_of(sqlite3_open_v2(
		path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (r < 0)
		return rp_error_set(err, r, "%s: %s", path, rp_store_reason(store));
	sqlite3_extended_result_codes(store->database, 1);
	sqlite3_busy_timeout(store->database, BUSY_MS);
	r = exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
	if (r < 0)
		return rp_error_set(err, r, "%s: %s", path, rp_store_reason(store));
	r = migrate(store, path, err);
	if (r < 0)
		return r;
	r = prepare_all(store, err);
	if (r < 0)
		return r;
	*ret = rp_steal(store);
	return 0;
}

struct rp_store *rp_store_free(struct rp_store *store)
{
	if (!store)
		return NULL;
	for (int i = 0; i < RP_SQL_COUNT; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->database);
	free(store);
	return NULL;
}

void rp_store_set_clock(struct rp_store *store, struct rp_clock clock)
{
	store->clock = clock;
	store->offset = 0;
}

int64_t rp_store_now(const struct rp_store *store)
{
	return store->clock.now(store->clock.context) + store->offset;
}

int64_t rp_store_wall(const struct rp_store *store)
{
	return store->clock.wall ? store->clock.wall(store->clock.context) : rp_store_now(store);
}

void rp_store_move_clock(struct rp_store *store, int64_t by)
{
	store->offset += by;
}

int rp_store_limit(struct rp_store *store, int64_t bytes)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld", (long long)(bytes / 4096));
	return exec(store, sql);
}

const char *rp_store_reason(const struct rp_store *store)
{
	return store->database ? sqlite3_errmsg(store->database) : "no memory";
}

int rp_store_status(int error)
{
	switch (error) {
	case -ENOSPC:
		return 507;
	case -EIO:
		return 503;
	default:
		return 500;
	}
}

int rp_store_begin(struct rp_store *store)
{
	int r;

	if (store->depth == 0) {
		store->failed = 0;
		r = exec(store, "BEGIN IMMEDIATE");
		if (r < 0)
			return r;
	}
	store->depth++;
	return 0;
}

int rp_store_commit(struct rp_store *store)
{
	int r;

	if (store->depth > 1) {
		store->depth--;
		return store->failed;
	}
	r = store->failed ? store->failed : exec(store, "COMMIT");
	if (r < 0) {
		rp_store_rollback(store);
		return r;
	}
	store->depth = 0;
	return 0;
}

void rp_store_rollback(struct rp_store *store)
{
	if (store->depth > 1) {
		store->depth--;
		if (!store->failed)
			store->failed = -ECANCELED;
		return;
	}
	/* SQLite has rolled back by itself after some errors (FULL, IOERR): this only says so. */
	exec(store, "ROLLBACK");
	store->depth = 0;
	store->failed = 0;
}

int rp_store_end(struct rp_store *store, int result)
{
	int r;

	if (result < 0) {
		if (store->depth > 1 && !store->failed)
			store->failed = result;
		rp_store_rollback(store);
		return result;
	}
	r = rp_store_commit(store);
	return r < 0 ? r : 0;
}

static int bind_all(sqlite3_stmt *statement, const struct rp_bind *binds, size_t count)
{
	for (size_t i = 1; i <= count; i++) {
		const struct rp_bind *bind = &binds[i];
		int code = SQLITE_OK;

		switch (bind->type) {
		case RP_BIND_TEXT:
			code = sqlite3_bind_text(
				statement, (int)i, bind->data, -1, SQLITE_TRANSIENT);
			break;
		case RP_BIND_INT:
			code = sqlite3_bind_int64(statement, (int)i, bind->number);
			break;
		case RP_BIND_BLOB:
			code = sqlite3_bind_blob64(
				statement, (int)i, bind->data, bind->len, SQLITE_TRANSIENT);
			break;
		case RP_BIND_NONE:
			break;
		}
		if (code != SQLITE_OK)
			return error_of(code);
	}
	return 0;
}

static int note_failure(struct rp_store *store, int r)
{
	if (r < 0 && store->depth > 0 && !store->failed && (r == -ENOSPC || r == -EIO))
		store->failed = r;
	return r;
}

int rp_store_run_bound(
	struct rp_store *store, enum rp_sql statement, const struct rp_bind *binds, size_t count)
{
	rp_cleanup(row) sqlite3_stmt *row = store->statements[statement];
	int r;

	/* SQLite may have rolled back already: what follows must not commit by itself. */
	if (store->depth > 0 && store->failed)
		return store->failed;
	r = bind_all(row, binds, count);
	if (r < 0)
		return note_failure(store, r);
	errno = 0;
	r = error_of(sqlite3_step(row));
	if (r < 0)
		return note_failure(store, r);
	return sqlite3_changes(store->database);
}

int rp_store_first_bound(struct rp_store *store, sqlite3_stmt **ret, enum rp_sql statement,
	const struct rp_bind *binds, size_t count)
{
	sqlite3_stmt *row = store->statements[statement];
	int r;

	r = bind_all(row, binds, count);
	if (r == 0)
		r = rp_store_next(store, row);
	if (r <= 0) {
		rp_cleanup_row(&row);
		return r;
	}
	*ret = row;
	return 1;
}

int rp_store_next(struct rp_store *store, sqlite3_stmt *row)
{
	int code, r;

	errno = 0;
	code = sqlite3_step(row);
	if (code == SQLITE_ROW)
		return 1;
	r = error_of(code);
	return note_failure(store, r);
}

int rp_store_list(struct rp_store *store, enum rp_sql statement, struct rp_bind value,
	rp_row_reader read, const void *context, json_t **ret)
{
	const struct rp_bind binds[] = {{0}, value};
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(json) json_t *list = json_array();
	int r = rp_store_first_bound(store, &row, statement, binds, 1);

	while (r > 0) {
		if (json_array_append_new(list, read(row, context)) < 0)
			return -ENOMEM;
		r = rp_store_next(store, row);
	}
	if (r < 0)
		return r;
	*ret = rp_steal(list);
	return 0;
}

json_t *rp_column_first(sqlite3_stmt *row, const void *context)
{
	(void)context;
	return json_string(rp_column_text(row, 0));
}

const char *rp_column_text(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? text : "";
}

int64_t rp_column_int(sqlite3_stmt *row, int column)
{
	return sqlite3_column_int64(row, column);
}

json_t *rp_column_json(sqlite3_stmt *row, int column)
{
	const char *text = rp_column_text(row, column);
	json_t *value;

	if (rp_json_parse(text, strlen(text), &value, NULL) < 0)
		return json_null();
	return value;
}

json_t *rp_column_time(sqlite3_stmt *row, int column)
{
	return rp_time_json(rp_column_int(row, column));
}

json_t *rp_time_json(int64_t realtime)
{
	char text[RP_TIME_TEXT];

	if (realtime <= 0)
		return json_null();
	rp_clock_format(realtime, text);
	return json_string(text);
}
