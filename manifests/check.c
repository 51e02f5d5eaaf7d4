/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hardware_id.h"
#include "manifests/schema.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/host.h"
#include "lib/id.h"

#define LINE_MAX_BYTES 4096

/* Where the walk stands, from the leaf up: "checks[0].exec[1]". */
struct place {
	const struct place *parent;
	const char *key; /* NULL: an entry of a sequence */
	size_t index;
};

static void format_place(const struct place *place, char *text, size_t size)
{
	size_t len;

	if (!place) {
		*text = '\0';
		return;
	}
	format_place(place->parent, text, size);
	len = strlen(text);
	if (!place->key)
		snprintf(text + len, size - len, "[%zu]", place->index);
	else
		snprintf(text + len, size - len, "%s%.48s", len ? "." : "", place->key);
}

static int fail_position(const struct rp_check *check, unsigned line, unsigned column,
	const char *key, const char *detail)
{
	return rp_error_set(check->err, -EINVAL, "%s:%u:%u: %s%s%s", check->label, line, column,
		key, *key ? ": " : "", detail);
}

int rp_check_fail(const struct rp_check *check, const struct rp_yaml_node *node, const char *key,
	const char *format, ...)
{
	char detail[400];
	va_list args;

	if (!node)
		node = check->root;
	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	return fail_position(check, node ? node->line : 1, node ? node->column : 1, key, detail);
}

__attribute__((format(printf, 4, 5))) static int fail_place(const struct rp_check *check,
	const struct place *place, const struct rp_yaml_node *node, const char *format, ...)
{
	char key[160];
	char detail[400];
	va_list args;

	format_place(place, key, sizeof(key));
	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	return fail_position(check, node->line, node->column, key, detail);
}

/* What a person would say stands there. */
static const char *describe(const struct rp_yaml_node *node, char text[64])
{
	if (node->type == RP_YAML_MAPPING)
		return "a mapping";
	if (node->type == RP_YAML_SEQUENCE)
		return "a list";
	if (!*node->text && node->plain)
		return "nothing";
	snprintf(text, 64, "\"%.48s%s\"", node->text, strlen(node->text) > 48 ? "..." : "");
	return text;
}

