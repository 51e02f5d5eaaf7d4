/* SPDX-License-Identifier: Apache-2.0 */
/* Results: accepted once and for ever; forged, altered, replayed, foreign ones are refused. */
#include "lib/openssl_cleanup.h"
#include "tests/unit/server_lab.h"

/* A rig in the middle of its job. */
struct session {
	struct rig_lab lab;
	struct agent agent;
	char job[27];
	json_t *result;
};

static int setup(void **state)
{
	static struct session session;
	struct rig_lab *lab = &session.lab;

	lab_begin(lab);
	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", session.job);
	session.agent = (struct agent){0};
	assert_true(script_boots(lab, &session.agent));
	assert_int_equal(hello(lab, &session.agent), 200);
	session.result = make_result(lab, &session.agent, "pass");
	*state = &session;
	return 0;
}

static int teardown(void **state)
{
	struct session *session = *state;

	json_decref(session->result);
	agent_done(&session->agent);
	lab_end(&session->lab);
	return 0;
}

static int put(struct session *session, json_t *envelope)
{
	return put_result(&session->lab, &session->agent, session->job, envelope, NULL);
}

static json_t *payload_of(json_t *envelope)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) uint8_t *payload = NULL;
	json_t *statement;
	size_t len;

	lab_ok(rp_dsse_peek(envelope, &payload, &len, &err));
	lab_ok(rp_json_parse((const char *)payload, len, &statement, &err));
	return statement;
}

static json_t *sign(EVP_PKEY *key, const char *type, const json_t *statement)
{
	struct rp_error err = RP_ERROR_NONE;
	json_t *envelope;

	lab_ok(rp_dsse_sign_json(key, type, statement, &envelope, &err));
	return envelope;
}

static void replayed(void **state)
{
	struct session *session = *state;
	rp_cleanup(json) json_t *statement = NULL;
	json_t *first, *again, *other;

	assert_int_equal(
		put_result(&session->lab, &session->agent, session->job, session->result, &first),
		200);
	session->lab.now += 60 * RP_SECOND;
	assert_int_equal(
		put_result(&session->lab, &session->agent, session->job, session->result, &again),
		200);
	assert_true(json_equal(first, again));
	assert_int_equal(rp_log_size(session->lab.server.log), 1);
	assert_int_equal(refusals(&session->lab), 0);
	/* ECDSA signs anew each time: the same statement in other bytes is another result */
	statement = payload_of(session->result);
	other = sign(session->agent.key, RP_TYPE_INTOTO, statement);
	assert_int_equal(put(session, other), 409);
	assert_int_equal(refusals(&session->lab), 1);
	assert_int_equal(rp_log_size(session->lab.server.log), 1);
	json_decref(first);
	json_decref(again);
	json_decref(other);
}

static void forged(void **state)
{
	struct session *session = *state;
	rp_cleanup(json) json_t *statement = payload_of(session->result);
	rp_cleanup(pkey) EVP_PKEY *stranger = NULL;
	struct rp_error err = RP_ERROR_NONE;
	EVP_PKEY *signers[] = {NULL, session->lab.server.job_key, session->lab.server.log_key};

	lab_ok(rp_pki_new_boot_key(&stranger, &err));
	signers[0] = stranger;
	for (size_t i = 0; i < 3; i++) {
		json_t *envelope = sign(signers[i], RP_TYPE_INTOTO, statement);

		assert_int_equal(put(session, envelope), 403);
		json_decref(envelope);
	}
	/* the right key, under another type */
	for (size_t i = 0; i < 2; i++) {
		json_t *envelope =
			sign(session->agent.key, i ? RP_TYPE_JOB : RP_TYPE_BOOT, statement);

		assert_int_equal(put(session, envelope), 403);
		json_decref(envelope);
	}
	assert_int_equal(refusals(&session->lab), 5);
	assert_job(&session->lab, session->job, "state", "running");
	assert_int_equal(put(session, session->result), 200);
}

/* Each field that binds the result to its job, changed and signed again by the agent itself. */
static void bound_to_its_job(void **state)
{
	static const char *const keys[] = {"rigproof_job", "rigproof_rig", "rigproof_boot",
		"rigproof_nonce", "rigproof_verdict", "result"};
	static const char *const values[] = {"01JD0000000000000000000009", "beta",
		"01JD0000000000000000000009",
		"0000000000000000000000000000000000000000000000000000000000000000", "fail",
		"FAILED"};
	struct session *session = *state;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		rp_cleanup(json) json_t *statement = payload_of(session->result);
		rp_cleanup(json) json_t *envelope = NULL;
		json_t *predicate = json_object_get(statement, "predicate");

		json_object_set_new(predicate, keys[i], json_string(values[i]));
		envelope = sign(session->agent.key, RP_TYPE_INTOTO, statement);
		if (put(session, envelope) != 403)
			fail_msg("%s was not refused", keys[i]);
	}
	assert_int_equal(refusals(&session->lab), 6);
	assert_int_equal(rp_log_size(session->lab.server.log), 0);
}

