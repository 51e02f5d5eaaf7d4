/* SPDX-License-Identifier: Apache-2.0 */
/* The log is the server's; everything that it says of it is checked here. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <openssl/pem.h>

#include "keys/checkpoint.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "lib/printable.h"
#include "server/cli/check.h"
#include "server/cli/evidence.h"
#include "server/cli/job_id.h"
#include "server/cli/settings.h"

struct checkpoint {
	char *note;
	uint64_t size;
	rp_merkle_hash root;
};

struct log {
	struct rp_client *client;
	EVP_PKEY *key;
};

static void checkpoint_done(struct checkpoint *checkpoint)
{
	free(checkpoint->note);
}

static void log_done(struct log *log)
{
	rp_client_free(log->client);
	EVP_PKEY_free(log->key);
}

/* The log's certificate, held against the root, in its role. */
static int take_key(const struct rp_cli *cli, const char *pem, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(x509) X509 *root = NULL;
	int r = rp_cli_root_cert(cli, &root, err);

	return r < 0 ? r : rp_pki_role_key(pem, root, RP_ROLE_LOG, ret, err);
}

/* A note as some answer carries it, verified with the log's key. */
static int take_checkpoint(
	const struct log *log, const json_t *answer, struct checkpoint *ret, struct rp_error *err)
{
	const char *note;
	int r = rp_json_get_string(answer, "checkpoint", &note, err);

	if (r < 0)
		return r;
	r = rp_checkpoint_verify(note, log->key, &ret->size, ret->root, err);
	if (r < 0) {
		rp_error_prefix(err, "the server's checkpoint");
		return r;
	}
	ret->note = strdup(note);
	return ret->note ? 0 : -ENOMEM;
}

static int open_log(
	const struct rp_cli *cli, struct log *log, struct checkpoint *ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *answer = NULL;
	int r = rp_client_open(cli, &log->client, err);

	if (r >= 0)
		r = rp_client_call(log->client, "GET", "/log/checkpoint", NULL, &answer, err);
	if (r >= 0)
		r = take_key(cli,
			rp_json_string_or(json_object_get(answer, "certificates"), "log", ""),
			&log->key, err);
	return r < 0 ? r : take_checkpoint(log, answer, ret, err);
}

static int run_checkpoint(const struct rp_cli *cli, struct rp_error *err)
{
	__attribute__((cleanup(checkpoint_done))) struct checkpoint now = {0};
	__attribute__((cleanup(log_done))) struct log log = {0};
	char root[RP_SHA256_HEX];
	int r = open_log(cli, &log, &now, err);

	if (r < 0)
		return r;
	rp_hex_encode(now.root, sizeof(now.root), root);
	if (cli->json) {
		rp_cleanup(json) json_t *document = json_pack("{s:s, s:I, s:s}", "checkpoint",
			now.note, "size", (json_int_t)now.size, "root", root);

		return document ? rp_cli_print_json(document, err) : -ENOMEM;
	}
	return rp_cli_write(NULL, now.note, strlen(now.note), err);
}

static int read_proof(const json_t *answer, struct rp_merkle_proof *ret, struct rp_error *err)
{
	const json_t *list = json_object_get(answer, "proof");
	const json_t *hash;
	size_t i;

	*ret = (struct rp_merkle_proof){0};
	if (!json_is_array(list) || json_array_size(list) > RP_MERKLE_PROOF_MAX)
		return rp_error_set(err, -EPROTO, "the server's proof: not a list of hashes");
	json_array_foreach (list, i, hash) {
		const char *hex = json_string_value(hash);

		if (!hex || rp_hex_decode(hex, ret->hash[i], RP_SHA256_LEN) < 0)
			return rp_error_set(
				err, -EPROTO, "the server's proof: hash %zu is not one", i);
	}
	ret->len = json_array_size(list);
	return 0;
}

/* The leaf is made here from the evidence; only the path up the tree is the server's word. */
static int leaf_of(const char *evidence_text, size_t len, rp_merkle_hash ret_hash,
	json_int_t *ret_index, struct rp_error *err)
{
	rp_cleanup(json) json_t *evidence = NULL;
	rp_cleanup(free) char *leaf = NULL;
	int r = rp_json_parse(evidence_text, len, &evidence, err);

	if (r >= 0)
		r = rp_json_get_int(
			json_object_get(evidence, "log"), "index", 0, INT64_MAX, ret_index, err);
	if (r < 0)
		return r;
	leaf = rp_json_canonical(json_object_get(evidence, "result"));
	if (!leaf)
		return -ENOMEM;
	return rp_merkle_leaf_hash(leaf, strlen(leaf), ret_hash);
}

