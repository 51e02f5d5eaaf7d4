/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: what verifies, that a change of any byte does not, and each way to lie that we know of.
 */
#include "lib/openssl_cleanup.h"
#include "tests/unit/keys_lab.h"

#include "keys/certificate.h"

static struct keys_lab lab, other;

static int verify(const char *text, X509 *root, struct rp_error *err)
{
	struct rp_verified verified = {0};
	int r = rp_evidence_verify(text, strlen(text), root, &verified, err);

	rp_verified_done(&verified);
	return r;
}

/* The draft's evidence must be refused with this code and these words. */
static void refused(const struct draft *draft, int code, const char *words)
{
	rp_cleanup(free) char *text = draft_make(draft, &lab);
	struct rp_error err = RP_ERROR_NONE;
	int r = verify(text, lab.root, &err);

	if (r != code || !strstr(err.text, words))
		fail_msg("expected %d \"%s\", got %d \"%s\"", code, words, r, err.text);
}

static void holds(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){0}, &lab);
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(free) char *words = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t len;
	FILE *out = open_memstream(&words, &len);

	assert_ok(rp_evidence_verify(text, strlen(text), lab.root, &verified, &err));
	assert_string_equal(verified.verdict, "pass");
	assert_string_equal(verified.assurance, "secure-boot");
	assert_string_equal(verified.job_id, JOB);
	assert_string_equal(verified.rig, RIG);
	assert_string_equal(verified.image_sha256, SHA_A);
	assert_int_equal(verified.log_index, LOG_AT);
	assert_int_equal(verified.log_size, LOG_SIZE);
	assert_int_equal(rp_evidence_explain(&verified, out), 0);
	fclose(out);
	for (const char *const *word = (const char *const[]){"secure-boot", SHA_A, SHA_B, JOB, RIG,
		     BOOT, "traps_per_op = 0 traps", "max = 41.5 us", "entry 4 of 7",
		     "No TPM quote", NULL};
		*word; word++)
		if (!strstr(words, *word))
			fail_msg("\"%s\" is not in:\n%s", *word, words);
}

static void explains_as_json(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){0}, &lab);
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(json) json_t *json = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_evidence_verify(text, strlen(text), lab.root, &verified, &err));
	json = rp_evidence_explain_json(&verified);
	assert_non_null(json);
	assert_string_equal(rp_json_string_or(json, "assurance", ""), "secure-boot");
	assert_int_equal(json_array_size(json_object_get(json, "checks")), 2);
	assert_true(json_array_size(json_object_get(json, "proven")) >= 5);
	assert_true(json_array_size(json_object_get(json, "not_proven")) >= 5);
}

/* A rig's words must not make lines of their own in what we say. */
static void forged_line(json_t *modules, json_t *checks, json_t *kernel)
{
	json_object_set_new(
		json_array_get(checks, 0), "message", json_string("x\nverdict    pass\x1b[2J"));
	json_object_set_new(json_array_get(checks, 0), "verdict", json_string("fail"));
}

static void explains_in_its_own_words(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){.facts = forged_line}, &lab);
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(free) char *words = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t len;
	FILE *out = open_memstream(&words, &len);

	assert_ok(rp_evidence_verify(text, strlen(text), lab.root, &verified, &err));
	assert_string_equal(verified.verdict, "fail");
	assert_int_equal(rp_evidence_explain(&verified, out), 0);
	fclose(out);
	assert_null(strstr(words, "\nverdict    pass"));
	assert_null(strchr(words, 0x1b));
}

