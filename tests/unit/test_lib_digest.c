/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/digest.h"

#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

/* FIPS 180-4 examples. */
static void known_answers(void **state)
{
	char hex[RP_SHA256_HEX];

	assert_int_equal(rp_sha256_hex("", 0, hex), 0);
	assert_string_equal(hex, OF_NOTHING);
	assert_int_equal(rp_sha256_hex("abc", 3, hex), 0);
	assert_string_equal(hex, OF_ABC);
}

static void a_file_is_read_from_its_start_and_its_offset_stays(void **state)
{
	rp_cleanup(fd) int fd = memfd_create("digest", MFD_CLOEXEC);
	char block[1000], hex[RP_SHA256_HEX];
	off_t size = -1;

	memset(block, 'a', sizeof(block));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(rp_sha256_fd_hex(fd, hex, &size), 0);
	assert_string_equal(hex, OF_MILLION_A);
	assert_int_equal(size, 1000000);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000000);
	assert_int_equal(rp_sha256_fd_hex(fd, hex, NULL), 0);
}

static void failure_leaves_the_outputs(void **state)
{
	char hex[RP_SHA256_HEX] = "poison";
	off_t size = 77;

	assert_int_equal(rp_sha256_fd_hex(-1, hex, &size), -EBADF);
	assert_int_equal(rp_sha256_file_hex("/nonexistent", hex, &size), -ENOENT);
	assert_int_equal(rp_sha256_file_hex("/", hex, &size), -EISDIR);
	assert_string_equal(hex, "poison");
	assert_int_equal(size, 77);
	assert_int_equal(rp_sha256_file_hex("/dev/null", hex, &size), 0);
	assert_string_equal(hex, OF_NOTHING);
	assert_int_equal(size, 0);
}

static void only_64_lower_case_digits_are_a_digest(void **state)
{
	char text[] = OF_ABC;

	assert_true(rp_sha256_hex_valid(text));
	assert_false(rp_sha256_hex_valid(OF_ABC "0"));
	assert_false(rp_sha256_hex_valid(OF_ABC + 1));
	assert_false(rp_sha256_hex_valid(""));
	text[63] = 'D';
	assert_false(rp_sha256_hex_valid(text));
	text[63] = 'g';
	assert_false(rp_sha256_hex_valid(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(a_file_is_read_from_its_start_and_its_offset_stays),
		cmocka_unit_test(failure_leaves_the_outputs),
		cmocka_unit_test(only_64_lower_case_digits_are_a_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
