/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/manual.h"

#include <inttypes.h>
#include <string.h>

#include "manifests/schema.h"

static const char *const forms[] = {
	[RP_TEXT_LINE] = "a line of text",
	[RP_TEXT_PROSE] = "text",
	[RP_TEXT_NAME] = "a name",
	[RP_TEXT_MAC] = "a MAC address",
	[RP_TEXT_UUID] = "a UUID",
	[RP_TEXT_CPUS] = "a list of CPUs",
	[RP_TEXT_METRIC] = "CHECK/METRIC",
	[RP_TEXT_INTERFACE] = "a network interface",
	[RP_TEXT_HOST] = "an IP address or a DNS name",
	[RP_TEXT_PATH] = "a path",
	[RP_TEXT_PACKAGE] = "a Debian package",
	[RP_TEXT_ARGUMENT] = "an argument",
};

/* Text of ours for roff: nothing in it is a macro, a hyphen stays one. */
static void put(FILE *out, const char *text)
{
	for (bool begins = true; *text; begins = *text == '\n', text++) {
		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '"')
			fputs("\\(dq", out);
		else
			fputc(*text, out);
	}
}

static void put_range(FILE *out, const struct rp_rule *rule)
{
	fputs("a whole number", out);
	if (rule && (rule->min || rule->max))
		fprintf(out, " of %" PRId64 " to %" PRId64, rule->min, rule->max);
}

static void put_words(FILE *out, const cyaml_schema_value_t *value)
{
	for (uint32_t i = 0; i < value->enumeration.count; i++)
		fprintf(out, "%s%s",
			!i				   ? ""
			: i + 1 < value->enumeration.count ? ", "
							   : " or ",
			value->enumeration.strings[i].str);
}

static void put_type(FILE *out, const cyaml_schema_value_t *value, const struct rp_rule *rule)
{
	switch (value->type) {
	case CYAML_STRING:
		fputs(forms[rule ? rule->form : RP_TEXT_LINE], out);
		break;
	case CYAML_INT:
		put_range(out, rule);
		break;
	case CYAML_FLOAT:
		fputs("a number", out);
		break;
	case CYAML_BOOL:
		fputs("true or false", out);
		break;
	case CYAML_ENUM:
		put_words(out, value);
		break;
	case CYAML_SEQUENCE:
		fprintf(out, "a list of at most %u, each ", value->sequence.max);
		put_type(out, value->sequence.entry, rule);
		break;
	default:
		fputs("a mapping", out);
	}
}

static void put_fields(
	FILE *out, const struct rp_schema *schema, const cyaml_schema_field_t *fields)
{
	for (const cyaml_schema_field_t *field = fields; field->key; field++) {
		const cyaml_schema_value_t *value = &field->value;
		const struct rp_rule *rule = rp_schema_rule(schema, fields, field->key);
		const cyaml_schema_value_t *inner =
			value->type == CYAML_SEQUENCE ? value->sequence.entry : value;

		if (value->type == CYAML_IGNORE) /* kind, which the text above has */
			continue;
		fprintf(out, ".TP\n.B %s\n", field->key);
		put_type(out, value, rule);
		if (!(value->flags & CYAML_FLAG_OPTIONAL))
			fputs("; required", out);
		else if (rule && rule->fallback && *rule->fallback) {
			fputs("; default ", out);
			put(out, rule->fallback);
		} else if (value->type == CYAML_BOOL)
			fputs("; default false", out);
		fputs(".\n", out);
		if (rule && rule->help) {
			put(out, rule->help);
			fputc('\n', out);
		}
		if (inner->type == CYAML_MAPPING) {
			fputs(".RS\n", out);
			put_fields(out, schema, inner->mapping.fields);
			fputs(".RE\n", out);
		}
	}
}

static const char *upper(const char *name)
{
	static const struct {
		const char *name, *upper;
	} names[] = {{"site", "SITE"}, {"rig", "RIG"}, {"image", "IMAGE"}, {"plan", "PLAN"},
		{"claim", "CLAIM"}, {"client", "CLIENT"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].upper;
	return name;
}

void rp_manifest_manual(enum rp_manifest_kind kind, FILE *out)
{
	const struct rp_schema *schema = rp_schema_of(kind);

	fprintf(out,
		".\\\" SPDX-License-Identifier: Apache-2.0\n"
		".\\\" Made from the schema: what is to be changed here is changed there.\n"
		".TH RIGPROOF\\-%s 5 \"\" \"rigproof\" \"rigproof manual\"\n"
		".SH NAME\nrigproof\\-%s \\- ",
		upper(schema->name), schema->name);
	put(out, schema->title);
	fputs("\n.SH DESCRIPTION\n", out);
	put(out, schema->intro);
	fprintf(out,
		"\n.PP\nIt is YAML, strictly read: the first key is\n.BR \"kind: %s\" ;\n"
		"keys that are not below, keys given twice, other types, anchors, aliases, tags "
		"and\n"
		"a second document are errors, which name the line. Names are lower\\-case "
		"letters,\n"
		"digits, dots, underscores and hyphens, at most 63 of them.\n.PP\n"
		".B rigproof manifest check\n.I FILE\nsays whether one is good, and else why not.\n"
		".SH KEYS\n",
		schema->name);
	put_fields(out, schema, schema->value->mapping.fields);
	fputs(".SH SEE ALSO\n.BR rigproof (1),\n.BR rigproof\\-manifest (1)", out);
	for (size_t i = 0; i < RP_SCHEMA_KINDS; i++)
		if (i != (size_t)kind)
			fprintf(out, ",\n.BR rigproof\\-%s (5)", rp_schema_of(i)->name);
	fputc('\n', out);
}
