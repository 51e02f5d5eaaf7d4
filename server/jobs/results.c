/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/results.h"

#include <errno.h>
#include <string.h>

#include "keys/dsse.h"
#include "keys/evidence.h"
#include "keys/pem.h"
#include "keys/record.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/metrics.h"
#include "server/jobs/jobs.h"
#include "server/state/log.h"
#include "server/state/refused.h"
#include "server/server.h"
#include "server/store/store.h"

/* A result on its way in. */
struct incoming {
	const struct rp_result_offer *offer;
	char rig[RP_RIG_TEXT];
	struct rp_boot boot;
	json_t *envelope, *statement;
	char *leaf; /* canonical bytes of the envelope */
	char sha256[RP_SHA256_HEX];
};

static void incoming_done(struct incoming *in)
{
	json_decref(in->envelope);
	json_decref(in->statement);
	free(in->leaf);
}

static int store_failed(struct rp_server *server, int r, struct rp_error *err)
{
	return rp_error_set(err, r, "%s", rp_store_reason(server->store));
}

/* Who speaks, and for which attempt. */
static int identify(struct rp_server *server, struct incoming *in, struct rp_error *err)
{
	char boot[RP_ID_TEXT];
	int r = rp_pki_boot_identity(in->offer->cert, in->rig, boot, err);

	if (r < 0)
		return rp_error_set(err, -EACCES, "the certificate names no boot");
	r = rp_boots_get(server, boot, &in->boot);
	if (r < 0)
		return store_failed(server, r, err);
	if (r == 0)
		return rp_error_set(err, -EACCES, "boot %s is unknown here", boot);
	if (strcmp(in->boot.rig, in->rig) != 0)
		return rp_error_set(err, -EACCES, "boot %s is not one of rig %s", boot, in->rig);
	if (strcmp(in->boot.job, in->offer->job) != 0)
		return rp_error_set(
			err, -EACCES, "boot %s does not run job %s", boot, in->offer->job);
	return 0;
}

static int parse(struct incoming *in, struct rp_error *err)
{
	int r = rp_json_parse(
		in->offer->body ? in->offer->body : "", in->offer->len, &in->envelope, err);

	if (r < 0)
		return rp_error_set(err, -EACCES, "not a result envelope: not JSON");
	in->leaf = rp_json_canonical(in->envelope);
	if (!in->leaf)
		return rp_error_memory(err);
	return rp_sha256_hex(in->leaf, strlen(in->leaf), in->sha256);
}

/* 1: this boot's result is there and is this one, *ret_ack is its acknowledgement; 0: none. */
static int find_accepted(
	struct rp_server *server, const struct incoming *in, json_t **ret_ack, struct rp_error *err)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_RESULT_BY_BOOT, RP_TEXT(in->boot.id));

	if (r < 0)
		return store_failed(server, r, err);
	if (r == 0)
		return 0;
	if (strcmp(rp_column_text(row, 0), in->sha256) != 0)
		return rp_error_set(err, -EEXIST,
			"job %s has another result already (%.16s...): results are accepted once",
			in->offer->job, rp_column_text(row, 0));
	*ret_ack = rp_column_json(row, 1);
	return 1;
}

/* The job's signed bytes, from our own envelope. */
static int job_payload(struct rp_server *server, const char *boot, uint8_t **ret, size_t *ret_len,
	struct rp_error *err)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	rp_cleanup(json) json_t *envelope = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_BOOT_ENVELOPE, RP_TEXT(boot));

	if (r < 0)
		return store_failed(server, r, err);
	envelope = r > 0 ? rp_column_json(row, 0) : json_null();
	return rp_dsse_verify(envelope, server->job_key, RP_TYPE_JOB, ret, ret_len, err);
}

