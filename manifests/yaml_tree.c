/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/yaml_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "lib/cleanup.h"

/* No manifest comes near these; a hostile one stops here. */
#define DEPTH_MAX 16
#define NODES_MAX 65536
#define KEYS_MAX 256

struct reader {
	yaml_parser_t yaml;
	const char *label;
	size_t nodes;
	struct rp_error *err;
};

struct rp_yaml_node *rp_yaml_free(struct rp_yaml_node *node)
{
	if (!node)
		return NULL;
	for (size_t i = 0; i < node->children_count; i++)
		rp_yaml_free(node->children[i]);
	free(node->children);
	free(node->text);
	free(node->key);
	free(node);
	return NULL;
}

struct rp_yaml_node *rp_yaml_get(const struct rp_yaml_node *node, const char *key)
{
	if (!node || node->type != RP_YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < node->children_count; i++)
		if (!strcmp(node->children[i]->key, key))
			return node->children[i];
	return NULL;
}

struct rp_yaml_node *rp_yaml_at(const struct rp_yaml_node *node, size_t index)
{
	if (!node || node->type != RP_YAML_SEQUENCE || index >= node->children_count)
		return NULL;
	return node->children[index];
}

static int fail_at(struct reader *reader, yaml_mark_t mark, const char *text)
{
	return rp_error_set(reader->err, -EINVAL, "%s:%zu:%zu: %s", reader->label, mark.line + 1,
		mark.column + 1, text);
}

static int next_event(struct reader *reader, yaml_event_t *ret)
{
	yaml_parser_t *yaml = &reader->yaml;

	if (yaml_parser_parse(yaml, ret))
		return 0;
	if (yaml->error == YAML_MEMORY_ERROR)
		return rp_error_set(reader->err, -ENOMEM, "%s: no memory", reader->label);
	/* Errors of the byte reader carry no mark. */
	if (yaml->error == YAML_READER_ERROR)
		return rp_error_set(reader->err, -EINVAL,
			"%s:%zu:%zu: found %s, expected UTF-8 text", reader->label,
			yaml->mark.line + 1, yaml->mark.column + 1,
			yaml->problem ? yaml->problem : "bad bytes");
	return rp_error_set(reader->err, -EINVAL, "%s:%zu:%zu: not YAML: %s%s%s", reader->label,
		yaml->problem_mark.line + 1, yaml->problem_mark.column + 1,
		yaml->context ? yaml->context : "", yaml->context ? ": " : "",
		yaml->problem ? yaml->problem : "syntax error");
}

/* The start of a node: what YAML offers beyond plain data is refused. */
static int check_plain_data(struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return fail_at(reader, event->start_mark,
			"found an alias (*name), expected the value itself");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		return fail_at(reader, event->start_mark, "found the end, expected a value");
	}
	if (anchor)
		return fail_at(reader, event->start_mark,
			"found an anchor (&name), expected the value itself");
	if (tag)
		return fail_at(reader, event->start_mark,
			"found a tag (!name), expected the value itself");
	return 0;
}

static int copy_scalar(struct reader *reader, const yaml_event_t *event, char **ret)
{
	const unsigned char *value = event->data.scalar.value;
	size_t len = event->data.scalar.length;
	char *copy;

	for (size_t i = 0; i < len; i++)
		if ((value[i] < 0x20 && value[i] != '\n' && value[i] != '\t') || value[i] == 0x7f)
			return fail_at(reader, event->start_mark,
				"found a control character in the text, expected printable text");
	copy = strndup((const char *)value, len);
	if (!copy)
		return rp_error_set(reader->err, -ENOMEM, "%s: no memory", reader->label);
	*ret = copy;
	return 0;
}

static int append(struct reader *reader, struct rp_yaml_node *parent, struct rp_yaml_node *child)
{
	struct rp_yaml_node **grown;

	/* An array of pointers. */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	grown = reallocarray(parent->children, parent->children_count + 1, sizeof(*grown));
	if (!grown)
		return rp_error_set(reader->err, -ENOMEM, "%s: no memory", reader->label);
	parent->children = grown;
	parent->children[parent->children_count++] = child;
	return 0;
}

static int read_node(
	struct reader *reader, const yaml_event_t *start, int depth, struct rp_yaml_node **ret);

