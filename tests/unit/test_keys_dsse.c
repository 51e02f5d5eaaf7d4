/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/openssl_cleanup.h"
#include "tests/unit/keys_lab.h"

static EVP_PKEY *p256, *ed25519;

static void specification_vector(void **state)
{
	static const char expected[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
	rp_cleanup(free) uint8_t *pae = NULL;
	size_t len;

	assert_int_equal(
		rp_dsse_pae("http://example.com/HelloWorld", "hello world", 11, &pae, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(pae, expected, len);
}

static void round_trip(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	EVP_PKEY *keys[] = {p256, ed25519};

	for (int i = 0; i < 2; i++) {
		rp_cleanup(json) json_t *envelope = NULL;
		rp_cleanup(free) uint8_t *payload = NULL;
		uint8_t *none = NULL;
		size_t len;

		assert_ok(rp_dsse_sign(keys[i], RP_TYPE_JOB, "a\0b", 3, &envelope, &err));
		assert_ok(rp_dsse_verify(envelope, keys[i], RP_TYPE_JOB, &payload, &len, &err));
		assert_int_equal(len, 3);
		assert_memory_equal(payload, "a\0b", 4);
		assert_int_equal(rp_dsse_verify(envelope, keys[!i], RP_TYPE_JOB, &none, &len, &err),
			-EACCES);
		assert_int_equal(
			rp_dsse_verify(envelope, keys[i], RP_TYPE_ACK, &none, &len, &err), -EACCES);
		assert_null(none);
	}
}

static void other_keys_do_not_sign(void **state)
{
	rp_cleanup(pkey) EVP_PKEY *rsa = EVP_RSA_gen(2048);
	rp_cleanup(pkey) EVP_PKEY *p384 = EVP_EC_gen("P-384");
	rp_cleanup(pkey) EVP_PKEY *koblitz = EVP_EC_gen("secp256k1");
	json_t *envelope = NULL;

	assert_int_equal(rp_dsse_sign(rsa, RP_TYPE_JOB, "x", 1, &envelope, NULL), -ENOTSUP);
	assert_int_equal(rp_dsse_sign(p384, RP_TYPE_JOB, "x", 1, &envelope, NULL), -ENOTSUP);
	assert_int_equal(rp_dsse_sign(koblitz, RP_TYPE_JOB, "x", 1, &envelope, NULL), -ENOTSUP);
	assert_null(envelope);
}

static json_t *signature_of(json_t *envelope)
{
	return json_array_get(json_object_get(envelope, "signatures"), 0);
}

static void extra(json_t *envelope)
{
	json_object_set_new(envelope, "x", json_null());
}

static void extra_in_signature(json_t *envelope)
{
	json_object_set_new(signature_of(envelope), "x", json_null());
}

static void no_payload(json_t *envelope)
{
	json_object_del(envelope, "payload");
}

static void no_signature(json_t *envelope)
{
	json_array_clear(json_object_get(envelope, "signatures"));
}

static void two_signatures(json_t *envelope)
{
	json_array_append(json_object_get(envelope, "signatures"), signature_of(envelope));
}

static void signatures_no_array(json_t *envelope)
{
	json_object_set(envelope, "signatures", signature_of(envelope));
}

static void keyid_upper(json_t *envelope)
{
	json_object_set_new(signature_of(envelope), "keyid", json_string("ABCD"));
}

static void keyid_other(json_t *envelope)
{
	json_object_set_new(signature_of(envelope), "keyid", json_string(SHA_A));
}

static void unpadded(json_t *envelope)
{
	json_object_set_new(envelope, "payload", json_string("eA"));
}

static void url_safe(json_t *envelope)
{
	json_object_set_new(envelope, "payload", json_string("-_-_"));
}

static void bits_left(json_t *envelope)
{
	json_object_set_new(envelope, "payload", json_string("eB=="));
}

static void other_payload(json_t *envelope)
{
	json_object_set_new(envelope, "payload", json_string("eQ=="));
}

static void empty_sig(json_t *envelope)
{
	json_object_set_new(signature_of(envelope), "sig", json_string(""));
}

static void zero_sig(json_t *envelope)
{
	json_object_set_new(signature_of(envelope), "sig", json_string("MAYCAQACAQA="));
}

static void number_for_text(json_t *envelope)
{
	json_object_set_new(envelope, "payloadType", json_integer(1));
}

static void bent(void **state)
{
	static const struct {
		const char *name;
		void (*bend)(json_t *);
		int code;
	} cases[] = {
		{"extra", extra, -EINVAL},
		{"extra_in_signature", extra_in_signature, -EINVAL},
		{"no_payload", no_payload, -EINVAL},
		{"no_signature", no_signature, -EINVAL},
		{"two_signatures", two_signatures, -EINVAL},
		{"signatures_no_array", signatures_no_array, -EINVAL},
		{"keyid_upper", keyid_upper, -EINVAL},
		{"keyid_other", keyid_other, -EACCES},
		{"unpadded", unpadded, -EINVAL},
		{"url_safe", url_safe, -EINVAL},
		{"bits_left", bits_left, -EINVAL},
		{"other_payload", other_payload, -EACCES},
		{"empty_sig", empty_sig, -EACCES},
		{"zero_sig", zero_sig, -EACCES},
		{"number_for_text", number_for_text, -EINVAL},
	};
	struct rp_error err = RP_ERROR_NONE;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(json) json_t *envelope = NULL;
		uint8_t *payload = NULL;
		size_t len;
		int r;

		assert_ok(rp_dsse_sign(p256, RP_TYPE_JOB, "x", 1, &envelope, &err));
		cases[i].bend(envelope);
		r = rp_dsse_verify(envelope, p256, RP_TYPE_JOB, &payload, &len, &err);
		if (r != cases[i].code || payload)
			fail_msg("%s: %d %s", cases[i].name, r, err.text);
	}
}

static void not_envelopes(void **state)
{
	static const char *const texts[] = {"null", "[]", "{}", "1", "\"x\"", "{\"payload\":\"\"}"};
	uint8_t *payload = NULL;
	size_t len;

	assert_int_equal(rp_dsse_verify(NULL, p256, RP_TYPE_JOB, &payload, &len, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rp_cleanup(json) json_t *json = json_of(texts[i]);

		assert_int_equal(
			rp_dsse_verify(json, p256, RP_TYPE_JOB, &payload, &len, NULL), -EINVAL);
		assert_int_equal(rp_dsse_peek(json, &payload, &len, NULL), -EINVAL);
	}
}

static void json_payloads(void **state)
{
	rp_cleanup(json) json_t *payload = json_of("{\"b\":1,\"a\":[true]}");
	rp_cleanup(json) json_t *envelope = NULL;
	rp_cleanup(json) json_t *array = NULL;
	rp_cleanup(json) json_t *again = NULL;
	json_t *none = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_dsse_sign_json(p256, RP_TYPE_JOB, payload, &envelope, &err));
	assert_ok(rp_dsse_verify_json(envelope, p256, RP_TYPE_JOB, &again, &err));
	assert_true(json_equal(payload, again));
	/* a good signature under what is no object */
	assert_ok(rp_dsse_sign(p256, RP_TYPE_JOB, "[]", 2, &array, &err));
	assert_int_equal(rp_dsse_verify_json(array, p256, RP_TYPE_JOB, &none, &err), -EINVAL);
	assert_null(none);
}

static int set_up(void **state)
{
	p256 = EVP_EC_gen("P-256");
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return p256 && ed25519 ? 0 : -1;
}

static int tear_down(void **state)
{
	EVP_PKEY_free(p256);
	EVP_PKEY_free(ed25519);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specification_vector),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(other_keys_do_not_sign),
		cmocka_unit_test(bent),
		cmocka_unit_test(not_envelopes),
		cmocka_unit_test(json_payloads),
	};

	return cmocka_run_group_tests_name("keys dsse", tests, set_up, tear_down);
}