static int verify(struct rp_server *server, struct incoming *in, struct rp_error *err)
{
	rp_cleanup(free) uint8_t *payload = NULL;
	size_t len;
	int r;

	r = job_payload(server, in->boot.id, &payload, &len, err);
	if (r < 0)
		return r;
	r = rp_dsse_verify_json(in->envelope, X509_get0_pubkey(in->offer->cert), RP_TYPE_INTOTO,
		&in->statement, err);
	if (r == 0)
		r = rp_statement_check(in->statement, payload, len, err);
	/* Whatever is wrong with foreign bytes is a refusal, not a fault of ours. */
	if (r == -EINVAL)
		err->code = r = -EACCES;
	return r;
}

static int sign_ack(struct rp_server *server, const struct incoming *in, uint64_t index,
	json_t **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *ack = NULL;
	char accepted[RP_TIME_TEXT];
	int r;

	rp_clock_format(rp_store_wall(server->store), accepted);
	ack = json_pack("{s:i, s:s, s:s, s:I, s:s}", "version", 1, "result", in->offer->job,
		"sha256", in->sha256, "index", (json_int_t)index, "accepted", accepted);
	if (!ack)
		return rp_error_memory(err);
	r = rp_record_check_ack(ack, err);
	return r < 0 ? r : rp_dsse_sign_json(server->log_key, RP_TYPE_ACK, ack, ret, err);
}

/* Inside of the transaction: result, leaf, checkpoint, acknowledgement, end of the attempt. */
static int store_all(
	struct rp_server *server, struct incoming *in, json_t **ret_ack, struct rp_error *err)
{
	const json_t *error = rp_statement_error(in->statement);
	const char *verdict = rp_statement_verdict(in->statement);
	rp_cleanup(json) json_t *ack = NULL;
	rp_cleanup(free) char *ack_text = NULL;
	uint64_t index;
	int r;

	r = rp_log_prepare(server, in->leaf, strlen(in->leaf), &index, err);
	if (r == 0)
		r = sign_ack(server, in, index, &ack, err);
	if (r < 0)
		return r;
	ack_text = rp_json_canonical(ack);
	if (!ack_text)
		return rp_error_memory(err);
	r = rp_store_run(server->store, RP_SQL_RESULT_ADD, RP_TEXT(in->boot.id),
		RP_TEXT(in->offer->job), RP_TEXT(in->sha256), RP_TEXT(in->leaf), RP_TEXT(verdict),
		RP_INT((int64_t)index), RP_TEXT(ack_text), RP_INT(rp_store_now(server->store)));
	if (r >= 0)
		r = rp_jobs_attempt_done(server, &in->boot, verdict,
			rp_json_string_or(error, "stage", "checks"),
			rp_json_string_or(error, "message", "the result says error"));
	if (r < 0)
		return store_failed(server, r, err);
	*ret_ack = rp_steal(ack);
	return 0;
}

static int accept_new(
	struct rp_server *server, struct incoming *in, json_t **ret_ack, struct rp_error *err)
{
	rp_cleanup(json) json_t *ack = NULL;
	int r;

	if (in->boot.state != RP_BOOT_OPEN)
		return rp_error_set(err, -EEXIST, "job %s: this attempt has ended: %s",
			in->offer->job,
			in->boot.message[0] ? in->boot.message
					    : rp_boot_state_text(in->boot.state));
	r = verify(server, in, err);
	if (r < 0)
		return r;
	r = rp_store_begin(server->store);
	if (r < 0)
		return store_failed(server, r, err);
	r = store_all(server, in, &ack, err);
	r = rp_store_end(server->store, r);
	/* Rows in conflict say nothing of this result, which -EEXIST would have its agent drop. */
	if (r == -EEXIST)
		r = -EIO;
	if (r < 0)
		return err && err->code ? (err->code = r) : store_failed(server, r, err);
	rp_log_committed(server->log);
	rp_metrics_add(server->metrics, "results_accepted_total", 1);
	rp_jobs_kick(server);
	*ret_ack = rp_steal(ack);
	return 0;
}