static int read_key(struct reader *reader, const yaml_event_t *event,
	const struct rp_yaml_node *mapping, char **ret)
{
	rp_cleanup(free) char *key = NULL;
	const struct rp_yaml_node *twin;
	int ret_code;

	if (event->type != YAML_SCALAR_EVENT)
		return fail_at(reader, event->start_mark, "found no key, expected \"key: value\"");
	ret_code = check_plain_data(reader, event);
	if (ret_code < 0)
		return ret_code;
	ret_code = copy_scalar(reader, event, &key);
	if (ret_code < 0)
		return ret_code;
	twin = rp_yaml_get(mapping, key);
	if (twin)
		return rp_error_set(reader->err, -EINVAL,
			"%s:%zu:%zu: %.60s: found a second time (first on line %u), expected once",
			reader->label, event->start_mark.line + 1, event->start_mark.column + 1,
			key, twin->key_line);
	if (mapping->children_count >= KEYS_MAX)
		return fail_at(reader, event->start_mark, "found too many keys for a manifest");
	*ret = rp_steal(key);
	return 0;
}

static int read_children(struct reader *reader, struct rp_yaml_node *node, int depth)
{
	const bool mapping = node->type == RP_YAML_MAPPING;

	for (;;) {
		__attribute__((cleanup(yaml_event_delete))) yaml_event_t event = {0};
		__attribute__((cleanup(yaml_event_delete))) yaml_event_t value = {0};
		rp_cleanup(free) char *key = NULL;
		rp_cleanup(yaml) struct rp_yaml_node *child = NULL;
		int ret;

		ret = next_event(reader, &event);
		if (ret < 0)
			return ret;
		if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (mapping) {
			ret = read_key(reader, &event, node, &key);
			if (ret < 0)
				return ret;
			ret = next_event(reader, &value);
			if (ret < 0)
				return ret;
		}
		ret = read_node(reader, mapping ? &value : &event, depth + 1, &child);
		if (ret < 0)
			return ret;
		/* Set by what just returned 0. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		child->key = rp_steal(key);
		child->key_line = (unsigned)event.start_mark.line + 1;
		child->key_column = (unsigned)event.start_mark.column + 1;
		ret = append(reader, node, child);
		if (ret < 0)
			return ret;
		child = NULL;
	}
}

static int read_node(
	struct reader *reader, const yaml_event_t *start, int depth, struct rp_yaml_node **ret)
{
	rp_cleanup(yaml) struct rp_yaml_node *node = NULL;
	int ret_code;

	ret_code = check_plain_data(reader, start);
	if (ret_code < 0)
		return ret_code;
	if (depth > DEPTH_MAX || ++reader->nodes > NODES_MAX)
		return fail_at(reader, start->start_mark,
			"found nesting too deep or too many values, expected a manifest");
	node = calloc(1, sizeof(*node));
	if (!node)
		return rp_error_set(reader->err, -ENOMEM, "%s: no memory", reader->label);
	node->line = (unsigned)start->start_mark.line + 1;
	node->column = (unsigned)start->start_mark.column + 1;
	if (start->type == YAML_SCALAR_EVENT) {
		node->type = RP_YAML_SCALAR;
		node->plain = start->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		ret_code = copy_scalar(reader, start, &node->text);
	} else {
		node->type = start->type == YAML_MAPPING_START_EVENT ? RP_YAML_MAPPING
								     : RP_YAML_SEQUENCE;
		ret_code = read_children(reader, node, depth);
	}
	if (ret_code < 0)
		return ret_code;
	*ret = rp_steal(node);
	return 0;
}

static int read_stream(struct reader *reader, struct rp_yaml_node **ret)
{
	rp_cleanup(yaml) struct rp_yaml_node *root = NULL;

	for (;;) {
		__attribute__((cleanup(yaml_event_delete))) yaml_event_t event = {0};
		int ret_code = next_event(reader, &event);

		if (ret_code < 0)
			return ret_code;
		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			*ret = rp_steal(root);
			return 0;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (root)
				return fail_at(reader, event.start_mark,
					"found a second document, expected one manifest a file");
			break;
		default:
			ret_code = read_node(reader, &event, 0, &root);
			if (ret_code < 0)
				return ret_code;
		}
	}
}

/* "Unicode" of editors on Windows. Without a byte order mark the NUL beside an ASCII letter shows it. */
static bool is_utf16(const char *text, size_t len)
{
	return len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 ||
				   (!text[0] != !text[1]));
}

size_t rp_yaml_mark(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

int rp_yaml_parse(const char *label, const char *text, size_t len, struct rp_yaml_node **ret,
	struct rp_error *err)
{
	struct reader reader = {.label = label, .err = err};
	int ret_code;

	if (is_utf16(text, len))
		return rp_error_set(err, -EINVAL,
			"%s:1:1: found UTF-16 text, expected UTF-8: save the file as UTF-8", label);

	if (!yaml_parser_initialize(&reader.yaml))
		return rp_error_set(err, -ENOMEM, "%s: no memory", label);
	yaml_parser_set_encoding(&reader.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.yaml, (const unsigned char *)text, len);
	ret_code = read_stream(&reader, ret);
	yaml_parser_delete(&reader.yaml);
	return ret_code;
}
