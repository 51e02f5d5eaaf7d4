/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections appended to a PE file that is made here byte by byte, so that each field can be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "manifests/uki.h"

enum {
	PE = 0x80,
	COFF = PE + 4,
	OPTIONAL = COFF + 20,
	TABLE = OPTIONAL + 240,
	HEADERS = 0x400,
	STUB_SIZE = 0x600,
};

static void put16(uint8_t *at, unsigned value)
{
	at[0] = value & 0xff;
	at[1] = value >> 8;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/* One section .text of 0x1f0 bytes at 0x1000, its 0x200 raw bytes at 0x400. */
static void make_stub(uint8_t stub[STUB_SIZE])
{
	memset(stub, 0, STUB_SIZE);
	memcpy(stub, "MZ", 2);
	put32(stub + 0x3c, PE);
	memcpy(stub + PE, "PE\0\0", 4);
	put16(stub + COFF + 2, 1);
	put16(stub + COFF + 16, 240);
	put16(stub + OPTIONAL, 0x20b);
	put32(stub + OPTIONAL + 32, 0x200);
	put32(stub + OPTIONAL + 36, 0x200);
	put32(stub + OPTIONAL + 56, 0x1200);
	put32(stub + OPTIONAL + 60, HEADERS);
	put32(stub + OPTIONAL + 108, 16);
	memcpy(stub + TABLE, ".text", 5);
	put32(stub + TABLE + 8, 0x1f0);
	put32(stub + TABLE + 12, 0x1000);
	put32(stub + TABLE + 16, 0x200);
	put32(stub + TABLE + 20, HEADERS);
	memset(stub + HEADERS, 0xc3, 0x1f0);
}

static void sections_are_appended_without_overlap(void **state)
{
	const size_t kernel_size = (17 << 20) + 5; /* above 16 MiB, and odd */
	rp_cleanup(free) char *kernel = malloc(kernel_size);
	rp_cleanup(free) uint8_t *image = NULL;
	rp_cleanup(free) uint8_t *again = NULL;
	const struct rp_uki_section sections[] = {
		{".cmdline", "console=ttyS0", 13},
		{".linux", kernel, kernel_size},
		{".initrd", "initrd", 6},
	};
	uint32_t address_end = 0x1200, raw_end = STUB_SIZE;
	struct rp_error err = RP_ERROR_NONE;
	uint8_t stub[STUB_SIZE];
	size_t size, again_size;

	make_stub(stub);
	memset(kernel, 'k', kernel_size);
	if (rp_uki_append(stub, sizeof(stub), sections, 3, &image, &size, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(image[COFF + 2], 4);
	for (size_t i = 0; i < 3; i++) {
		const uint8_t *header = image + TABLE + (i + 1) * 40, *data;
		uint32_t address = get32(header + 12), raw = get32(header + 20);
		size_t found;

		assert_int_equal(strncmp((const char *)header, sections[i].name, 8), 0);
		assert_int_equal(get32(header + 8), sections[i].size);
		assert_int_equal(address % 4096, 0);
		assert_true(address >= address_end);
		assert_int_equal(raw, raw_end);
		address_end = address + (uint32_t)sections[i].size;
		raw_end = raw + get32(header + 16);
		assert_int_equal(
			rp_uki_find(image, size, sections[i].name, &data, &found, &err), 0);
		assert_int_equal(found, sections[i].size);
		assert_memory_equal(data, sections[i].data, found);
	}
	assert_int_equal(size, raw_end);
	assert_true(get32(image + OPTIONAL + 56) >= address_end);
	/* What was there stays there. */
	assert_memory_equal(image + HEADERS, stub + HEADERS, 0x200);
	assert_memory_equal(image + TABLE, stub + TABLE, 40);

	assert_int_equal(
		rp_uki_append(stub, sizeof(stub), sections, 3, &again, &again_size, &err), 0);
	assert_int_equal(size, again_size);
	assert_memory_equal(image, again, size);
}

/* One field wrong at a time. */
static const struct {
	const char *name;
	size_t at, width;
	uint32_t value;
	int code;
} wrong[] = {
	{"no MZ", 0, 2, 0, -EINVAL},
	{"PE header behind the file", 0x3c, 4, STUB_SIZE, -EINVAL},
	{"PE header at the end of 32 bits", 0x3c, 4, UINT32_MAX, -EINVAL},
	{"no PE", PE, 4, 0, -EINVAL},
	{"no sections", COFF + 2, 2, 0, -EINVAL},
	{"too many sections", COFF + 2, 2, 0xffff, -EINVAL},
	{"short optional header", COFF + 16, 2, 100, -EINVAL},
	{"optional header behind the file", COFF + 16, 2, 0xffff, -EINVAL},
	{"32-bit", OPTIONAL, 2, 0x10b, -EINVAL},
	{"section alignment 0", OPTIONAL + 32, 4, 0, -EINVAL},
	{"section alignment above a page", OPTIONAL + 32, 4, 0x10000, -EINVAL},
	{"file alignment 0", OPTIONAL + 36, 4, 0, -EINVAL},
	{"file alignment 3", OPTIONAL + 36, 4, 3, -EINVAL},
	{"headers behind the file", OPTIONAL + 60, 4, STUB_SIZE + 1, -EINVAL},
	{"no room for headers", OPTIONAL + 60, 4, TABLE + 40, -ENOSPC},
	{"no directory for signatures", OPTIONAL + 108, 4, 4, -EINVAL},
	{"signed", OPTIONAL + 112 + 4 * 8 + 4, 4, 8, -EINVAL},
	{"section behind the file", TABLE + 20, 4, STUB_SIZE, -EINVAL},
	{"section of 4 GiB", TABLE + 16, 4, UINT32_MAX, -EINVAL},
	{"address beyond 4 GiB", TABLE + 12, 4, UINT32_MAX, -EINVAL},
	{"section over the table", TABLE + 20, 4, TABLE, -EINVAL},
	{"data behind the last section", TABLE + 16, 4, 0x100, -EINVAL},
	{"image of 2 GiB", OPTIONAL + 56, 4, 0x7ffff800, -EFBIG},
};

static void a_wrong_stub_is_refused(void **state)
{
	const struct rp_uki_section section = {".linux", "kernel", 6};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct rp_error err = RP_ERROR_NONE;
		uint8_t *image = (uint8_t *)"untouched";
		uint8_t stub[STUB_SIZE];
		size_t size = 7;
		int r;

		make_stub(stub);
		if (wrong[i].width == 2)
			put16(stub + wrong[i].at, wrong[i].value);
		else
			put32(stub + wrong[i].at, wrong[i].value);
		r = rp_uki_append(stub, sizeof(stub), &section, 1, &image, &size, &err);
		if (r != wrong[i].code)
			fail_msg("%s: %d instead of %d (%s)", wrong[i].name, r, wrong[i].code,
				err.text);
		assert_string_equal((char *)image, "untouched");
		assert_int_equal(size, 7);
	}
}

static void a_cut_stub_is_refused(void **state)
{
	const struct rp_uki_section section = {".linux", "kernel", 6};
	uint8_t stub[STUB_SIZE];

	make_stub(stub);
	for (size_t length = 0; length < STUB_SIZE; length++) {
		/* On the heap, so that one byte too many is seen. */
		rp_cleanup(free) uint8_t *cut = malloc(length ?: 1);
		rp_cleanup(free) uint8_t *image = NULL;
		size_t size;

		memcpy(cut, stub, length);
		if (rp_uki_append(cut, length, &section, 1, &image, &size, NULL) >= 0)
			fail_msg("%zu bytes of a stub were taken", length);
	}
}

static void wrong_sections_are_refused(void **state)
{
	static const struct rp_uki_section bad[][2] = {
		{{"", "x", 1}, {".b", "x", 1}},
		{{".ninechar", "x", 1}, {".b", "x", 1}},
		{{".a", "", 0}, {".b", "x", 1}},
		{{".text", "x", 1}, {".b", "x", 1}},
		{{".a", "x", 1}, {".a", "x", 1}},
	};
	rp_cleanup(free) uint8_t *image = NULL;
	const uint8_t *data;
	uint8_t stub[STUB_SIZE];
	size_t size;

	make_stub(stub);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (rp_uki_append(stub, sizeof(stub), bad[i], 2, &image, &size, NULL) != -EINVAL)
			fail_msg("case %zu was not refused", i);
	assert_int_equal(rp_uki_find(stub, sizeof(stub), ".linux", &data, &size, NULL), -ENOENT);
	assert_int_equal(rp_uki_find("no PE", 5, ".linux", &data, &size, NULL), -EINVAL);
}

static void a_symbol_table_is_dropped(void **state)
{
	const struct rp_uki_section section = {".linux", "kernel", 6};
	rp_cleanup(free) uint8_t *image = NULL;
	uint8_t stub[STUB_SIZE + 18];
	struct rp_error err = RP_ERROR_NONE;
	size_t size;

	make_stub(stub);
	memset(stub + STUB_SIZE, 's', 18);
	put32(stub + COFF + 8, STUB_SIZE);
	put32(stub + COFF + 12, 1);
	if (rp_uki_append(stub, sizeof(stub), &section, 1, &image, &size, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(get32(image + COFF + 8), 0);
	assert_int_equal(get32(image + COFF + 12), 0);
	assert_memory_equal(image + STUB_SIZE, "kernel", 6);
}

static void the_systems_stub_takes_our_sections(void **state)
{
	const struct rp_uki_section sections[] = {{".osrel", "ID=x", 4}, {".cmdline", "x", 1},
		{".uname", "6", 1}, {".linux", "x", 1}, {".initrd", "x", 1}};
	rp_cleanup(free) uint8_t *image = NULL;
	rp_cleanup(free) char *stub = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t stub_size, size;

	if (rp_file_read(RP_UKI_STUB, 4 << 20, &stub, &stub_size, NULL) < 0)
		skip();
	if (rp_uki_append(stub, stub_size, sections, 5, &image, &size, &err) < 0)
		fail_msg("%s", err.text);
}

static void a_kernel_says_its_release(void **state)
{
	static const char version[] = "6.1.0-56-amd64 (debian-kernel@lists.debian.org) #1 SMP";
	char release[RP_KERNEL_RELEASE] = "untouched";
	uint8_t kernel[0x400] = "MZ";

	memcpy(kernel + 0x202, "HdrS", 4);
	put16(kernel + 0x20e, 0x100);
	memcpy(kernel + 0x300, version, sizeof(version));
	assert_int_equal(rp_kernel_release(kernel, 0x200, release, NULL), -EINVAL);
	put16(kernel + 0x20e, 0xffff);
	assert_int_equal(rp_kernel_release(kernel, sizeof(kernel), release, NULL), -EINVAL);
	assert_string_equal(release, "untouched");
	put16(kernel + 0x20e, 0x100);
	assert_int_equal(rp_kernel_release(kernel, sizeof(kernel), release, NULL), 0);
	assert_string_equal(release, "6.1.0-56-amd64");
	kernel[0] = 0;
	assert_int_equal(rp_kernel_release(kernel, sizeof(kernel), release, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_are_appended_without_overlap),
		cmocka_unit_test(a_wrong_stub_is_refused),
		cmocka_unit_test(a_cut_stub_is_refused),
		cmocka_unit_test(wrong_sections_are_refused),
		cmocka_unit_test(a_symbol_table_is_dropped),
		cmocka_unit_test(the_systems_stub_takes_our_sections),
		cmocka_unit_test(a_kernel_says_its_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
