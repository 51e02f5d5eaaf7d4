/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of the schema is described, and stands in its manual page with that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "manifests/manual.h"
#include "manifests/schema.h"

static char *page_of(enum rp_manifest_kind kind)
{
	char *page = NULL;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	rp_manifest_manual(kind, out);
	fclose(out);
	return page;
}

/* The text as a reader sees it: without what roff takes away. */
static void unroff(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (!strncmp(at, "\\(dq", 4)) {
			*to++ = '"';
			at += 3;
		} else if (*at == '\\' && at[1] == 'e') {
			*to++ = '\\';
			at++;
		} else if (*at == '\\' && at[1] == '&') {
			at++;
		} else if (*at != '\\') {
			*to++ = *at;
		}
	}
	*to = '\0';
}

static size_t check_fields(
	const struct rp_schema *schema, const cyaml_schema_field_t *fields, const char *page)
{
	size_t count = 0;

	for (const cyaml_schema_field_t *field = fields; field->key; field++) {
		const struct rp_rule *rule = rp_schema_rule(schema, fields, field->key);
		const cyaml_schema_value_t *inner = field->value.type == CYAML_SEQUENCE
							    ? field->value.sequence.entry
							    : &field->value;
		rp_cleanup(free) char *head = NULL;
		const char *at;

		if (field->value.type == CYAML_IGNORE)
			continue;
		if (!rule || !rule->help || strlen(rule->help) < 5)
			fail_msg("%s: %s has no help in its table", schema->name, field->key);
		assert_true(asprintf(&head, ".TP\n.B %s\n", field->key) > 0);
		at = strstr(page, head);
		if (!at || !strstr(at, rule->help))
			fail_msg("%s: %s: \"%s\" is not in:\n%s", schema->name, field->key,
				rule->help, page);
		count++;
		if (inner->type == CYAML_MAPPING)
			count += check_fields(schema, inner->mapping.fields, page);
	}
	return count;
}

static void every_key_is_described(void **state)
{
	for (size_t kind = 0; kind < RP_SCHEMA_KINDS; kind++) {
		const struct rp_schema *schema = rp_schema_of((enum rp_manifest_kind)kind);
		rp_cleanup(free) char *page = page_of((enum rp_manifest_kind)kind);

		unroff(page);
		assert_non_null(schema->title);
		assert_non_null(schema->intro);
		assert_true(check_fields(schema, schema->value->mapping.fields, page) >= 5);
	}
}

/* Types, ranges, words and defaults are the schema's. */
static void what_may_stand_there(void **state)
{
	rp_cleanup(free) char *site = page_of(RP_MANIFEST_SITE);
	rp_cleanup(free) char *plan = page_of(RP_MANIFEST_PLAN);
	rp_cleanup(free) char *rig = page_of(RP_MANIFEST_RIG);

	assert_non_null(strstr(site, ".TH RIGPROOF\\-SITE 5 "));
	assert_non_null(strstr(site,
		".B https_port\na whole number of 0 to 65535; default 8443.\n0: any free port.\n"));
	assert_non_null(strstr(site, ".B tftp\nspawn, external or off; default spawn.\n"));
	assert_non_null(strstr(plan, ".B name\na name; required.\n"));
	assert_non_null(
		strstr(plan, ".B checks\na list of at most 256, each a mapping; required."));
	assert_non_null(strstr(rig, ".B mac\na list of at most 16, each a MAC address; required."));
	assert_non_null(strstr(rig, ".B ignore\ntrue or false; default false.\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_described),
		cmocka_unit_test(what_may_stand_there),
	};

	return cmocka_run_group_tests_name("manifests/manual", tests, NULL, NULL);
}
