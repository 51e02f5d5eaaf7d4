/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define LEVELS_MAX 32
#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int fail(struct rp_error *err, int code, const char *name)
{
	if (code == -ELOOP)
		return rp_error_set(err, code,
			"%s: is a symbolic link, where a folder or file of ours belongs: remove it",
			name);
	return rp_error_set(err, code, "%s: %s", name, strerror(-code));
}

/* A link in the place of a folder is ENOTDIR to open(); people want to know that it is a link. */
static int open_one(int at, const char *name)
{
	int fd = openat(at, name, OPEN_FLAGS), code = -errno;
	struct stat st;

	if (fd >= 0)
		return fd;
	if (code == -ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(st.st_mode))
		return -ELOOP;
	return code;
}

static int walk(int at, const char *path, bool make, mode_t mode, struct rp_error *err)
{
	rp_cleanup(free) char *copy = strdup(path);
	rp_cleanup(fd) int folder = -1;
	char *save = NULL;

	if (!copy)
		return rp_error_memory(err);
	if (at == AT_FDCWD) {
		int fd = open_one(at, path);

		return fd < 0 ? fail(err, fd, path) : fd;
	}
	folder = fcntl(at, F_DUPFD_CLOEXEC, 3);
	if (folder < 0)
		return fail(err, -errno, path);
	for (char *name = strtok_r(copy, "/", &save); name;) {
		char *next = strtok_r(NULL, "/", &save);
		int fd;

		if (!strcmp(name, ".."))
			return fail(err, -EINVAL, path);
		if (make && mkdirat(folder, name, next ? 0755 : mode) < 0 && errno != EEXIST)
			return fail(err, -errno, path);
		fd = open_one(folder, name);
		if (fd < 0)
			return fail(err, fd, path);
		close(folder);
		folder = fd;
		name = next;
	}
	if (make && fchmod(folder, mode) < 0)
		return fail(err, -errno, path);
	return rp_steal_fd(folder);
}

int rp_folder_open(int at, const char *path, struct rp_error *err)
{
	return walk(at, path, false, 0, err);
}

int rp_folder_make(int at, const char *path, mode_t mode, struct rp_error *err)
{
	return walk(at, path, true, mode, err);
}

int rp_folder_open_file(int folder, const char *name, mode_t mode, struct rp_error *err)
{
	rp_cleanup(fd) int fd = openat(folder, name,
		O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, -errno, name);
	if (!S_ISREG(st.st_mode))
		return rp_error_set(err, -EINVAL, "%s: not a regular file: remove it", name);
	return rp_steal_fd(fd);
}

struct gift {
	uid_t user;
	gid_t group;
	dev_t device;
	const char *except;
	struct rp_error *err;
};

static int give_folder(const struct gift *gift, int folder, const char *path, int level);

static int give_entry(
	const struct gift *gift, int folder, const char *name, const char *path, int level)
{
	/* O_PATH: nothing happens by opening it, whatever it is, and it stays the one that we looked at. */
	rp_cleanup(fd) int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : fail(gift->err, -errno, path);
	if (st.st_dev != gift->device || (gift->except && !strcmp(path, gift->except)))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		rp_cleanup(fd) int inner = open_one(fd, ".");

		return inner < 0 ? fail(gift->err, inner, path)
				 : give_folder(gift, inner, path, level + 1);
	}
	if (st.st_uid == gift->user && st.st_gid == gift->group)
		return 0;
	if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
		return rp_error_set(gift->err, -EPERM, "%s: is a device: remove it", path);
	if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		return rp_error_set(gift->err, -EMLINK,
			"%s: has a second name, perhaps outside of this folder: remove it", path);
	return fchownat(fd, "", gift->user, gift->group, AT_EMPTY_PATH) < 0
		       ? fail(gift->err, -errno, path)
		       : 0;
}

static int give_folder(const struct gift *gift, int folder, const char *path, int level)
{
	/* Its own offset, unlike a duplicate's. */
	rp_cleanup(fd) int copy = open_one(folder, ".");
	rp_cleanup(dir) DIR *dir = NULL;
	struct dirent *entry;

	if (level > LEVELS_MAX)
		return rp_error_set(
			gift->err, -ELOOP, "%s: more than %d folders deep", path, LEVELS_MAX);
	if (copy < 0)
		return fail(gift->err, copy, path);
	dir = fdopendir(copy);
	if (!dir)
		return fail(gift->err, -errno, path);
	copy = -1; /* dir's */
	while ((entry = readdir(dir))) {
		rp_cleanup(free) char *inner = NULL;
		int r;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		inner = *path ? rp_path("%s/%s", path, entry->d_name) : strdup(entry->d_name);
		if (!inner)
			return rp_error_memory(gift->err);
		r = give_entry(gift, folder, entry->d_name, inner, level);
		if (r < 0)
			return r;
	}
	/* Last: from here on it may change under us. */
	return fchown(folder, gift->user, gift->group) < 0 ? fail(gift->err, -errno, path) : 0;
}

int rp_folder_give(int folder, uid_t user, gid_t group, const char *except, struct rp_error *err)
{
	struct gift gift = {.user = user, .group = group, .except = except, .err = err};
	struct stat st;

	if (fstat(folder, &st) < 0)
		return fail(err, -errno, "folder");
	gift.device = st.st_dev;
	return give_folder(&gift, folder, "", 0);
}
