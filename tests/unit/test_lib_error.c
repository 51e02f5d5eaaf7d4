/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/error.h"

static void set_fills_and_returns_the_code(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_error_set(&err, -EINVAL, "%s: %d", "a", 7), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "a: 7");
}

static void no_object_is_no_crash(void **state)
{
	assert_int_equal(rp_error_set(NULL, -EIO, "x"), -EIO);
	rp_error_prefix(NULL, "x");
	assert_int_equal(rp_error_openssl(NULL, -EIO, "x"), -EIO);
}

static void control_characters_are_replaced(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	rp_error_set(&err, -EINVAL, "a\nb\033[2J\x7f \xc2\x9b \xc3\xa9?");
	assert_string_equal(err.text, "a?b?[2J? ?? \xc3\xa9?");
}

static void the_text_may_quote_itself(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	rp_error_set(&err, -EINVAL, "inner");
	rp_error_set(&err, -EIO, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
	assert_int_equal(err.code, -EIO);
}

static void no_memory_is_said_in_one_way(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_error_memory(&err), -ENOMEM);
	assert_int_equal(err.code, -ENOMEM);
	assert_string_equal(err.text, "no memory");
	assert_int_equal(rp_error_memory(NULL), -ENOMEM);
}

static void prefix_goes_before(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	rp_error_set(&err, -EPERM, "mode is 0644");
	rp_error_prefix(&err, "keys/%s", "db.key");
	assert_string_equal(err.text, "keys/db.key: mode is 0644");
	assert_int_equal(err.code, -EPERM);
}

static void a_long_text_is_cut(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	char big[2000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	rp_error_set(&err, -EINVAL, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	rp_error_prefix(&err, "front");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "front: x", 8);
}

static void openssl_reason_is_appended_and_the_queue_cleared(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	ERR_raise(ERR_LIB_EVP, EVP_R_DIFFERENT_KEY_TYPES);
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	assert_int_equal(rp_error_openssl(&err, -EBADMSG, "db.key"), -EBADMSG);
	assert_string_equal(err.text, "db.key: bad decrypt");
	assert_int_equal(ERR_peek_error(), 0);
	rp_error_openssl(&err, -EBADMSG, "db.key");
	assert_string_equal(err.text, "db.key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_and_returns_the_code),
		cmocka_unit_test(no_object_is_no_crash),
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(the_text_may_quote_itself),
		cmocka_unit_test(no_memory_is_said_in_one_way),
		cmocka_unit_test(prefix_goes_before),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(openssl_reason_is_appended_and_the_queue_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
