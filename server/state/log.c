/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/log.h"

#include <errno.h>
#include <string.h>

#include "keys/checkpoint.h"
#include "lib/cleanup.h"
#include "server/server.h"
#include "server/store/store.h"

struct rp_log {
	rp_merkle_hash *hashes; /* room for size + 1: the prepared leaf stands behind the last */
	size_t room;
	struct rp_merkle_frontier frontier, prepared;
};

static int make_room(struct rp_log *log)
{
	size_t room = log->room ? 2 * log->room : 64;
	rp_merkle_hash *hashes;

	if (log->frontier.size < log->room)
		return 0;
	hashes = reallocarray(log->hashes, room, sizeof(*hashes));
	if (!hashes)
		return -ENOMEM;
	log->hashes = hashes;
	log->room = room;
	return 0;
}

static int read_leaves(struct rp_server *server, struct rp_log *log, struct rp_error *err)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_LEAF_LIST);

	while (r > 0) {
		uint64_t number = log->frontier.size;

		if (rp_column_int(row, 0) != (int64_t)number ||
			sqlite3_column_bytes(row, 1) != RP_SHA256_LEN)
			return rp_error_set(err, -EBADMSG,
				"result log: leaf %llu is missing: restore the state directory "
				"from a backup",
				(unsigned long long)number);
		r = make_room(log);
		if (r < 0)
			return rp_error_set(err, r, "no memory");
		memcpy(log->hashes[number], sqlite3_column_blob(row, 1), RP_SHA256_LEN);
		r = rp_merkle_frontier_add(&log->frontier, log->hashes[number]);
		if (r < 0)
			return rp_error_set(err, r, "result log: hashing failed");
		r = rp_store_next(server->store, row);
	}
	if (r < 0)
		return rp_error_set(err, r, "result log: %s", rp_store_reason(server->store));
	return 0;
}

/* The store must hold what was last signed, or everybody who saw that checkpoint is deceived. */
static int compare_checkpoint(struct rp_server *server, struct rp_log *log, struct rp_error *err)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_merkle_hash root, signed_root;
	uint64_t size;
	int r;

	r = rp_store_first(server->store, &row, RP_SQL_CHECKPOINT_NEWEST);
	if (r < 0)
		return rp_error_set(err, r, "result log: %s", rp_store_reason(server->store));
	if (r == 0)
		return log->frontier.size == 0 ? 0
					       : rp_error_set(err, -EBADMSG,
							 "result log: leaves without a checkpoint");
	r = rp_checkpoint_verify(rp_column_text(row, 1), server->log_key, &size, signed_root, err);
	if (r < 0) {
		rp_error_prefix(err, "result log: newest checkpoint");
		return r;
	}
	r = rp_merkle_frontier_root(&log->frontier, root);
	if (r < 0)
		return rp_error_set(err, r, "result log: hashing failed");
	if (size != log->frontier.size || memcmp(root, signed_root, sizeof(root)) != 0)
		return rp_error_set(err, -EBADMSG,
			"result log: its leaves are not those of the checkpoint that was signed: "
			"restore the "
			"state directory from a backup");
	return 0;
}

int rp_log_open(struct rp_server *server, struct rp_error *err)
{
	struct rp_log *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return rp_error_memory(err);
	r = make_room(log);
	if (r == 0)
		r = read_leaves(server, log, err);
	if (r == 0)
		r = compare_checkpoint(server, log, err);
	if (r < 0) {
		rp_log_free(log);
		return r;
	}
	server->log = log;
	return 0;
}

struct rp_log *rp_log_free(struct rp_log *log)
{
	if (log)
		free(log->hashes);
	free(log);
	return NULL;
}

uint64_t rp_log_size(const struct rp_log *log)
{
	return log->frontier.size;
}

