/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/mutant_lab.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood 2014): any seed will do. */
struct dice dice_of(uint64_t seed)
{
	return (struct dice){seed};
}

uint64_t dice_roll(struct dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

size_t dice_below(struct dice *dice, size_t n)
{
	return (size_t)(dice_roll(dice) % n);
}

void mutate_bytes(struct dice *dice, uint8_t **data, size_t *len)
{
	static const char inserts[] = " \n\t\"\\/{}[]:,=0a-\0\xff";
	size_t at = dice_below(dice, *len), n = 1 + dice_below(dice, 8), other;
	uint8_t *bytes = *data, byte;

	n = n < *len - at ? n : *len - at;
	switch (dice_below(dice, 7)) {
	case 0:
		bytes[at] ^= (uint8_t)(1u << dice_below(dice, 8));
		break;
	case 1:
		bytes[at] = (uint8_t)(bytes[at] + 1 + dice_below(dice, 255));
		break;
	case 2:
		memmove(bytes + at, bytes + at + n, *len - at - n);
		*len -= n;
		break;
	case 3: /* some twice */
		bytes = realloc(bytes, *len + n + 1);
		memmove(bytes + at + n, bytes + at, *len - at);
		*len += n;
		break;
	case 4:
		other = dice_below(dice, *len);
		byte = bytes[at];
		bytes[at] = bytes[other];
		bytes[other] = byte;
		break;
	case 5:
		bytes = realloc(bytes, *len + 2);
		memmove(bytes + at + 1, bytes + at, *len - at);
		bytes[at] = (uint8_t)inserts[dice_below(dice, sizeof(inserts) - 1)];
		*len += 1;
		break;
	default:
		*len = at;
		break;
	}
	*data = bytes;
}

/* A value and where it is. */
struct place {
	json_t *parent;
	const char *key; /* NULL: in an array, at index */
	size_t index;
	char path[MUTANT_PATH];
};

#define PLACES_MAX 1024

struct places {
	struct place at[PLACES_MAX];
	size_t count;
};

static void add_place(
	struct places *places, json_t *parent, const char *key, size_t index, const char *path)
{
	struct place *place = &places->at[places->count];

	if (places->count == PLACES_MAX)
		return;
	places->count++;
	*place = (struct place){.parent = parent, .key = key, .index = index};
	if (key)
		snprintf(place->path, sizeof(place->path), "%s%s%s", path, *path ? "." : "", key);
	else
		snprintf(
			place->path, sizeof(place->path), "%s%s%zu", path, *path ? "." : "", index);
}

/* All that is below parent, which is at path. */
static void collect(struct places *places, json_t *parent, const char *path)
{
	char here[MUTANT_PATH];
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach (parent, key, value) {
		add_place(places, parent, key, 0, path);
		snprintf(here, sizeof(here), "%s", places->at[places->count - 1].path);
		collect(places, value, here);
	}
	json_array_foreach (parent, i, value) {
		add_place(places, parent, NULL, i, path);
		snprintf(here, sizeof(here), "%s", places->at[places->count - 1].path);
		collect(places, value, here);
	}
}

static json_t *value_at(const struct place *place)
{
	return place->key ? json_object_get(place->parent, place->key)
			  : json_array_get(place->parent, place->index);
}

static void set_value(const struct place *place, json_t *value)
{
	if (place->key)
		json_object_set_new(place->parent, place->key, value);
	else
		json_array_set_new(place->parent, place->index, value);
}

static json_t *other_string(struct dice *dice, const char *text)
{
	static const char *const strange[] = {"", " ", "pass", "none", "secure-boot", "x",
		"\xe2\x80\xae", "\x1b[2J", "0", "../x",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
	char copy[32768];
	size_t len = strlen(text), at = len ? dice_below(dice, len) : 0;

	if (!len || len + 2 > sizeof(copy))
		return json_string(strange[1 + dice_below(dice, 10)]);
	memcpy(copy, text, len + 1);
	switch (dice_below(dice, 6)) {
	case 0: /* another of its kind, so that its form stays */
		if (isdigit((unsigned char)copy[at]))
			copy[at] =
				(char)('0' + (copy[at] - '0' + 1 + (int)dice_below(dice, 9)) % 10);
		else if (islower((unsigned char)copy[at]))
			copy[at] =
				(char)('a' + (copy[at] - 'a' + 1 + (int)dice_below(dice, 5)) % 6);
		else
			copy[at] = 'Z';
		break;
	case 1:
		copy[at] =
			(char)(isupper((unsigned char)copy[at]) ? tolower((unsigned char)copy[at])
								: toupper((unsigned char)copy[at]));
		break;
	case 2:
		copy[at] = '\0';
		break;
	case 3:
		memcpy(copy + len, dice_below(dice, 2) ? " " : "0", 2);
		break;
	case 4:
		memmove(copy + at, copy + at + 1, len - at);
		break;
	default:
		return json_string(strange[dice_below(dice, 11)]);
	}
	return json_string(copy);
}

static json_t *other_value(struct dice *dice, const json_t *value)
{
	static const json_int_t strange[] = {0, 1, -1, 2, 7, 4096, INT32_MAX, INT64_MAX, INT64_MIN};
	const json_int_t number = json_integer_value(value);
	json_t *copy;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return other_string(dice, json_string_value(value));
	case JSON_INTEGER:
		if (dice_below(dice, 4) == 0)
			return json_real((double)number);
		return json_integer(dice_below(dice, 2) ? number + (dice_below(dice, 2) ? 1 : -1)
							: strange[dice_below(dice, 9)]);
	case JSON_REAL:
		return dice_below(dice, 2) ? json_real(-json_real_value(value))
					   : json_real(json_real_value(value) * 1.5);
	case JSON_TRUE:
		return json_false();
	case JSON_FALSE:
		return json_true();
	case JSON_OBJECT:
		copy = json_deep_copy(value);
		json_object_set_new(copy, "x", json_integer(1));
		return copy;
	case JSON_ARRAY:
		copy = json_array();
		for (size_t i = json_array_size(value); i > 0; i--)
			json_array_append(copy, json_array_get(value, i - 1));
		return copy;
	default:
		return json_string("x");
	}
}

static json_t *other_type(struct dice *dice, const json_t *value)
{
	switch (dice_below(dice, 4)) {
	case 0:
		return json_null();
	case 1:
		return json_is_string(value) ? json_integer(0) : json_string("0");
	case 2:
		return json_is_array(value) ? json_object() : json_array();
	default:
		return json_pack("[O]", value);
	}
}

static void drop(const struct place *place)
{
	if (place->key)
		json_object_del(place->parent, place->key);
	else
		json_array_remove(place->parent, place->index);
}

/* Beside it, once more: in an array as it is, in an object under another name. */
static void add_beside(struct dice *dice, const struct place *place)
{
	json_t *copy = json_deep_copy(value_at(place));
	char key[MUTANT_PATH];

	if (place->key) {
		snprintf(key, sizeof(key), "%s%s", place->key, dice_below(dice, 2) ? "2" : " ");
		json_object_set_new(place->parent, key, copy);
	} else {
		json_array_insert_new(place->parent, place->index, copy);
	}
}

static void exchange(const struct place *a, const struct place *b)
{
	json_t *of_a = json_deep_copy(value_at(a)), *of_b = json_deep_copy(value_at(b));

	set_value(a, of_b);
	set_value(b, of_a);
}

/* A sibling of place, or place itself. */
static const struct place *sibling(
	struct dice *dice, const struct places *places, const struct place *place)
{
	size_t begin = dice_below(dice, places->count);

	for (size_t i = 0; i < places->count; i++) {
		const struct place *other = &places->at[(begin + i) % places->count];

		if (other->parent == place->parent && other != place)
			return other;
	}
	return place;
}

void mutate_json(struct dice *dice, json_t *root, char ret_path[MUTANT_PATH])
{
	static struct places places;
	const struct place *place;

	places.count = 0;
	collect(&places, root, "");
	place = &places.at[dice_below(dice, places.count)];
	snprintf(ret_path, MUTANT_PATH, "%s", place->path);
	switch (dice_below(dice, 8)) {
	case 0:
		drop(place);
		break;
	case 1:
		set_value(place, other_type(dice, value_at(place)));
		break;
	case 2:
		add_beside(dice, place);
		break;
	case 3:
		exchange(place, sibling(dice, &places, place));
		break;
	default:
		set_value(place, other_value(dice, value_at(place)));
		break;
	}
}
