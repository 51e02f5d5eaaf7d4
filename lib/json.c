/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/printable.h"

#define FILE_MAX (16u << 20)

/*
 * What a text costs before it is parsed: a value takes some fifty times the bytes of its text. Where
 * the text is no JSON the numbers mean nothing, but are no lower than those of what is parsed of it.
 */
static int check_size(const char *text, size_t len, size_t values_max, struct rp_error *err)
{
	size_t values = 1;
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '\\':
			i += in_string;
			break;
		case '"':
			in_string = !in_string;
			break;
		case '[':
		case '{':
			if (!in_string && ++depth > RP_JSON_DEPTH_MAX)
				return rp_error_set(err, -EINVAL,
					"too much JSON: more than %d arrays and objects in one "
					"another",
					RP_JSON_DEPTH_MAX);
			values += !in_string;
			break;
		case ']':
		case '}':
			depth -= !in_string;
			break;
		case ',':
		case ':':
			values += !in_string;
			break;
		default:
			break;
		}
		if (values > values_max)
			return rp_error_set(err, -EINVAL,
				"too much JSON: more than %zu values and keys", values_max);
	}
	return 0;
}

int rp_json_parse_foreign(
	const char *text, size_t len, size_t values_max, json_t **ret, struct rp_error *err)
{
	json_error_t reason = {0};
	json_t *value;
	int r;

	if (!len)
		return rp_error_set(err, -EINVAL, "not JSON: empty");
	r = check_size(text, len, values_max, err);
	if (r < 0)
		return r;
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &reason);
	if (!value)
		return rp_error_set(err, -EINVAL, "not JSON: line %d, column %d: %s", reason.line,
			reason.column, reason.text);
	*ret = value;
	return 0;
}

int rp_json_parse(const char *text, size_t len, json_t **ret, struct rp_error *err)
{
	return rp_json_parse_foreign(text, len, SIZE_MAX, ret, err);
}

int rp_json_parse_file(const char *path, json_t **ret, struct rp_error *err)
{
	rp_cleanup(free) char *text = NULL;
	size_t len;
	int r;

	r = rp_file_read(path, FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = rp_json_parse(text, len, ret, err);
	if (r < 0)
		rp_error_prefix(err, "%s", path);
	return r;
}

char *rp_json_canonical(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

char *rp_json_pretty(const json_t *value)
{
	rp_cleanup(free) char *text =
		json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	char *line;

	if (!text)
		return NULL;
	return asprintf(&line, "%s\n", text) < 0 ? NULL : line;
}

static const char *describe(const json_t *value)
{
	if (!value)
		return "nothing";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a real number";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	}
	return "an unknown type";
}

static int mismatch(
	struct rp_error *err, const json_t *object, const char *key, const char *expected)
{
	if (!json_is_object(object))
		return rp_error_set(
			err, -EINVAL, "%s: expected in an object, found %s", key, describe(object));
	return rp_error_set(err, -EINVAL, "%s: expected %s, found %s", key, expected,
		describe(json_object_get(object, key)));
}

int rp_json_get_string(
	const json_t *object, const char *key, const char **ret, struct rp_error *err)
{
	const char *string = json_string_value(json_object_get(object, key));

	if (!string)
		return mismatch(err, object, key, "a string");
	*ret = string;
	return 0;
}

int rp_json_get_int(const json_t *object, const char *key, json_int_t min, json_int_t max,
	json_int_t *ret, struct rp_error *err)
{
	const json_t *value = json_object_get(object, key);
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value))
		return mismatch(err, object, key, "an integer");
	if (number < min || number > max)
		return rp_error_set(err, -EINVAL,
			"%s: expected an integer from %" JSON_INTEGER_FORMAT
			" to %" JSON_INTEGER_FORMAT ", found %" JSON_INTEGER_FORMAT,
			key, min, max, number);
	*ret = number;
	return 0;
}

int rp_json_get_bool(const json_t *object, const char *key, bool *ret, struct rp_error *err)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return mismatch(err, object, key, "true or false");
	*ret = json_is_true(value);
	return 0;
}

int rp_json_get_object(const json_t *object, const char *key, json_t **ret, struct rp_error *err)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return mismatch(err, object, key, "an object");
	*ret = value;
	return 0;
}

int rp_json_get_array(const json_t *object, const char *key, json_t **ret, struct rp_error *err)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_array(value))
		return mismatch(err, object, key, "an array");
	*ret = value;
	return 0;
}

int rp_json_get_sha256(
	const json_t *object, const char *key, const char **ret, struct rp_error *err)
{
	const char *string = NULL;
	int r = rp_json_get_string(object, key, &string, err);

	if (r < 0)
		return r;
	if (!rp_sha256_hex_valid(string))
		return rp_error_set(err, -EINVAL,
			"%s: expected a SHA-256 as 64 lower-case hexadecimal digits, found "
			"\"%.80s\"",
			key, string);
	*ret = string;
	return 0;
}

const char *rp_json_string_or(const json_t *object, const char *key, const char *fallback)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : fallback;
}

static int is_listed(const char *key, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(key, *list) == 0)
			return 1;
	return 0;
}

int rp_json_check_keys(const json_t *object, const char *const *allowed, struct rp_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return rp_error_set(err, -EINVAL, "expected an object, found %s", describe(object));
	json_object_foreach ((json_t *)object, key, value) {
		if (!is_listed(key, allowed))
			return rp_error_set(err, -EINVAL, "%.100s: unknown key", key);
	}
	return 0;
}

json_t *rp_json_text(const char *text)
{
	rp_cleanup(free) char *copy = strdup(text);

	if (!copy)
		return NULL;
	rp_printable(copy);
	return json_string(copy);
}