int rp_results_accept(struct rp_server *server, const struct rp_result_offer *offer,
	json_t **ret_ack, struct rp_error *err)
{
	struct incoming in = {.offer = offer};
	struct rp_error reason = RP_ERROR_NONE;
	int r;

	r = identify(server, &in, &reason);
	if (r == 0)
		r = parse(&in, &reason);
	if (r == 0)
		r = find_accepted(server, &in, ret_ack, &reason);
	if (r == 0)
		r = accept_new(server, &in, ret_ack, &reason);
	if (r == -EACCES || r == -EEXIST)
		rp_refused_add(server, "result", offer->job, in.boot.id, offer->peer, offer->body,
			offer->len, reason.text);
	incoming_done(&in);
	if (r < 0)
		return rp_error_set(err, r, "%s", reason.text);
	return 0;
}

/* All that evidence is made of, read from rows. */
struct papers {
	json_t *result, *job, *record;
	X509 *boot_cert;
	char *checkpoint;
	struct rp_merkle_proof proof;
	uint64_t index;
	char boot[RP_ID_TEXT];
};

static void papers_done(struct papers *papers)
{
	json_decref(papers->result);
	json_decref(papers->job);
	json_decref(papers->record);
	X509_free(papers->boot_cert);
	free(papers->checkpoint);
}

static int read_result(
	struct rp_server *server, const char *job, struct papers *papers, struct rp_error *err)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_RESULT_OF_JOB, RP_TEXT(job));

	if (r < 0)
		return store_failed(server, r, err);
	if (r == 0)
		return rp_error_set(err, -ENOENT, "%s: no result of such a job", job);
	rp_column_copy(row, 0, papers->boot);
	papers->result = rp_column_json(row, 1);
	papers->index = (uint64_t)rp_column_int(row, 2);
	return 0;
}

static int read_boot(struct rp_server *server, struct papers *papers, struct rp_error *err)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_BOOT_PAPERS, RP_TEXT(papers->boot));

	if (r <= 0)
		return store_failed(server, r ? r : -EINVAL, err);
	papers->record = rp_column_json(row, 1);
	papers->job = rp_column_json(row, 3);
	return rp_pem_read_cert(rp_column_text(row, 0), &papers->boot_cert, err);
}

int rp_results_evidence(
	struct rp_server *server, const char *job, json_t **ret, struct rp_error *err)
{
	struct papers papers = {0};
	int r = read_result(server, job, &papers, err);

	if (r == 0)
		r = read_boot(server, &papers, err);
	if (r == 0)
		r = rp_log_inclusion(server->log, papers.index, &papers.proof, err);
	if (r == 0)
		r = rp_log_checkpoint(server, &papers.checkpoint, err);
	if (r == 0)
		r = rp_evidence_make(
			&(struct rp_evidence_parts){
				.result = papers.result,
				.job = papers.job,
				.boot = papers.record,
				.job_cert = server->job_cert,
				.log_cert = server->log_cert,
				.boot_ca_cert = server->boot_ca_cert,
				.boot_cert = papers.boot_cert,
				.log_index = papers.index,
				.checkpoint = papers.checkpoint,
				.proof = &papers.proof,
			},
			ret, err);
	papers_done(&papers);
	return r;
}

static json_t *read_result_row(sqlite3_stmt *row, const void *context)
{
	(void)context;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:s, s:s}", "job",
		rp_column_text(row, 0), "boot", rp_column_text(row, 1), "rig",
		rp_column_text(row, 2), "sha256", rp_column_text(row, 3), "verdict",
		rp_column_text(row, 4), "index", (json_int_t)rp_column_int(row, 5), "accepted",
		rp_column_time(row, 6), "assurance", rp_column_text(row, 7), "plan",
		rp_column_text(row, 8), "image", rp_column_text(row, 9));
}

int rp_results_list(struct rp_server *server, const struct rp_selection *selection, json_t **ret,
	int64_t *ret_total)
{
	return rp_selection_list(server, RP_SQL_RESULT_LIST, RP_SQL_RESULT_COUNT_LIST, selection,
		read_result_row, ret, ret_total);
}
