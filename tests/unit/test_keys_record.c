/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of jobs, boot records and acknowledgements: each key missing, of another
 * type, or added.
 */
#include "tests/unit/keys_lab.h"

#include "keys/assurance.h"
#include "keys/record.h"

static struct keys_lab lab;

static json_t *draft_ack(void)
{
	return json_of("{\"version\":1,\"result\":\"" JOB "\",\"sha256\":\"" SHA_A
		       "\",\"index\":0,\"accepted\":\"" T0 "\"}");
}

static void each_key(const json_t *good, int (*check)(const json_t *, struct rp_error *))
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *more = json_copy((json_t *)good);
	const char *key;
	json_t *value;

	assert_ok(check(good, &err));
	json_object_foreach ((json_t *)good, key, value) {
		rp_cleanup(json) json_t *less = json_copy((json_t *)good);
		rp_cleanup(json) json_t *other = json_copy((json_t *)good);

		json_object_del(less, key);
		if (check(less, &err) != -EINVAL || !strstr(err.text, key))
			fail_msg("%s missing: %s", key, err.text);
		json_object_set_new(other, key, json_null());
		if (check(other, &err) != -EINVAL || !strstr(err.text, key))
			fail_msg("%s null: %s", key, err.text);
	}
	json_object_set_new(more, "more", json_true());
	assert_int_equal(check(more, &err), -EINVAL);
	assert_int_equal(check(NULL, &err), -EINVAL);
	value = json_array();
	assert_int_equal(check(value, &err), -EINVAL);
	json_decref(value);
}

static void keys(void **state)
{
	rp_cleanup(json) json_t *job = draft_job();
	rp_cleanup(json) json_t *boot = draft_boot(&lab);
	rp_cleanup(json) json_t *ack = draft_ack();

	each_key(job, rp_record_check_job);
	each_key(boot, rp_record_check_boot);
	each_key(ack, rp_record_check_ack);
}