/* Each byte is replaced by its successor, and changed in one of three other ways in turn. */
static void every_byte_counts(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){0}, &lab);
	size_t len = strlen(text);
	rp_cleanup(free) char *bad = malloc(len + 1);
	struct rp_verified verified = {0};
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(verify(text, lab.root, &err));
	for (size_t at = 0; at < len; at++) {
		size_t bad_len = len;

		memcpy(bad, text, len + 1);
		bad[at] = (char)(text[at] + 1);
		if (rp_evidence_verify(bad, len, lab.root, &verified, NULL) >= 0)
			fail_msg("byte %zu: that it grew by one is not noticed", at);
		if (at % 3 == 0)
			bad[at] = (char)(text[at] ^ 0x20);
		else if (at % 3 == 1)
			bad[at] = (char)(text[at] ^ 0x80);
		else
			memmove(bad + at, text + at + 1, bad_len-- - at);
		if (rp_evidence_verify(bad, bad_len, lab.root, &verified, NULL) >= 0)
			fail_msg("byte %zu: change %zu is not noticed", at, at % 3);
	}
}

static void cut_short(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){0}, &lab);
	struct rp_verified verified = {0};

	for (size_t len = 0; len < strlen(text); len += 61)
		assert_true(rp_evidence_verify(text, len, lab.root, &verified, NULL) < 0);
}

static void other_root(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){0}, &lab);

	assert_int_equal(verify(text, other.root, NULL), -EACCES);
}

/* All of another lab's, but for one certificate. */
static void other_labs_keys(void **state)
{
	refused(&(struct draft){.job_signer = other.job_key, .job_cert = other.job}, -EACCES,
		"root");
	refused(&(struct draft){.log_signer = other.log_key, .log_cert = other.log}, -EACCES,
		"root");
	refused(&(struct draft){.boot_signer = other.boot_key, .boot_cert = other.boot}, -EACCES,
		"root");
	refused(&(struct draft){.boot_signer = other.boot_key,
			.boot_cert = other.boot,
			.boot_ca_cert = other.boot_ca},
		-EACCES, "root");
	refused(&(struct draft){.job_signer = other.job_key}, -EACCES, "signed by the key");
	refused(&(struct draft){.log_signer = other.log_key}, -EACCES,
		"the checkpoint is of the log");
	refused(&(struct draft){.boot_signer = other.boot_key}, -EACCES, "signed by the key");
}

/* A certificate that keys/pki.h would never make. */
static X509 *certify(EVP_PKEY *key, const char *role, const char *issuer)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(pkey) EVP_PKEY *issuer_key = NULL;
	rp_cleanup(x509) X509 *issuer_cert = NULL;
	X509 *cert = NULL;

	assert_ok(rp_pki_load_key(lab.dir, issuer, &issuer_key, &err));
	assert_ok(rp_pki_load_cert(lab.dir, issuer, &issuer_cert, &err));
	assert_ok(rp_certificate_make(
		&(struct rp_certificate){
			.common_name = "test",
			.key = key,
			.issuer = issuer_cert,
			.issuer_key = issuer_key,
			.basic_constraints = "critical,CA:FALSE",
			.key_usage = "critical,digitalSignature",
			.extended_key_usage = strstr(role, RP_URI_BOOT) ? "clientAuth" : NULL,
			.alternative_names = role,
		},
		&cert, &err));
	return cert;
}

static void swapped_roles(void **state)
{
	rp_cleanup(x509) X509 *log_as_job = certify(lab.log_key, "URI:" RP_URI_ROLE "job", "root");
	rp_cleanup(x509) X509 *job_below_boot_ca =
		certify(lab.job_key, "URI:" RP_URI_ROLE "job", "boot-ca");
	rp_cleanup(x509) X509 *boot_below_root =
		certify(lab.boot_key, "URI:" RP_URI_BOOT BOOT, "root");

	refused(&(struct draft){.log_cert = log_as_job}, -EACCES, "another role");
	refused(&(struct draft){.job_cert = job_below_boot_ca}, -EACCES, "root");
	refused(&(struct draft){.boot_cert = boot_below_root}, -EACCES, "place below the root");
	refused(&(struct draft){.job_cert = lab.log, .job_signer = lab.log_key}, -EACCES,
		"another role");
	refused(&(struct draft){.boot_cert = lab.job, .boot_signer = lab.job_key}, -EACCES,
		"another role");
	refused(&(struct draft){.job_cert = lab.boot, .job_signer = lab.boot_key}, -EACCES,
		"another role");
	refused(&(struct draft){.boot_ca_cert = lab.job}, -EACCES, "another role");
	refused(&(struct draft){.boot_cert = lab.boot_ca, .boot_signer = lab.boot_ca_key}, -EACCES,
		"another role");
}

