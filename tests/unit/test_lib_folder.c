/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that somebody else may fill with links: each kind of trap beside what is meant to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/folder.h"
#include "tests/unit/folder_lab.h"

static char folder[FOLDER_LAB_TEXT], other[FOLDER_LAB_TEXT];
static int at;

static int make(void **state)
{
	folder_lab_make(folder);
	folder_lab_make(other);
	at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

static int done(void **state)
{
	close(at);
	folder_lab_remove(folder);
	folder_lab_remove(other);
	return 0;
}

static struct stat look(int fd, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void makes_what_is_missing(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(fd) int first = rp_folder_make(at, "cas/sha256", 0700, &err);
	rp_cleanup(fd) int again = rp_folder_make(at, "cas/sha256", 0755, &err);
	rp_cleanup(fd) int opened = rp_folder_open(at, "cas/sha256", &err);

	assert_true(first >= 0 && again >= 0 && opened >= 0);
	assert_int_equal(look(first, ".").st_ino, look(at, "cas/sha256").st_ino);
	assert_int_equal(look(opened, ".").st_ino, look(first, ".").st_ino);
	assert_int_equal(look(first, ".").st_mode & 07777, 0755);
	assert_int_equal(rp_folder_open(at, "missing", &err), -ENOENT);
	assert_int_equal(rp_folder_make(at, "../out", 0700, &err), -EINVAL);
}

/* In the last part, in one before it, and in the folder that all else is below. */
static void follows_no_link(void **state)
{
	rp_cleanup(free) char *link = rp_path("%s/link", folder);
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(symlink(other, link), 0);
	assert_int_equal(rp_folder_open(at, "link", &err), -ELOOP);
	assert_string_equal(err.text,
		"link: is a symbolic link, where a folder or file of ours belongs: remove it");
	assert_int_equal(rp_folder_make(at, "link", 0700, &err), -ELOOP);
	assert_int_equal(rp_folder_make(at, "link/in", 0700, &err), -ELOOP);
	assert_int_equal(rp_folder_open(AT_FDCWD, link, &err), -ELOOP);
	assert_int_equal(look(AT_FDCWD, other).st_nlink, 2); /* nothing was made in it */

	close(openat(at, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(rp_folder_open(at, "file", &err), -ENOTDIR);
}

static void opens_files(void **state)
{
	rp_cleanup(free) char *target = rp_path("%s/target", other);
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(fd) int made = rp_folder_open_file(at, "lock", 0600, &err);
	rp_cleanup(fd) int again = rp_folder_open_file(at, "lock", 0600, &err);

	assert_true(made >= 0 && again >= 0);
	assert_int_equal(look(at, "lock").st_mode & 07777, 0600);
	assert_int_equal(symlinkat(target, at, "trap"), 0);
	assert_int_equal(rp_folder_open_file(at, "trap", 0600, &err), -ELOOP);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(rp_folder_open_file(at, "fifo", 0600, &err), -EINVAL);
	assert_int_equal(rp_folder_open_file(at, ".", 0600, &err), -EISDIR);
}

#define USER 65534
#define GROUP 65533

static void gives_all_of_it(void **state)
{
	static const char *const given[] = {
		".", "a", "a/b/c", "a/b/c/file", "keys", "folder", "a/file"};
	rp_cleanup(free) char *target = rp_path("%s/target", other);
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(fd) int deep = -1, kept = -1;

	if (geteuid() != 0)
		skip();
	deep = rp_folder_make(at, "a/b/c", 0700, &err);
	kept = rp_folder_make(at, "keys/offline", 0700, &err);
	assert_true(deep >= 0 && kept >= 0);
	close(openat(deep, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(openat(kept, "root.key", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(symlinkat(other, at, "folder"), 0);
	assert_int_equal(symlinkat(target, at, "a/file"), 0);

	if (rp_folder_give(at, USER, GROUP, "keys/offline", &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		struct stat st = look(at, given[i]);

		if (st.st_uid != USER || st.st_gid != GROUP)
			fail_msg("%s is %u's and %u's", given[i], st.st_uid, st.st_gid);
	}
	assert_int_equal(look(at, "keys/offline").st_uid, 0);
	assert_int_equal(look(at, "keys/offline/root.key").st_uid, 0);
	/* What links name stays whose it was. */
	assert_int_equal(look(AT_FDCWD, other).st_uid, 0);
	assert_int_equal(look(AT_FDCWD, target).st_uid, 0);
}

/* A hard link is no link to follow: it is the file. */
static void gives_no_second_names(void **state)
{
	rp_cleanup(free) char *target = rp_path("%s/target", other),
			      *name = rp_path("%s/name", folder);
	struct rp_error err = RP_ERROR_NONE;

	if (geteuid() != 0)
		skip();
	close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(link(target, name), 0);
	assert_int_equal(rp_folder_give(at, USER, GROUP, NULL, &err), -EMLINK);
	assert_non_null(strstr(err.text, "name: has a second name"));
	assert_int_equal(look(AT_FDCWD, target).st_uid, 0);

	assert_int_equal(unlink(target), 0);
	assert_int_equal(rp_folder_give(at, USER, GROUP, NULL, &err), 0);
	assert_int_equal(look(AT_FDCWD, name).st_uid, USER);

	assert_int_equal(mknodat(at, "disk", S_IFBLK | 0600, makedev(8, 0)), 0);
	assert_int_equal(rp_folder_give(at, USER, GROUP, NULL, &err), -EPERM);
	assert_non_null(strstr(err.text, "disk: is a device"));
}

static void ends_somewhere(void **state)
{
	rp_cleanup(fd) int last = dup(at);
	struct rp_error err = RP_ERROR_NONE;

	for (int level = 0; level < 40; level++) {
		int next = rp_folder_make(last, "deep", 0700, &err);

		assert_true(next >= 0);
		close(last);
		last = next;
	}
	assert_int_equal(rp_folder_give(at, geteuid(), getegid(), NULL, &err), -ELOOP);
	assert_non_null(strstr(err.text, "more than 32 folders deep"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, done)
	const struct CMUnitTest tests[] = {
		TEST(makes_what_is_missing),
		TEST(follows_no_link),
		TEST(opens_files),
		TEST(gives_all_of_it),
		TEST(gives_no_second_names),
		TEST(ends_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
