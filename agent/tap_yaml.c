/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By libyaml's events, never as a tree: a block can neither be deep nor grow by its aliases
 * (an alias is an error).
 */
#include "agent/tap_yaml.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/cleanup.h"
#include "lib/printable.h"

#define DEPTH_MAX 16

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the one that was read last */
	struct rp_tap_yaml *sum;
	char *message, *problem;
	size_t text_size; /* of either */
};

static int refuse(struct reader *reader, const char *text)
{
	snprintf(reader->problem, reader->text_size, "YAML block, line %zu: %s",
		reader->event.start_mark.line + 1, text);
	return -EINVAL;
}

/* The next event's type, or -EINVAL. */
static int next(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event)) {
		memset(&reader->event, 0, sizeof(reader->event));
		reader->event.start_mark = reader->parser.problem_mark;
		return refuse(reader, reader->parser.problem ? reader->parser.problem : "not YAML");
	}
	if (reader->event.type == YAML_ALIAS_EVENT)
		return refuse(reader, "aliases are not taken");
	return (int)reader->event.type;
}

static const char *scalar(const struct reader *reader)
{
	return (const char *)reader->event.data.scalar.value;
}

static bool scalar_is(const struct reader *reader, const char *text)
{
	return strcmp(scalar(reader), text) == 0;
}

/* Over the node whose first event was just read. */
static int skip_node(struct reader *reader)
{
	int depth = 0, type = (int)reader->event.type;

	for (;;) {
		if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
			depth++;
		else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
			depth--;
		if (depth <= 0)
			return 0;
		if (depth > DEPTH_MAX)
			return refuse(reader, "nested too deeply");
		type = next(reader);
		if (type < 0)
			return type;
	}
}

/* A finite number, an integer where it is written as one. */
static json_t *read_number(const struct reader *reader)
{
	const char *text = scalar(reader);
	char *end;
	long long integer;
	double real;

	if (strspn(text, "+-.0123456789eE") != strlen(text) || !*text)
		return NULL;
	errno = 0;
	integer = strtoll(text, &end, 10);
	if (!*end && errno == 0)
		return json_integer(integer);
	real = strtod(text, &end);
	return *end || !isfinite(real) ? NULL : json_real(real);
}

static int read_value(struct reader *reader, json_t *metric)
{
	json_t *number = reader->event.type == YAML_SCALAR_EVENT ? read_number(reader) : NULL;

	if (!number)
		return refuse(reader, "value: expected a number");
	return json_object_set_new(metric, "value", number) < 0 ? -ENOMEM : 0;
}

static int read_string(struct reader *reader, json_t *metric, const char *key)
{
	char text[64];

	if (reader->event.type != YAML_SCALAR_EVENT)
		return refuse(reader, "expected a text");
	if (reader->event.data.scalar.length >= sizeof(text))
		return refuse(reader, "text too long");
	rp_printable_copy(text, sizeof(text), scalar(reader), reader->event.data.scalar.length);
	return json_object_set_new(metric, key, json_string(text)) < 0 ? -ENOMEM : 0;
}

static int read_name(struct reader *reader, json_t *metric)
{
	int r = read_string(reader, metric, "name");

	return r == 0 && !*scalar(reader) ? refuse(reader, "name: empty") : r;
}

static int read_unit(struct reader *reader, json_t *metric)
{
	return read_string(reader, metric, "unit");
}

static int read_better(struct reader *reader, json_t *metric)
{
	if (reader->event.type != YAML_SCALAR_EVENT ||
		(!scalar_is(reader, "lower") && !scalar_is(reader, "higher")))
		return refuse(reader, "better: expected lower or higher");
	return read_string(reader, metric, "better");
}

