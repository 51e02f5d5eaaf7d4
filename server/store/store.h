/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: one SQLite file (WAL, synchronous=FULL, foreign keys, STRICT tables), one writer, used
 * by one thread. Every statement is prepared at start from the table in store_sql.h; a statement
 * is named by its enum and never made from text at run time.
 *
 * Every row is stamped with the store's clock, so that a unit test moves time by hand.
 *
 * Errors: -ENOSPC (disk full; nothing of the transaction was kept), -EIO (disk trouble, or the file
 * stays locked by another process), -EEXIST (a UNIQUE or PRIMARY KEY rule), -ESTALE (a foreign key
 * or CHECK rule), -ENOMEM, -EINVAL (the rest: a fault of ours). Agents see the first two as 507 and
 * 503 and try again.
 */
#ifndef RP_SERVER_STORE_STORE_H
#define RP_SERVER_STORE_STORE_H

#include <jansson.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "server/store/store_sql.h"

struct rp_store; /* opaque */

/*
 * Two clocks, in microseconds. now is that of rows and deadlines: it begins as real time and then
 * runs as the boot clock does, so that nobody who sets the time of day ends or revives anything.
 * wall is what people and signed texts are told.
 */
struct rp_clock {
	int64_t (*now)(void *context);
	void *context;
	int64_t (*wall)(void *context); /* NULL: as now */
};

/* Opens or makes path (0600), brings its schema up to date, prepares all statements. */
int rp_store_open(const char *path, struct rp_store **ret, struct rp_error *err);

/* Rolls an open transaction back. Takes NULL, returns NULL. */
struct rp_store *rp_store_free(struct rp_store *store);

/* The clock of all rows; CLOCK_BOOTTIME and rp_clock_realtime until then. */
void rp_store_set_clock(struct rp_store *store, struct rp_clock clock);
int64_t rp_store_now(const struct rp_store *store);
int64_t rp_store_wall(const struct rp_store *store);

/* From here on now is by so much another time. Rows are the caller's to move along. */
void rp_store_move_clock(struct rp_store *store, int64_t by);

/* Bytes that the file may grow to (PRAGMA max_page_count): tests fill a disk with it. */
int rp_store_limit(struct rp_store *store, int64_t bytes);

/* What went wrong last, for a person; never NULL. */
const char *rp_store_reason(const struct rp_store *store);

/* HTTP status for a store error: 507, 503, else 500. */
int rp_store_status(int error);

/* Transactions nest: only the outermost commits; a rollback anywhere inside undoes all of it. */
int rp_store_begin(struct rp_store *store);
int rp_store_commit(struct rp_store *store); /* rolls back where it fails */
void rp_store_rollback(struct rp_store *store);

/*
 * End of a block that began a transaction: commits where result is 0 or more, else rolls back.
 * Returns 0, the negative result, or the error of the commit.
 */
int rp_store_end(struct rp_store *store, int result);

enum rp_bind_type { RP_BIND_NONE, RP_BIND_TEXT, RP_BIND_INT, RP_BIND_BLOB };

struct rp_bind {
	enum rp_bind_type type;
	const void *data;
	size_t len;
	int64_t number;
};

#define RP_TEXT(value) ((struct rp_bind){.type = RP_BIND_TEXT, .data = (value)}) /* NULL: NULL */
#define RP_INT(value) ((struct rp_bind){.type = RP_BIND_INT, .number = (value)})
#define RP_BLOB(value, size)                                                                       \
	((struct rp_bind){.type = RP_BIND_BLOB, .data = (value), .len = (size)})

/* rp_store_run(store, RP_SQL_X, RP_TEXT(name), RP_INT(now)): returns the number of changed rows. */
#define rp_store_run(store, statement, ...)                                                        \
	rp_store_run_bound(store, statement, (struct rp_bind[]){{0}, ##__VA_ARGS__},               \
		sizeof((struct rp_bind[]){{0}, ##__VA_ARGS__}) / sizeof(struct rp_bind) - 1)

/*
 * First row: 1 and *ret holds it (read with rp_column_*, give back with rp_cleanup(row)); 0: none.
 * rp_store_next: the same for the rows after it. A statement is in use until it is given back, so
 * loops that call out collect first.
 */
#define rp_store_first(store, ret, statement, ...)                                                 \
	rp_store_first_bound(store, ret, statement, (struct rp_bind[]){{0}, ##__VA_ARGS__},        \
		sizeof((struct rp_bind[]){{0}, ##__VA_ARGS__}) / sizeof(struct rp_bind) - 1)

int rp_store_run_bound(
	struct rp_store *store, enum rp_sql statement, const struct rp_bind *binds, size_t count);
int rp_store_first_bound(struct rp_store *store, sqlite3_stmt **ret, enum rp_sql statement,
	const struct rp_bind *binds, size_t count);
int rp_store_next(struct rp_store *store, sqlite3_stmt *row);

/*
 * A JSON array of all rows, each as read makes it (a new reference; NULL: -ENOMEM). One value is
 * bound, or none: RP_NONE. read must not use the store.
 */
#define RP_NONE ((struct rp_bind){.type = RP_BIND_NONE})
typedef json_t *(*rp_row_reader)(sqlite3_stmt *row, const void *context);
int rp_store_list(struct rp_store *store, enum rp_sql statement, struct rp_bind value,
	rp_row_reader read, const void *context, json_t **ret);

/* A reader: the text of the first column alone. */
json_t *rp_column_first(sqlite3_stmt *row, const void *context);

/* Column n of a row; text is never NULL and lives until the next step. */
const char *rp_column_text(sqlite3_stmt *row, int column);
int64_t rp_column_int(sqlite3_stmt *row, int column);

/* Copied into a field of fixed size, cut where it does not fit (our own rows always fit). */
#define rp_column_copy(row, column, field)                                                         \
	snprintf((field), sizeof(field), "%s", rp_column_text(row, column))

/* Text of the column parsed as JSON; JSON null where it is empty or not JSON. New reference. */
json_t *rp_column_json(sqlite3_stmt *row, int column);

/* Time column as RFC 3339 text, JSON null for 0. New reference. */
json_t *rp_column_time(sqlite3_stmt *row, int column);
json_t *rp_time_json(int64_t realtime);

/* Bytes outside of printable ASCII become '?': for foreign text that goes into rows and JSON. */
static inline void rp_text_ascii(char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

static inline void rp_cleanup_row(sqlite3_stmt **row)
{
	if (*row) {
		sqlite3_reset(*row);
		sqlite3_clear_bindings(*row);
	}
}

static inline void rp_cleanup_store(struct rp_store **store)
{
	rp_store_free(*store);
}

#endif
