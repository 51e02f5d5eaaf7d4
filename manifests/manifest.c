/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/manifest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "manifests/schema.h"

/* libcyaml's first error line is its reason; the back trace behind it is ours to know already. */
struct cyaml_reason {
	char text[200];
};

__attribute__((format(printf, 3, 0))) static void keep_reason(
	cyaml_log_t level, void *ctx, const char *format, va_list args)
{
	struct cyaml_reason *reason = ctx;

	if (level < CYAML_LOG_ERROR || *reason->text)
		return;
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	reason->text[strcspn(reason->text, "\n")] = '\0';
}

static const cyaml_config_t quiet_config = {
	.mem_fn = cyaml_mem,
	.log_level = CYAML_LOG_ERROR,
	.flags = CYAML_CFG_NO_ALIAS,
};

/* "kind" comes first, so that a reader and the parser know what the rest means. */
static int read_kind(struct rp_check *check, enum rp_manifest_kind *ret)
{
	const struct rp_yaml_node *root = check->root;
	const struct rp_yaml_node *kind;
	const char *found;

	if (root->type != RP_YAML_MAPPING || !root->children_count ||
		strcmp(root->children[0]->key, "kind") != 0)
		return rp_check_fail(check, root, "kind",
			"found %s first, expected \"kind: \" and one of: site, rig, image, plan, "
			"claim, client",
			root->type == RP_YAML_MAPPING && root->children_count ? "another key"
									      : "something else");
	kind = root->children[0];
	found = kind->type == RP_YAML_SCALAR ? kind->text : "a list or a mapping";
	for (size_t i = 0; i < RP_SCHEMA_KINDS; i++)
		if (kind->type == RP_YAML_SCALAR && !strcmp(rp_schema_of(i)->name, kind->text)) {
			check->schema = rp_schema_of(i);
			*ret = (enum rp_manifest_kind)i;
			return 0;
		}
	return rp_check_fail(check, kind, "kind",
		"found \"%.40s\", expected one of: site, rig, image, plan, claim, client", found);
}