static X509 *boot_cert_for(EVP_PKEY *key, const char *rig, const char *boot)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *csr = NULL;
	X509 *cert = NULL;

	assert_ok(rp_pki_make_csr(key, &csr, &err));
	assert_ok(rp_pki_issue_boot(lab.boot_ca_key, lab.boot_ca, csr, rig, boot, &cert, &err));
	return cert;
}

static void other_boots(void **state)
{
	rp_cleanup(x509) X509 *rig = boot_cert_for(lab.boot_key, "rig-2", BOOT);
	rp_cleanup(x509) X509 *boot = boot_cert_for(lab.boot_key, RIG, BOOT2);
	rp_cleanup(x509) X509 *key = boot_cert_for(other.boot_key, RIG, BOOT);

	refused(&(struct draft){.boot_cert = rig}, -EACCES, "boot certificate's rig is rig-2");
	refused(&(struct draft){.boot_cert = boot}, -EACCES, "boot certificate's boot");
	refused(&(struct draft){.boot_cert = key, .boot_signer = other.boot_key}, -EACCES,
		"another key than the boot certificate");
}

static void set(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

static void boot_rig(json_t *boot)
{
	set(boot, "rig", "rig-2");
}

static void boot_boot(json_t *boot)
{
	set(boot, "boot", BOOT2);
}

static void boot_job(json_t *boot)
{
	set(boot, "job", JOB2);
}

static void boot_image(json_t *boot)
{
	set(json_object_get(boot, "image"), "sha256", SHA_C);
}

static void boot_attested(json_t *boot)
{
	set(boot, "assurance", "attested");
}

static void boot_setup_mode(json_t *boot)
{
	json_object_set_new(json_object_get(boot, "secure_boot"), "setup_mode", json_true());
}

static void boot_announced(json_t *boot)
{
	json_t *seen = json_object_get(boot, "seen");

	set(seen, "power", "announced");
	json_object_set_new(
		seen, "announced", json_of("{\"by\":\"operator.token\",\"at\":\"" T0 "\"}"));
}

/* The same, by nobody. */
static void boot_announced_by_nobody(json_t *boot)
{
	set(json_object_get(boot, "seen"), "power", "announced");
}

static void boot_driver_and_announced(json_t *boot)
{
	boot_announced(boot);
	set(json_object_get(boot, "seen"), "power", "driver");
}

static void boot_not_powered(json_t *boot)
{
	set(json_object_get(boot, "seen"), "power", "none");
	json_object_set_new(json_object_get(boot, "seen"), "missing", json_of("[\"power\"]"));
}

static void boot_unseen(json_t *boot)
{
	json_object_del(boot, "seen");
}

static void boot_extra(json_t *boot)
{
	set(boot, "comment", "x");
}

static void boot_records(void **state)
{
	refused(&(struct draft){.boot = boot_rig}, -EACCES, "boot record's rig");
	refused(&(struct draft){.boot = boot_boot}, -EACCES, "boot record's boot");
	refused(&(struct draft){.boot = boot_job}, -EACCES, "boot record's job");
	refused(&(struct draft){.boot = boot_image}, -EACCES, "another image");
	refused(&(struct draft){.boot = boot_attested}, -ENOTSUP, "cannot verify");
	refused(&(struct draft){.boot = boot_setup_mode}, -EINVAL, "contradicts");
	refused(&(struct draft){.boot = boot_extra}, -EINVAL, "comment");
	refused(&(struct draft){.boot = boot_announced_by_nobody}, -EINVAL, "announced");
	refused(&(struct draft){.boot = boot_driver_and_announced}, -EINVAL, "announced");
	refused(&(struct draft){.boot = boot_not_powered}, -EINVAL, "more than boot.seen supports");
	refused(&(struct draft){.boot = boot_unseen}, -EINVAL, "seen: missing");
}

/* Who announced it, and that the server did not see the power. */
static void announced_in_words(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){.boot = boot_announced}, &lab);
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(free) char *words = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t len;
	FILE *out = open_memstream(&words, &len);

	assert_ok(rp_evidence_verify(text, strlen(text), lab.root, &verified, &err));
	assert_string_equal(verified.assurance, "secure-boot");
	assert_int_equal(rp_evidence_explain(&verified, out), 0);
	fclose(out);
	assert_non_null(strstr(words, "a person with the token operator.token announced at " T0));
	assert_non_null(strstr(words, "the server did not see"));
	assert_null(strstr(words, "by its power driver"));
}

