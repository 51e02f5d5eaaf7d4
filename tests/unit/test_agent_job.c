/* SPDX-License-Identifier: Apache-2.0 */
/* One good job, and each way in which one can be not for us, alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/job.h"
#include "keys/dsse.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/agent_lab.h"

static struct lab lab, other;

static int set_up(void **state)
{
	return lab_make(&lab) || lab_make(&other) ? -1 : 0;
}

static int tear_down(void **state)
{
	return lab_remove(&lab) | lab_remove(&other);
}

static int verify(const json_t *answer, struct rp_signed_job *ret, struct rp_error *err)
{
	return rp_job_verify(answer,
		&(struct rp_job_expected){
			.root = lab.root, .rig = LAB_RIG, .boot = LAB_BOOT, .image = "node"},
		ret, err);
}

static void expect(const json_t *answer, int code, const char *text)
{
	struct rp_signed_job job = {0};
	struct rp_error err = RP_ERROR_NONE;

	assert_non_null(answer);
	assert_int_equal(verify(answer, &job, &err), code);
	if (!strstr(err.text, text))
		fail_msg("\"%s\" does not say \"%s\"", err.text, text);
	assert_null(job.json);
}

static void test_good(void **state)
{
	rp_cleanup(json) json_t *payload = lab_job();
	rp_cleanup(json) json_t *answer = lab_answer(&lab, "job", "job", RP_TYPE_JOB, payload);
	rp_cleanup(signed_job) struct rp_signed_job job = {0};
	rp_cleanup(free) char *bytes = rp_json_canonical(payload);
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(verify(answer, &job, &err), 0);
	assert_string_equal(job.id, LAB_JOB);
	assert_string_equal(job.nonce, LAB_NONCE);
	assert_int_equal(job.payload_len, strlen(bytes));
	assert_memory_equal(job.payload, bytes, strlen(bytes));
}

static void test_keys(void **state)
{
	static const char *const wrong[] = {"log", "boot-ca", "root"};
	rp_cleanup(json) json_t *payload = lab_job();
	rp_cleanup(json) json_t *strange = lab_answer(&other, "job", "job", RP_TYPE_JOB, payload);
	rp_cleanup(json) json_t *boot = lab_answer(&lab, "job", "job", RP_TYPE_BOOT, payload);

	expect(strange, -EACCES, "root");
	expect(boot, -EACCES, "");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct rp_signed_job job = {0};
		struct rp_error err = RP_ERROR_NONE;
		rp_cleanup(json) json_t *answer =
			lab_answer(&lab, "job", wrong[i], RP_TYPE_JOB, payload);

		/* RSA keys sign no envelope at all */
		if (answer)
			assert_int_equal(verify(answer, &job, &err), -EACCES);
	}
}

/* Our certificate beside a stranger's signature. */
static void test_mixed(void **state)
{
	rp_cleanup(json) json_t *payload = lab_job();
	rp_cleanup(json) json_t *good = lab_answer(&lab, "job", "job", RP_TYPE_JOB, payload);
	rp_cleanup(json) json_t *strange = lab_answer(&other, "job", "job", RP_TYPE_JOB, payload);

	json_object_set(strange, "certificates", json_object_get(good, "certificates"));
	expect(strange, -EACCES, "");
	json_object_set(json_object_get(good, "job"), "payload",
		json_object_get(json_object_get(strange, "job"), "payloadType"));
	expect(good, -EINVAL, "");
}

static const struct {
	const char *key, *value, *text;
} others[] = {
	{"rig", "rig-2", "rig rig-2"},
	{"boot", "01JD0000000000000000000B01", "boot 01JD"},
	{"image", NULL, "image other"},
};

static void test_not_for_us(void **state)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		rp_cleanup(json) json_t *payload = lab_job();
		rp_cleanup(json) json_t *answer = NULL;

		json_object_set_new(payload, others[i].key,
			others[i].value
				? json_string(others[i].value)
				: json_pack("{s:s, s:s}", "name", "other", "sha256", LAB_DIGEST));
		answer = lab_answer(&lab, "job", "job", RP_TYPE_JOB, payload);
		expect(answer, -EACCES, others[i].text);
	}
}

static void test_malformed(void **state)
{
	rp_cleanup(json) json_t *payload = lab_job();
	rp_cleanup(json) json_t *nothing = json_object();
	rp_cleanup(json) json_t *answer = NULL;

	expect(nothing, -EINVAL, "job offer.job: missing");
	json_object_set_new(payload, "surprise", json_true());
	answer = lab_answer(&lab, "job", "job", RP_TYPE_JOB, payload);
	expect(answer, -EINVAL, "surprise");
}

static void test_nonce(void **state)
{
	rp_cleanup(free) char *dir = lab_path(&lab, "nonces");
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_job_claim_nonce(dir, LAB_NONCE, &err), 0);
	assert_int_equal(rp_job_claim_nonce(dir, LAB_NONCE, &err), -EEXIST);
	assert_int_equal(rp_job_claim_nonce(dir, LAB_DIGEST, &err), 0);
	assert_int_equal(rp_job_claim_nonce(dir, "../../etc/passwd", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_not_for_us),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_nonce),
	};

	return cmocka_run_group_tests_name("agent/job", all, set_up, tear_down);
}
