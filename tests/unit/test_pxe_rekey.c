/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "pxe/rekey.h"

static const uint8_t ours[RP_SHA256_LEN] = "01234567890123456789012345678901";

/* The one copy may stand anywhere; all else stays. */
static void once(void **state)
{
	for (size_t at = 0; at <= 8; at++) {
		struct rp_error err = RP_ERROR_NONE;
		rp_cleanup(free) uint8_t *in = malloc(40), *expected = malloc(40);
		rp_cleanup(free) uint8_t *out = NULL;

		memset(in, 0x9f, 40);
		memset(expected, 0x9f, 40);
		memcpy(in + at, rp_ipxe_root_fingerprint, RP_SHA256_LEN);
		memcpy(expected + at, ours, RP_SHA256_LEN);
		assert_int_equal(
			rp_ipxe_rekey(in, 40, rp_ipxe_root_fingerprint, ours, &out, &err), 0);
		assert_memory_equal(out, expected, 40);
		assert_memory_equal(in + at, rp_ipxe_root_fingerprint, RP_SHA256_LEN);
	}
}

static void never_or_twice_is_refused(void **state)
{
	uint8_t in[100] = {0}, *out = (uint8_t *)state;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_ipxe_rekey(in, 0, rp_ipxe_root_fingerprint, ours, &out, &err), -EINVAL);
	assert_int_equal(
		rp_ipxe_rekey(in, sizeof(in), rp_ipxe_root_fingerprint, ours, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "0 times"));
	memcpy(in + 3, rp_ipxe_root_fingerprint, RP_SHA256_LEN);
	/* Cut off by its last byte it is no copy. */
	assert_int_equal(
		rp_ipxe_rekey(in, 34, rp_ipxe_root_fingerprint, ours, &out, &err), -EINVAL);
	memcpy(in + 60, rp_ipxe_root_fingerprint, RP_SHA256_LEN);
	assert_int_equal(
		rp_ipxe_rekey(in, sizeof(in), rp_ipxe_root_fingerprint, ours, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "2 times"));
	/* Overlapping copies count as well. */
	memset(in, 7, sizeof(in));
	assert_int_equal(rp_ipxe_rekey(in, 33, in, ours, &out, &err), -EINVAL);
	assert_ptr_equal(out, (uint8_t *)state);
}

/* A binary that is keyed already cannot be keyed again by mistake. */
static void the_result_is_not_stock(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) uint8_t *out = NULL;
	uint8_t *again = NULL;

	assert_int_equal(rp_ipxe_rekey(rp_ipxe_root_fingerprint, RP_SHA256_LEN,
				 rp_ipxe_root_fingerprint, ours, &out, &err),
		0);
	assert_int_equal(
		rp_ipxe_rekey(out, RP_SHA256_LEN, rp_ipxe_root_fingerprint, ours, &again, &err),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(never_or_twice_is_refused),
		cmocka_unit_test(the_result_is_not_stock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