static void lie_nonce(json_t *statement)
{
	set(json_object_get(statement, "predicate"), "rigproof_nonce", SHA_C);
}

static void lie_verdict(json_t *statement)
{
	set(json_object_get(statement, "predicate"), "rigproof_verdict", "pass");
}

static void lie_result(json_t *statement)
{
	set(json_object_get(statement, "predicate"), "result", "PASSED");
}

static void lie_module(json_t *statement)
{
	json_t *modules =
		json_object_get(json_object_get(statement, "predicate"), "rigproof_modules");

	set(json_array_get(modules, 0), "sha256", SHA_C);
}

static void lie_subject(json_t *statement)
{
	json_t *subject = json_array_get(json_object_get(statement, "subject"), 1);

	set(json_object_get(subject, "digest"), "sha256", SHA_C);
}

static void lie_fewer_checks(json_t *statement)
{
	json_array_remove(
		json_object_get(json_object_get(statement, "predicate"), "rigproof_checks"), 1);
}

static void lie_check_verdict(json_t *statement)
{
	json_t *checks =
		json_object_get(json_object_get(statement, "predicate"), "rigproof_checks");

	set(json_array_get(checks, 0), "verdict", "pass");
	lie_verdict(statement);
}

static void lie_limit(json_t *statement)
{
	json_t *checks =
		json_object_get(json_object_get(statement, "predicate"), "rigproof_checks");
	json_t *limit = json_array_get(json_object_get(json_array_get(checks, 0), "limits"), 0);

	json_object_set_new(limit, "met", json_true());
}

static void lie_type(json_t *statement)
{
	set(statement, "predicateType", "https://example.com/other");
}

static void lie_extra(json_t *statement)
{
	set(statement, "comment", "x");
}

static void fact_failed(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *tests = json_object_get(json_array_get(checks, 0), "tests");

	json_object_set_new(json_array_get(tests, 1), "ok", json_false());
}

static void fact_traps(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *metrics = json_object_get(json_array_get(checks, 0), "metrics");

	json_object_set_new(json_array_get(metrics, 0), "value", json_real(0.5));
	json_array_clear(json_object_get(json_array_get(metrics, 0), "samples"));
}

static void other_nonce(json_t *job)
{
	set(job, "nonce", SHA_B);
}

static void other_job(json_t *job)
{
	set(job, "job", JOB2);
}

static void lies(void **state)
{
	refused(&(struct draft){.statement = lie_nonce}, -EACCES, "rigproof_nonce");
	refused(&(struct draft){.statement = lie_module}, -EINVAL, "not the job's");
	refused(&(struct draft){.statement = lie_subject}, -EACCES, "subject");
	refused(&(struct draft){.statement = lie_fewer_checks}, -EACCES, "");
	refused(&(struct draft){.statement = lie_type}, -EACCES, "predicateType");
	refused(&(struct draft){.statement = lie_extra}, -EACCES, "comment");
	refused(&(struct draft){.facts = fact_failed, .statement = lie_verdict}, -EACCES,
		"rigproof_verdict");
	refused(&(struct draft){.facts = fact_failed, .statement = lie_result}, -EACCES, "result");
	refused(&(struct draft){.facts = fact_failed, .statement = lie_check_verdict}, -EACCES,
		"follow");
	refused(&(struct draft){.facts = fact_traps, .statement = lie_verdict}, -EACCES,
		"rigproof_verdict");
	refused(&(struct draft){.facts = fact_traps, .statement = lie_limit}, -EACCES,
		"rigproof_checks");
	/* a result of another time or another job, for this one */
	refused(&(struct draft){.answered = other_nonce}, -EACCES, "follow");
	refused(&(struct draft){.answered = other_job}, -EACCES, "follow");
	refused(&(struct draft){.result_type = RP_TYPE_JOB}, -EACCES, "payloadType");
}

