/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/command_line.h"

static const cyaml_schema_field_t image_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_image_manifest, name, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_image_manifest, description, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_image_manifest, kernel, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_image_manifest, suite, RP_OPTIONAL),
	CYAML_FIELD_SEQUENCE("packages", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_image_manifest,
		packages, &rp_schema_text_entry, 0, 256),
	CYAML_FIELD_SEQUENCE("modules", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_image_manifest,
		modules, &rp_schema_text_entry, 0, 64),
	RP_FIELD_TEXT(struct rp_image_manifest, command_line, RP_OPTIONAL),
	CYAML_FIELD_END,
};

static const struct rp_rule image_rules[] = {
	{"name", .form = RP_TEXT_NAME, .help = "The name that jobs and plans call it by."},
	{"description", .form = RP_TEXT_PROSE, .help = "For people."},
	{"kernel", "stock", RP_TEXT_PATH,
		.help = "stock: the suite's own; or the path of a kernel."},
	{"suite", "bookworm", RP_TEXT_NAME, .help = "The Debian suite that its user space is of."},
	{"packages", .form = RP_TEXT_PACKAGE,
		.help = "Debian packages beside those that every node image has."},
	{"modules", .form = RP_TEXT_NAME,
		.help = "Names of kernel modules of ours that are signed into it."},
	{"command_line", .help = "Appended to the kernel's command line: printable ASCII with its "
				 "quotes closed, without ${ and without a word || or && or one "
				 "that begins with #."},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{image_fields, image_rules},
	{NULL},
};

/* As the node gets it: behind what every image has. */
static int check_command_line(const struct rp_check *check, const char *command_line)
{
	const int left = RP_COMMAND_LINE_MAX - (int)strlen(RP_IMAGE_COMMAND_LINE) - 1;
	const struct rp_yaml_node *node = rp_yaml_get(check->root, "command_line");
	struct rp_error err = RP_ERROR_NONE;

	if (strlen(command_line) > (size_t)left)
		return rp_check_fail(check, node, "command_line",
			"found %zu bytes, expected at most %d", strlen(command_line), left);
	if (rp_command_line_check(command_line, &err) < 0)
		return rp_check_fail(check, node, "command_line", "%s", err.text);
	return 0;
}

static int check_image(const struct rp_check *check, const struct rp_manifest *manifest)
{
	const struct rp_image_manifest *image = manifest->image;

	if (!*image->kernel)
		return rp_check_fail(check, rp_yaml_get(check->root, "kernel"), "kernel",
			"found nothing, expected \"stock\" or the path of a kernel");
	if (!*image->suite)
		return rp_check_fail(check, rp_yaml_get(check->root, "suite"), "suite",
			"found nothing, expected the name of a Debian suite");
	for (unsigned i = 0; i < image->modules_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(image->modules[i], image->modules[j])) {
				char key[32];

				snprintf(key, sizeof(key), "modules[%u]", i);
				return rp_check_fail(check,
					rp_yaml_at(rp_yaml_get(check->root, "modules"), i), key,
					"found \"%s\" a second time, expected it once",
					image->modules[i]);
			}
	return check_command_line(check, image->command_line);
}

static int check_image_files(const struct rp_check *check, const struct rp_manifest *manifest)
{
	rp_cleanup(free) char *path = NULL;

	if (!strcmp(manifest->image->kernel, "stock"))
		return 0;
	path = rp_manifest_resolve(manifest, manifest->image->kernel);
	if (!path)
		return rp_error_set(check->err, -ENOMEM, "%s: no memory", check->label);
	if (access(path, R_OK) == 0)
		return 0;
	rp_check_fail(check, rp_yaml_get(check->root, "kernel"), "kernel",
		"found \"%s\", which is not a readable file, expected \"stock\" or the path of a "
		"kernel",
		path);
	if (check->err)
		check->err->code = -ENOENT;
	return -ENOENT;
}

static const cyaml_schema_value_t image_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_image_manifest, image_fields),
};

const struct rp_schema rp_schema_image = {
	.name = "image",
	.title = "what a rig boots",
	.intro = "An image's manifest is built into one signed EFI file by rigproof image build "
		 "FILE. Paths are taken from beside the file.",
	.value = &image_value,
	.mappings = mappings,
	.check = check_image,
	.check_files = check_image_files,
};
