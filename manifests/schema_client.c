/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

static const cyaml_strval_t color_words[] = {
	{"auto", RP_COLOR_AUTO}, {"always", RP_COLOR_ALWAYS}, {"never", RP_COLOR_NEVER}};

static const cyaml_schema_field_t client_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_client_manifest, state, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_client_manifest, server, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_client_manifest, root, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_client_manifest, token_file, RP_OPTIONAL),
	RP_FIELD_ENUM(struct rp_client_manifest, color, color_words),
	CYAML_FIELD_END,
};

static const struct rp_rule client_rules[] = {
	{"state", .form = RP_TEXT_PATH,
		.help = "The folder of a rigproofd on this machine: where server, root and "
			"token_file are not given, its files are taken."},
	{"server", .help = "The server: https://ADDRESS:PORT."},
	{"root", .form = RP_TEXT_PATH,
		.help = "The lab's root certificate, PEM. Nothing else is trusted."},
	{"token_file", .form = RP_TEXT_PATH,
		.help = "The file with the token. Its mode must be 0600."},
	{"color", "auto", .help = "auto: on a terminal, unless NO_COLOR is set."},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{client_fields, client_rules},
	{NULL},
};

static const cyaml_schema_value_t client_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_client_manifest, client_fields),
};

const struct rp_schema rp_schema_client = {
	.name = "client",
	.title = "where the rigproof command finds its server",
	.intro = "The file is $XDG_CONFIG_HOME/rigproof/config, which is ~/.config/rigproof/config "
		 "where that variable is not set. Options go before environment variables, and "
		 "these before this file. Paths are taken from beside the file.",
	.value = &client_value,
	.mappings = mappings,
};
