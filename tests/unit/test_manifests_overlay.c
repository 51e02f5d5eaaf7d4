/* SPDX-License-Identifier: Apache-2.0 */
/* The overlay archive: read back by libarchive, the same bytes again, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <errno.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "manifests/overlay.h"

static void add(struct rp_overlay *overlay, const char *path, mode_t mode, const char *text)
{
	struct rp_error err = RP_ERROR_NONE;

	if (rp_overlay_add(overlay, path, mode, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
}

static void write_overlay(struct rp_overlay *overlay, uint8_t **ret_data, size_t *ret_size)
{
	struct rp_error err = RP_ERROR_NONE;

	if (rp_overlay_write(overlay, ret_data, ret_size, &err) < 0)
		fail_msg("%s", err.text);
}

static const struct {
	const char *path;
	mode_t mode;
	const char *content;
} expected[] = {
	{"etc", S_IFDIR | 0755, NULL},
	{"etc/rigproof", S_IFDIR | 0755, NULL},
	{"etc/rigproof/agent.json", S_IFREG | 0644, "{}\n"},
	{"usr", S_IFDIR | 0755, NULL},
	{"usr/bin", S_IFDIR | 0755, NULL},
	{"usr/bin/empty", S_IFREG | 0755, ""},
	{"usr/link", S_IFLNK | 0777, "bin/empty"},
};

static void archive_reads_back(void **state)
{
	rp_cleanup(overlay) struct rp_overlay *overlay = rp_overlay_new();
	rp_cleanup(free) uint8_t *data = NULL;
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t size = 0;

	add(overlay, "usr/bin/empty", 0755, "");
	add(overlay, "etc/rigproof/agent.json", 0644, "{}\n");
	assert_int_equal(rp_overlay_link(overlay, "usr/link", "bin/empty", NULL), 0);
	write_overlay(overlay, &data, &size);
	/* zstd's magic: what the kernel looks for. */
	assert_memory_equal(data, "\x28\xb5\x2f\xfd", 4);

	archive_read_support_filter_zstd(archive);
	archive_read_support_format_cpio(archive);
	assert_int_equal(archive_read_open_memory(archive, data, size), ARCHIVE_OK);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		char content[16] = "";

		assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
		assert_string_equal(archive_entry_pathname(entry), expected[i].path);
		assert_int_equal(archive_entry_mode(entry), expected[i].mode);
		assert_int_equal(archive_entry_mtime(entry), RP_OVERLAY_TIME);
		assert_int_equal(archive_entry_uid(entry), 0);
		assert_int_equal(archive_entry_gid(entry), 0);
		if (S_ISLNK(expected[i].mode))
			assert_string_equal(archive_entry_symlink(entry), expected[i].content);
		if (S_ISREG(expected[i].mode)) {
			assert_int_equal(archive_read_data(archive, content, sizeof(content) - 1),
				strlen(expected[i].content));
			assert_string_equal(content, expected[i].content);
		}
	}
	assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_EOF);
	archive_read_free(archive);
}

static void order_of_adding_does_not_matter(void **state)
{
	rp_cleanup(overlay) struct rp_overlay *one = rp_overlay_new();
	rp_cleanup(overlay) struct rp_overlay *two = rp_overlay_new();
	rp_cleanup(free) uint8_t *one_data = NULL;
	rp_cleanup(free) uint8_t *two_data = NULL;
	size_t one_size = 0, two_size = 0;

	add(one, "a/b", 0644, "b");
	add(one, "a-b", 0644, "c");
	add(two, "a-b", 0644, "c");
	add(two, "a/b", 0644, "b");
	write_overlay(one, &one_data, &one_size);
	write_overlay(two, &two_data, &two_size);
	assert_int_equal(one_size, two_size);
	assert_memory_equal(one_data, two_data, one_size);
}

static void bad_paths_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "/", "/etc/x", "etc//x", "etc/../x", "..", "./x", "etc/.", "etc/"};
	rp_cleanup(overlay) struct rp_overlay *overlay = rp_overlay_new();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct rp_error err = RP_ERROR_NONE;

		if (rp_overlay_add(overlay, bad[i], 0644, "x", 1, &err) != -EINVAL)
			fail_msg("\"%s\" was not refused", bad[i]);
		assert_int_equal(err.code, -EINVAL);
	}
}

static void one_path_once(void **state)
{
	rp_cleanup(overlay) struct rp_overlay *overlay = rp_overlay_new();
	struct rp_error err = RP_ERROR_NONE;

	add(overlay, "etc/x", 0644, "x");
	assert_int_equal(rp_overlay_add(overlay, "etc/x", 0644, "y", 1, &err), -EEXIST);
	assert_int_equal(rp_overlay_link(overlay, "etc", "y", &err), -EEXIST);
	assert_int_equal(rp_overlay_add(overlay, "etc/x/y", 0644, "y", 1, &err), -ENOTDIR);
	assert_int_equal(
		rp_overlay_add_file(overlay, "etc/y", 0644, "/nonexistent", &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archive_reads_back),
		cmocka_unit_test(order_of_adding_does_not_matter),
		cmocka_unit_test(bad_paths_are_refused),
		cmocka_unit_test(one_path_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
