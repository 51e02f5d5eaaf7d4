/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/unit/folder_lab.h"

static char folder[FOLDER_LAB_TEXT];
static struct rp_error err;
static int directories_fail; /* a disk that takes files and loses the folder's last change */

/* In place of libc's, for lib/file.c as well. */
int fsync(int fd)
{
	struct stat st;

	if (directories_fail && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static int make_folder(void **state)
{
	folder_lab_make(folder);
	err = RP_ERROR_NONE;
	umask(022);
	return 0;
}

static int remove_folder(void **state)
{
	folder_lab_remove(folder);
	return 0;
}

static char *in_folder(const char *name)
{
	return rp_path("%s/%s", folder, name);
}

static int entries(void)
{
	rp_cleanup(dir) DIR *dir = opendir(folder);
	int n = 0;

	while (readdir(dir))
		n++;
	return n - 2;
}

static void assert_content(const char *path, const char *expected, mode_t mode)
{
	rp_cleanup(free) char *data = NULL;
	size_t len = 0;
	struct stat st;

	if (rp_file_read(path, 1 << 20, &data, &len, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(data, expected);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void written_is_read(void **state)
{
	rp_cleanup(free) char *path = in_folder("f");

	assert_int_equal(rp_file_write(path, 0600, "old", 3, &err), 0);
	assert_content(path, "old", 0600);
	assert_int_equal(rp_file_write(path, 0644, "newer", 5, &err), 0);
	assert_content(path, "newer", 0644);
	assert_int_equal(entries(), 1);
}

static void create_never_replaces(void **state)
{
	rp_cleanup(free) char *path = in_folder("f");

	assert_int_equal(rp_file_create(path, 0600, "one", 3, &err), 0);
	assert_int_equal(rp_file_create(path, 0600, "two", 3, &err), -EEXIST);
	assert_non_null(strstr(err.text, "exists already"));
	assert_content(path, "one", 0600);
	assert_int_equal(entries(), 1);
}

static void a_failed_write_leaves_nothing(void **state)
{
	rp_cleanup(free) char *path = in_folder("d");
	rp_cleanup(free) char *missing = in_folder("no/f");

	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(rp_file_write(path, 0600, "x", 1, &err), -EISDIR);
	assert_int_equal(rp_file_write(missing, 0600, "x", 1, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no/f"));
	assert_int_equal(entries(), 1);
}

static void read_has_its_bound(void **state)
{
	rp_cleanup(free) char *path = in_folder("f");
	rp_cleanup(free) char *data = NULL;
	char *poison = (char *)folder;
	size_t len = 77;

	assert_int_equal(rp_file_write(path, 0600, "12345", 5, &err), 0);
	assert_int_equal(rp_file_read(path, 4, &poison, &len, &err), -EFBIG);
	assert_ptr_equal(poison, folder);
	assert_int_equal(len, 77);
	assert_int_equal(rp_file_read(path, 5, &data, NULL, &err), 0);
	assert_string_equal(data, "12345");
}

/* A file whose st_size is 0 and that is not empty. */
static void a_file_of_procfs_is_read_whole(void **state)
{
	rp_cleanup(free) char *data = NULL;
	char *poison = (char *)folder;
	size_t len = 0;

	assert_int_equal(rp_file_read("/proc/self/smaps", 1 << 24, &data, &len, &err), 0);
	assert_true(len > 8192);
	assert_int_equal(strlen(data), len);
	assert_int_equal(rp_file_read("/proc/self/smaps", 5000, &poison, &len, &err), -EFBIG);
	assert_ptr_equal(poison, folder);
}

static void only_regular_files_are_read(void **state)
{
	rp_cleanup(free) char *fifo = in_folder("fifo");
	char *poison = (char *)folder;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(rp_file_read(fifo, 10, &poison, NULL, &err), -EINVAL);
	assert_int_equal(rp_file_read(folder, 10, &poison, NULL, &err), -EISDIR);
	assert_int_equal(rp_file_read("/nonexistent", 10, &poison, NULL, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent: No such file or directory");
	assert_ptr_equal(poison, folder);
}

static void a_secret_is_ours_alone(void **state)
{
	static const mode_t bad[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644};
	rp_cleanup(free) char *path = in_folder("db.key");
	rp_cleanup(free) char *data = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(rp_file_write(path, bad[i], "key", 3, &err), 0);
		if (rp_file_read_secret(path, 10, &data, NULL, &err) != -EPERM)
			fail_msg("mode %04o was taken", bad[i]);
		assert_null(data);
	}
	assert_non_null(strstr(err.text, "db.key: mode is 0644, must be 0600: chmod 600 it"));
	assert_int_equal(rp_file_write(path, 0600, "key", 3, &err), 0);
	assert_int_equal(rp_file_read_secret(path, 10, &data, NULL, &err), 0);
	assert_string_equal(data, "key");
}

static void directories_are_made(void **state)
{
	rp_cleanup(free) char *deep = in_folder("a//b/c/");
	rp_cleanup(free) char *file = in_folder("f");
	rp_cleanup(free) char *below = in_folder("f/x");
	struct stat st;

	assert_int_equal(rp_file_make_directories(deep, 0750, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(rp_file_make_directories(deep, 0750, &err), 0);
	assert_int_equal(rp_file_make_directories("/", 0750, &err), 0);
	assert_int_equal(rp_file_write(file, 0600, "", 0, &err), 0);
	assert_int_equal(rp_file_make_directories(file, 0750, &err), -ENOTDIR);
	assert_int_equal(rp_file_make_directories(below, 0750, &err), -ENOTDIR);
	assert_int_equal(rp_file_make_directories("", 0750, &err), -ENOENT);
}

/* The last step: a new file is taken back, an old one is replaced already, and the text says so. */
static void folder_that_cannot_be_synced(void **state)
{
	rp_cleanup(free) char *fresh = in_folder("fresh");
	rp_cleanup(free) char *old = in_folder("old");

	assert_int_equal(rp_file_write(old, 0644, "old", 3, &err), 0);
	directories_fail = 1;
	assert_int_equal(rp_file_create(fresh, 0644, "new", 3, &err), -EIO);
	assert_int_equal(rp_file_write(old, 0644, "new", 3, &err), -EIO);
	directories_fail = 0;
	assert_non_null(strstr(err.text, "power cut"));
	assert_int_equal(access(fresh, F_OK), -1);
	assert_content(old, "new", 0644);
	assert_int_equal(entries(), 1);
	assert_int_equal(rp_file_create(fresh, 0644, "new", 3, &err), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(folder_that_cannot_be_synced),
		IN_FOLDER(written_is_read),
		IN_FOLDER(create_never_replaces),
		IN_FOLDER(a_failed_write_leaves_nothing),
		IN_FOLDER(read_has_its_bound),
		IN_FOLDER(a_file_of_procfs_is_read_whole),
		IN_FOLDER(only_regular_files_are_read),
		IN_FOLDER(a_secret_is_ours_alone),
		IN_FOLDER(directories_are_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
