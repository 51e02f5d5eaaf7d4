/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema: one const table for each kind of manifest. libcyaml loads and frees by its field
 * tables; what libcyaml 1.3 has no word for (defaults, ranges, forms of text) stands beside them in
 * rule tables. The same tables drive the checks (check.c), defaults (schema.c) and JSON (manifest_json.c).
 * Internal to manifests/.
 */
#ifndef RP_MANIFESTS_SCHEMA_H
#define RP_MANIFESTS_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "lib/error.h"
#include "manifests/manifest.h"
#include "manifests/yaml_tree.h"

/* Forms of text. Where a key is optional, "" is allowed whatever the form. */
enum rp_text_form {
	RP_TEXT_LINE,  /* one line */
	RP_TEXT_PROSE, /* any number of lines */
	RP_TEXT_NAME,  /* rp_name_valid */
	RP_TEXT_MAC,
	RP_TEXT_UUID,
	RP_TEXT_CPUS,	   /* "0-3,6" */
	RP_TEXT_METRIC,	   /* "check/metric" */
	RP_TEXT_INTERFACE, /* a network interface */
	RP_TEXT_HOST,	   /* rp_host_valid */
	RP_TEXT_PATH,
	RP_TEXT_PACKAGE,  /* a Debian package */
	RP_TEXT_ARGUMENT, /* a line, of a command: may be empty everywhere */
};

/* One key of a mapping; keys without a rule are optional single lines, or what libcyaml says. */
struct rp_rule {
	const char *key;
	const char *fallback; /* as YAML would have it; NULL: "", 0, false */
	enum rp_text_form form;
	int64_t min, max; /* integers; both 0: 0 to INT_MAX */
	const char *help; /* what it is, for its manual page; every key has one */
};

struct rp_mapping {
	const cyaml_schema_field_t *fields;
	const struct rp_rule *rules; /* ends with a NULL key */
};

/* What a check needs to say where something is wrong. */
struct rp_check {
	const char *label;
	const struct rp_schema *schema;
	const struct rp_yaml_node *root;
	bool json; /* text was made from JSON: text must be quoted there */
	struct rp_error *err;
};

struct rp_schema {
	const char *name;
	const char *title, *intro; /* for its manual page */
	const cyaml_schema_value_t *value;
	const struct rp_mapping *mappings; /* of this kind, ends with NULL fields */
	/* Rules that span keys; manifest is complete. May be NULL. */
	int (*check)(const struct rp_check *check, const struct rp_manifest *manifest);
	/* Files that it names are there; only for manifests that are files. May be NULL. */
	int (*check_files)(const struct rp_check *check, const struct rp_manifest *manifest);
};

extern const struct rp_schema rp_schema_site, rp_schema_rig, rp_schema_image, rp_schema_plan,
	rp_schema_claim, rp_schema_client;

#define RP_SCHEMA_KINDS 6 /* enum rp_manifest_kind: from 0 */

/* By kind; kind must be valid. */
const struct rp_schema *rp_schema_of(enum rp_manifest_kind kind);

/*
 * The tree against the schema: keys, types, ranges, forms. "LABEL:LINE:COL: KEY: found, expected".
 */
int rp_check_tree(const struct rp_check *check);

/*
 * Fail at a node: key is its path ("checks[0].user"), detail "found X, expected Y".
 * Returns -EINVAL.
 */
int rp_check_fail(const struct rp_check *check, const struct rp_yaml_node *node, const char *key,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The rule of a key, NULL where there is none. */
const struct rp_rule *rp_schema_rule(
	const struct rp_schema *schema, const cyaml_schema_field_t *fields, const char *key);

/* Fill what the tree was silent about. -ENOMEM. */
int rp_schema_complete(
	const struct rp_schema *schema, const struct rp_yaml_node *root, void *manifest);

/* Schema fields, shorter. All pointers, since absent text must be told from "". */
#define RP_FIELD_TEXT(structure, member, flags)                                                    \
	CYAML_FIELD_STRING_PTR(#member, flags, structure, member, 0, 65536)
#define RP_FIELD_KIND CYAML_FIELD_IGNORE("kind", CYAML_FLAG_DEFAULT)
#define RP_OPTIONAL CYAML_FLAG_OPTIONAL
#define RP_REQUIRED CYAML_FLAG_DEFAULT
#define RP_FIELD_ENUM(structure, member, strings)                                                  \
	CYAML_FIELD_ENUM(#member, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, structure, member,      \
		strings, CYAML_ARRAY_LEN(strings))
#define RP_FIELD_INT(structure, member)                                                            \
	CYAML_FIELD_INT(#member, CYAML_FLAG_OPTIONAL, structure, member)
#define RP_FIELD_BOOL(structure, member)                                                           \
	CYAML_FIELD_BOOL(#member, CYAML_FLAG_OPTIONAL, structure, member)

/* rp_manifest_parse for the text of a JSON object whose first key is "kind". */
int rp_manifest_parse_json_text(
	const char *text, size_t len, struct rp_manifest **ret, struct rp_error *err);

extern const cyaml_schema_value_t rp_schema_text_entry; /* of sequences of text */
extern const cyaml_strval_t rp_schema_disks[2];

#endif
