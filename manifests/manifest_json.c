/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests as JSON: walks of the schema, no code for each kind. */
#include "manifests/manifest.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "manifests/schema.h"

/* The enums and ints of the manifest structs are all 4 bytes; counts too. */
_Static_assert(sizeof(enum rp_disks) == sizeof(int), "enum storage");

static char *member(const void *structure, uint32_t offset)
{
	return (char *)structure + offset;
}

/* Whole numbers as integers: canonical JSON then has one form for 0. */
static json_t *number_to_json(double value)
{
	if (value > -9007199254740992.0 && value < 9007199254740992.0 &&
		value == (double)(json_int_t)value)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static json_t *mapping_to_json(const cyaml_schema_field_t *fields, const void *structure);

static json_t *sequence_to_json(
	const cyaml_schema_value_t *schema, const char *entries, unsigned count)
{
	rp_cleanup(json) json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		const char *entry = entries + i * schema->data_size;
		json_t *value = schema->type == CYAML_STRING
					? json_string(((char *const *)entries)[i])
					: mapping_to_json(schema->mapping.fields, entry);

		if (json_array_append_new(list, value) < 0)
			return NULL;
	}
	return rp_steal(list);
}

static json_t *value_to_json(const cyaml_schema_field_t *field, const void *structure)
{
	const cyaml_schema_value_t *schema = &field->value;
	const char *place = member(structure, field->data_offset);

	switch (schema->type) {
	case CYAML_STRING:
		return json_string(*(char *const *)place);
	case CYAML_INT:
		return json_integer(*(const int *)place);
	case CYAML_BOOL:
		return json_boolean(*(const bool *)place);
	case CYAML_FLOAT:
		if (schema->flags & CYAML_FLAG_POINTER)
			return number_to_json(**(double *const *)place);
		/* cppcheck-suppress invalidPointerCast; the schema says that a double is there */
		return number_to_json(*(const double *)place);
	case CYAML_ENUM:
		for (uint32_t i = 0; i < schema->enumeration.count; i++)
			if (schema->enumeration.strings[i].val == *(const int *)place)
				return json_string(schema->enumeration.strings[i].str);
		return NULL;
	case CYAML_MAPPING:
		return mapping_to_json(schema->mapping.fields, place);
	case CYAML_SEQUENCE:
		return sequence_to_json(schema->sequence.entry, *(char *const *)place,
			*(const unsigned *)member(structure, field->count_offset));
	default:
		return NULL;
	}
}

static json_t *mapping_to_json(const cyaml_schema_field_t *fields, const void *structure)
{
	rp_cleanup(json) json_t *object = json_object();

	for (const cyaml_schema_field_t *field = fields; field->key; field++) {
		if (field->value.type == CYAML_IGNORE)
			continue;
		if (field->value.type == CYAML_FLOAT && field->value.flags & CYAML_FLAG_POINTER &&
			!*(double *const *)member(structure, field->data_offset))
			continue;
		/* NULL from value_to_json makes this fail, as it should. */
		if (json_object_set_new(object, field->key, value_to_json(field, structure)) < 0)
			return NULL;
	}
	return rp_steal(object);
}

json_t *rp_manifest_to_json(const struct rp_manifest *manifest)
{
	const struct rp_schema *schema = rp_schema_of(manifest->kind);
	rp_cleanup(json) json_t *rest =
		mapping_to_json(schema->value->mapping.fields, manifest->any);
	rp_cleanup(json) json_t *object = json_pack("{s:s}", "kind", schema->name);

	if (!rest || !object || json_object_update(object, rest) < 0)
		return NULL;
	return rp_steal(object);
}

/* NEL, LS and PS are line breaks to YAML 1.1, which would fold them into spaces. */
static bool has_yaml_break(const char *text)
{
	return strstr(text, "\xc2\x85") || strstr(text, "\xe2\x80\xa8") ||
	       strstr(text, "\xe2\x80\xa9");
}

/*
 * JSON without surrogate escapes, which jansson does not write, is YAML: the one parser reads it.
 * Key order is kept, with "kind" moved to the front.
 */
int rp_manifest_from_json(const json_t *json, struct rp_manifest **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *ordered = NULL;
	rp_cleanup(free) char *text = NULL;
	const char *kind;
	int ret_code;

	if (!json_is_object(json))
		return rp_error_set(
			err, -EINVAL, "manifest: found no JSON object, expected a manifest");
	ret_code = rp_json_get_string(json, "kind", &kind, err);
	if (ret_code < 0)
		return rp_error_prefix(err, "manifest"), ret_code;
	ordered = json_pack("{s:s}", "kind", kind);
	if (!ordered || json_object_update(ordered, (json_t *)json) < 0)
		return rp_error_set(err, -ENOMEM, "manifest: no memory");
	/* A line for each value: positions in errors mean something then. */
	text = json_dumps(ordered, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
	if (!text)
		return rp_error_set(err, -ENOMEM, "manifest: no memory");
	if (has_yaml_break(text))
		return rp_error_set(err, -EINVAL,
			"manifest: found a Unicode line separator, expected \\n in text");
	return rp_manifest_parse_json_text(text, strlen(text), ret, err);
}

int rp_plan_to_job(const struct rp_plan *plan, json_t **ret, struct rp_error *err)
{
	const struct rp_schema *schema = rp_schema_of(RP_MANIFEST_PLAN);
	rp_cleanup(json) json_t *job = mapping_to_json(schema->value->mapping.fields, plan);

	if (!job || json_object_set(job, "plan", json_object_get(job, "name")) < 0)
		return rp_error_set(err, -ENOMEM, "plan %s: no memory", plan->name);
	json_object_del(job, "name");
	json_object_del(job, "description");
	json_object_del(job, "image");
	/* A job without them has its form of before: agents of older images take it. */
	if (!plan->expected_reports_count)
		json_object_del(job, "expected_reports");
	*ret = rp_steal(job);
	return 0;
}