/* Edits that turn one word into the other, for "did you mean"; words up to 31 bytes. */
static unsigned distance(const char *one, const char *other)
{
	unsigned row[32];
	size_t len = strlen(other);

	if (strlen(one) > 31 || len > 31)
		return UINT_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; one[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= len; j++) {
			unsigned best = diagonal + (one[i - 1] != other[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

static int fail_unknown_key(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *child, const cyaml_schema_field_t *fields)
{
	const struct place here = {place, child->key};
	const char *nearest = NULL;
	unsigned best = 3;
	char key[160];
	char detail[400];
	size_t len;

	for (const cyaml_schema_field_t *field = fields; field->key; field++) {
		unsigned edits = distance(child->key, field->key);

		if (edits < best) {
			best = edits;
			nearest = field->key;
		}
	}
	format_place(&here, key, sizeof(key));
	if (nearest) {
		snprintf(detail, sizeof(detail), "found an unknown key, expected \"%s\"?", nearest);
		return fail_position(check, child->key_line, child->key_column, key, detail);
	}
	len = (size_t)snprintf(detail, sizeof(detail), "found an unknown key, expected one of:");
	for (const cyaml_schema_field_t *field = fields; field->key; field++)
		if (len < sizeof(detail))
			len += (size_t)snprintf(detail + len, sizeof(detail) - len, " %s%s",
				field->key, field[1].key ? "," : "");
	return fail_position(check, child->key_line, child->key_column, key, detail);
}

/* Text of a pattern: 'h' stands for a lower-case hex digit, the rest for itself. */
static bool cpus_valid(const char *text)
{
	for (;;) {
		char *end;
		unsigned long first;
		unsigned long last;

		if (!isdigit((unsigned char)*text))
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			text = end + 1;
			if (!isdigit((unsigned char)*text))
				return false;
			last = strtoul(text, &end, 10);
		}
		if (last < first || last > 8191)
			return false;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

static bool metric_valid(const char *text)
{
	const char *slash = strchr(text, '/');
	char check[64];

	if (!slash || (size_t)(slash - text) >= sizeof(check))
		return false;
	memcpy(check, text, (size_t)(slash - text));
	check[slash - text] = '\0';
	return rp_name_valid(check) && rp_name_valid(slash + 1);
}

/* Letters, digits and the marks given; not empty, not led by '-'. */
static bool word_valid(const char *text, size_t max, const char *marks)
{
	if (!*text || *text == '-' || strlen(text) > max)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(marks, *text))
			return false;
	return true;
}

static bool interface_valid(const char *text)
{
	return word_valid(text, 15, "._-@") && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static bool host_valid(const char *text)
{
	return rp_host_valid(text);
}

static bool package_valid(const char *text)
{
	return word_valid(text, 128, "+-.:=~_");
}

static bool mac_valid(const char *text)
{
	return rp_mac_valid(text);
}

static bool uuid_valid(const char *text)
{
	return rp_uuid_valid(text);
}

static bool line_valid(const char *text)
{
	return strlen(text) <= LINE_MAX_BYTES && !strchr(text, '\n');
}

static bool prose_valid(const char *text)
{
	return strlen(text) <= 65536;
}

static bool name_valid(const char *text)
{
	return rp_name_valid(text);
}

static const struct {
	bool (*valid)(const char *text);
	const char *expected;
} forms[] = {
	[RP_TEXT_LINE] = {line_valid, "one line of text"},
	[RP_TEXT_PROSE] = {prose_valid, "text of at most 64 KiB"},
	[RP_TEXT_NAME] = {name_valid,
		"a name: lower-case letters, digits, \".\", \"_\", \"-\", at most 63"},
	[RP_TEXT_MAC] = {mac_valid, "a MAC address in lower case, like 52:54:00:12:34:56"},
	[RP_TEXT_UUID] = {uuid_valid,
		"a UUID in lower case, like 6f1d0c9e-3b52-4c37-9d1a-0a4b5c6d7e8f"},
	[RP_TEXT_CPUS] = {cpus_valid, "CPU numbers, like 0-3,6"},
	[RP_TEXT_METRIC] = {metric_valid, "CHECK/METRIC, like xsc-ring/traps_per_op"},
	[RP_TEXT_INTERFACE] = {interface_valid, "the name of a network interface, like eth0"},
	[RP_TEXT_HOST] = {host_valid, "an IP address or a DNS name, like 10.77.0.1"},
	[RP_TEXT_PATH] = {line_valid, "a path"},
	[RP_TEXT_PACKAGE] = {package_valid, "the name of a Debian package"},
	[RP_TEXT_ARGUMENT] = {line_valid, "one line of text"},
};

static int check_text(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const struct rp_rule *rule, bool optional)
{
	const enum rp_text_form form = rule ? rule->form : RP_TEXT_LINE;
	char found[64];

	if (node->type != RP_YAML_SCALAR || (check->json && node->plain) ||
		(node->plain &&
			(!*node->text || !strcmp(node->text, "~") || !strcmp(node->text, "null"))))
		return fail_place(check, place, node, "found %s, expected %s",
			describe(node, found), check->json ? "a string" : "text");
	if (!*node->text && optional)
		return 0;
	if (!*node->text || !forms[form].valid(node->text))
		return fail_place(check, place, node, "found %s, expected %s",
			describe(node, found), forms[form].expected);
	return 0;
}

static bool integer_form(const char *text)
{
	if (*text == '-')
		text++;
	if (*text == '0' && text[1])
		return false;
	return *text && strspn(text, "0123456789") == strlen(text);
}

static int check_integer(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const struct rp_rule *rule)
{
	int64_t min = rule ? rule->min : 0;
	int64_t max = rule && rule->max ? rule->max : INT_MAX;
	char found[64];
	long long value;

	errno = 0;
	if (node->type != RP_YAML_SCALAR || !node->plain || !integer_form(node->text) ||
		(value = strtoll(node->text, NULL, 10), errno == ERANGE) || value < min ||
		value > max)
		return fail_place(check, place, node,
			"found %s, expected an integer from %lld to %lld", describe(node, found),
			(long long)min, (long long)max);
	return 0;
}

/* JSON's form of a number: what strtod takes beyond it (hex, inf, nan) is refused. */
static bool number_form(const char *text)
{
	size_t digits;

	if (*text == '-')
		text++;
	digits = strspn(text, "0123456789");
	if (!digits)
		return false;
	text += digits;
	if (*text == '.') {
		digits = strspn(++text, "0123456789");
		if (!digits)
			return false;
		text += digits;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		if (*text == '+' || *text == '-')
			text++;
		digits = strspn(text, "0123456789");
		if (!digits)
			return false;
		text += digits;
	}
	return !*text;
}

static int check_number(
	const struct rp_check *check, const struct place *place, const struct rp_yaml_node *node)
{
	char found[64];

	if (node->type != RP_YAML_SCALAR || !node->plain || !number_form(node->text) ||
		!isfinite(strtod(node->text, NULL)))
		return fail_place(
			check, place, node, "found %s, expected a number", describe(node, found));
	return 0;
}

static int check_bool(
	const struct rp_check *check, const struct place *place, const struct rp_yaml_node *node)
{
	char found[64];

	if (node->type != RP_YAML_SCALAR || !node->plain ||
		(strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
		return fail_place(check, place, node, "found %s, expected true or false",
			describe(node, found));
	return 0;
}

static int check_word(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const cyaml_schema_value_t *schema)
{
	char expected[200] = "";
	char found[64];
	size_t len = 0;

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		const char *word = schema->enumeration.strings[i].str;

		/* A plain `off` is text here, not YAML 1.1's boolean. */
		if (node->type == RP_YAML_SCALAR && !strcmp(node->text, word) &&
			!(check->json && node->plain))
			return 0;
		len += (size_t)snprintf(
			expected + len, sizeof(expected) - len, "%s%s", len ? ", " : "", word);
	}
	return fail_place(check, place, node, "found %s, expected one of: %s",
		describe(node, found), expected);
}

static int check_value(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const cyaml_schema_value_t *schema,
	const struct rp_rule *rule);

static int check_mapping(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const cyaml_schema_field_t *fields)
{
	const cyaml_schema_field_t *field;
	char found[64];

	if (node->type != RP_YAML_MAPPING)
		return fail_place(check, place, node, "found %s, expected a mapping (key: value)",
			describe(node, found));
	for (size_t i = 0; i < node->children_count; i++) {
		const struct rp_yaml_node *child = node->children[i];
		const struct place here = {place, child->key};
		int ret;

		for (field = fields; field->key; field++)
			if (!strcmp(field->key, child->key))
				break;
		if (!field->key)
			return fail_unknown_key(check, place, child, fields);
		ret = check_value(check, &here, child, &field->value,
			rp_schema_rule(check->schema, fields, field->key));
		if (ret < 0)
			return ret;
	}
	for (field = fields; field->key; field++)
		if (!(field->value.flags & CYAML_FLAG_OPTIONAL) && !rp_yaml_get(node, field->key)) {
			const struct place here = {place, field->key};

			return fail_place(check, &here, node, "found nothing, expected this key");
		}
	return 0;
}

static int check_sequence(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const cyaml_schema_value_t *schema,
	const struct rp_rule *rule)
{
	char found[64];

	if (node->type != RP_YAML_SEQUENCE)
		return fail_place(
			check, place, node, "found %s, expected a list", describe(node, found));
	if (node->children_count < schema->sequence.min ||
		node->children_count > schema->sequence.max)
		return fail_place(check, place, node,
			"found %zu entries, expected a list of %u to %u", node->children_count,
			schema->sequence.min, schema->sequence.max);
	for (size_t i = 0; i < node->children_count; i++) {
		const struct place here = {place, NULL, i};
		int ret =
			check_value(check, &here, node->children[i], schema->sequence.entry, rule);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int check_value(const struct rp_check *check, const struct place *place,
	const struct rp_yaml_node *node, const cyaml_schema_value_t *schema,
	const struct rp_rule *rule)
{
	switch (schema->type) {
	case CYAML_STRING:
		/* The arguments of a command may be empty; required keys may not. */
		return check_text(check, place, node, rule,
			(schema->flags & CYAML_FLAG_OPTIONAL) ||
				(rule && rule->form == RP_TEXT_ARGUMENT));
	case CYAML_INT:
		return check_integer(check, place, node, rule);
	case CYAML_BOOL:
		return check_bool(check, place, node);
	case CYAML_ENUM:
		return check_word(check, place, node, schema);
	case CYAML_FLOAT:
		return check_number(check, place, node);
	case CYAML_MAPPING:
		return check_mapping(check, place, node, schema->mapping.fields);
	case CYAML_SEQUENCE:
		return check_sequence(check, place, node, schema, rule);
	default: /* CYAML_IGNORE: "kind", which chose this schema */
		return 0;
	}
}

int rp_check_tree(const struct rp_check *check)
{
	return check_mapping(check, NULL, check->root, check->schema->value->mapping.fields);
}
