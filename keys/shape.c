/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/shape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/id.h"

#define WHERE_MAX 160

static bool is_time(const char *text)
{
	int64_t time;

	return rp_clock_parse(text, &time) == 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool all(const json_t *array, bool (*test)(const json_t *))
{
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach (array, i, item)
		if (!test(item))
			return false;
	return true;
}

static bool is_string(const json_t *value)
{
	return json_is_string(value);
}

static bool is_number(const json_t *value)
{
	return json_is_number(value);
}

static bool text_fits(const char *text, const struct rp_shape *shape)
{
	if (!*text && shape->empty)
		return true;
	switch (shape->kind) {
	case RP_SHAPE_NAME:
		return rp_name_valid(text);
	case RP_SHAPE_ID:
		return rp_id_valid(text);
	case RP_SHAPE_SHA256:
		return rp_sha256_hex_valid(text);
	case RP_SHAPE_TIME:
		return is_time(text);
	case RP_SHAPE_WORD:
		return is_one_of(text, shape->words);
	default:
		return false;
	}
}

static bool int_fits(const json_t *value, const struct rp_shape *shape)
{
	json_int_t number = json_integer_value(value);

	return json_is_integer(value) &&
	       ((!shape->min && !shape->max) || (number >= shape->min && number <= shape->max));
}

/* Everything but objects, which report for themselves. */
static bool fits(const json_t *value, const struct rp_shape *shape)
{
	switch (shape->kind) {
	case RP_SHAPE_STRING:
		return json_is_string(value);
	case RP_SHAPE_INT:
		return int_fits(value, shape);
	case RP_SHAPE_NUMBER:
		return json_is_number(value);
	case RP_SHAPE_BOOL:
		return json_is_boolean(value);
	case RP_SHAPE_STRINGS:
		return all(value, is_string);
	case RP_SHAPE_NUMBERS:
		return all(value, is_number);
	case RP_SHAPE_ANY:
		return true;
	default:
		return json_is_string(value) && text_fits(json_string_value(value), shape);
	}
}

static const char *const expected[] = {
	[RP_SHAPE_STRING] = "a string",
	[RP_SHAPE_NAME] = "a name of a-z, 0-9, '.', '_', '-'",
	[RP_SHAPE_ID] = "a ULID",
	[RP_SHAPE_SHA256] = "64 lower-case hexadecimal digits",
	[RP_SHAPE_TIME] = "a time like 2026-11-20T12:00:00.000Z",
	[RP_SHAPE_WORD] = "one of its words",
	[RP_SHAPE_INT] = "an integer within its bounds",
	[RP_SHAPE_NUMBER] = "a number",
	[RP_SHAPE_BOOL] = "true or false",
	[RP_SHAPE_OBJECT] = "an object",
	[RP_SHAPE_OBJECTS] = "an array of objects",
	[RP_SHAPE_STRINGS] = "an array of strings",
	[RP_SHAPE_NUMBERS] = "an array of numbers",
	[RP_SHAPE_ANY] = "anything",
};

static int refuse(
	const json_t *value, const struct rp_shape *shape, const char *where, struct rp_error *err)
{
	if (json_is_string(value))
		return rp_error_set(err, -EINVAL, "%s: expected %s, found \"%.64s\"", where,
			expected[shape->kind], json_string_value(value));
	return rp_error_set(err, -EINVAL, "%s: expected %s", where, expected[shape->kind]);
}

static int check_field(
	const json_t *object, const struct rp_shape *shape, const char *where, struct rp_error *err)
{
	const json_t *value = json_object_get(object, shape->key);
	char here[WHERE_MAX];

	snprintf(here, sizeof(here), "%s.%s", where, shape->key);
	if (!value)
		return shape->optional ? 0 : rp_error_set(err, -EINVAL, "%s: missing", here);
	if (shape->kind == RP_SHAPE_OBJECT)
		return rp_shape_check(value, shape->fields, here, err);
	if (shape->kind == RP_SHAPE_OBJECTS)
		return rp_shape_check_all(value, shape->fields, here, err);
	return fits(value, shape) ? 0 : refuse(value, shape, here, err);
}

static bool has_key(const struct rp_shape *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return true;
	return false;
}

int rp_shape_check(
	const json_t *value, const struct rp_shape *fields, const char *where, struct rp_error *err)
{
	const char *key;
	json_t *unused;

	if (!json_is_object(value))
		return rp_error_set(err, -EINVAL, "%s: expected an object", where);
	json_object_foreach ((json_t *)value, key, unused)
		if (!has_key(fields, key))
			return rp_error_set(
				err, -EINVAL, "%s: there is no key \"%.64s\" here", where, key);
	for (; fields->key; fields++) {
		int r = check_field(value, fields, where, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int rp_shape_check_all(
	const json_t *value, const struct rp_shape *fields, const char *where, struct rp_error *err)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return rp_error_set(err, -EINVAL, "%s: expected an array", where);
	json_array_foreach (value, i, item) {
		char here[WHERE_MAX];
		int r;

		snprintf(here, sizeof(here), "%s[%zu]", where, i);
		r = rp_shape_check(item, fields, here, err);
		if (r < 0)
			return r;
	}
	return 0;
}
