/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

#include <string.h>

#include "lib/id.h"

static const cyaml_strval_t op_words[] = {{"at_most", RP_CLAIM_AT_MOST},
	{"at_least", RP_CLAIM_AT_LEAST}, {"equals", RP_CLAIM_EQUALS}};

static const cyaml_schema_field_t claim_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_claim, name, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_claim, sentence, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_claim, source, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, subject, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, kernel, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, plan, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, check, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_claim, metric, RP_OPTIONAL),
	RP_FIELD_ENUM(struct rp_claim, op, op_words),
	CYAML_FIELD_FLOAT_PTR(
		"threshold", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_claim, threshold),
	RP_FIELD_TEXT(struct rp_claim, unit, RP_OPTIONAL),
	CYAML_FIELD_SEQUENCE("tests", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_claim, tests,
		&rp_schema_text_entry, 0, 64),
	RP_FIELD_BOOL(struct rp_claim, physical),
	CYAML_FIELD_SEQUENCE("needs", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_claim, needs,
		&rp_schema_text_entry, 0, 64),
	CYAML_FIELD_END,
};

static const struct rp_rule claim_rules[] = {
	{"name", .form = RP_TEXT_NAME, .help = "What it is called here."},
	{"sentence", .form = RP_TEXT_PROSE, .help = "What is claimed, word for word."},
	{"source", .form = RP_TEXT_PROSE, .help = "Who says so, and where."},
	{"subject", .help = "module:NAME (loaded) or image:NAME that the result must be about. "
			    "Without it any."},
	{"kernel", .help = "What the kernel's release must begin with: 6.1 is met by 6.1.0-56, not "
			   "by 6.12. Without it any."},
	{"plan", .form = RP_TEXT_NAME, .help = "The plan that measures it. Without it any."},
	{"check", .form = RP_TEXT_NAME,
		.help = "The check that decides. Without it needs says what it would take."},
	{"metric", .form = RP_TEXT_NAME, .help = "The metric of that check that decides."},
	{"op", .help = "How the metric is compared with the threshold."},
	{"threshold", .help = "The number that the metric is held against."},
	{"unit", .help = "The metric's unit: another one decides nothing. Without it any."},
	{"tests", .form = RP_TEXT_NAME,
		.help = "In place of a metric: tests of the check that must all be ok, each named "
			"by what its description has before the first colon."},
	{"physical", .help = "true: only figures of physical rigs count."},
	{"needs", .form = RP_TEXT_LINE, .help = "What it takes to measure it, in words."},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{claim_fields, claim_rules},
	{NULL},
};

/* A claim that no check judges says what it would take; nothing else may stand there. */
static int check_unjudged(const struct rp_check *check, const struct rp_claim *claim)
{
	static const char *const keys[] = {
		"metric", "op", "threshold", "unit", "tests", "plan", "subject", "kernel"};
	const struct rp_yaml_node *node = rp_yaml_get(check->root, "check");

	if (!claim->needs_count)
		return rp_check_fail(check, node, "check",
			"found no check and no needs, expected the check that judges the claim, "
			"or what judging it would need");
	/* JSON, made from a manifest, has every key; "" there is as good as none. */
	for (size_t i = 0; i < CYAML_ARRAY_LEN(keys); i++) {
		node = check->json ? NULL : rp_yaml_get(check->root, keys[i]);
		if (node)
			return rp_check_fail(check, node, keys[i],
				"found it without a check, expected check too, or needs alone");
	}
	if (!*claim->metric && !claim->tests_count && !claim->threshold)
		return 0;
	return rp_check_fail(
		check, NULL, "check", "found nothing, expected the check of the metric or tests");
}

static int check_judged(const struct rp_check *check, const struct rp_claim *claim)
{
	const struct rp_yaml_node *node = rp_yaml_get(check->root, "metric");

	if (!*claim->metric == !claim->tests_count)
		return rp_check_fail(check, node ? node : rp_yaml_get(check->root, "check"),
			"metric", "found %s, expected either a metric or tests of the check",
			*claim->metric ? "both a metric and tests" : "neither a metric nor tests");
	if (!*claim->metric && claim->threshold)
		return rp_check_fail(check, rp_yaml_get(check->root, "threshold"), "threshold",
			"found it beside tests, expected it with a metric");
	if (*claim->metric && !claim->threshold)
		return rp_check_fail(check, node, "threshold", "found nothing, expected a number");
	if (*claim->metric && !rp_yaml_get(check->root, "op"))
		return rp_check_fail(check, node, "op",
			"found nothing, expected one of: at_most, at_least, equals");
	for (unsigned i = 0; i < claim->tests_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(claim->tests[i], claim->tests[j]))
				return rp_check_fail(check,
					rp_yaml_at(rp_yaml_get(check->root, "tests"), i), "tests",
					"found \"%s\" a second time, expected it once",
					claim->tests[i]);
	return 0;
}

static bool subject_valid(const char *subject)
{
	static const char *const kinds[] = {"module:", "image:"};

	for (size_t i = 0; i < CYAML_ARRAY_LEN(kinds); i++)
		if (!strncmp(subject, kinds[i], strlen(kinds[i])))
			return rp_name_valid(subject + strlen(kinds[i]));
	return false;
}

static int check_claim(const struct rp_check *check, const struct rp_manifest *manifest)
{
	const struct rp_claim *claim = manifest->claim;

	if (*claim->subject && !subject_valid(claim->subject))
		return rp_check_fail(check, rp_yaml_get(check->root, "subject"), "subject",
			"found \"%.80s\", expected module:NAME or image:NAME", claim->subject);
	return *claim->check ? check_judged(check, claim) : check_unjudged(check, claim);
}

static const cyaml_schema_value_t claim_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_claim, claim_fields),
};

const struct rp_schema rp_schema_claim = {
	.name = "claim",
	.title = "a sentence that somebody wrote, and what decides it",
	.intro = "Claims are listed by rigproof claim list and held against evidence by rigproof "
		 "claim judge. One has a check, with a metric or tests, or it says what it needs.",
	.value = &claim_value,
	.mappings = mappings,
	.check = check_claim,
};