static void not_an_envelope(void **state)
{
	struct session *session = *state;
	json_t *bent = json_deep_copy(session->result);
	json_t *empty = json_object();
	json_t *array = json_array();

	assert_int_equal(put(session, empty), 403);
	assert_int_equal(put(session, array), 403);
	json_object_set_new(bent, "extra", json_true());
	assert_int_equal(put(session, bent), 403);
	assert_int_equal(put(session, NULL), 403);
	assert_int_equal(refusals(&session->lab), 4);
	json_decref(empty);
	json_decref(array);
	json_decref(bent);
}

/* The certificate of another boot, whose job this is not. */
static void wrong_boot(void **state)
{
	struct session *session = *state;
	struct rig_lab *lab = &session->lab;
	struct agent thief = session->agent;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *csr = NULL;
	rp_cleanup(pkey) EVP_PKEY *ca = NULL;
	char boot[RP_ID_TEXT];

	rp_id_new(boot);
	lab_ok(rp_pki_load_key(lab->keys, "boot-ca", &ca, &err));
	lab_ok(rp_pki_make_csr(thief.key, &csr, &err));
	lab_ok(rp_pki_issue_boot(
		ca, lab->server.boot_ca_cert, csr, "alpha", boot, &thief.cert, &err));
	assert_int_equal(put_result(lab, &thief, session->job, session->result, NULL), 403);
	assert_int_equal(refusals(lab), 1);
	X509_free(thief.cert);
}

/* A full disk: nothing is kept, the agent is told to come again, and then it is accepted. */
static void disk_full(void **state)
{
	struct session *session = *state;
	struct rig_lab *lab = &session->lab;
	struct answer answer;
	char url[96];
	int tries = 0, r;

	snprintf(url, sizeof(url), "/rig/v1/result/%s", session->job);
	/* larger than what is free in pages that are there already */
	memset(lab->command_line, 'x', sizeof(lab->command_line) - 1);
	json_decref(session->result);
	session->result = make_result(lab, &session->agent, "pass");
	assert_int_equal(rp_store_limit(lab->server.store, 4096), 0); /* no more than there is */
	/* what is left of the last pages */
	do {
		r = rp_store_run(lab->server.store, RP_SQL_REFUSED_ADD, RP_INT(1), RP_TEXT(""),
			RP_TEXT(""), RP_TEXT(""), RP_TEXT("fill"), RP_TEXT(url), RP_TEXT(""));
	} while (r >= 0 && tries++ < 10000);
	assert_int_equal(r, -ENOSPC);
	answer = ask_from(lab, PEER, "PUT", url, session->result, session->agent.cert);
	assert_int_equal(answer.status, 507);
	assert_true(answer.retry_after_s > 0);
	answer_done(&answer);
	assert_int_equal(rp_log_size(lab->server.log), 0);
	assert_job(lab, session->job, "state", "running");
	assert_int_equal(rp_store_limit(lab->server.store, INT64_C(1) << 30), 0);
	assert_int_equal(put(session, session->result), 200);
	assert_int_equal(rp_log_size(lab->server.log), 1);
	/* and the log is whole for the next start */
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(rp_log_size(lab->server.log), 1);
}

/* Evidence: any change of it fails, and it verifies with the log grown. */
/* A store in disorder is our fault: the agent keeps its result and comes again. */
static void conflict_is_no_refusal(void **state)
{
	struct session *session = *state;

	assert_true(rp_store_run(session->lab.server.store, RP_SQL_LEAF_ADD, RP_INT(0),
			    RP_BLOB("0123456789abcdef0123456789abcdef", 32), RP_TEXT(""),
			    RP_INT(0)) >= 0);
	assert_int_equal(put(session, session->result), 503);
	assert_int_equal(refusals(&session->lab), 0);
	assert_job(&session->lab, session->job, "state", "running");
}

static void evidence(void **state)
{
	struct session *session = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *parts = NULL;
	rp_cleanup(free) char *text = NULL;
	struct rp_verified verified;
	char path[96];

	snprintf(path, sizeof(path), "/api/v1/jobs/%s/evidence", session->job);
	assert_int_equal(status_of(&session->lab, "GET", path, NULL, NULL), 404);
	assert_int_equal(put(session, session->result), 200);
	lab_ok(rp_results_evidence(&session->lab.server, session->job, &parts, &err));
	text = rp_json_pretty(parts);
	lab_ok(rp_evidence_verify(
		text, strlen(text), session->lab.server.root_cert, &verified, &err));
	assert_string_equal(verified.assurance, "boot-token");
	rp_verified_done(&verified);
	for (size_t at = 0; at < strlen(text); at += 97) {
		text[at] ^= 1;
		assert_true(rp_evidence_verify(text, strlen(text), session->lab.server.root_cert,
				    &verified, &err) < 0);
		text[at] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replayed, setup, teardown),
		cmocka_unit_test_setup_teardown(forged, setup, teardown),
		cmocka_unit_test_setup_teardown(bound_to_its_job, setup, teardown),
		cmocka_unit_test_setup_teardown(not_an_envelope, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(conflict_is_no_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(evidence, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
