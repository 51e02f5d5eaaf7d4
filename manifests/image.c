/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/image.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/efi_sign.h"
#include "keys/module_sign.h"
#include "lib/cleanup.h"
#include "lib/command_line.h"
#include "lib/file.h"
#include "lib/host.h"
#include "lib/id.h"
#include "lib/json.h"
#include "manifests/base.h"
#include "manifests/manifest.h"
#include "manifests/overlay.h"
#include "manifests/uki.h"

#define KERNEL_MAX (128u << 20)
#define STUB_MAX (4u << 20)

/* What is known and made while an image is built. */
struct work {
	const struct rp_image_build *build;
	struct rp_base base;
	char *kernel; /* NULL: the base's */
	size_t kernel_size;
	char release[RP_KERNEL_RELEASE];
	char *command_line;
	struct rp_overlay *overlay;
	json_t *modules;
};

static void rp_cleanup_work(struct work *work)
{
	rp_base_done(&work->base);
	free(work->kernel);
	free(work->command_line);
	rp_overlay_free(work->overlay);
	json_decref(work->modules);
}

static int no_memory(struct rp_error *err)
{
	return rp_error_set(err, -ENOMEM, "image: no memory");
}

static int check_inputs(const struct rp_image_build *build, struct rp_error *err)
{
	const struct rp_image_manifest *manifest = build->manifest;

	if (!rp_name_valid(manifest->name))
		return rp_error_set(err, -EINVAL, "image name %s: not a name", manifest->name);
	int r = rp_host_check_url(build->server, err);

	if (r < 0)
		return r;
	if (manifest->modules_count && !build->modules && !build->own_modules)
		return rp_error_set(err, -EINVAL,
			"image %s: has modules, but no folder to take them from was given",
			manifest->name);
	for (unsigned i = 0; i < manifest->modules_count; i++)
		if (!rp_name_valid(manifest->modules[i]))
			return rp_error_set(
				err, -EINVAL, "module %s: not a name", manifest->modules[i]);
	return 0;
}

static int make_command_line(struct work *work, struct rp_error *err)
{
	const char *extra = work->build->manifest->command_line;

	int r;

	work->command_line = rp_path("%s%s%s", RP_IMAGE_COMMAND_LINE, *extra ? " " : "", extra);
	if (!work->command_line)
		return no_memory(err);
	r = rp_command_line_check(work->command_line, err);
	if (r < 0)
		rp_error_prefix(err, "image %s: command_line", work->build->manifest->name);
	return r;
}

static int load_base(struct work *work, struct rp_error *err)
{
	const struct rp_image_build *build = work->build;
	const struct rp_image_manifest *manifest = build->manifest;
	bool stock = strcmp(manifest->kernel, "stock") == 0;
	const char *path = build->kernel ?: manifest->kernel;
	int r = rp_base_load(build->rootfs ?: "manifests/rootfs", build->cache, manifest->suite,
		(const char *const *)manifest->packages, manifest->packages_count, &work->base,
		err);

	if (r < 0)
		return r;
	if (!stock &&
		(r = rp_file_read(path, KERNEL_MAX, &work->kernel, &work->kernel_size, err)) < 0)
		return r;
	r = stock ? rp_kernel_release(
			    work->base.vmlinuz, work->base.vmlinuz_size, work->release, err)
		  : rp_kernel_release(work->kernel, work->kernel_size, work->release, err);
	if (r < 0)
		rp_error_prefix(err, "%s", stock ? "kernel" : path);
	return r;
}

static int add_program(
	struct work *work, const char *source, const char *target, struct rp_error *err)
{
	int r = rp_base_check_program(&work->base, source, err);

	return r < 0 ? r : rp_overlay_add_file(work->overlay, target, 0755, source, err);
}

