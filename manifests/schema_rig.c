/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

#include <stdio.h>
#include <string.h>

static const cyaml_strval_t loader_words[] = {{"ipxe", RP_LOADER_IPXE},
	{"snponly", RP_LOADER_SNPONLY}, {"http", RP_LOADER_HTTP}, {"undionly", RP_LOADER_UNDIONLY}};
static const cyaml_strval_t driver_words[] = {{"none", RP_POWER_NONE}, {"qemu", RP_POWER_QEMU}};

static const cyaml_schema_field_t power_fields[] = {
	RP_FIELD_ENUM(struct rp_rig_power, driver, driver_words),
	RP_FIELD_TEXT(struct rp_rig_power, qmp, RP_OPTIONAL),
	CYAML_FIELD_END,
};

static const struct rp_rule power_rules[] = {
	{"driver", "none",
		.help = "none: a person presses the button; qemu: a virtual machine's monitor."},
	{"qmp", .form = RP_TEXT_PATH,
		.help = "Of driver qemu: the path of the machine's QMP socket."},
	{NULL},
};

static const cyaml_schema_field_t rig_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_rig_manifest, name, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_rig_manifest, description, RP_OPTIONAL),
	CYAML_FIELD_SEQUENCE("mac", CYAML_FLAG_POINTER, struct rp_rig_manifest, mac,
		&rp_schema_text_entry, 1, 16),
	RP_FIELD_TEXT(struct rp_rig_manifest, uuid, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_rig_manifest, serial, RP_OPTIONAL),
	RP_FIELD_ENUM(struct rp_rig_manifest, loader, loader_words),
	RP_FIELD_BOOL(struct rp_rig_manifest, ignore),
	RP_FIELD_BOOL(struct rp_rig_manifest, bios_allowed),
	RP_FIELD_ENUM(struct rp_rig_manifest, disks, rp_schema_disks),
	CYAML_FIELD_MAPPING("power", RP_OPTIONAL, struct rp_rig_manifest, power, power_fields),
	RP_FIELD_TEXT(struct rp_rig_manifest, console, RP_OPTIONAL),
	CYAML_FIELD_END,
};

static const struct rp_rule rig_rules[] = {
	{"name", .form = RP_TEXT_NAME, .help = "The name that the server knows it by."},
	{"description", .form = RP_TEXT_PROSE, .help = "For people."},
	{"mac", .form = RP_TEXT_MAC,
		.help = "The addresses of the interfaces it may boot from, in lower case."},
	{"uuid", .form = RP_TEXT_UUID,
		.help = "Its SMBIOS UUID, in lower case. Given here it must be sent and must fit."},
	{"serial", .form = RP_TEXT_PROSE,
		.help = "Its SMBIOS serial number. Given here it must be sent and must fit."},
	{"loader", "ipxe",
		.help = "ipxe with drivers of its own; snponly with those of the firmware; http: "
			"UEFI HTTP boot without a loader; undionly: BIOS, needs bios_allowed."},
	{"ignore", .help = "Left alone: never answered, never booted."},
	{"bios_allowed", .help = "BIOS boots over plain HTTP, with assurance none."},
	{"disks", "never", .help = "write: plans that say so, too, may write its disks."},
	{"power", .help = "How it is switched."},
	{"console", .form = RP_TEXT_PATH,
		.help = "The path of a Unix socket with its serial console."},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{rig_fields, rig_rules},
	{power_fields, power_rules},
	{NULL},
};

static int check_rig(const struct rp_check *check, const struct rp_manifest *manifest)
{
	const struct rp_rig_manifest *rig = manifest->rig;
	const struct rp_yaml_node *mac = rp_yaml_get(check->root, "mac");
	const struct rp_yaml_node *power = rp_yaml_get(check->root, "power");

	for (unsigned i = 0; i < rig->mac_count; i++) {
		char key[24];

		snprintf(key, sizeof(key), "mac[%u]", i);
		/* Group addresses have the lowest bit of the first byte set: odd second digit. */
		if (strchr("13579bdf", rig->mac[i][1]) || !strcmp(rig->mac[i], "00:00:00:00:00:00"))
			return rp_check_fail(check, rp_yaml_at(mac, i), key,
				"found \"%s\", expected the address of one interface", rig->mac[i]);
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(rig->mac[i], rig->mac[j]))
				return rp_check_fail(check, rp_yaml_at(mac, i), key,
					"found \"%s\" a second time, expected it once",
					rig->mac[i]);
	}
	if (rig->power.driver == RP_POWER_QEMU && !*rig->power.qmp)
		return rp_check_fail(check, power, "power.qmp",
			"found nothing, expected the path of the QMP socket (driver: qemu)");
	if (rig->power.driver != RP_POWER_QEMU && *rig->power.qmp)
		return rp_check_fail(check, rp_yaml_get(power, "qmp"), "power.qmp",
			"found a path, expected it only with driver: qemu");
	if (rig->loader == RP_LOADER_UNDIONLY && !rig->bios_allowed)
		return rp_check_fail(check, rp_yaml_get(check->root, "loader"), "loader",
			"found undionly, expected it only with bios_allowed: true "
			"(plain HTTP, assurance none)");
	return 0;
}

static const cyaml_schema_value_t rig_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_rig_manifest, rig_fields),
};

const struct rp_schema rp_schema_rig = {
	.name = "rig",
	.title = "a machine under test",
	.intro = "A rig's manifest says how the server knows, boots and switches a machine: "
		 "rigproof rig add FILE, rigproof rig approve NAME --manifest FILE. Paths are "
		 "taken from beside the file.",
	.value = &rig_value,
	.mappings = mappings,
	.check = check_rig,
};

const char *rp_loader_name(enum rp_loader loader)
{
	return (size_t)loader < CYAML_ARRAY_LEN(loader_words) ? loader_words[loader].str : "";
}