static int parse(const char *label, const char *text, size_t len, bool json,
	struct rp_yaml_node **ret_root, struct rp_manifest **ret, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(yaml) struct rp_yaml_node *root = NULL;
	struct rp_check check = {.label = label, .json = json, .err = err};
	struct cyaml_reason reason = {""};
	cyaml_config_t config = quiet_config;
	cyaml_err_t loaded;
	size_t mark;
	int ret_code;

	if (len > RP_MANIFEST_MAX)
		return rp_error_set(
			err, -EFBIG, "%s: %zu bytes, expected at most 1 MiB", label, len);
	mark = rp_yaml_mark(text, len);
	text += mark;
	len -= mark;
	ret_code = rp_yaml_parse(label, text, len, &root, err);
	if (ret_code < 0)
		return ret_code;
	if (!root) {
		static const char empty_site[] = "kind: site\n";

		text = empty_site;
		len = sizeof(empty_site) - 1;
		ret_code = rp_yaml_parse(label, text, len, &root, err);
		if (ret_code < 0)
			return ret_code;
	}
	manifest = calloc(1, sizeof(*manifest));
	if (!manifest || !(manifest->path = strdup(label)))
		return rp_error_set(err, -ENOMEM, "%s: no memory", label);
	check.root = root;
	ret_code = read_kind(&check, &manifest->kind);
	if (ret_code < 0)
		return ret_code;
	ret_code = rp_check_tree(&check);
	if (ret_code < 0)
		return ret_code;

	config.log_fn = keep_reason;
	config.log_ctx = &reason;
	loaded = cyaml_load_data(
		/* A kind that passed the check has a schema. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		(const uint8_t *)text, len, &config, check.schema->value, &manifest->any, NULL);
	if (loaded != CYAML_OK)
		return rp_error_set(err, loaded == CYAML_ERR_OOM ? -ENOMEM : -EINVAL,
			"%s:1:1: libcyaml: %s", label,
			*reason.text ? reason.text : cyaml_strerror(loaded));
	ret_code = rp_schema_complete(check.schema, root, manifest->any);
	if (ret_code < 0)
		return rp_error_set(err, ret_code, "%s: no memory", label);
	if (check.schema->check) {
		ret_code = check.schema->check(&check, manifest);
		if (ret_code < 0)
			return ret_code;
	}
	if (ret_root)
		*ret_root = rp_steal(root);
	*ret = rp_steal(manifest);
	return 0;
}

int rp_manifest_parse(const char *label, const char *text, size_t len, struct rp_manifest **ret,
	struct rp_error *err)
{
	return parse(label, text, len, false, NULL, ret, err);
}

int rp_manifest_load(const char *path, struct rp_manifest **ret, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(yaml) struct rp_yaml_node *root = NULL;
	rp_cleanup(free) char *text = NULL;
	const struct rp_schema *schema;
	size_t len;
	int ret_code;

	ret_code = rp_file_read(path, RP_MANIFEST_MAX, &text, &len, err);
	if (ret_code < 0)
		return ret_code;
	ret_code = parse(path, text, len, false, &root, &manifest, err);
	if (ret_code < 0)
		return ret_code;
	schema = rp_schema_of(manifest->kind);
	if (schema->check_files) {
		const struct rp_check check = {
			.label = path, .schema = schema, .root = root, .err = err};

		ret_code = schema->check_files(&check, manifest);
		if (ret_code < 0)
			return ret_code;
	}
	*ret = rp_steal(manifest);
	return 0;
}

int rp_manifest_load_kind(const char *path, enum rp_manifest_kind kind, struct rp_manifest **ret,
	struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	int ret_code = rp_manifest_load(path, &manifest, err);

	if (ret_code < 0)
		return ret_code;
	if (manifest->kind != kind)
		return rp_error_set(err, -EINVAL, "%s:1:1: kind: found \"%s\", expected \"%s\"",
			path, rp_schema_of(manifest->kind)->name, rp_schema_of(kind)->name);
	*ret = rp_steal(manifest);
	return 0;
}

int rp_manifest_default_site(struct rp_manifest **ret, struct rp_error *err)
{
	return rp_manifest_parse("defaults", "", 0, ret, err);
}

int rp_manifest_parse_json_text(
	const char *text, size_t len, struct rp_manifest **ret, struct rp_error *err)
{
	return parse("manifest", text, len, true, NULL, ret, err);
}

struct rp_manifest *rp_manifest_free(struct rp_manifest *manifest)
{
	if (!manifest)
		return NULL;
	if (manifest->any)
		cyaml_free(&quiet_config, rp_schema_of(manifest->kind)->value, manifest->any, 0);
	free(manifest->path);
	free(manifest);
	return NULL;
}

char *rp_manifest_resolve(const struct rp_manifest *manifest, const char *path)
{
	const char *slash = strrchr(manifest->path, '/');

	if (*path == '/' || !slash)
		return strdup(path);
	return rp_path("%.*s/%s", (int)(slash - manifest->path), manifest->path, path);
}

int rp_plan_allowed_on(
	const struct rp_plan *plan, const struct rp_rig_manifest *rig, struct rp_error *err)
{
	if (plan->disks != RP_DISKS_WRITE || rig->disks == RP_DISKS_WRITE)
		return 0;
	return rp_error_set(err, -EPERM,
		"plan %s writes disks, and rig %s does not allow it: only \"disks: write\" in the "
		"rig's "
		"manifest does",
		plan->name, rig->name);
}

int rp_site_stage_limit(const struct rp_site *site, const char *stage)
{
	const struct {
		const char *stage;
		int seconds;
	} limits[] = {
		{"power", site->stages.power_s},
		{"dhcp", site->stages.dhcp_s},
		{"loader", site->stages.loader_s},
		{"script", site->stages.script_s},
		{"kernel", site->stages.kernel_s},
		{"agent", site->stages.agent_s},
		{"checks", site->stages.checks_s},
		{"report", site->stages.report_s},
	};

	for (size_t i = 0; i < CYAML_ARRAY_LEN(limits); i++)
		if (!strcmp(limits[i].stage, stage))
			return limits[i].seconds;
	return -EINVAL;
}

const char *rp_manifest_kind_name(enum rp_manifest_kind kind)
{
	return (size_t)kind < RP_SCHEMA_KINDS ? rp_schema_of(kind)->name : "";
}
