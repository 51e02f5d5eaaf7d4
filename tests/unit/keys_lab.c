/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/keys_lab.h"

#include "keys/checkpoint.h"
#include "keys/dsse.h"
#include "lib/openssl_cleanup.h"

json_t *json_of(const char *text)
{
	struct rp_error err = RP_ERROR_NONE;
	json_t *value = NULL;

	assert_ok(rp_json_parse(text, strlen(text), &value, &err));
	return value;
}

void keys_lab_init(struct keys_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *csr = NULL;

	folder_lab_make(lab->dir);
	assert_ok(rp_pki_init(lab->dir, (const char *const[]){"10.77.0.1", NULL}, &err));
	assert_ok(rp_pki_load_key(lab->dir, "job", &lab->job_key, &err));
	assert_ok(rp_pki_load_key(lab->dir, "log", &lab->log_key, &err));
	assert_ok(rp_pki_load_key(lab->dir, "boot-ca", &lab->boot_ca_key, &err));
	assert_ok(rp_pki_load_cert(lab->dir, "root", &lab->root, &err));
	assert_ok(rp_pki_load_cert(lab->dir, "job", &lab->job, &err));
	assert_ok(rp_pki_load_cert(lab->dir, "log", &lab->log, &err));
	assert_ok(rp_pki_load_cert(lab->dir, "boot-ca", &lab->boot_ca, &err));
	assert_ok(rp_pki_new_boot_key(&lab->boot_key, &err));
	assert_ok(rp_pki_make_csr(lab->boot_key, &csr, &err));
	assert_ok(rp_pki_issue_boot(
		lab->boot_ca_key, lab->boot_ca, csr, RIG, BOOT, &lab->boot, &err));
}

void keys_lab_done(struct keys_lab *lab)
{
	folder_lab_remove(lab->dir);
	EVP_PKEY_free(lab->job_key);
	EVP_PKEY_free(lab->log_key);
	EVP_PKEY_free(lab->boot_ca_key);
	EVP_PKEY_free(lab->boot_key);
	X509_free(lab->root);
	X509_free(lab->job);
	X509_free(lab->log);
	X509_free(lab->boot_ca);
	X509_free(lab->boot);
}

json_t *draft_job(void)
{
	return json_of(
		"{\"version\":1,\"job\":\"" JOB "\",\"rig\":\"" RIG "\",\"boot\":\"" BOOT
		"\",\"nonce\":\"" NONCE "\",\"created\":\"" T0 "\",\"plan\":\"ring\","
		"\"image\":{\"name\":\"node\",\"sha256\":\"" SHA_A "\"},"
		"\"modules\":[{\"name\":\"xsc\",\"sha256\":\"" SHA_B "\",\"parameters\":\"\"}],"
		"\"checks\":["
		"{\"name\":\"ring\",\"exec\":[\"xsc_ring_test\"],\"timeout_s\":60,\"memory_mb\":0,"
		"\"cpus\":\"\",\"scheduler\":\"other\",\"priority\":0,\"user\":\"\"},"
		"{\"name\":\"latency\",\"exec\":[\"cyclictest\",\"-q\"],\"timeout_s\":60,"
		"\"memory_mb\":256,\"cpus\":\"0-1\",\"scheduler\":\"fifo\",\"priority\":80,"
		"\"user\":\"\"}],"
		"\"limits\":[{\"metric\":\"ring/traps_per_op\",\"max\":0},"
		"{\"metric\":\"latency/wakeups\",\"min\":100}],"
		"\"disks\":\"never\",\"timeout_s\":900}");
}

json_t *draft_modules(void)
{
	return json_of("[{\"name\":\"xsc\",\"sha256\":\"" SHA_B
		       "\",\"loaded\":true,\"errno\":0,\"message\":\"\"}]");
}

json_t *draft_checks(void)
{
	return json_of(
		"[{\"name\":\"ring\",\"verdict\":\"pass\",\"message\":\"\",\"exit_status\":0,"
		"\"exit_result\":\"success\",\"started\":\"" T0 "\",\"duration_ms\":1500,"
		"\"output_sha256\":\"" SHA_C "\",\"tests\":["
		"{\"number\":1,\"ok\":true,\"description\":\"nop\",\"directive\":\"\",\"reason\":"
		"\"\"},"
		"{\"number\":2,\"ok\":true,\"description\":\"traps\",\"directive\":\"\",\"reason\":"
		"\"\"}],"
		"\"metrics\":[{\"name\":\"traps_per_op\",\"value\":0,\"unit\":\"traps\","
		"\"better\":\"lower\",\"samples\":[0,0,0]}]},"
		"{\"name\":\"latency\",\"verdict\":\"pass\",\"message\":\"\",\"exit_status\":0,"
		"\"exit_result\":\"success\",\"started\":\"" T0 "\",\"duration_ms\":2500,"
		"\"output_sha256\":\"" SHA_C "\",\"tests\":["
		"{\"number\":1,\"ok\":true,\"description\":\"\",\"directive\":\"\",\"reason\":\"\"}"
		"],"
		"\"metrics\":[{\"name\":\"wakeups\",\"value\":1000,\"unit\":\"\",\"better\":"
		"\"higher\","
		"\"samples\":[]},{\"name\":\"max\",\"value\":41.5,\"unit\":\"us\",\"better\":"
		"\"lower\","
		"\"samples\":[11.25,41.5]}]}]");
}

