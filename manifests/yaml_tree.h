/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree that remembers where everything stood, so that errors can say so.
 * Read before libcyaml sees the text: libcyaml keeps no positions, takes duplicate keys and
 * follows aliases. Internal to manifests/.
 */
#ifndef RP_MANIFESTS_YAML_TREE_H
#define RP_MANIFESTS_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

enum rp_yaml_type { RP_YAML_SCALAR, RP_YAML_SEQUENCE, RP_YAML_MAPPING };

struct rp_yaml_node {
	enum rp_yaml_type type;
	unsigned line, column; /* from 1 */
	char *text;	       /* scalars: no control characters but newline and tab */
	bool plain;	       /* scalars: written without quotes */
	char *key;	       /* children of mappings */
	unsigned key_line, key_column;
	struct rp_yaml_node **children;
	size_t children_count;
};

/*
 * How many bytes a byte order mark takes at the beginning of text: 3, or 0 without one. YAML 1.2
 * section 5.2 allows it there; rp_yaml_parse and libcyaml want the text behind it.
 */
size_t rp_yaml_mark(const char *text, size_t len);

/*
 * *ret is NULL where the text holds no document (empty, or comments only). -EINVAL with
 * "LABEL:LINE:COL: ..." for syntax errors, UTF-16, duplicate keys, keys that are not plain words, anchors,
 * aliases, tags, a second document, and trees too deep or too large to be a manifest.
 */
int rp_yaml_parse(const char *label, const char *text, size_t len, struct rp_yaml_node **ret,
	struct rp_error *err);
struct rp_yaml_node *rp_yaml_free(struct rp_yaml_node *node);

/* Child of a mapping, NULL where node is NULL, no mapping, or has no such key. */
struct rp_yaml_node *rp_yaml_get(const struct rp_yaml_node *node, const char *key);
/* Entry of a sequence, NULL likewise. */
struct rp_yaml_node *rp_yaml_at(const struct rp_yaml_node *node, size_t index);

static inline void rp_cleanup_yaml(struct rp_yaml_node **node)
{
	rp_yaml_free(*node);
}

#endif
