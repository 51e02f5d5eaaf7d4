/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/openssl_cleanup.h"
#include "tests/unit/keys_lab.h"

#include "lib/file.h"

static EVP_PKEY *key, *other;
static rp_merkle_hash root;

static char *sign(uint64_t size)
{
	struct rp_error err = RP_ERROR_NONE;
	char *note = NULL;

	assert_ok(rp_checkpoint_sign(key, size, root, &note, &err));
	return note;
}

static int verify(const char *note, EVP_PKEY *with)
{
	rp_merkle_hash got;
	uint64_t size;

	return rp_checkpoint_verify(note, with, &size, got, NULL);
}

static void round_trip(void **state)
{
	static const uint64_t sizes[] = {0, 1, 42, INT64_MAX};

	for (size_t i = 0; i < 4; i++) {
		rp_cleanup(free) char *note = sign(sizes[i]);
		struct rp_error err = RP_ERROR_NONE;
		rp_merkle_hash got;
		uint64_t size;

		assert_ok(rp_checkpoint_verify(note, key, &size, got, &err));
		assert_true(size == sizes[i]);
		assert_memory_equal(got, root, 32);
		assert_int_equal(verify(note, other), -EACCES);
	}
}

static void form(void **state)
{
	rp_cleanup(free) char *note = sign(42);
	char origin[RP_CHECKPOINT_ORIGIN];
	rp_cleanup(free) char *head = NULL;

	assert_int_equal(rp_checkpoint_origin(key, origin), 0);
	head = rp_path("%s\n42\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n\n\u2014 %s ", origin,
		origin);
	assert_int_equal(strncmp(note, head, strlen(head)), 0);
	assert_int_equal(strlen(note), strlen(head) + 92 + 1); /* 68 bytes and a newline */
}

static void every_byte(void **state)
{
	rp_cleanup(free) char *note = sign(42);

	for (size_t i = 0; note[i]; i++)
		for (int bit = 0; bit < 8; bit++) {
			note[i] ^= (char)(1 << bit);
			if (verify(note, key) >= 0)
				fail_msg("byte %zu, bit %d", i, bit);
			note[i] ^= (char)(1 << bit);
		}
	for (size_t len = strlen(note); len > 0; len--) {
		rp_cleanup(free) char *cut = strndup(note, len - 1);

		assert_true(verify(cut, key) < 0);
	}
}

static void not_notes(void **state)
{
	rp_cleanup(free) char *note = sign(42);
	rp_cleanup(free) char *longer = rp_path("%s\n", note);
	rp_cleanup(free) char *twice = rp_path("%s%s", note, strstr(note, "\u2014"));
	rp_cleanup(free) char *line = malloc(4096);

	assert_int_equal(verify("", key), -EINVAL);
	assert_int_equal(verify(longer, key), -EINVAL);
	assert_int_equal(verify(twice, key), -EINVAL);
	memset(line, 'a', 4095);
	line[4095] = '\0';
	assert_int_equal(verify(line, key), -EINVAL);
	line[4094] = '\n';
	assert_int_equal(verify(line, key), -EINVAL);
	assert_int_equal(verify("o\n042\nx\n\n\u2014 o x\n", key), -EINVAL);
	assert_int_equal(verify("o\n9223372036854775808\nx\n\n\u2014 o x\n", key), -EINVAL);
}

static void other_keys(void **state)
{
	rp_cleanup(pkey) EVP_PKEY *p256 = EVP_EC_gen("P-256");
	rp_cleanup(free) char *note = sign(42);
	char *none = NULL;

	assert_int_equal(rp_checkpoint_sign(p256, 1, root, &none, NULL), -EINVAL);
	assert_int_equal(
		rp_checkpoint_sign(key, (uint64_t)INT64_MAX + 1, root, &none, NULL), -EINVAL);
	assert_null(none);
	assert_true(verify(note, p256) < 0);
}

static int set_up(void **state)
{
	memset(root, 0xaa, sizeof(root));
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return key && other ? 0 : -1;
}

static int tear_down(void **state)
{
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(form),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(not_notes),
		cmocka_unit_test(other_keys),
	};

	return cmocka_run_group_tests_name("keys checkpoint", tests, set_up, tear_down);
}
