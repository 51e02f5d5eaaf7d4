/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "manifests/image.h"
#include "manifests/manifest.h"
#include "server/cli/beside.h"
#include "server/cli/client.h"
#include "server/cli/list.h"

static int run_build(const struct rp_cli *cli, struct rp_error *err)
{
	static const char *const program_folders[] = {".", "../libexec/rigproof", NULL};
	static const char *const rootfs_folders[] = {
		"../../manifests/rootfs", "../share/rigproof/rootfs", NULL};
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(image_result) struct rp_image_result result = {0};
	rp_cleanup(free) char *programs = NULL;
	rp_cleanup(free) char *rootfs = rp_cli_beside_us(rootfs_folders, "build");
	static const char *const module_folders[] = {"../modules", "../lib/rigproof/modules", NULL};
	const char *own_modules[RP_CLI_OPTIONS_MAX + 1] = {NULL};
	const char *own_checks[RP_CLI_OPTIONS_MAX + 1] = {NULL};
	rp_cleanup(free) char *modules = rp_cli_folder_beside_us(module_folders);
	const char *given = rp_cli_value(cli, "--programs");
	struct rp_image_build build;
	int r;

	r = rp_manifest_load_kind(cli->operands[0], RP_MANIFEST_IMAGE, &manifest, err);
	if (r < 0)
		return r;
	if (!given && !(programs = rp_cli_beside_us(program_folders, "rigproof-agent")))
		return rp_error_set(err, -ENOENT,
			"rigproof-agent is not beside this program: name its folder with "
			"--programs DIR");
	if (strcmp(manifest->image->kernel, "stock") != 0) {
		char *kernel = rp_manifest_resolve(manifest, manifest->image->kernel);

		if (!kernel)
			return -ENOMEM;
		free(manifest->image->kernel);
		manifest->image->kernel = kernel;
	}
	for (size_t i = 0; i < RP_CLI_OPTIONS_MAX; i++) {
		own_modules[i] = rp_cli_value_at(cli, "--modules", i);
		own_checks[i] = rp_cli_value_at(cli, "--checks", i);
	}
	build = (struct rp_image_build){
		.manifest = manifest->image,
		.keys = rp_cli_value(cli, "--keys"),
		.server = rp_cli_value(cli, "--server-url"),
		.binaries = given ? given : programs,
		.modules = modules,
		.own_modules = own_modules,
		.own_checks = own_checks,
		.output = rp_cli_value(cli, "--out"),
		.rootfs = rootfs,
	};
	r = rp_image_build(&build, &result, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(result.description, err);
	rp_printable_line(stdout, "%s  %lld bytes  sha256 %s", result.path, (long long)result.size,
		result.sha256);
	return RP_EXIT_OK;
}

/* OUT/NAME.efi of OUT/NAME.json. */
static char *uki_of(const char *description_path)
{
	size_t len = strlen(description_path);

	if (len < 6 || strcmp(description_path + len - 5, ".json") != 0)
		return NULL;
	return rp_path("%.*s.efi", (int)(len - 5), description_path);
}

static int upload_as(
	struct rp_client *client, const char *path, const char *expected, struct rp_error *err)
{
	char sha256[RP_SHA256_HEX];
	int r = rp_sha256_file_hex(path, sha256, NULL);

	if (r < 0)
		return rp_error_set(err, r, "%s: %s", path, strerror(-r));
	if (strcmp(sha256, expected) != 0)
		return rp_error_set(err, -EBADMSG,
			"%s: has changed since the image was built: its sha256 is not the one in "
			"the description: build it again",
			path);
	return rp_client_upload(client, path, sha256, err);
}

/* Also takes "file" off: it means nothing to the server. */
static int upload_modules(
	struct rp_client *client, const char *description_path, json_t *image, struct rp_error *err)
{
	const char *slash = strrchr(description_path, '/');
	int folder = slash ? (int)(slash - description_path) : 1;
	json_t *modules;
	json_t *module;
	size_t i;
	int r = rp_json_get_array(image, "modules", &modules, err);

	if (r < 0)
		return r;
	json_array_foreach (modules, i, module) {
		rp_cleanup(free) char *path = NULL;
		const char *file;
		const char *sha256;

		r = rp_json_get_string(module, "file", &file, err);
		if (r >= 0)
			r = rp_json_get_sha256(module, "sha256", &sha256, err);
		if (r < 0)
			return r;
		path = *file == '/'
			       ? strdup(file)
			       : rp_path("%.*s/%s", folder, slash ? description_path : ".", file);
		if (!path)
			return -ENOMEM;
		r = upload_as(client, path, sha256, err);
		if (r < 0)
			return r;
		json_object_del(module, "file");
	}
	return 0;
}

static int run_add(const struct rp_cli *cli, struct rp_error *err)
{
	const char *path = cli->operands[0];
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *image = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	rp_cleanup(free) char *uki = uki_of(path);
	const char *sha256 = NULL;
	const char *name = NULL;
	int r;

	if (!uki)
		return rp_error_set(err, -EINVAL,
			"%s: not the NAME.json that image build writes beside NAME.efi", path);
	r = rp_json_parse_file(path, &image, err);
	if (r < 0)
		return r;
	r = rp_json_get_string(image, "name", &name, err);
	if (r >= 0)
		r = rp_json_get_sha256(image, "sha256", &sha256, err);
	if (r < 0) {
		rp_error_prefix(err, "%s", path);
		return r;
	}
	r = rp_client_open(cli, &client, err);
	if (r >= 0)
		r = upload_as(client, uki, sha256, err);
	if (r >= 0)
		r = upload_modules(client, path, image, err);
	if (r >= 0)
		r = rp_client_call(client, "POST", "/images", image, &answer, err);
	if (r < 0)
		return r;
	if (cli->json)
		return rp_cli_print_json(json_is_object(answer) ? answer : image, err);
	rp_printable_line(stdout, "image %s is on the server, sha256 %s", name, sha256);
	return RP_EXIT_OK;
}

static char *megabytes(const json_t *image, const char *key)
{
	return rp_path("%.1f MB", (double)json_integer_value(json_object_get(image, key)) / 1e6);
}

static const struct rp_list images = {
	.key = "images",
	.empty = "no images yet: rigproof image build, then image add",
	.columns = {{"IMAGE", "name"}, {"SIZE", "size", megabytes},
		{"MODULES", "modules", rp_list_names}, {"SHA256", "sha256"}},
};

static int run_list(const struct rp_cli *cli, struct rp_error *err)
{
	return rp_list_show(cli, &images, "/images", err);
}

static int run_show(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(json) json_t *document = NULL;
	json_t *image;
	size_t i;
	int r = rp_list_fetch(cli, &images, "/images", &document, err);

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(document, images.key), i, image)
		if (!strcmp(rp_json_string_or(image, "name", ""), cli->operands[0]))
			return rp_cli_print_json(image, err);
	return rp_error_set(
		err, -ENOENT, "image %.70s: not there, see: rigproof image list", cli->operands[0]);
}

const struct rp_cli_command rp_cli_image[] = {
	{"image", "build",
		"MANIFEST --keys DIR --out DIR --server-url URL [--modules DIR]... [--checks "
		"DIR]... "
		"[--programs DIR]",
		"build and sign the image of a manifest", run_build},
	{"image", "add", "NAME.json", "hand a built image and its modules to the server", run_add},
	{"image", "list", "[--limit N]", "list the server's images", run_list},
	{"image", "show", "NAME", "all that the server knows of an image", run_show},
	{NULL},
};