static int put_checkpoint(struct rp_server *server, const struct rp_merkle_frontier *frontier,
	char **ret_note, struct rp_error *err)
{
	rp_cleanup(free) char *note = NULL;
	rp_merkle_hash root;
	int r;

	r = rp_merkle_frontier_root(frontier, root);
	if (r < 0)
		return rp_error_set(err, r, "result log: hashing failed");
	r = rp_checkpoint_sign(server->log_key, frontier->size, root, &note, err);
	if (r < 0)
		return r;
	/* Ed25519 signs the same bytes alike: an old row of this size is the same note. */
	r = rp_store_run(server->store, RP_SQL_CHECKPOINT_PUT, RP_INT((int64_t)frontier->size),
		RP_TEXT(note), RP_INT(rp_store_now(server->store)));
	if (r < 0)
		return rp_error_set(err, r, "result log: %s", rp_store_reason(server->store));
	if (ret_note)
		*ret_note = rp_steal(note);
	return 0;
}

int rp_log_prepare(struct rp_server *server, const void *leaf, size_t len, uint64_t *ret_index,
	struct rp_error *err)
{
	struct rp_log *log = server->log;
	uint64_t index = log->frontier.size;
	char digest[RP_SHA256_HEX];
	int r;

	r = make_room(log);
	if (r == 0)
		r = rp_merkle_leaf_hash(leaf, len, log->hashes[index]);
	if (r == 0)
		r = rp_sha256_hex(leaf, len, digest);
	if (r == 0) {
		log->prepared = log->frontier;
		r = rp_merkle_frontier_add(&log->prepared, log->hashes[index]);
	}
	if (r < 0)
		return rp_error_set(err, r, "result log: no memory, or hashing failed");
	r = rp_store_run(server->store, RP_SQL_LEAF_ADD, RP_INT((int64_t)index),
		RP_BLOB(log->hashes[index], RP_SHA256_LEN), RP_TEXT(digest),
		RP_INT(rp_store_now(server->store)));
	if (r < 0)
		return rp_error_set(err, r, "result log: %s", rp_store_reason(server->store));
	r = put_checkpoint(server, &log->prepared, NULL, err);
	if (r < 0)
		return r;
	*ret_index = index;
	return 0;
}

void rp_log_committed(struct rp_log *log)
{
	log->frontier = log->prepared;
}

int rp_log_checkpoint(struct rp_server *server, char **ret_note, struct rp_error *err)
{
	const struct rp_log *log = server->log;
	rp_merkle_hash root;
	int r;

	r = rp_merkle_frontier_root(&log->frontier, root);
	if (r < 0)
		return rp_error_set(err, r, "result log: hashing failed");
	return rp_checkpoint_sign(server->log_key, log->frontier.size, root, ret_note, err);
}

int rp_log_inclusion(
	const struct rp_log *log, uint64_t index, struct rp_merkle_proof *ret, struct rp_error *err)
{
	uint64_t size = log->frontier.size;
	int r;

	if (index >= size)
		return rp_error_set(err, -ERANGE, "index %llu: the log has %llu results",
			(unsigned long long)index, (unsigned long long)size);
	r = rp_merkle_inclusion_proof(
		(const rp_merkle_hash *)log->hashes, (size_t)size, (size_t)index, ret);
	return r < 0 ? rp_error_set(
			       err, r, "result log: no proof for %llu", (unsigned long long)index)
		     : 0;
}

int rp_log_consistency(const struct rp_log *log, uint64_t from, uint64_t to,
	struct rp_merkle_proof *ret, struct rp_error *err)
{
	uint64_t size = log->frontier.size;
	int r;

	if (from == 0 || from > to || to > size)
		return rp_error_set(err, -ERANGE,
			"from %llu to %llu: needs 0 < from <= to <= %llu, the log's size",
			(unsigned long long)from, (unsigned long long)to, (unsigned long long)size);
	r = rp_merkle_consistency_proof(
		(const rp_merkle_hash *)log->hashes, (size_t)to, (size_t)from, ret);
	return r < 0 ? rp_error_set(err, r, "result log: no proof") : 0;
}
