/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/overlay.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define FILE_MAX (64u << 20)

RP_DEFINE_CLEANUP(archive, struct archive, archive_write_free)
RP_DEFINE_CLEANUP(archive_entry, struct archive_entry, archive_entry_free)

struct item {
	char *path;
	mode_t mode; /* with its type */
	void *data;  /* a link's target, a file's bytes; NULL for a folder */
	size_t size;
};

struct rp_overlay {
	struct item *items; /* sorted by path: a folder before what is in it */
	size_t count;
};

struct rp_overlay *rp_overlay_new(void)
{
	return calloc(1, sizeof(struct rp_overlay));
}

struct rp_overlay *rp_overlay_free(struct rp_overlay *overlay)
{
	if (!overlay)
		return NULL;
	for (size_t i = 0; i < overlay->count; i++) {
		free(overlay->items[i].path);
		free(overlay->items[i].data);
	}
	free(overlay->items);
	free(overlay);
	return NULL;
}

static bool path_valid(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (!length || (length == 1 && path[0] == '.') ||
			(length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
		if (!*path)
			return true;
		path++;
	}
	return false;
}

/* Where path is, or would be. */
static size_t search(const struct rp_overlay *overlay, const char *path, bool *ret_found)
{
	size_t i = 0;
	int order = 1;

	while (i < overlay->count && (order = strcmp(overlay->items[i].path, path)) < 0)
		i++;
	*ret_found = i < overlay->count && order == 0;
	return i;
}

/* Copies path and data. The item is not there yet. */
static int insert(struct rp_overlay *overlay, size_t at, const char *path, mode_t mode,
	const void *data, size_t size)
{
	struct item *items = reallocarray(overlay->items, overlay->count + 1, sizeof(*items));
	rp_cleanup(free) char *own_path = strdup(path);
	rp_cleanup(free) char *own_data = malloc(size + 1);

	if (items)
		overlay->items = items;
	if (!items || !own_path || !own_data)
		return -ENOMEM;
	if (size)
		memcpy(own_data, data, size);
	own_data[size] = '\0';
	memmove(items + at + 1, items + at, (overlay->count - at) * sizeof(*items));
	items[at] = (struct item){
		.path = rp_steal(own_path), .mode = mode, .data = rp_steal(own_data), .size = size};
	overlay->count++;
	return 0;
}

static int insert_parents(struct rp_overlay *overlay, const char *path, struct rp_error *err)
{
	rp_cleanup(free) char *parent = strdup(path);

	if (!parent)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	for (char *slash = strchr(parent, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool found;
		size_t at;

		*slash = '\0';
		at = search(overlay, parent, &found);
		if (found && !S_ISDIR(overlay->items[at].mode))
			return rp_error_set(
				err, -ENOTDIR, "%s: not a folder in the overlay", parent);
		if (!found && insert(overlay, at, parent, S_IFDIR | 0755, NULL, 0) < 0)
			return rp_error_set(err, -ENOMEM, "%s: no memory", path);
		*slash = '/';
	}
	return 0;
}

static int add(struct rp_overlay *overlay, const char *path, mode_t mode, const void *data,
	size_t size, struct rp_error *err)
{
	bool found;
	size_t at;
	int r;

	if (!path_valid(path))
		return rp_error_set(err, -EINVAL, "%s: not a relative path in an image", path);
	search(overlay, path, &found);
	if (found)
		return rp_error_set(err, -EEXIST, "%s: in the overlay already", path);
	if ((r = insert_parents(overlay, path, err)) < 0)
		return r;
	at = search(overlay, path, &found);
	r = insert(overlay, at, path, mode, data, size);
	return r < 0 ? rp_error_set(err, r, "%s: no memory", path) : 0;
}

int rp_overlay_add(struct rp_overlay *overlay, const char *path, mode_t mode, const void *data,
	size_t size, struct rp_error *err)
{
	return add(overlay, path, S_IFREG | (mode & 0777), data, size, err);
}

int rp_overlay_link(
	struct rp_overlay *overlay, const char *path, const char *target, struct rp_error *err)
{
	return add(overlay, path, S_IFLNK | 0777, target, strlen(target), err);
}

int rp_overlay_add_file(struct rp_overlay *overlay, const char *path, mode_t mode,
	const char *source, struct rp_error *err)
{
	rp_cleanup(free) char *data = NULL;
	size_t size;
	int r = rp_file_read(source, FILE_MAX, &data, &size, err);

	return r < 0 ? r : rp_overlay_add(overlay, path, mode, data, size, err);
}

static int write_item(struct archive *archive, const struct item *item, int64_t number)
{
	rp_cleanup(archive_entry) struct archive_entry *entry = archive_entry_new();

	if (!entry)
		return ARCHIVE_FATAL;
	archive_entry_set_pathname(entry, item->path);
	archive_entry_set_mode(entry, item->mode);
	archive_entry_set_mtime(entry, RP_OVERLAY_TIME, 0);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_ino64(entry, number);
	archive_entry_set_nlink(entry, S_ISDIR(item->mode) ? 2 : 1);
	if (S_ISLNK(item->mode))
		archive_entry_set_symlink(entry, item->data);
	archive_entry_set_size(entry, S_ISREG(item->mode) ? (int64_t)item->size : 0);
	if (archive_write_header(archive, entry) != ARCHIVE_OK)
		return ARCHIVE_FATAL;
	if (S_ISREG(item->mode) && item->size &&
		archive_write_data(archive, item->data, item->size) != (la_ssize_t)item->size)
		return ARCHIVE_FATAL;
	return ARCHIVE_OK;
}

static la_ssize_t write_out(struct archive *archive, void *context, const void *data, size_t size)
{
	(void)archive;
	return fwrite(data, 1, size, context) == size ? (la_ssize_t)size : -1;
}

static int write_archive(const struct rp_overlay *overlay, FILE *out, struct rp_error *err)
{
	rp_cleanup(archive) struct archive *archive = archive_write_new();
	int r;

	if (!archive)
		return rp_error_set(err, -ENOMEM, "overlay: no memory");
	r = archive_write_set_format_cpio_newc(archive);
	if (r == ARCHIVE_OK)
		r = archive_write_add_filter_zstd(archive);
	if (r == ARCHIVE_OK)
		r = archive_write_set_bytes_in_last_block(archive, 1);
	if (r == ARCHIVE_OK)
		r = archive_write_open(archive, out, NULL, write_out, NULL);
	for (size_t i = 0; r == ARCHIVE_OK && i < overlay->count; i++)
		r = write_item(archive, &overlay->items[i], (int64_t)i + 1);
	if (r == ARCHIVE_OK)
		r = archive_write_close(archive);
	if (r != ARCHIVE_OK)
		return rp_error_set(err, -EIO, "overlay: %s",
			archive_error_string(archive) ? archive_error_string(archive) : "failed");
	return 0;
}

int rp_overlay_write(
	struct rp_overlay *overlay, uint8_t **ret_data, size_t *ret_size, struct rp_error *err)
{
	char *data = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&data, &size);
	int r;

	if (!out)
		return rp_error_set(err, -ENOMEM, "overlay: no memory");
	r = write_archive(overlay, out, err);
	if (fclose(out) != 0 && r == 0)
		r = rp_error_set(err, -ENOMEM, "overlay: no memory");
	if (r < 0) {
		free(data);
		return r;
	}
	*ret_data = (uint8_t *)data;
	*ret_size = size;
	return 0;
}