json_t *draft_kernel(void)
{
	return json_of("{\"release\":\"6.1.0-56-amd64\",\"command_line\":\"rigproof=1\","
		       "\"log_sha256\":\"" SHA_C "\",\"reports\":[],\"tainted\":0}");
}

json_t *draft_boot(struct keys_lab *lab)
{
	char keyid[RP_SHA256_HEX];

	rp_pki_keyid(lab->boot_key, keyid);
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o}",
		"version", 1, "boot", BOOT, "rig", RIG, "job", JOB, "assurance", "secure-boot",
		"mac", "52:54:00:12:34:56", "uuid", "", "address", "10.77.0.50", "image",
		json_of("{\"name\":\"node\",\"sha256\":\"" SHA_A "\"}"), "loader",
		json_of("{\"name\":\"ipxe.efi\",\"sha256\":\"" SHA_C "\"}"), "secure_boot",
		json_of("{\"enabled\":true,\"setup_mode\":false,\"keys_enrolled_by_us\":true}"),
		"boot_key", keyid, "started", T0, "certified", T1, "stages",
		json_of("[{\"stage\":\"power\",\"start\":\"" T0 "\",\"end\":\"" T1
			"\"},{\"stage\":\"agent\",\"start\":\"" T1 "\",\"end\":\"\"}]"),
		"seen",
		json_of("{\"power\":\"driver\",\"offer\":\"" T0 "\",\"script\":\"" T0
			"\",\"image\":\"" T1 "\",\"missing\":[]}"));
}

json_t *draft_statement(const struct draft *draft, const json_t *job)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *modules = draft_modules();
	rp_cleanup(json) json_t *checks = draft_checks();
	rp_cleanup(json) json_t *kernel = draft_kernel();
	rp_cleanup(json) json_t *answered = json_deep_copy(job);
	rp_cleanup(free) char *payload = NULL;
	json_t *statement = NULL;

	if (draft->answered)
		draft->answered(answered);
	if (draft->facts)
		draft->facts(modules, checks, kernel);
	payload = rp_json_canonical(answered);
	assert_ok(rp_statement_make(
		&(struct rp_statement_parts){
			.job_payload = payload,
			.job_payload_len = strlen(payload),
			.job = answered,
			.modules = modules,
			.checks = checks,
			.kernel = kernel,
			.started = T0,
			.finished = T1,
		},
		&statement, &err));
	if (draft->statement)
		draft->statement(statement);
	return statement;
}

static void draft_log(const struct draft *draft, struct keys_lab *lab, const json_t *result,
	struct rp_merkle_proof *ret_proof, char **ret_note)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *leaf = rp_json_canonical(result);
	size_t size = draft->checkpoint_size ? draft->checkpoint_size : LOG_SIZE;
	rp_merkle_hash hashes[LOG_SIZE], root;

	for (size_t i = 0; i < LOG_SIZE; i++)
		assert_int_equal(rp_merkle_leaf_hash(&i, sizeof(i), hashes[i]), 0);
	assert_int_equal(rp_merkle_leaf_hash(leaf, strlen(leaf), hashes[LOG_AT]), 0);
	assert_int_equal(rp_merkle_inclusion_proof(hashes, LOG_SIZE, LOG_AT, ret_proof), 0);
	assert_int_equal(rp_merkle_root(hashes, size, root), 0);
	assert_ok(rp_checkpoint_sign(
		draft->log_signer ? draft->log_signer : lab->log_key, size, root, ret_note, &err));
}

char *draft_make(const struct draft *draft, struct keys_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *job = draft_job();
	rp_cleanup(json) json_t *boot = draft_boot(lab);
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(json) json_t *job_envelope = NULL;
	rp_cleanup(json) json_t *boot_envelope = NULL;
	rp_cleanup(json) json_t *result = NULL;
	rp_cleanup(json) json_t *evidence = NULL;
	rp_cleanup(free) char *note = NULL;
	struct rp_merkle_proof proof;

	if (draft->job)
		draft->job(job);
	if (draft->boot)
		draft->boot(boot);
	statement = draft_statement(draft, job);
	assert_ok(rp_dsse_sign_json(draft->job_signer ? draft->job_signer : lab->job_key,
		RP_TYPE_JOB, job, &job_envelope, &err));
	assert_ok(rp_dsse_sign_json(draft->job_signer ? draft->job_signer : lab->job_key,
		RP_TYPE_BOOT, boot, &boot_envelope, &err));
	assert_ok(rp_dsse_sign_json(draft->boot_signer ? draft->boot_signer : lab->boot_key,
		draft->result_type ? draft->result_type : RP_TYPE_INTOTO, statement, &result,
		&err));
	draft_log(draft, lab, result, &proof, &note);
	assert_ok(rp_evidence_make(
		&(struct rp_evidence_parts){
			.result = result,
			.job = job_envelope,
			.boot = boot_envelope,
			.job_cert = draft->job_cert ? draft->job_cert : lab->job,
			.log_cert = draft->log_cert ? draft->log_cert : lab->log,
			.boot_ca_cert = draft->boot_ca_cert ? draft->boot_ca_cert : lab->boot_ca,
			.boot_cert = draft->boot_cert ? draft->boot_cert : lab->boot,
			.log_index = LOG_AT,
			.checkpoint = note,
			.proof = &proof,
		},
		&evidence, &err));
	if (draft->evidence)
		draft->evidence(evidence);
	return rp_json_pretty(evidence);
}
