/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/base.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/process.h"

#define BUILD_SECONDS 1800
#define TOOL_SECONDS 60
#define FILE_MAX (1024u << 20)

/* Run manifests/rootfs/build: *ret_path is that of KEY.json. */
static int run_build(const char *tool, const char *cache, const char *suite,
	const char *const *packages, size_t count, char **ret_path, struct rp_error *err)
{
	rp_cleanup(free) char *script = rp_path("%s/build", tool);
	rp_cleanup(free) char *variable = cache ? rp_path("RIGPROOF_CACHE=%s", cache) : NULL;
	rp_cleanup(free) const char **argv = calloc(count + 5, sizeof(*argv));
	rp_cleanup(free) char *output = NULL;
	const char *env[] = {variable, NULL};
	size_t n = 0;
	int r;

	if (!script || !argv || (cache && !variable))
		return rp_error_set(err, -ENOMEM, "%s: no memory", tool);
	argv[n++] = script;
	argv[n++] = "--suite";
	argv[n++] = suite;
	argv[n++] = "--";
	for (size_t i = 0; i < count; i++)
		argv[n++] = packages[i];
	r = rp_process_run(
		&(struct rp_process){
			.argv = argv, .env = cache ? env : NULL, .timeout_s = BUILD_SECONDS},
		&output, NULL, err);
	if (r < 0)
		return r;
	output[strcspn(output, "\n")] = '\0';
	*ret_path = rp_steal(output);
	return 0;
}

/* The file that the description names under key, next to it, with the digest under digest_key. */
static int read_part(const char *description_path, const json_t *description, const char *key,
	const char *digest_key, char **ret_data, size_t *ret_size, struct rp_error *err)
{
	const char *slash = strrchr(description_path, '/');
	int folder = slash ? (int)(slash - description_path) : 0;
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(free) char *data = NULL;
	char found[RP_SHA256_HEX];
	const char *name, *wanted;
	size_t size;
	int r;

	if ((r = rp_json_get_string(description, key, &name, err)) < 0 ||
		(r = rp_json_get_sha256(description, digest_key, &wanted, err)) < 0) {
		rp_error_prefix(err, "%s", description_path);
		return r;
	}
	path = rp_path("%.*s/%s", folder, description_path, name);
	if (!path)
		return rp_error_set(err, -ENOMEM, "%s: no memory", name);
	if ((r = rp_file_read(path, FILE_MAX, &data, &size, err)) < 0)
		return r;
	if ((r = rp_sha256_hex(data, size, found)) < 0)
		return rp_error_set(err, r, "%s: cannot be hashed", path);
	if (strcmp(found, wanted) != 0)
		return rp_error_set(err, -EBADMSG,
			"%s: is not what was built, SHA-256 differs: remove it, and build again",
			path);
	*ret_data = rp_steal(data);
	*ret_size = size;
	return 0;
}

int rp_base_load(const char *tool, const char *cache, const char *suite,
	const char *const *packages, size_t packages_count, struct rp_base *ret,
	struct rp_error *err)
{
	rp_cleanup(base) struct rp_base base = {0};
	rp_cleanup(free) char *path = NULL;
	const char *text;
	int r;

	if ((r = run_build(tool, cache, suite, packages, packages_count, &path, err)) < 0 ||
		(r = rp_json_parse_file(path, &base.description, err)) < 0)
		return r;
	if ((r = rp_json_get_string(base.description, "vermagic", &text, err)) < 0 ||
		(r = rp_json_get_string(base.description, "kernel_release", &text, err)) < 0) {
		rp_error_prefix(err, "%s", path);
		return r;
	}
	if ((r = read_part(path, base.description, "rootfs", "rootfs_sha256", &base.rootfs,
		     &base.rootfs_size, err)) < 0 ||
		(r = read_part(path, base.description, "vmlinuz", "vmlinuz_sha256", &base.vmlinuz,
			 &base.vmlinuz_size, err)) < 0)
		return r;
	*ret = base;
	base = (struct rp_base){0};
	return 0;
}

void rp_base_done(struct rp_base *base)
{
	json_decref(base->description);
	free(base->rootfs);
	free(base->vmlinuz);
	*base = (struct rp_base){0};
}

static bool has_library(const struct rp_base *base, const char *name)
{
	size_t i;
	json_t *library;

	json_array_foreach (json_object_get(base->description, "libraries"), i, library)
		if (strcmp(json_string_value(library) ?: "", name) == 0)
			return true;
	return false;
}

static int is_elf(const char *path, struct rp_error *err)
{
	rp_cleanup(file) FILE *file = fopen(path, "re");
	char magic[4];

	if (!file)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	return fread(magic, 1, sizeof(magic), file) == sizeof(magic) &&
	       memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

int rp_base_check_program(const struct rp_base *base, const char *path, struct rp_error *err)
{
	static const char mark[] = "Shared library: [";
	const char *const argv[] = {"readelf", "--dynamic", "--wide", path, NULL};
	const char *const env[] = {"LC_ALL=C", NULL};
	rp_cleanup(free) char *output = NULL;
	int r = is_elf(path, err);

	if (r <= 0)
		return r;
	r = rp_process_run(
		&(struct rp_process){.argv = argv, .env = env, .timeout_s = TOOL_SECONDS}, &output,
		NULL, err);
	if (r < 0)
		return r;
	for (char *at = output; (at = strstr(at, mark));) {
		char *name = at + sizeof(mark) - 1;

		at = name + strcspn(name, "]\n");
		if (!*at)
			break;
		*at++ = '\0';
		if (!has_library(base, name))
			return rp_error_set(err, -ELIBACC,
				"%s: needs %s, which the image's base lacks: add its package to "
				"the "
				"image manifest's packages, or to manifests/rootfs/packages",
				path, name);
	}
	return 0;
}

int rp_base_check_module(
	const struct rp_base *base, const char *path, const char *release, struct rp_error *err)
{
	const char *const argv[] = {"modinfo", "--field", "vermagic", path, NULL};
	const char *stock = rp_json_string_or(base->description, "kernel_release", "");
	const char *vermagic = rp_json_string_or(base->description, "vermagic", "");
	rp_cleanup(free) char *output = NULL;
	bool fits;
	size_t len;
	int r = rp_process_run(
		&(struct rp_process){.argv = argv, .timeout_s = TOOL_SECONDS}, &output, &len, err);

	if (r < 0)
		return r;
	while (len && (output[len - 1] == '\n' || output[len - 1] == ' '))
		output[--len] = '\0';
	if (strcmp(release, stock) == 0) {
		fits = strcmp(output, vermagic) == 0;
	} else {
		output[strcspn(output, " ")] = '\0';
		fits = strcmp(output, release) == 0;
		vermagic = release;
	}
	if (!fits)
		return rp_error_set(err, -ENOEXEC,
			"%s: built for kernel \"%s\", the image's is \"%s\": install "
			"linux-headers-%s and build the module again (make clean kmods)",
			path, output, vermagic, release);
	return 0;
}
