/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of all kinds, and the defaults that libcyaml has no word for. */
#include "manifests/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The enums and ints of the manifest structs are all 4 bytes; counts too. */
_Static_assert(sizeof(enum rp_disks) == sizeof(int), "enum storage");

static const struct rp_schema *const schemas[RP_SCHEMA_KINDS] = {
	[RP_MANIFEST_SITE] = &rp_schema_site,
	[RP_MANIFEST_RIG] = &rp_schema_rig,
	[RP_MANIFEST_IMAGE] = &rp_schema_image,
	[RP_MANIFEST_PLAN] = &rp_schema_plan,
	[RP_MANIFEST_CLAIM] = &rp_schema_claim,
	[RP_MANIFEST_CLIENT] = &rp_schema_client,
};

const cyaml_schema_value_t rp_schema_text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 65536),
};

const cyaml_strval_t rp_schema_disks[2] = {{"never", RP_DISKS_NEVER}, {"write", RP_DISKS_WRITE}};

const struct rp_schema *rp_schema_of(enum rp_manifest_kind kind)
{
	return schemas[kind];
}

const struct rp_rule *rp_schema_rule(
	const struct rp_schema *schema, const cyaml_schema_field_t *fields, const char *key)
{
	for (const struct rp_mapping *mapping = schema->mappings; mapping->fields; mapping++) {
		if (mapping->fields != fields)
			continue;
		for (const struct rp_rule *rule = mapping->rules; rule->key; rule++)
			if (!strcmp(rule->key, key))
				return rule;
	}
	return NULL;
}

static char *member(const void *structure, uint32_t offset)
{
	return (char *)structure + offset;
}

static int complete_scalar(
	const cyaml_schema_value_t *schema, const struct rp_rule *rule, char *place)
{
	const char *fallback = rule ? rule->fallback : NULL;

	switch (schema->type) {
	case CYAML_STRING:
		*(char **)place = strdup(fallback ? fallback : "");
		return *(char **)place ? 0 : -ENOMEM;
	case CYAML_INT:
		*(int *)place = fallback ? atoi(fallback) : 0;
		return 0;
	case CYAML_ENUM:
		for (uint32_t i = 0; fallback && i < schema->enumeration.count; i++)
			if (!strcmp(schema->enumeration.strings[i].str, fallback))
				*(int *)place = (int)schema->enumeration.strings[i].val;
		return 0;
	default: /* absent lists, numbers and switches are zero already */
		return 0;
	}
}

static int complete(const struct rp_schema *schema, const struct rp_yaml_node *node,
	const cyaml_schema_field_t *fields, void *structure)
{
	for (const cyaml_schema_field_t *field = fields; field->key; field++) {
		const struct rp_yaml_node *child = rp_yaml_get(node, field->key);
		char *place = member(structure, field->data_offset);
		int ret = 0;

		if (field->value.type == CYAML_MAPPING) {
			ret = complete(schema, child, field->value.mapping.fields, place);
		} else if (!child && field->value.type != CYAML_IGNORE) {
			ret = complete_scalar(
				&field->value, rp_schema_rule(schema, fields, field->key), place);
		} else if (field->value.type == CYAML_SEQUENCE &&
			   field->value.sequence.entry->type == CYAML_MAPPING) {
			const cyaml_schema_value_t *entry = field->value.sequence.entry;

			for (size_t i = 0; ret >= 0 && i < child->children_count; i++)
				ret = complete(schema, child->children[i], entry->mapping.fields,
					*(char **)place + i * entry->data_size);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

int rp_schema_complete(
	const struct rp_schema *schema, const struct rp_yaml_node *root, void *manifest)
{
	return complete(schema, root, schema->value->mapping.fields, manifest);
}
