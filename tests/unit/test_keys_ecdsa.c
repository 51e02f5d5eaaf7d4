/* SPDX-License-Identifier: Apache-2.0 */
/* Each signature has a twin that verifies as well: it is not taken, in envelopes and certificates. */
#include "keys/ecdsa.h"
#include "lib/openssl_cleanup.h"
#include "tests/unit/keys_lab.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "keys/dsse.h"
#include "lib/encoding.h"
#include "lib/json.h"

static struct keys_lab lab;

/* (r, s) becomes (r, n - s); returns the new length. */
static size_t twin(uint8_t *signature, size_t len)
{
	const unsigned char *from = signature;
	unsigned char *to = signature;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &from, (long)len);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *s = BN_new();

	assert_non_null(parsed);
	assert_int_equal(BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(parsed)), 1);
	assert_int_equal(ECDSA_SIG_set0(parsed, BN_dup(ECDSA_SIG_get0_r(parsed)), s), 1);
	len = (size_t)i2d_ECDSA_SIG(parsed, &to);
	EC_GROUP_free(group);
	ECDSA_SIG_free(parsed);
	return len;
}

static void envelopes(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	/* Half of the signatures that OpenSSL makes are high: 32 of them are not all low by luck. */
	for (int i = 0; i < 32; i++) {
		rp_cleanup(json) json_t *payload = json_pack("{s:i}", "i", i);
		rp_cleanup(json) json_t *envelope = NULL;
		rp_cleanup(json) json_t *read = NULL;
		rp_cleanup(free) uint8_t *signature = NULL;
		rp_cleanup(free) char *text = NULL;
		uint8_t other[80];
		json_t *entry;
		size_t len;

		assert_ok(rp_dsse_sign_json(lab.job_key, "test", payload, &envelope, &err));
		assert_ok(rp_dsse_verify_json(envelope, lab.job_key, "test", &read, &err));
		entry = json_array_get(json_object_get(envelope, "signatures"), 0);
		text = strdup(rp_json_string_or(entry, "sig", ""));
		assert_int_equal(rp_base64_decode(text, strlen(text), &signature, &len), 0);
		assert_true(rp_ecdsa_is_low(signature, len));
		memcpy(other, signature, len);
		len = twin(other, len);
		assert_false(rp_ecdsa_is_low(other, len));
		free(text);
		text = rp_base64_encode(other, len);
		json_object_set_new(entry, "sig", json_string(text));
		json_decref(read);
		read = NULL;
		assert_int_equal(
			rp_dsse_verify_json(envelope, lab.job_key, "test", &read, &err), -EACCES);
		assert_non_null(strstr(err.text, "low s"));
		assert_int_equal(rp_ecdsa_lower(other, &len), 0);
		assert_true(rp_ecdsa_is_low(other, len));
		assert_memory_equal(other, signature, len);
	}
}

static void certificates(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(x509) X509 *changed = X509_dup(lab.boot);
	const ASN1_BIT_STRING *signature;
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	uint8_t other[80];
	size_t len;

	sk_X509_push(untrusted, lab.boot_ca);
	assert_true(rp_ecdsa_certificate_is_low(lab.boot));
	assert_ok(rp_pki_verify(lab.boot, untrusted, lab.root, RP_ROLE_BOOT, &err));
	X509_get0_signature(&signature, NULL, changed);
	len = (size_t)ASN1_STRING_length(signature);
	memcpy(other, ASN1_STRING_get0_data(signature), len);
	len = twin(other, len);
	assert_int_equal(ASN1_BIT_STRING_set((ASN1_BIT_STRING *)signature, other, (int)len), 1);
	/* It verifies: that is the trouble. */
	assert_int_equal(X509_verify(changed, X509_get0_pubkey(lab.boot_ca)), 1);
	assert_int_equal(rp_pki_verify(changed, untrusted, lab.root, RP_ROLE_BOOT, &err), -EACCES);
	assert_non_null(strstr(err.text, "low s"));
	sk_X509_free(untrusted);
}

static void what_is_no_signature(void **state)
{
	uint8_t bytes[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
	uint8_t longer[] = {0x30, 0x07, 0x02, 0x02, 0x00, 0x01, 0x02, 0x01, 0x01};
	size_t len = 3;

	assert_true(rp_ecdsa_is_low(bytes, sizeof(bytes)));
	assert_false(rp_ecdsa_is_low(longer, sizeof(longer))); /* BER: r with a leading zero */
	assert_false(rp_ecdsa_is_low(bytes, sizeof(bytes) - 1));
	assert_false(rp_ecdsa_is_low(bytes, 0));
	assert_int_equal(rp_ecdsa_lower(bytes, &len), -EINVAL);
}

static int setup(void **state)
{
	keys_lab_init(&lab);
	return 0;
}

static int teardown(void **state)
{
	keys_lab_done(&lab);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes),
		cmocka_unit_test(certificates),
		cmocka_unit_test(what_is_no_signature),
	};

	return cmocka_run_group_tests_name("keys ecdsa", tests, setup, teardown);
}
