/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The append-only log of accepted results (RFC 6962 hashing): leaves in the store, their hashes in
 * memory, a signed checkpoint for every size that was ever acknowledged. What goes to standard
 * error is lib/log.h, another thing.
 */
#ifndef RP_SERVER_STATE_LOG_H
#define RP_SERVER_STATE_LOG_H

#include <stdint.h>

#include "keys/merkle.h"
#include "lib/error.h"

struct rp_server;
struct rp_log;

/*
 * Reads all leaves of server->store and checks that the newest checkpoint is theirs: -EBADMSG where
 * it is not (somebody changed the file: the log must not go on). Sets server->log.
 */
int rp_log_open(struct rp_server *server, struct rp_error *err);

/* Takes NULL, returns NULL. */
struct rp_log *rp_log_free(struct rp_log *log);

uint64_t rp_log_size(const struct rp_log *log);

/*
 * Two steps around the commit of the caller's transaction, so that memory never runs ahead of the
 * disk: rp_log_prepare writes leaf and checkpoint rows inside of it, rp_log_committed takes the
 * leaf into memory after it. A prepared leaf whose transaction was rolled back is just forgotten.
 */
int rp_log_prepare(struct rp_server *server, const void *leaf, size_t len, uint64_t *ret_index,
	struct rp_error *err);
void rp_log_committed(struct rp_log *log);

/* Signed note of the whole log; of size 0 too. Caller frees. */
int rp_log_checkpoint(struct rp_server *server, char **ret_note, struct rp_error *err);

/* Proofs for the log as it is. -ERANGE, with the size in err. */
int rp_log_inclusion(const struct rp_log *log, uint64_t index, struct rp_merkle_proof *ret,
	struct rp_error *err);
int rp_log_consistency(const struct rp_log *log, uint64_t from, uint64_t to,
	struct rp_merkle_proof *ret, struct rp_error *err);

#endif
