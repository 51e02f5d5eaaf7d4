/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "keys/checkpoint.h"
#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/record.h"
#include "keys/shape.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/json.h"

static const struct rp_shape certificates_shape[] = {
	{"job", RP_SHAPE_STRING},
	{"log", RP_SHAPE_STRING},
	{"boot_ca", RP_SHAPE_STRING},
	{"boot", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape log_shape[] = {
	{"index", RP_SHAPE_INT, .min = 0, .max = INT64_MAX},
	{"checkpoint", RP_SHAPE_STRING},
	{"proof", RP_SHAPE_STRINGS},
	{NULL},
};

/* The envelopes have their own strict reader. */
static const struct rp_shape evidence_shape[] = {
	{"mediaType", RP_SHAPE_WORD, .words = (const char *const[]){RP_EVIDENCE_TYPE, NULL}},
	{"result", RP_SHAPE_ANY},
	{"job", RP_SHAPE_ANY},
	{"boot", RP_SHAPE_ANY},
	{"certificates", RP_SHAPE_OBJECT, .fields = certificates_shape},
	{"log", RP_SHAPE_OBJECT, .fields = log_shape},
	{NULL},
};

int rp_evidence_make(const struct rp_evidence_parts *parts, json_t **ret, struct rp_error *err)
{
	rp_cleanup(free) char *job = rp_pem_write_cert(parts->job_cert);
	rp_cleanup(free) char *log = rp_pem_write_cert(parts->log_cert);
	rp_cleanup(free) char *boot_ca = rp_pem_write_cert(parts->boot_ca_cert);
	rp_cleanup(free) char *boot = rp_pem_write_cert(parts->boot_cert);
	rp_cleanup(json) json_t *proof = json_array();
	json_t *evidence;

	for (size_t i = 0; i < parts->proof->len; i++) {
		char hex[RP_SHA256_HEX];

		rp_hex_encode(parts->proof->hash[i], RP_SHA256_LEN, hex);
		if (json_array_append_new(proof, json_string(hex)) < 0)
			return rp_error_memory(err);
	}
	if (!job || !log || !boot_ca || !boot)
		return rp_error_openssl(err, -EIO, "cannot write the certificates");
	evidence = json_pack("{s:s, s:O, s:O, s:O, s:{s:s, s:s, s:s, s:s}, s:{s:I, s:s, s:O}}",
		"mediaType", RP_EVIDENCE_TYPE, "result", parts->result, "job", parts->job, "boot",
		parts->boot, "certificates", "job", job, "log", log, "boot_ca", boot_ca, "boot",
		boot, "log", "index", (json_int_t)parts->log_index, "checkpoint", parts->checkpoint,
		"proof", proof);
	if (!evidence)
		return rp_error_memory(err);
	*ret = evidence;
	return 0;
}

/* Evidence on its way through verification. */
struct bundle {
	json_t *json;
	X509 *job_cert, *log_cert, *boot_ca_cert, *boot_cert;
	EVP_PKEY *job_key, *log_key, *boot_ca_key, *boot_key; /* the certificates' */
	uint8_t *job_payload;				      /* verified */
	size_t job_payload_len;
	struct rp_verified verified;
};

static void bundle_done(struct bundle *bundle)
{
	json_decref(bundle->json);
	X509_free(bundle->job_cert);
	X509_free(bundle->log_cert);
	X509_free(bundle->boot_ca_cert);
	X509_free(bundle->boot_cert);
	free(bundle->job_payload);
	rp_verified_done(&bundle->verified);
}

static inline void rp_cleanup_bundle(struct bundle *bundle)
{
	bundle_done(bundle);
}

static const json_t *part(const struct bundle *bundle, const char *name)
{
	return json_object_get(bundle->json, name);
}

static const char *string_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* One text for one evidence: what is not in its one form is not read further. */
static int read_form(const char *text, size_t len, struct bundle *bundle, struct rp_error *err)
{
	rp_cleanup(free) char *again = NULL;
	int r;

	if (len > RP_EVIDENCE_MAX)
		return rp_error_set(err, -EINVAL, "more than %u MiB", RP_EVIDENCE_MAX >> 20);
	r = rp_json_parse(text, len, &bundle->json, err);
	if (r == 0)
		r = rp_shape_check(bundle->json, evidence_shape, "evidence", err);
	if (r < 0)
		return r;
	again = rp_json_pretty(bundle->json);
	if (!again)
		return rp_error_memory(err);
	if (strlen(again) != len || memcmp(again, text, len) != 0)
		return rp_error_set(err, -EINVAL,
			"the file is not in its one form: it was edited or formatted after it was "
			"made");
	return 0;
}

static int read_certificate(const struct bundle *bundle, const char *name, X509 **ret_cert,
	EVP_PKEY **ret_key, struct rp_error *err)
{
	int r = rp_pem_read_cert_strict(
		string_at(part(bundle, "certificates"), name), ret_cert, err);

	if (r == 0 && !(*ret_key = X509_get0_pubkey(*ret_cert)))
		r = rp_error_openssl(err, -EINVAL, "has no usable key");
	if (r < 0)
		rp_error_prefix(err, "certificates.%s", name);
	return r;
}

static int read_proof(const json_t *proof, struct rp_merkle_proof *ret, struct rp_error *err)
{
	const json_t *hash;
	size_t i;

	ret->len = json_array_size(proof);
	if (ret->len > RP_MERKLE_PROOF_MAX)
		return rp_error_set(
			err, -EINVAL, "log.proof: more than %d hashes", RP_MERKLE_PROOF_MAX);
	json_array_foreach (proof, i, hash)
		if (rp_hex_decode(json_string_value(hash), ret->hash[i], RP_SHA256_LEN) < 0)
			return rp_error_set(err, -EINVAL,
				"log.proof[%zu]: expected 64 lower-case hexadecimal digits", i);
	return 0;
}

/* The result, byte for byte, is in the log. */
static int verify_log(struct bundle *bundle, X509 *root, struct rp_error *err)
{
	const json_t *log = part(bundle, "log");
	struct rp_verified *verified = &bundle->verified;
	rp_cleanup(free) char *leaf = rp_json_canonical(part(bundle, "result"));
	rp_merkle_hash leaf_hash, log_root;
	struct rp_merkle_proof proof;
	uint64_t size;
	int r;

	if (!leaf)
		return rp_error_set(err, -EINVAL, "result: not an envelope");
	verified->log_index = json_integer_value(json_object_get(log, "index"));
	r = read_certificate(bundle, "log", &bundle->log_cert, &bundle->log_key, err);
	if (r == 0)
		r = rp_checkpoint_verify(
			string_at(log, "checkpoint"), bundle->log_key, &size, log_root, err);
	if (r == 0)
		r = read_proof(json_object_get(log, "proof"), &proof, err);
	if (r == 0)
		r = rp_merkle_leaf_hash(leaf, strlen(leaf), leaf_hash);
	if (r < 0)
		return r;
	r = rp_merkle_verify_inclusion(
		leaf_hash, (uint64_t)verified->log_index, size, &proof, log_root);
	if (r < 0)
		return rp_error_set(err, r,
			"this result is not entry %" PRId64
			" of the log of the checkpoint (%" PRIu64 " entries)",
			verified->log_index, size);
	/* Last, since it takes longest; nothing was believed yet. */
	r = rp_pki_verify(bundle->log_cert, NULL, root, RP_ROLE_LOG, err);
	if (r < 0)
		return r;
	verified->log_size = (int64_t)size;
	rp_hex_encode(log_root, sizeof(log_root), verified->log_root);
	rp_checkpoint_origin(bundle->log_key, verified->log_origin);
	rp_pki_keyid(bundle->log_key, verified->log_keyid);
	return rp_sha256_hex(leaf, strlen(leaf), verified->result_sha256);
}

static int verify_job(struct bundle *bundle, X509 *root, struct rp_error *err)
{
	struct rp_verified *verified = &bundle->verified;
	int r = read_certificate(bundle, "job", &bundle->job_cert, &bundle->job_key, err);

	if (r < 0)
		return r;
	r = rp_dsse_verify(part(bundle, "job"), bundle->job_key, RP_TYPE_JOB, &bundle->job_payload,
		&bundle->job_payload_len, err);
	if (r == 0)
		r = rp_pki_verify(bundle->job_cert, NULL, root, RP_ROLE_JOB, err);
	if (r == 0)
		r = rp_json_parse((const char *)bundle->job_payload, bundle->job_payload_len,
			&verified->job, err);
	if (r == 0)
		r = rp_record_check_job(verified->job, err);
	if (r < 0)
		return rp_error_prefix(err, "job"), r;
	verified->job_id = string_at(verified->job, "job");
	verified->boot_id = string_at(verified->job, "boot");
	verified->rig = string_at(verified->job, "rig");
	verified->nonce = string_at(verified->job, "nonce");
	verified->image_name = string_at(json_object_get(verified->job, "image"), "name");
	verified->image_sha256 = string_at(json_object_get(verified->job, "image"), "sha256");
	rp_pki_keyid(bundle->job_key, verified->job_keyid);
	return 0;
}

static int must_be(const char *what, const char *found, const char *expected, struct rp_error *err)
{
	if (strcmp(found, expected) == 0)
		return 0;
	return rp_error_set(err, -EACCES, "%s is %s, but the job's is %s", what, found, expected);
}

/* The boot CA's role as well: a chain that merely holds is not enough. */
static int verify_boot_chain(struct bundle *bundle, X509 *root, struct rp_error *err)
{
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	int r = 0;

	if (!untrusted || sk_X509_push(untrusted, bundle->boot_ca_cert) <= 0)
		r = rp_error_memory(err);
	if (r == 0)
		r = rp_pki_verify(bundle->boot_ca_cert, NULL, root, RP_ROLE_BOOT_CA, err);
	if (r == 0)
		r = rp_pki_verify(bundle->boot_cert, untrusted, root, RP_ROLE_BOOT, err);
	sk_X509_free(untrusted);
	return r;
}

/* Certificate, boot record and job speak of the same rig, boot, key and image. */
static int compare_boot(struct bundle *bundle, struct rp_error *err)
{
	struct rp_verified *verified = &bundle->verified;
	const char *job = string_at(verified->boot, "job");
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];
	int r = rp_pki_boot_identity(bundle->boot_cert, rig, boot, err);

	if (r == 0 && strcmp(string_at(verified->boot, "boot_key"), verified->boot_keyid) != 0)
		r = rp_error_set(err, -EACCES,
			"the boot record is of another key than the boot certificate");
	if (r == 0)
		r = must_be("the boot certificate's rig", rig, verified->rig, err);
	if (r == 0)
		r = must_be("the boot certificate's boot", boot, verified->boot_id, err);
	if (r == 0)
		r = must_be("the boot record's rig", string_at(verified->boot, "rig"),
			verified->rig, err);
	if (r == 0)
		r = must_be("the boot record's boot", string_at(verified->boot, "boot"),
			verified->boot_id, err);
	if (r == 0 && *job)
		r = must_be("the boot record's job", job, verified->job_id, err);
	if (r == 0 && !json_equal(json_object_get(verified->boot, "image"),
			      json_object_get(verified->job, "image")))
		r = rp_error_set(
			err, -EACCES, "the rig was booted into another image than the job is for");
	return r;
}

static int verify_boot(struct bundle *bundle, X509 *root, struct rp_error *err)
{
	struct rp_verified *verified = &bundle->verified;
	int r;

	r = rp_dsse_verify_json(
		part(bundle, "boot"), bundle->job_key, RP_TYPE_BOOT, &verified->boot, err);
	if (r == 0)
		r = rp_record_check_boot(verified->boot, err);
	if (r < 0)
		return rp_error_prefix(err, "boot"), r;
	verified->assurance = string_at(verified->boot, "assurance");
	r = read_certificate(bundle, "boot", &bundle->boot_cert, &bundle->boot_key, err);
	if (r == 0)
		r = read_certificate(
			bundle, "boot_ca", &bundle->boot_ca_cert, &bundle->boot_ca_key, err);
	if (r == 0)
		r = verify_boot_chain(bundle, root, err);
	if (r == 0)
		r = rp_pki_keyid(bundle->boot_key, verified->boot_keyid);
	return r < 0 ? r : compare_boot(bundle, err);
}

static int verify_result(struct bundle *bundle, struct rp_error *err)
{
	struct rp_verified *verified = &bundle->verified;
	int r = rp_dsse_verify_json(part(bundle, "result"), bundle->boot_key, RP_TYPE_INTOTO,
		&verified->statement, err);

	if (r == 0)
		r = rp_statement_check(
			verified->statement, bundle->job_payload, bundle->job_payload_len, err);
	if (r < 0)
		return rp_error_prefix(err, "result"), r;
	verified->verdict = rp_statement_verdict(verified->statement);
	return 0;
}

int rp_evidence_verify(
	const char *text, size_t len, X509 *root, struct rp_verified *ret, struct rp_error *err)
{
	rp_cleanup(bundle) struct bundle bundle = {0};
	EVP_PKEY *root_key = X509_get0_pubkey(root);
	int r = root_key ? rp_pki_keyid(root_key, bundle.verified.root_keyid) : -EINVAL;

	if (r < 0)
		return rp_error_openssl(err, r, "the root certificate has no usable key");
	r = read_form(text, len, &bundle, err);
	if (r == 0)
		r = verify_log(&bundle, root, err);
	if (r == 0)
		r = verify_job(&bundle, root, err);
	if (r == 0)
		r = verify_boot(&bundle, root, err);
	if (r == 0)
		r = verify_result(&bundle, err);
	if (r < 0)
		return r;
	*ret = bundle.verified;
	bundle.verified = (struct rp_verified){0};
	return 0;
}

void rp_verified_done(struct rp_verified *verified)
{
	json_decref(verified->statement);
	json_decref(verified->job);
	json_decref(verified->boot);
	*verified = (struct rp_verified){0};
}
