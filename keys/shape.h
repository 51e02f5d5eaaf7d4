/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed form of a JSON document as a const table: exactly these keys, each of its kind.
 * Private to keys/ (configuration that people write has its own schema in manifests/).
 */
#ifndef RP_KEYS_SHAPE_H
#define RP_KEYS_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"

enum rp_shape_kind {
	RP_SHAPE_STRING,
	RP_SHAPE_NAME,	 /* rp_name_valid */
	RP_SHAPE_ID,	 /* rp_id_valid */
	RP_SHAPE_SHA256, /* and any other 32 bytes as lower-case hexadecimal */
	RP_SHAPE_TIME,	 /* rp_clock_parse */
	RP_SHAPE_WORD,	 /* one of words */
	RP_SHAPE_INT,
	RP_SHAPE_NUMBER,
	RP_SHAPE_BOOL,
	RP_SHAPE_OBJECT,  /* of fields */
	RP_SHAPE_OBJECTS, /* array of objects of fields */
	RP_SHAPE_STRINGS, /* array */
	RP_SHAPE_NUMBERS, /* array */
	RP_SHAPE_ANY,
};

struct rp_shape {
	const char *key; /* NULL ends a table */
	enum rp_shape_kind kind;
	bool optional; /* the key may be missing */
	bool empty;    /* a string kind may be "" as well */
	const struct rp_shape *fields;
	const char *const *words; /* NULL-terminated */
	json_int_t min, max;	  /* RP_SHAPE_INT; both 0: any */
};

/* value is an object of fields. -EINVAL with "WHERE.KEY: expected ..., found ..." */
int rp_shape_check(const json_t *value, const struct rp_shape *fields, const char *where,
	struct rp_error *err);

/* value is an array of such objects. */
int rp_shape_check_all(const json_t *value, const struct rp_shape *fields, const char *where,
	struct rp_error *err);

#endif
