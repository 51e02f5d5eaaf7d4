/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/claim_set.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"

static int add_file(struct rp_claim_set *set, const char *path, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_manifest **items;
	int r = rp_manifest_load_kind(path, RP_MANIFEST_CLAIM, &manifest, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->items[i]->claim->name, manifest->claim->name))
			return rp_error_set(err, -EINVAL,
				"%s: claim %s is in %s already: give each a name of its own", path,
				manifest->claim->name, set->items[i]->path);
	items = reallocarray(set->items, set->count + 1, sizeof(struct rp_manifest *));
	if (!items)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	set->items = items;
	set->items[set->count++] = rp_steal(manifest);
	return 0;
}

static int is_yaml(const struct dirent *entry)
{
	return fnmatch("*.yaml", entry->d_name, FNM_PERIOD) == 0;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int add_folder(struct rp_claim_set *set, const char *path, struct rp_error *err)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_yaml, by_bytes);
	int r = 0;

	if (count < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!count)
		r = rp_error_set(
			err, -ENOENT, "%s: has no claims (*.yaml): name their folder", path);
	for (int i = 0; i < count; i++) {
		rp_cleanup(free) char *file = rp_path("%s/%s", path, entries[i]->d_name);

		if (r >= 0)
			r = file ? add_file(set, file, err)
				 : rp_error_set(err, -ENOMEM, "%s: no memory", path);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int rp_claim_set_add(struct rp_claim_set *set, const char *path, struct rp_error *err)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	return S_ISDIR(status.st_mode) ? add_folder(set, path, err) : add_file(set, path, err);
}

void rp_claim_set_done(struct rp_claim_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		rp_manifest_free(set->items[i]);
	free(set->items);
	*set = (struct rp_claim_set){0};
}