static int add_checks_of(struct work *work, const char *folder, struct rp_error *err)
{
	rp_cleanup(dir) DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return rp_error_set(err, -errno, "%s: %s", folder, strerror(errno));
	while ((entry = readdir(dir))) {
		rp_cleanup(free) char *source = rp_path("%s/%s", folder, entry->d_name);
		rp_cleanup(free) char *target =
			rp_path("usr/libexec/rigproof/checks/%s", entry->d_name);
		struct stat st;
		int r;

		if (!source || !target)
			return no_memory(err);
		/* The compiler's dependency files lie beside the programs. */
		if (entry->d_name[0] == '.' || stat(source, &st) < 0 || !S_ISREG(st.st_mode) ||
			!(st.st_mode & 0111))
			continue;
		r = add_program(work, source, target, err);
		if (r == -EEXIST)
			return rp_error_set(err, r,
				"%s: there is a check of that name already: rename it", source);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_checks(struct work *work, struct rp_error *err)
{
	const char *const *own = work->build->own_checks;
	rp_cleanup(free) char *folder = rp_path("%s/checks", work->build->binaries);
	int r = folder ? add_checks_of(work, folder, err) : no_memory(err);

	for (; r == 0 && own && *own; own++)
		r = add_checks_of(work, *own, err);
	return r;
}

/* Where NAME.ko is: somebody's own before ours. Caller frees. */
static char *find_module(const struct rp_image_build *build, const char *name)
{
	for (const char *const *own = build->own_modules; own && *own; own++) {
		rp_cleanup(free) char *path = rp_path("%s/%s.ko", *own, name);

		if (path && access(path, F_OK) == 0)
			return rp_steal(path);
	}
	return rp_path("%s/%s.ko", build->modules ? build->modules : ".", name);
}

static int add_configuration(struct work *work, struct rp_error *err)
{
	const struct rp_image_build *build = work->build;
	rp_cleanup(free) char *root = rp_path("%s/root.crt", build->keys);
	rp_cleanup(json) json_t *agent = json_pack(
		"{s:s, s:{s:s}}", "server", build->server, "image", "name", build->manifest->name);
	rp_cleanup(free) char *text = agent ? rp_json_pretty(agent) : NULL;
	int r;

	if (!root || !text)
		return no_memory(err);
	r = rp_overlay_add(work->overlay, "etc/rigproof/agent.json", 0644, text, strlen(text), err);
	if (r < 0)
		return r;
	return rp_overlay_add_file(work->overlay, "etc/rigproof/root.crt", 0644, root, err);
}

static int add_module(struct work *work, const char *name, struct rp_error *err)
{
	const struct rp_image_build *build = work->build;
	rp_cleanup(free) char *source = find_module(build, name);
	rp_cleanup(free) char *file = rp_path("modules/%s.ko", name);
	rp_cleanup(free) char *signed_path = rp_path("%s/modules/%s.ko", build->output, name);
	rp_cleanup(free) char *target = rp_path("usr/lib/rigproof/modules/%s.ko", name);
	char digest[RP_SHA256_HEX];
	struct stat st;
	int r;

	if (!source || !file || !signed_path || !target)
		return no_memory(err);
	if (stat(source, &st) < 0)
		return rp_error_set(err, -errno, "%s: %s: build the kernel modules first", source,
			strerror(errno));
	if ((r = rp_base_check_module(&work->base, source, work->release, err)) < 0 ||
		(r = rp_module_sign(source, signed_path, build->keys, err)) < 0 ||
		(r = rp_overlay_add_file(work->overlay, target, 0644, signed_path, err)) < 0)
		return r;
	if ((r = rp_sha256_file_hex(signed_path, digest, NULL)) < 0)
		return rp_error_set(err, r, "%s: %s", signed_path, strerror(-r));
	if (json_array_append_new(work->modules,
		    json_pack("{s:s, s:s, s:s}", "name", name, "sha256", digest, "file", file)) < 0)
		return no_memory(err);
	return 0;
}

static int fill_overlay(struct work *work, struct rp_error *err)
{
	const struct rp_image_build *build = work->build;
	rp_cleanup(free) char *agent = rp_path("%s/rigproof-agent", build->binaries);
	rp_cleanup(free) char *modules = rp_path("%s/modules", build->output);
	int r;

	work->overlay = rp_overlay_new();
	work->modules = json_array();
	if (!agent || !modules || !work->overlay || !work->modules)
		return no_memory(err);
	if ((r = rp_file_make_directories(modules, 0755, err)) < 0 ||
		(r = add_program(work, agent, "usr/libexec/rigproof/rigproof-agent", err)) < 0 ||
		(r = add_checks(work, err)) < 0 || (r = add_configuration(work, err)) < 0)
		return r;
	for (unsigned i = 0; i < build->manifest->modules_count; i++)
		if ((r = add_module(work, build->manifest->modules[i], err)) < 0)
			return r;
	return 0;
}

/* The base, then the overlay: the kernel unpacks them in turn. */
static int make_initrd(struct work *work, char **ret_data, size_t *ret_size, struct rp_error *err)
{
	rp_cleanup(free) uint8_t *overlay = NULL;
	rp_cleanup(free) char *initrd = NULL;
	size_t overlay_size;
	int r = rp_overlay_write(work->overlay, &overlay, &overlay_size, err);

	if (r < 0)
		return r;
	initrd = malloc(work->base.rootfs_size + overlay_size);
	if (!initrd)
		return no_memory(err);
	memcpy(initrd, work->base.rootfs, work->base.rootfs_size);
	memcpy(initrd + work->base.rootfs_size, overlay, overlay_size);
	*ret_data = rp_steal(initrd);
	*ret_size = work->base.rootfs_size + overlay_size;
	return 0;
}

static int make_uki(struct work *work, uint8_t **ret_image, size_t *ret_size, struct rp_error *err)
{
	const char *name = work->build->manifest->name;
	rp_cleanup(free) char *release =
		rp_path("ID=rigproof\nNAME=rigproof\nPRETTY_NAME=\"rigproof %s\"\nVERSION_ID=%s\n",
			name, work->release);
	rp_cleanup(free) char *initrd = NULL;
	rp_cleanup(free) char *stub = NULL;
	size_t initrd_size = 0, stub_size = 0;
	int r;

	if (!release)
		return no_memory(err);
	if ((r = rp_file_read(RP_UKI_STUB, STUB_MAX, &stub, &stub_size, err)) < 0)
		return r == -ENOENT ? rp_error_set(err, r,
					      RP_UKI_STUB ": not there: install systemd-boot-efi")
				    : r;
	if ((r = make_initrd(work, &initrd, &initrd_size, err)) < 0)
		return r;
	r = rp_uki_append(stub, stub_size,
		(const struct rp_uki_section[]){
			{".osrel", release, strlen(release)},
			{".cmdline", work->command_line, strlen(work->command_line)},
			{".uname", work->release, strlen(work->release)},
			{".linux", work->kernel ?: work->base.vmlinuz,
				work->kernel ? work->kernel_size : work->base.vmlinuz_size},
			{".initrd", initrd, initrd_size},
		},
		5, ret_image, ret_size, err);
	if (r < 0)
		rp_error_prefix(err, "%s", RP_UKI_STUB);
	return r;
}

/* OUTPUT/NAME.efi is only ever a signed image. */
static int write_signed(struct work *work, const char *path, struct rp_error *err)
{
	rp_cleanup(free) char *unsigned_path = rp_path("%s.unsigned", path);
	rp_cleanup(free) uint8_t *image = NULL;
	size_t size;
	int r;

	if (!unsigned_path)
		return no_memory(err);
	if ((r = make_uki(work, &image, &size, err)) < 0 ||
		(r = rp_file_write(unsigned_path, 0644, image, size, err)) < 0)
		return r;
	r = rp_efi_sign(unsigned_path, path, work->build->keys, "db", err);
	unlink(unsigned_path);
	return r;
}

static int write_description(
	struct work *work, struct rp_image_result *result, struct rp_error *err)
{
	const char *name = work->build->manifest->name;
	rp_cleanup(free) char *path = rp_path("%s/%s.json", work->build->output, name);
	rp_cleanup(free) char *text = NULL;

	result->description = json_pack("{s:s, s:s, s:I, s:s, s:s, s:O, s:s}", "name", name,
		"sha256", result->sha256, "size", (json_int_t)result->size, "command_line",
		work->command_line, "kernel_release", work->release, "modules", work->modules,
		"rootfs_sha256", rp_json_string_or(work->base.description, "rootfs_sha256", ""));
	text = result->description ? rp_json_pretty(result->description) : NULL;
	if (!path || !text)
		return no_memory(err);
	return rp_file_write(path, 0644, text, strlen(text), err);
}

int rp_image_build(
	const struct rp_image_build *build, struct rp_image_result *ret, struct rp_error *err)
{
	rp_cleanup(work) struct work work = {.build = build};
	rp_cleanup(image_result) struct rp_image_result result = {0};
	off_t size;
	int r;

	if ((r = check_inputs(build, err)) < 0 || (r = make_command_line(&work, err)) < 0 ||
		(r = load_base(&work, err)) < 0 || (r = fill_overlay(&work, err)) < 0)
		return r;
	result.path = rp_path("%s/%s.efi", build->output, build->manifest->name);
	if (!result.path)
		return no_memory(err);
	if ((r = write_signed(&work, result.path, err)) < 0)
		return r;
	if ((r = rp_sha256_file_hex(result.path, result.sha256, &size)) < 0)
		return rp_error_set(err, r, "%s: %s", result.path, strerror(-r));
	result.size = size;
	if ((r = write_description(&work, &result, err)) < 0)
		return r;
	*ret = result;
	result = (struct rp_image_result){0};
	return 0;
}

void rp_image_result_done(struct rp_image_result *result)
{
	free(result->path);
	json_decref(result->description);
	*result = (struct rp_image_result){0};
}
