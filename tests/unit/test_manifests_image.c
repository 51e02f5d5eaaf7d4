/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image building as far as it needs no root: a script in place of manifests/rootfs/build hands out
 * a base of a few bytes. Programs and modules that do not fit are refused, and a good set becomes a
 * signed UKI, twice the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keys/efi_sign.h"
#include "keys/module_sign.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/process.h"
#include "manifests/image.h"
#include "manifests/manifest.h"
#include "manifests/uki.h"
#include "tests/unit/folder_lab.h"

#define RELEASE "6.1.0-0-test"
#define VERMAGIC RELEASE " SMP preempt mod_unload modversions"

static char top[FOLDER_LAB_TEXT];
static char keys[64], binaries[64], modules[64], output[64], rootfs[64];

static void write_file(const char *name, mode_t mode, const void *data, size_t size)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", top, name);
	struct rp_error err = RP_ERROR_NONE;

	if (rp_file_write(path, mode, data, size, &err) < 0)
		fail_msg("%s", err.text);
}

static void write_text(const char *name, mode_t mode, const char *text)
{
	write_file(name, mode, text, strlen(text));
}

static void run(const char *const *argv)
{
	struct rp_error err = RP_ERROR_NONE;

	if (rp_process_run(&(struct rp_process){.argv = argv, .timeout_s = 60}, NULL, NULL, &err) <
		0)
		fail_msg("%s", err.text);
}

/* A kernel that has what rp_kernel_release reads. */
static void make_kernel(char sha256[RP_SHA256_HEX])
{
	static const char version[] = RELEASE " (nobody) #1 SMP";
	uint8_t kernel[0x400] = "MZ";

	memcpy(kernel + 0x202, "HdrS", 4);
	kernel[0x20f] = 1;
	memcpy(kernel + 0x300, version, sizeof(version));
	write_file("base/vmlinuz", 0644, kernel, sizeof(kernel));
	rp_sha256_hex(kernel, sizeof(kernel), sha256);
}

/* libraries: JSON text of the list. */
static void make_base(const char *libraries)
{
	static const char cpio[] = "not zstd";
	char kernel_sha256[RP_SHA256_HEX], cpio_sha256[RP_SHA256_HEX];
	rp_cleanup(free) char *text = NULL;

	make_kernel(kernel_sha256);
	write_text("base/rootfs", 0644, cpio);
	rp_sha256_hex(cpio, strlen(cpio), cpio_sha256);
	text = rp_path("{\"kernel_release\":\"" RELEASE "\",\"vermagic\":\"" VERMAGIC
		       "\",\"rootfs\":\"rootfs\",\"rootfs_sha256\":\"%s\",\"vmlinuz\":\"vmlinuz\","
		       "\"vmlinuz_sha256\":\"%s\",\"libraries\":%s}",
		cpio_sha256, kernel_sha256, libraries);
	write_text("base/KEY.json", 0644, text);
}

/* An object file with the one section that modinfo looks at. */
static void make_module(const char *vermagic)
{
	rp_cleanup(free) char *source = rp_path("%s/module.c", top);
	rp_cleanup(free) char *object = rp_path("%s/xsc.ko", modules);
	rp_cleanup(free) char *text = rp_path("static const char v[] __attribute__((section(\"."
					      "modinfo\"), used)) = \"vermagic=%s \";\n",
		vermagic);
	const char *const argv[] = {"gcc", "-c", source, "-o", object, NULL};

	write_text("module.c", 0644, text);
	run(argv);
}

