/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

static const cyaml_strval_t dhcp_words[] = {{"proxy", RP_DHCP_PROXY}, {"off", RP_DHCP_OFF}};
static const cyaml_strval_t tftp_words[] = {
	{"spawn", RP_TFTP_SPAWN}, {"external", RP_TFTP_EXTERNAL}, {"off", RP_TFTP_OFF}};
static const cyaml_strval_t unknown_words[] = {
	{"ignore", RP_UNKNOWN_IGNORE}, {"register", RP_UNKNOWN_REGISTER}};
static const cyaml_strval_t approve_words[] = {
	{"operator", RP_APPROVE_OPERATOR}, {"automatic", RP_APPROVE_AUTOMATIC}};

static const cyaml_schema_field_t stage_fields[] = {
	RP_FIELD_INT(struct rp_stage_limits, power_s),
	RP_FIELD_INT(struct rp_stage_limits, dhcp_s),
	RP_FIELD_INT(struct rp_stage_limits, loader_s),
	RP_FIELD_INT(struct rp_stage_limits, script_s),
	RP_FIELD_INT(struct rp_stage_limits, kernel_s),
	RP_FIELD_INT(struct rp_stage_limits, agent_s),
	RP_FIELD_INT(struct rp_stage_limits, checks_s),
	RP_FIELD_INT(struct rp_stage_limits, report_s),
	CYAML_FIELD_END,
};

static const struct rp_rule stage_rules[] = {
	{"power_s", "60", .min = 1, .max = 86400},
	{"dhcp_s", "120", .min = 1, .max = 86400},
	{"loader_s", "90", .min = 1, .max = 86400},
	{"script_s", "60", .min = 1, .max = 86400},
	{"kernel_s", "300", .min = 1, .max = 86400},
	{"agent_s", "180", .min = 1, .max = 86400},
	{"checks_s", "900", .min = 1, .max = 86400},
	{"report_s", "120", .min = 1, .max = 86400},
	{NULL},
};

static const cyaml_schema_field_t site_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_site, name, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_site, description, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_site, address, RP_OPTIONAL),
	RP_FIELD_INT(struct rp_site, https_port),
	RP_FIELD_INT(struct rp_site, http_port),
	RP_FIELD_TEXT(struct rp_site, interface, RP_OPTIONAL),
	RP_FIELD_ENUM(struct rp_site, dhcp, dhcp_words),
	RP_FIELD_ENUM(struct rp_site, tftp, tftp_words),
	RP_FIELD_INT(struct rp_site, tftp_port),
	RP_FIELD_ENUM(struct rp_site, unknown, unknown_words),
	RP_FIELD_ENUM(struct rp_site, approve, approve_words),
	RP_FIELD_INT(struct rp_site, training_boots),
	RP_FIELD_TEXT(struct rp_site, image, RP_OPTIONAL),
	RP_FIELD_INT(struct rp_site, retries),
	RP_FIELD_INT(struct rp_site, quarantine_after),
	RP_FIELD_INT(struct rp_site, queue_s),
	CYAML_FIELD_MAPPING("stages", RP_OPTIONAL, struct rp_site, stages, stage_fields),
	CYAML_FIELD_END,
};

static const struct rp_rule site_rules[] = {
	{"name", "lab", RP_TEXT_NAME},
	{"description", .form = RP_TEXT_PROSE},
	{"https_port", "8443", .min = 0, .max = 65535},
	{"http_port", "0", .min = 0, .max = 65535},
	{"interface", .form = RP_TEXT_INTERFACE},
	{"dhcp", "proxy"},
	{"tftp", "spawn"},
	{"tftp_port", "69", .min = 1, .max = 65535},
	{"unknown", "ignore"},
	{"approve", "operator"},
	{"training_boots", "1", .min = 0, .max = 100},
	{"image", .form = RP_TEXT_NAME},
	{"retries", "1", .min = 0, .max = 100},
	{"quarantine_after", "3", .min = 0, .max = 1000},
	{"queue_s", "86400", .min = 1, .max = 30 * 86400},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{site_fields, site_rules},
	{stage_fields, stage_rules},
	{NULL},
};

static const cyaml_schema_value_t site_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_site, site_fields),
};

const struct rp_schema rp_schema_site = {
	.name = "site",
	.value = &site_value,
	.mappings = mappings,
};
