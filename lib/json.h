/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jansson under our rules: foreign JSON is read with duplicate keys refused and its depth bounded,
 * read by typed getters that say what was expected where, and written in one canonical form.
 */
#ifndef RP_LIB_JSON_H
#define RP_LIB_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define RP_JSON_DEPTH_MAX 64 /* arrays and objects in one another */

/*
 * Parse exactly one JSON value. Duplicate keys, NUL characters, trailing bytes and more than
 * RP_JSON_DEPTH_MAX levels are refused.
 */
int rp_json_parse(const char *text, size_t len, json_t **ret, struct rp_error *err);

/*
 * The same for bytes of somebody whom we do not know yet: at most values_max values and keys, and
 * RP_JSON_DEPTH_MAX levels, counted before anything is allocated, in one pass over the text.
 */
int rp_json_parse_foreign(
	const char *text, size_t len, size_t values_max, json_t **ret, struct rp_error *err);

/* rp_json_parse of a whole file of at most 16 MiB. */
int rp_json_parse_file(const char *path, json_t **ret, struct rp_error *err);

/*
 * The canonical bytes: keys sorted, no white space, UTF-8, no escapes but the needed ones, no
 * final newline. What is signed or hashed is always this. Caller frees; NULL: no memory.
 * No floating-point number may stand in what is signed twice by two programs; metrics may, since
 * signed bytes are never re-made.
 */
char *rp_json_canonical(const json_t *value);

/* The same with an indent of two and a final newline, for files that people read. */
char *rp_json_pretty(const json_t *value);

/*
 * A JSON string of text that may be anything, a file's name among it: made printable first
 * (lib/printable.h), since JSON holds UTF-8 alone. NULL: no memory.
 */
json_t *rp_json_text(const char *text);

/*
 * Getters. object must be a JSON object, else -EINVAL. A missing key or a wrong type is -EINVAL
 * with "KEY: expected ..., found ..." in err. *ret is borrowed from object.
 */
int rp_json_get_string(
	const json_t *object, const char *key, const char **ret, struct rp_error *err);
int rp_json_get_int(const json_t *object, const char *key, json_int_t min, json_int_t max,
	json_int_t *ret, struct rp_error *err);
int rp_json_get_bool(const json_t *object, const char *key, bool *ret, struct rp_error *err);
int rp_json_get_object(const json_t *object, const char *key, json_t **ret, struct rp_error *err);
int rp_json_get_array(const json_t *object, const char *key, json_t **ret, struct rp_error *err);
int rp_json_get_sha256(
	const json_t *object, const char *key, const char **ret, struct rp_error *err);

/* The string under key, or fallback where object has no such string. Never fails. */
const char *rp_json_string_or(const json_t *object, const char *key, const char *fallback);

/*
 * -EINVAL naming the key, where object has a key that is not among the NULL-terminated list.
 * For formats whose every byte must mean something.
 */
int rp_json_check_keys(const json_t *object, const char *const *allowed, struct rp_error *err);

#endif