static int set_up(void **state)
{
	rp_cleanup(free) char *script = NULL;
	struct rp_error err = RP_ERROR_NONE;

	folder_lab_make(top);
	snprintf(keys, sizeof(keys), "%s/keys", top);
	snprintf(binaries, sizeof(binaries), "%s/bin", top);
	snprintf(modules, sizeof(modules), "%s/modules", top);
	snprintf(output, sizeof(output), "%s/out", top);
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", top);
	for (const char *const *folder =
			(const char *const[]){"base", "bin/checks", "modules", "rootfs", NULL};
		*folder; folder++) {
		rp_cleanup(free) char *path = rp_path("%s/%s", top, *folder);

		if (rp_file_make_directories(path, 0755, NULL) < 0)
			return -1;
	}
	script = rp_path("#!/bin/sh\necho %s/base/KEY.json\n", top);
	write_text("rootfs/build", 0755, script);
	write_text("bin/rigproof-agent", 0755, "#!/bin/sh\n");
	write_text("bin/checks/one", 0755, "#!/bin/sh\n");
	write_text("bin/checks/one.d", 0644, "make's\n");
	if (rp_pki_init(keys, NULL, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	folder_lab_remove(top);
	return 0;
}

static const char *const *own_modules, *const *own_checks;

static int build(const char *text, struct rp_image_result *ret, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_image_build image = {.keys = keys,
		.server = "https://10.77.0.1:8443",
		.binaries = binaries,
		.modules = modules,
		.own_modules = own_modules,
		.own_checks = own_checks,
		.output = output,
		.rootfs = rootfs};

	if (rp_manifest_parse("image.yaml", text, strlen(text), &manifest, err) < 0)
		fail_msg("%s", err->text);
	image.manifest = manifest->image;
	return rp_image_build(&image, ret, err);
}

#define IMAGE "kind: image\nname: node\nkernel: stock\nsuite: bookworm\n"

static void refused(const char *text, int code, const char *part)
{
	rp_cleanup(image_result) struct rp_image_result result = {0};
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(build(text, &result, &err), code);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
	assert_null(result.path);
}

static void an_image_is_built_signed_and_the_same_again(void **state)
{
	rp_cleanup(image_result) struct rp_image_result one = {0};
	rp_cleanup(image_result) struct rp_image_result two = {0};
	rp_cleanup(free) char *db = rp_path("%s/db.crt", keys);
	rp_cleanup(free) char *module = rp_path("%s/modules/xsc.ko", output);
	rp_cleanup(free) char *description = rp_path("%s/node.json", output);
	rp_cleanup(free) char *image = NULL;
	rp_cleanup(json) json_t *json = NULL;
	struct rp_error err = RP_ERROR_NONE;
	const uint8_t *section;
	size_t size, section_size;

	make_base("[]");
	make_module(VERMAGIC);
	if (build(IMAGE "modules: [xsc]\ncommand_line: nosmt\n", &one, &err) < 0 ||
		rp_efi_verify(one.path, db, &err) < 0 ||
		rp_json_parse_file(description, &json, &err) < 0 ||
		rp_file_read(one.path, 16 << 20, &image, &size, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_module_is_signed(module, NULL), 1);
	assert_true(json_equal(json, one.description));
	assert_string_equal(rp_json_string_or(json, "sha256", ""), one.sha256);
	assert_string_equal(rp_json_string_or(json, "kernel_release", ""), RELEASE);
	assert_int_equal(json_array_size(json_object_get(json, "modules")), 1);
	assert_int_equal(size, one.size);

	assert_int_equal(rp_uki_find(image, size, ".cmdline", &section, &section_size, NULL), 0);
	assert_int_equal(strlen(rp_json_string_or(json, "command_line", "")), section_size);
	assert_memory_equal(section + section_size - 6, " nosmt", 6);
	/* The overlay stands right behind the base. */
	assert_int_equal(rp_uki_find(image, size, ".initrd", &section, &section_size, NULL), 0);
	assert_memory_equal(section, "not zstd\x28\xb5\x2f\xfd", 12);

	if (build(IMAGE "modules: [xsc]\ncommand_line: nosmt\n", &two, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(one.sha256, two.sha256);
}

static void a_module_for_another_kernel_is_refused(void **state)
{
	make_base("[]");
	make_module("6.1.0-9-other SMP preempt mod_unload modversions");
	refused(IMAGE "modules: [xsc]\n", -ENOEXEC, "built for kernel \"6.1.0-9-other");
	make_module(RELEASE " SMP mod_unload modversions");
	refused(IMAGE "modules: [xsc]\n", -ENOEXEC, "linux-headers-" RELEASE);
	refused(IMAGE "modules: [absent]\n", -ENOENT, "absent.ko");
}

/* The overlay: zstd, behind the base's eight bytes. */
static void has_file(const char *image, size_t size, const char *name)
{
	rp_cleanup(free) char *path = rp_path("%s/overlay.zst", top);
	rp_cleanup(free) char *command = rp_path("zstd -dc %s | grep -aqF %s", path, name);
	struct rp_error err = RP_ERROR_NONE;
	const uint8_t *section;
	size_t section_size;

	assert_int_equal(rp_uki_find(image, size, ".initrd", &section, &section_size, NULL), 0);
	assert_int_equal(rp_file_write(path, 0644, section + 8, section_size - 8, &err), 0);
	run((const char *const[]){"sh", "-c", command, NULL});
}

/* Beside ours, which stay; a module of one's own goes before ours. */
static void own_checks_and_modules(void **state)
{
	rp_cleanup(image_result) struct rp_image_result result = {0};
	rp_cleanup(free) char *own = rp_path("%s/own", top),
			      *module = rp_path("%s/xsc.ko", modules);
	rp_cleanup(free) char *mine = rp_path("%s/own/mine.ko", top), *image = NULL;
	const char *const folders[] = {own, NULL};
	struct rp_error err = RP_ERROR_NONE;
	size_t size;

	make_base("[]");
	make_module(VERMAGIC);
	assert_int_equal(rp_file_make_directories(own, 0755, NULL), 0);
	run((const char *const[]){"cp", module, mine, NULL});
	write_text("own/fan-speed", 0755, "#!/bin/sh\necho TAP version 14\n");
	refused(IMAGE "modules: [mine]\n", -ENOENT, "mine.ko");
	own_modules = own_checks = folders;
	if (build(IMAGE "modules: [mine, xsc]\n", &result, &err) < 0 ||
		rp_file_read(result.path, 16 << 20, &image, &size, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(json_array_size(json_object_get(result.description, "modules")), 2);
	has_file(image, size, "rigproof/checks/fan-speed");
	has_file(image, size, "rigproof/checks/one");
	has_file(image, size, "rigproof/modules/mine.ko");

	write_text("own/one", 0755, "#!/bin/sh\n");
	refused(IMAGE, -EEXIST, "own/one: there is a check of that name already");
	own_modules = own_checks = NULL;
}

static void a_missing_library_is_named(void **state)
{
	rp_cleanup(free) char *target = rp_path("%s/checks/two", binaries);

	make_base("[]");
	run((const char *const[]){"cp", "/bin/sh", target, NULL});
	refused(IMAGE, -ELIBACC, "needs libc.so.6");
	make_base("[\"libc.so.6\"]");
	{
		rp_cleanup(image_result) struct rp_image_result result = {0};
		struct rp_error err = RP_ERROR_NONE;

		if (build(IMAGE, &result, &err) < 0)
			fail_msg("%s", err.text);
	}
	run((const char *const[]){"rm", target, NULL});
}

static void a_changed_cache_is_refused(void **state)
{
	make_base("[]");
	write_text("base/rootfs", 0644, "not zSTD");
	refused(IMAGE, -EBADMSG, "base/rootfs: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_built_signed_and_the_same_again),
		cmocka_unit_test(a_module_for_another_kernel_is_refused),
		cmocka_unit_test(own_checks_and_modules),
		cmocka_unit_test(a_missing_library_is_named),
		cmocka_unit_test(a_changed_cache_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