static int run_prove(const struct rp_cli *cli, struct rp_error *err)
{
	__attribute__((cleanup(checkpoint_done))) struct checkpoint first = {0};
	__attribute__((cleanup(checkpoint_done))) struct checkpoint now = {0};
	__attribute__((cleanup(log_done))) struct log log = {0};
	rp_cleanup(json) json_t *answer = NULL;
	rp_cleanup(free) char *text = NULL;
	struct rp_merkle_proof proof;
	rp_merkle_hash leaf;
	json_int_t index;
	char path[64];
	char id[RP_ID_TEXT];
	char job[RP_ID_TEXT];
	size_t len;
	int r = rp_cli_check_id(cli->operands[0], id, err);

	if (r >= 0)
		r = open_log(cli, &log, &first, err);
	if (r >= 0)
		r = rp_client_job(log.client, id, job, err);
	if (r >= 0)
		r = rp_client_evidence(log.client, job, &text, &len, err);
	if (r >= 0)
		r = leaf_of(text, len, leaf, &index, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/log/proof?index=%lld", (long long)index);
	r = rp_client_call(log.client, "GET", path, NULL, &answer, err);
	/* The log may have grown since: the proof's own checkpoint is the one it is for. */
	if (r >= 0)
		r = take_checkpoint(&log, answer, &now, err);
	if (r >= 0)
		r = read_proof(answer, &proof, err);
	if (r < 0)
		return r;
	r = rp_merkle_verify_inclusion(leaf, (uint64_t)index, now.size, &proof, now.root);
	if (r < 0)
		return rp_error_set(err, r, "job %s: NOT in the log at entry %lld of %" PRIu64, job,
			(long long)index, now.size);
	if (cli->json) {
		rp_cleanup(json) json_t *document = json_pack("{s:s, s:I, s:I, s:O, s:s}", "job",
			job, "index", index, "size", (json_int_t)now.size, "proof",
			json_object_get(answer, "proof"), "checkpoint", now.note);

		return document ? rp_cli_print_json(document, err) : -ENOMEM;
	}
	printf("job %s: entry %lld of %" PRIu64 ", proven by %zu hashes\n", job, (long long)index,
		now.size, proof.len);
	return RP_EXIT_OK;
}

static int compare(struct log *log, const struct checkpoint *before, const struct checkpoint *now,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *answer = NULL;
	struct rp_merkle_proof proof;
	char path[96];
	int r;

	if (now->size < before->size)
		return rp_error_set(err, -EBADMSG,
			"the log SHRANK: %" PRIu64 " entries were signed before, %" PRIu64
			" are shown now",
			before->size, now->size);
	if (!before->size)
		return 0;
	if (now->size == before->size)
		return memcmp(now->root, before->root, sizeof(now->root)) == 0
			       ? 0
			       : rp_error_set(err, -EBADMSG,
					 "the log was REWRITTEN: two signed roots for %" PRIu64
					 " entries",
					 now->size);
	snprintf(path, sizeof(path), "/log/consistency?from=%" PRIu64 "&to=%" PRIu64, before->size,
		now->size);
	r = rp_client_call(log->client, "GET", path, NULL, &answer, err);
	if (r >= 0)
		r = read_proof(answer, &proof, err);
	if (r < 0)
		return r;
	r = rp_merkle_verify_consistency(before->size, before->root, now->size, now->root, &proof);
	if (r < 0)
		return rp_error_set(err, -EBADMSG,
			"the log was REWRITTEN: its first %" PRIu64
			" entries are not those that were signed before",
			before->size);
	return 0;
}

/* --seen, else a file of the server's folder, where one is known. */
static int seen_path(const struct rp_cli *cli, char **ret, struct rp_error *err)
{
	rp_cleanup(settings) struct rp_settings settings = {0};
	const char *seen = rp_cli_value(cli, "--seen");
	int r = rp_settings_load(cli, &settings, err);

	if (r < 0)
		return r;
	if (!seen && !settings.state)
		return rp_error_set(err, RP_CLI_WRONG_USE,
			"where is the last checkpoint remembered? Add --seen FILE");
	*ret = seen ? strdup(seen) : rp_path("%s/log.seen", settings.state);
	return *ret ? 0 : rp_error_memory(err);
}

/* What was signed the last time, remembered in a file, must be the beginning of what is now. */
static int run_check(const struct rp_cli *cli, struct rp_error *err)
{
	__attribute__((cleanup(checkpoint_done))) struct checkpoint before = {0};
	__attribute__((cleanup(checkpoint_done))) struct checkpoint now = {0};
	__attribute__((cleanup(log_done))) struct log log = {0};
	rp_cleanup(free) char *path = NULL;
	int r = seen_path(cli, &path, err);

	if (r >= 0)
		r = open_log(cli, &log, &now, err);
	if (r < 0)
		return r;
	r = rp_file_read(path, 1 << 16, &before.note, NULL, NULL);
	if (r >= 0) {
		r = rp_checkpoint_verify(before.note, log.key, &before.size, before.root, err);
		if (r < 0) {
			rp_error_prefix(err, "%s", path);
			return r;
		}
		r = compare(&log, &before, &now, err);
		if (r < 0)
			return r;
	} else if (r != -ENOENT) {
		return rp_error_set(err, r, "%s: %s", path, strerror(-r));
	}
	r = rp_file_write(path, 0644, now.note, strlen(now.note), err);
	if (r < 0)
		return r;
	if (cli->json) {
		rp_cleanup(json) json_t *document = json_pack("{s:b, s:I, s:I}", "consistent", 1,
			"size", (json_int_t)now.size, "before", (json_int_t)before.size);

		return document ? rp_cli_print_json(document, err) : -ENOMEM;
	}
	if (before.note)
		printf("%" PRIu64 " entries; the first %" PRIu64
		       " are those signed when last looked at\n",
			now.size, before.size);
	else
		rp_printable_line(stdout, "%" PRIu64 " entries; signed, and remembered in %s",
			now.size, path);
	return RP_EXIT_OK;
}

const struct rp_cli_command rp_cli_log[] = {
	{"log", "checkpoint", "", "the signed size and root of the log", run_checkpoint},
	{"log", "prove", "JOB", "prove that a job's result is in the log as it is now", run_prove},
	{"log", "check", "[--seen FILE]",
		"prove that the log only grew since it was last looked at", run_check},
	{NULL},
};