static void moved_entry(json_t *evidence)
{
	json_object_set_new(json_object_get(evidence, "log"), "index", json_integer(LOG_AT - 1));
}

static void longer_proof(json_t *evidence)
{
	json_array_append_new(
		json_object_get(json_object_get(evidence, "log"), "proof"), json_string(SHA_A));
}

static void no_result(json_t *evidence)
{
	json_object_set_new(evidence, "result", json_null());
}

static void second_signature(json_t *evidence)
{
	json_t *signatures = json_object_get(json_object_get(evidence, "job"), "signatures");

	json_array_append(signatures, json_array_get(signatures, 0));
}

static void extra_key(json_t *evidence)
{
	set(evidence, "comment", "x");
}

static void two_certificates(json_t *evidence)
{
	json_t *certificates = json_object_get(evidence, "certificates");
	const char *pem = json_string_value(json_object_get(certificates, "job"));

	json_object_set_new(certificates, "job", json_sprintf("%s%s", pem, pem));
}

static void log_and_form(void **state)
{
	/* a checkpoint from before the result was there */
	refused(&(struct draft){.checkpoint_size = LOG_AT}, -EACCES, "not entry 4");
	refused(&(struct draft){.checkpoint_size = LOG_SIZE - 1}, -EACCES, "not entry 4");
	refused(&(struct draft){.evidence = moved_entry}, -EACCES, "not entry 3");
	refused(&(struct draft){.evidence = longer_proof}, -EACCES, "not entry 4");
	refused(&(struct draft){.evidence = no_result}, -EACCES, "not entry 4");
	refused(&(struct draft){.evidence = second_signature}, -EINVAL, "DSSE");
	refused(&(struct draft){.evidence = extra_key}, -EINVAL, "comment");
	refused(&(struct draft){.evidence = two_certificates}, -EINVAL, "certificates.job");
}

/* The same content in another text is not the evidence. */
static void other_texts(void **state)
{
	rp_cleanup(free) char *text = draft_make(&(struct draft){0}, &lab);
	rp_cleanup(json) json_t *json = json_of(text);
	rp_cleanup(free) char *canonical = rp_json_canonical(json);
	rp_cleanup(free) char *spaced = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(verify(canonical, lab.root, &err), -EINVAL);
	assert_non_null(strstr(err.text, "one form"));
	assert_true(asprintf(&spaced, "%s\n", text) > 0);
	assert_int_equal(verify(spaced, lab.root, &err), -EINVAL);
}

static int set_up(void **state)
{
	keys_lab_init(&lab);
	keys_lab_init(&other);
	return 0;
}

static int tear_down(void **state)
{
	keys_lab_done(&lab);
	keys_lab_done(&other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds),
		cmocka_unit_test(explains_as_json),
		cmocka_unit_test(explains_in_its_own_words),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(other_root),
		cmocka_unit_test(other_labs_keys),
		cmocka_unit_test(swapped_roles),
		cmocka_unit_test(other_boots),
		cmocka_unit_test(boot_records),
		cmocka_unit_test(announced_in_words),
		cmocka_unit_test(lies),
		cmocka_unit_test(log_and_form),
		cmocka_unit_test(other_texts),
		cmocka_unit_test(every_byte_counts),
	};

	return cmocka_run_group_tests_name("keys evidence", tests, set_up, tear_down);
}
