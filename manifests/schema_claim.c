/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

static const cyaml_strval_t op_words[] = {{"at_most", RP_CLAIM_AT_MOST},
	{"at_least", RP_CLAIM_AT_LEAST}, {"equals", RP_CLAIM_EQUALS}};

static const cyaml_schema_field_t claim_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_claim, name, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_claim, sentence, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_claim, source, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, plan, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, check, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_claim, metric, RP_REQUIRED),
	CYAML_FIELD_ENUM(
		"op", CYAML_FLAG_STRICT, struct rp_claim, op, op_words, CYAML_ARRAY_LEN(op_words)),
	CYAML_FIELD_FLOAT("threshold", CYAML_FLAG_DEFAULT, struct rp_claim, threshold),
	RP_FIELD_TEXT(struct rp_claim, unit, RP_OPTIONAL),
	CYAML_FIELD_SEQUENCE("needs", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_claim, needs,
		&rp_schema_text_entry, 0, 64),
	CYAML_FIELD_END,
};

static const struct rp_rule claim_rules[] = {
	{"name", .form = RP_TEXT_NAME},
	{"sentence", .form = RP_TEXT_PROSE},
	{"source", .form = RP_TEXT_PROSE},
	{"plan", .form = RP_TEXT_NAME},
	{"check", .form = RP_TEXT_NAME},
	{"metric", .form = RP_TEXT_NAME},
	{"needs", .form = RP_TEXT_NAME},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{claim_fields, claim_rules},
	{NULL},
};

static const cyaml_schema_value_t claim_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_claim, claim_fields),
};

const struct rp_schema rp_schema_claim = {
	.name = "claim",
	.value = &claim_value,
	.mappings = mappings,
};