/* One value at a time; what is accepted too, so that a rule is not merely strict. */
static void values(void **state)
{
	static const struct {
		int (*check)(const json_t *, struct rp_error *);
		const char *key, *value;
		int code;
	} cases[] = {
		{rp_record_check_job, "version", "2", -EINVAL},
		{rp_record_check_job, "job", "\"01jd0000000000000000000001\"", -EINVAL},
		{rp_record_check_job, "rig", "\"Rig\"", -EINVAL},
		{rp_record_check_job, "rig", "\"rig-2\"", 0},
		{rp_record_check_job, "nonce", "\"00\"", -EINVAL},
		{rp_record_check_job, "created", "\"2026-11-20\"", -EINVAL},
		{rp_record_check_job, "disks", "\"always\"", -EINVAL},
		{rp_record_check_job, "disks", "\"write\"", 0},
		{rp_record_check_job, "timeout_s", "0", -EINVAL},
		{rp_record_check_job, "modules", "[]", 0},
		{rp_record_check_job, "modules", "{}", -EINVAL},
		{rp_record_check_job, "limits", "[{\"metric\":\"ring/x\"}]", -EINVAL},
		{rp_record_check_job, "limits", "[{\"metric\":\"ring/\",\"max\":1}]", -EINVAL},
		{rp_record_check_job, "limits", "[{\"metric\":\"ring\",\"max\":1}]", -EINVAL},
		{rp_record_check_job, "limits", "[{\"metric\":\"rin/x\",\"max\":1}]", -EINVAL},
		{rp_record_check_job, "limits", "[{\"metric\":\"ring/x\",\"max\":\"1\"}]", -EINVAL},
		{rp_record_check_job, "limits", "[{\"metric\":\"ring/a/b\",\"min\":0.5}]", 0},
		{rp_record_check_job, "expected_reports", "[\"IOMMU\",\"hung task\"]", 0},
		{rp_record_check_job, "expected_reports", "[\"lost\"]", -EINVAL},
		{rp_record_check_job, "expected_reports", "[\"iommu\"]", -EINVAL},
		{rp_record_check_job, "expected_reports", "\"IOMMU\"", -EINVAL},
		{rp_record_check_boot, "job", "\"\"", 0},
		{rp_record_check_boot, "job", "\"x\"", -EINVAL},
		{rp_record_check_boot, "assurance", "\"boot-token\"", 0},
		{rp_record_check_boot, "assurance", "\"trusted\"", -EINVAL},
		{rp_record_check_boot, "assurance", "\"attested\"", -ENOTSUP},
		{rp_record_check_boot, "loader", "{\"name\":\"\",\"sha256\":\"\"}", 0},
		{rp_record_check_boot, "loader", "{\"name\":\"x\",\"sha256\":\"\"}", -EINVAL},
		{rp_record_check_boot, "stages", "[]", 0},
		{rp_record_check_boot, "stages",
			"[{\"stage\":\"agent\",\"start\":\"" T0 "\",\"end\":\"\"},"
			"{\"stage\":\"power\",\"start\":\"" T0 "\",\"end\":\"\"}]",
			-EINVAL},
		{rp_record_check_boot, "stages",
			"[{\"stage\":\"moon\",\"start\":\"" T0 "\",\"end\":\"\"}]", -EINVAL},
		{rp_record_check_ack, "index", "-1", -EINVAL},
		{rp_record_check_ack, "index", "1.0", -EINVAL},
		{rp_record_check_ack, "sha256", "\"\"", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(json) json_t *record =
			cases[i].check == rp_record_check_job	 ? draft_job()
			: cases[i].check == rp_record_check_boot ? draft_boot(&lab)
								 : draft_ack();
		struct rp_error err = RP_ERROR_NONE;
		int r;

		json_object_set_new(record, cases[i].key, json_of(cases[i].value));
		r = cases[i].check(record, &err);
		if (r != cases[i].code)
			fail_msg("%s = %s: %d %s", cases[i].key, cases[i].value, r, err.text);
	}
}

static void words(void **state)
{
	assert_true(rp_verdict_valid("skip"));
	assert_false(rp_verdict_valid("passed"));
}

static int set_up(void **state)
{
	return (lab.boot_key = EVP_EC_gen("P-256")) ? 0 : -1;
}

static int tear_down(void **state)
{
	EVP_PKEY_free(lab.boot_key);
	return 0;
}

/* Levels follow from what was seen; what the rig says of itself can only lower them. */
static void levels(void **state)
{
	static const struct {
		bool power, offer, image, uuid, keys, token, secure_boot;
		const char *level;
	} cases[] = {
		{1, 1, 1, 1, 1, 0, 1, "secure-boot"},
		{1, 0, 1, 1, 1, 0, 1, "secure-boot"},
		{0, 1, 1, 1, 1, 0, 1, "none"},
		{0, 1, 1, 1, 1, 1, 1, "boot-token"},
		{1, 1, 0, 1, 1, 1, 1, "none"},
		{1, 1, 1, 0, 1, 1, 1, "boot-token"},
		{1, 1, 1, 1, 0, 1, 1, "boot-token"},
		{1, 1, 1, 1, 1, 1, 0, "boot-token"},
		{1, 1, 1, 1, 1, 0, 0, "none"},
		{0, 0, 0, 0, 0, 1, 1, "none"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rp_assurance_facts facts = {
			.seen = {cases[i].power, cases[i].offer, cases[i].image, cases[i].uuid,
				cases[i].keys},
			.token = cases[i].token,
			.secure_boot = cases[i].secure_boot};

		if (strcmp(rp_assurance_of(&facts), cases[i].level) != 0)
			fail_msg("case %zu: %s", i, rp_assurance_of(&facts));
	}
}

/* A record's word is no stronger than what it says was seen; one without "seen" is an old one. */
static void seen_supports_the_word(void **state)
{
#define SEEN(power, script, image, missing)                                                        \
	"{\"power\":\"" power "\",\"offer\":\"\",\"script\":\"" script "\",\"image\":\"" image     \
	"\",\"missing\":[" missing "]}"
	static const struct {
		const char *seen, *assurance;
		int result;
	} cases[] = {
		{SEEN("driver", T0, T1, "\"offer\""), "secure-boot", 0},
		{SEEN("none", T0, T1, "\"power\",\"offer\""), "secure-boot", -EINVAL},
		{SEEN("none", T0, T1, "\"power\",\"offer\""), "boot-token", 0},
		{SEEN("none", T0, T1, "\"offer\""), "boot-token", -EINVAL},
		{SEEN("driver", T0, "", "\"offer\",\"image\""), "secure-boot", -EINVAL},
		{SEEN("driver", T0, "", "\"offer\",\"image\""), "boot-token", -EINVAL},
		{SEEN("driver", T0, "", "\"offer\",\"image\""), "none", 0},
		{SEEN("driver", T1, T0, "\"offer\""), "secure-boot", -EINVAL},
		{SEEN("driver", T0, T1, "\"offer\",\"uuid\""), "secure-boot", -EINVAL},
		{SEEN("driver", T0, T1, "\"offer\",\"offer\""), "secure-boot", -EINVAL},
		{SEEN("driver", T0, T1, "\"offer\",\"luck\""), "secure-boot", -EINVAL},
		{SEEN("person", T0, T1, "\"offer\""), "secure-boot", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(json) json_t *boot = draft_boot(&lab);
		struct rp_error err = RP_ERROR_NONE;
		int r;

		json_object_set_new(boot, "seen", json_loads(cases[i].seen, 0, NULL));
		json_object_set_new(boot, "assurance", json_string(cases[i].assurance));
		r = rp_record_check_boot(boot, &err);
		if (r != cases[i].result)
			fail_msg("case %zu: %d %s", i, r, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(values),
		cmocka_unit_test(levels),
		cmocka_unit_test(seen_supports_the_word),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("keys record", tests, set_up, tear_down);
}
