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
	{"power_s", "60", .min = 1, .max = 86400, .help = "Until the rig is on."},
	{"dhcp_s", "120", .min = 1, .max = 86400, .help = "Until its firmware asks for a loader."},
	{"loader_s", "90", .min = 1, .max = 86400, .help = "Until the loader was fetched."},
	{"script_s", "60", .min = 1, .max = 86400, .help = "Until the loader asks for its script."},
	{"kernel_s", "300", .min = 1, .max = 86400,
		.help = "Until the image was fetched and its kernel runs."},
	{"agent_s", "180", .min = 1, .max = 86400,
		.help = "Until the agent says hello and fetches its job."},
	{"checks_s", "900", .min = 1, .max = 86400,
		.help = "All checks together, where the plan says nothing."},
	{"report_s", "120", .min = 1, .max = 86400, .help = "Until the result was handed over."},
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
	{"name", "lab", RP_TEXT_NAME, .help = "The lab's name: it is the origin of the log."},
	{"description", .form = RP_TEXT_PROSE, .help = "For people."},
	{"address", .form = RP_TEXT_HOST,
		.help = "The IP address or name that rigs reach the server by; it must stand in "
			"the server's certificate. Without it the first address of the interface."},
	{"https_port", "8443", .min = 0, .max = 65535, .help = "0: any free port."},
	{"http_port", "0", .min = 0, .max = 65535,
		.help = "Plain HTTP for UEFI HTTP boot and BIOS rigs, which have no TLS. 0: none."},
	{"interface", .form = RP_TEXT_INTERFACE,
		.help = "The network interface of the rigs. Without it there is no DHCP."},
	{"dhcp", "proxy",
		.help = "proxy answers beside the site's own DHCP server and hands out no "
			"addresses; with off that server names the loader itself."},
	{"tftp", "spawn",
		.help = "spawn starts in.tftpd; external: another TFTP server serves our folder; "
			"off: none."},
	{"tftp_port", "69", .min = 1, .max = 65535,
		.help = "The UDP port of the TFTP server that we start."},
	{"unknown", "ignore",
		.help = "What becomes of machines that have no manifest: ignore answers them "
			"nothing, register lets them in as pending rigs."},
	{"approve", "operator",
		.help = "Who lets a rig in that registered by itself: operator, or automatic where "
			"everything on the network is yours."},
	{"training_boots", "1", .min = 0, .max = 100,
		.help = "Clean boots before a new rig serves."},
	{"image", .form = RP_TEXT_NAME,
		.help = "The image of boots without a job, and of jobs and plans that name none. "
			"Without it the newest."},
	{"retries", "1", .min = 0, .max = 100,
		.help = "How often a job that ends in error is tried again."},
	{"quarantine_after", "3", .min = 0, .max = 1000,
		.help = "Errors in a row after which a rig gets no more jobs. 0: never."},
	{"queue_s", "86400", .min = 1, .max = 30 * 86400,
		.help = "Seconds after which a job ends in error that waits while its rig does "
			"nothing."},
	{"stages", .help = "How long each stage of a boot may take, in seconds."},
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
	.title = "what a lab is like, for rigproofd",
	.intro = "A site's manifest is what rigproofd is started with (--config). An empty file is "
		 "a site with all defaults.",
	.value = &site_value,
	.mappings = mappings,
};
