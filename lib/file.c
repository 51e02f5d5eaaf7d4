/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

static int fail(struct rp_error *err, const char *path)
{
	int code = -errno;

	return rp_error_set(err, code, "%s: %s", path, strerror(-code));
}

static int refuse_size(struct rp_error *err, const char *path, size_t max)
{
	return rp_error_set(err, -EFBIG, "%s: larger than %zu bytes", path, max);
}

/*
 * Read to the end, growing: st_size is 0 for the regular files of procfs and securityfs (the TPM
 * event log), so it is only the first guess.
 */
static int read_all(int fd, const char *path, size_t guess, size_t max, char **ret_data,
	size_t *ret_len, struct rp_error *err)
{
	size_t size = (guess < max ? guess : max) + 2; /* one to see the excess, one for NUL */
	rp_cleanup(free) char *data = malloc(size);
	size_t len = 0;

	while (data) {
		ssize_t n = read(fd, data + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, path);
		len += (size_t)n;
		if (len > max)
			return refuse_size(err, path, max);
		if (n == 0) {
			data[len] = '\0';
			*ret_data = rp_steal(data);
			*ret_len = len;
			return 0;
		}
		if (len == size - 1) {
			char *grown;

			size = (size < max / 2 ? 2 * size : max) + 2;
			grown = realloc(data, size);
			if (!grown)
				break;
			data = grown;
		}
	}
	return rp_error_set(err, -ENOMEM, "%s: no memory", path);
}

static int check_type(const struct stat *st, const char *path, struct rp_error *err)
{
	if (S_ISREG(st->st_mode))
		return 0;
	if (S_ISDIR(st->st_mode))
		return rp_error_set(err, -EISDIR, "%s: is a directory", path);
	return rp_error_set(err, -EINVAL, "%s: not a regular file", path);
}

static int read_file(const char *path, size_t max, mode_t forbidden, char **ret_data,
	size_t *ret_len, struct rp_error *err)
{
	/* O_NONBLOCK: a FIFO in place of the file must not hang us. */
	rp_cleanup(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, path);
	r = check_type(&st, path, err);
	if (r < 0)
		return r;
	if (st.st_mode & forbidden)
		return rp_error_set(err, -EPERM, "%s: mode is %04o, must be 0600: chmod 600 it",
			path, st.st_mode & 07777);
	if (max > SIZE_MAX / 4)
		max = SIZE_MAX / 4;
	if ((uintmax_t)st.st_size > max)
		return refuse_size(err, path, max);
	r = read_all(fd, path, st.st_size ? (size_t)st.st_size : 4096, max, ret_data, &len, err);
	if (r == 0 && ret_len)
		*ret_len = len;
	return r;
}

int rp_file_read(
	const char *path, size_t max, char **ret_data, size_t *ret_len, struct rp_error *err)
{
	return read_file(path, max, 0, ret_data, ret_len, err);
}

int rp_file_read_secret(
	const char *path, size_t max, char **ret_data, size_t *ret_len, struct rp_error *err)
{
	return read_file(path, max, 0077, ret_data, ret_len, err);
}

int rp_fd_write(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int open_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	rp_cleanup(free) char *directory = NULL;

	if (!slash)
		directory = strdup(".");
	else
		directory = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!directory)
		return -ENOMEM;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system without RENAME_NOREPLACE: a hard link refuses an existing name as well. */
	if (link(from, to) < 0)
		return -errno;
	unlink(from);
	return 0;
}

static int move(const char *from, const char *to, int replace)
{
	if (!replace)
		return rename_new(from, to);
	return rename(from, to) < 0 ? -errno : 0;
}

static int fill(int fd, mode_t mode, const void *data, size_t len)
{
	int r;

	if (fchmod(fd, mode) < 0)
		return -errno;
	r = rp_fd_write(fd, data, len);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory(int fd)
{
	/* Some network file systems have no fsync of directories; they order renames themselves. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int write_file(const char *path, mode_t mode, const void *data, size_t len, int replace,
	struct rp_error *err)
{
	rp_cleanup(free) char *temporary = rp_path("%s.XXXXXX", path);
	const char *what = replace ? "cannot write" : "cannot create";
	rp_cleanup(fd) int directory = -1;
	rp_cleanup(fd) int fd = -1;
	int r;

	if (!temporary)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	directory = open_directory_of(path);
	if (directory < 0)
		return rp_error_set(err, directory, "%s: %s: %s", path, what, strerror(-directory));
	fd = mkostemp(temporary, O_CLOEXEC);
	r = fd < 0 ? -errno : fill(fd, mode, data, len);
	if (r == 0)
		r = move(temporary, path, replace);
	if (r < 0) {
		if (fd >= 0)
			unlink(temporary);
		return r == -EEXIST ? rp_error_set(err, r, "%s: exists already", path)
				    : rp_error_set(err, r, "%s: %s: %s", path, what, strerror(-r));
	}
	r = sync_directory(directory);
	if (r == 0)
		return 0;
	if (replace)
		return rp_error_set(err, r,
			"%s: written, but may not outlive a power cut: its folder cannot be "
			"synced: %s",
			path, strerror(-r));
	unlink(path);
	return rp_error_set(
		err, r, "%s: %s: its folder cannot be synced: %s", path, what, strerror(-r));
}

int rp_file_write(const char *path, mode_t mode, const void *data, size_t len, struct rp_error *err)
{
	return write_file(path, mode, data, len, 1, err);
}

int rp_file_create(
	const char *path, mode_t mode, const void *data, size_t len, struct rp_error *err)
{
	return write_file(path, mode, data, len, 0, err);
}

static int make_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	/* Not only after EEXIST: on a read-only mount an existing directory gives EROFS. */
	int code = -errno;

	if (stat(path, &st) < 0)
		return code;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int rp_file_make_directories(const char *path, mode_t mode, struct rp_error *err)
{
	rp_cleanup(free) char *copy = strdup(path);
	char *end = copy;

	if (!copy)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	if (!*path)
		return rp_error_set(err, -ENOENT, "empty directory name");
	do {
		char kept;
		int r;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		kept = *end;
		*end = '\0';
		r = make_directory(copy, mode);
		if (r < 0)
			return rp_error_set(
				err, r, "%s: cannot make directory: %s", copy, strerror(-r));
		*end = kept;
	} while (*end);
	return 0;
}

char *rp_path(const char *format, ...)
{
	char *path;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&path, format, args);
	va_end(args);
	return r < 0 ? NULL : path;
}