static int read_samples(struct reader *reader, json_t *metric)
{
	rp_cleanup(json) json_t *list = json_array();
	int type = (int)reader->event.type;

	if (type != YAML_SEQUENCE_START_EVENT)
		return refuse(reader, "samples: expected a list of numbers");
	for (type = next(reader); type == YAML_SCALAR_EVENT; type = next(reader)) {
		json_t *number = read_number(reader);

		if (!number)
			return refuse(reader, "samples: expected numbers");
		if (reader->sum->samples_left == 0) {
			json_decref(number);
			return refuse(reader, "samples: too many in this output");
		}
		reader->sum->samples_left--;
		if (json_array_append_new(list, number) < 0)
			return -ENOMEM;
	}
	if (type < 0)
		return type;
	if (type != YAML_SEQUENCE_END_EVENT)
		return refuse(reader, "samples: expected numbers");
	return json_object_set(metric, "samples", list) < 0 ? -ENOMEM : 0;
}

static const struct field {
	const char *key;
	int (*read)(struct reader *reader, json_t *metric);
} fields[] = {
	{"name", read_name},
	{"value", read_value},
	{"unit", read_unit},
	{"better", read_better},
	{"samples", read_samples},
};

static const struct field *find_field(const struct reader *reader)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (scalar_is(reader, fields[i].key))
			return &fields[i];
	return NULL;
}

static int check_metric(struct reader *reader, const json_t *metric)
{
	if (!*json_string_value(json_object_get(metric, "name")))
		return refuse(reader, "a metric without a name");
	if (json_is_null(json_object_get(metric, "value")))
		return refuse(reader, "a metric without a value");
	return 0;
}

/* The mapping whose start was just read. */
static int read_metric(struct reader *reader)
{
	rp_cleanup(json) json_t *metric = json_pack("{s:s, s:n, s:s, s:s, s:[]}", "name", "",
		"value", "unit", "", "better", "", "samples");
	int r, type;

	if (!metric)
		return -ENOMEM;
	while ((type = next(reader)) == YAML_SCALAR_EVENT) {
		const struct field *field = find_field(reader);

		type = next(reader);
		if (type < 0)
			return type;
		r = field ? field->read(reader, metric) : skip_node(reader);
		if (r < 0)
			return r;
	}
	if (type < 0)
		return type;
	if (type != YAML_MAPPING_END_EVENT)
		return refuse(reader, "expected key: value");
	r = check_metric(reader, metric);
	if (r < 0)
		return r;
	if (json_array_size(reader->sum->metrics) >= reader->sum->metrics_max)
		return refuse(reader, "too many metrics in this output");
	return json_array_append(reader->sum->metrics, metric) < 0 ? -ENOMEM : 0;
}

static int read_metrics(struct reader *reader)
{
	int r, type;

	if (reader->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse(reader, "metrics: expected a list");
	while ((type = next(reader)) == YAML_MAPPING_START_EVENT) {
		r = read_metric(reader);
		if (r < 0)
			return r;
	}
	if (type < 0)
		return type;
	return type == YAML_SEQUENCE_END_EVENT ? 0 : refuse(reader, "expected a metric");
}

static int read_message(struct reader *reader)
{
	if (reader->event.type != YAML_SCALAR_EVENT)
		return skip_node(reader);
	rp_printable_copy(reader->message, reader->text_size, scalar(reader),
		reader->event.data.scalar.length);
	return 0;
}

static int read_block(struct reader *reader)
{
	int r, type;

	do
		type = next(reader);
	while (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT);
	/* A block that is a list or a text is someone else's diagnostics. */
	if (type != YAML_MAPPING_START_EVENT)
		return type < 0 ? type : 0;
	while ((type = next(reader)) == YAML_SCALAR_EVENT) {
		bool is_metrics = scalar_is(reader, "metrics");
		bool is_message = scalar_is(reader, "message");

		type = next(reader);
		if (type < 0)
			return type;
		if (is_metrics)
			r = read_metrics(reader);
		else
			r = is_message ? read_message(reader) : skip_node(reader);
		if (r < 0)
			return r;
	}
	return type < 0 ? type : 0;
}

int rp_tap_yaml_read(const char *text, size_t len, struct rp_tap_yaml *sum, char *ret_message,
	char *ret_problem, size_t size)
{
	struct reader reader = {
		.sum = sum,
		.message = ret_message,
		.problem = ret_problem,
		.text_size = size,
	};
	int r;

	if (!yaml_parser_initialize(&reader.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
	r = read_block(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return r;
}
