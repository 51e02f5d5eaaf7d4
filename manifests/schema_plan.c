/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema.h"

#include <stdio.h>
#include <string.h>

#include "keys/report_kind.h"

static const cyaml_strval_t scheduler_words[] = {
	{"other", RP_SCHEDULER_OTHER}, {"fifo", RP_SCHEDULER_FIFO}, {"rr", RP_SCHEDULER_RR}};

static const cyaml_schema_field_t module_fields[] = {
	RP_FIELD_TEXT(struct rp_plan_module, name, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_plan_module, parameters, RP_OPTIONAL),
	CYAML_FIELD_END,
};

static const struct rp_rule module_rules[] = {
	{"name", .form = RP_TEXT_NAME, .help = "The module."},
	{"parameters", .help = "What follows the module on its insmod line: key=value, with blanks "
			       "between."},
	{NULL},
};

static const cyaml_schema_field_t check_fields[] = {
	RP_FIELD_TEXT(struct rp_plan_check, name, RP_REQUIRED),
	CYAML_FIELD_SEQUENCE("exec", CYAML_FLAG_POINTER, struct rp_plan_check, exec,
		&rp_schema_text_entry, 1, 64),
	RP_FIELD_INT(struct rp_plan_check, timeout_s),
	RP_FIELD_INT(struct rp_plan_check, memory_mb),
	RP_FIELD_TEXT(struct rp_plan_check, cpus, RP_OPTIONAL),
	RP_FIELD_ENUM(struct rp_plan_check, scheduler, scheduler_words),
	RP_FIELD_INT(struct rp_plan_check, priority),
	RP_FIELD_TEXT(struct rp_plan_check, user, RP_OPTIONAL),
	CYAML_FIELD_END,
};

static const struct rp_rule check_rules[] = {
	{"name", .form = RP_TEXT_NAME, .help = "What its results are called."},
	{"exec", .form = RP_TEXT_ARGUMENT,
		.help = "The program and its arguments. A bare name is one of the programs in the "
			"image; a path begins with a slash."},
	{"timeout_s", "60", .min = 1, .max = 86400,
		.help = "Seconds after which it is ended, and an error."},
	{"memory_mb", "0", .min = 0, .max = 1 << 20,
		.help = "The most memory it gets, in MiB. 0: no limit."},
	{"cpus", .form = RP_TEXT_CPUS,
		.help = "The CPUs it may run on, like 0-3,6. Without it all."},
	{"scheduler", "other", .help = "Its scheduling class."},
	{"priority", "0", .min = 0, .max = 99, .help = "1 to 99 for fifo and rr, 0 for other."},
	{"user", .form = RP_TEXT_NAME, .help = "The user it runs as. Without it root."},
	{NULL},
};

static const cyaml_schema_field_t limit_fields[] = {
	RP_FIELD_TEXT(struct rp_plan_limit, metric, RP_REQUIRED),
	CYAML_FIELD_FLOAT_PTR("max", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_plan_limit, max),
	CYAML_FIELD_FLOAT_PTR("min", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_plan_limit, min),
	CYAML_FIELD_END,
};

static const struct rp_rule limit_rules[] = {
	{"metric", .form = RP_TEXT_METRIC, .help = "CHECK/METRIC, of a check of this plan."},
	{"max", .help = "The most it may be."},
	{"min", .help = "The least it may be. Exactly one of max and min is given."},
	{NULL},
};

static const cyaml_schema_value_t module_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rp_plan_module, module_fields),
};
static const cyaml_schema_value_t check_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rp_plan_check, check_fields),
};
static const cyaml_schema_value_t limit_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rp_plan_limit, limit_fields),
};

static const cyaml_schema_field_t plan_fields[] = {
	RP_FIELD_KIND,
	RP_FIELD_TEXT(struct rp_plan, name, RP_REQUIRED),
	RP_FIELD_TEXT(struct rp_plan, description, RP_OPTIONAL),
	RP_FIELD_TEXT(struct rp_plan, image, RP_OPTIONAL),
	CYAML_FIELD_SEQUENCE("modules", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_plan, modules,
		&module_entry, 0, 64),
	CYAML_FIELD_SEQUENCE(
		"checks", CYAML_FLAG_POINTER, struct rp_plan, checks, &check_entry, 1, 256),
	CYAML_FIELD_SEQUENCE("limits", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_plan, limits,
		&limit_entry, 0, 1024),
	CYAML_FIELD_SEQUENCE("expected_reports", CYAML_FLAG_POINTER | RP_OPTIONAL, struct rp_plan,
		expected_reports, &rp_schema_text_entry, 0, 16),
	RP_FIELD_INT(struct rp_plan, timeout_s),
	RP_FIELD_ENUM(struct rp_plan, disks, rp_schema_disks),
	CYAML_FIELD_END,
};

static const struct rp_rule plan_rules[] = {
	{"name", .form = RP_TEXT_NAME, .help = "The name that jobs and results show."},
	{"description", .form = RP_TEXT_PROSE, .help = "For people."},
	{"image", .form = RP_TEXT_NAME,
		.help = "The image it wants. Without it the job or the site says."},
	{"modules", .help = "Modules that are loaded before the checks, in this order."},
	{"checks", .help = "What is run, one after the other."},
	{"limits", .help = "Bounds for metrics. One that is not met is a fail."},
	{"expected_reports",
		.help = "Kinds of kernel reports that its checks provoke on purpose, like IOMMU or "
			"KASAN. Any other report is a fail."},
	{"timeout_s", "900", .min = 1, .max = 604800,
		.help = "Seconds that all checks may take together."},
	{"disks", "never",
		.help = "write: its checks may write the rig's disks; the rig's manifest must say "
			"so, too."},
	{NULL},
};

static const struct rp_mapping mappings[] = {
	{plan_fields, plan_rules},
	{module_fields, module_rules},
	{check_fields, check_rules},
	{limit_fields, limit_rules},
	{NULL},
};

static int check_modules(const struct rp_check *check, const struct rp_plan *plan)
{
	const struct rp_yaml_node *list = rp_yaml_get(check->root, "modules");

	for (unsigned i = 1; i < plan->modules_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(plan->modules[i].name, plan->modules[j].name)) {
				char key[32];

				snprintf(key, sizeof(key), "modules[%u].name", i);
				return rp_check_fail(check,
					rp_yaml_get(rp_yaml_at(list, i), "name"), key,
					"found \"%s\" a second time, expected it once",
					plan->modules[i].name);
			}
	return 0;
}

static int check_one(const struct rp_check *check, const struct rp_plan *plan, unsigned index)
{
	const struct rp_plan_check *one = &plan->checks[index];
	const struct rp_yaml_node *node = rp_yaml_at(rp_yaml_get(check->root, "checks"), index);
	const struct rp_yaml_node *part;
	char key[40];

	for (unsigned j = 0; j < index; j++)
		if (!strcmp(one->name, plan->checks[j].name)) {
			snprintf(key, sizeof(key), "checks[%u].name", index);
			return rp_check_fail(check, rp_yaml_get(node, "name"), key,
				"found \"%s\" a second time, expected it once", one->name);
		}
	if (!*one->exec[0]) {
		snprintf(key, sizeof(key), "checks[%u].exec[0]", index);
		return rp_check_fail(check, rp_yaml_at(rp_yaml_get(node, "exec"), 0), key,
			"found nothing, expected the program to run");
	}
	if ((one->scheduler == RP_SCHEDULER_OTHER) != (one->priority == 0)) {
		part = rp_yaml_get(node, "priority");
		snprintf(key, sizeof(key), "checks[%u].priority", index);
		return rp_check_fail(check, part ? part : node, key,
			one->priority ? "found %d, expected it only with scheduler: fifo or rr"
				      : "found %d, expected 1 to 99 with scheduler: fifo or rr",
			one->priority);
	}
	if (one->timeout_s > plan->timeout_s) {
		part = rp_yaml_get(node, "timeout_s");
		snprintf(key, sizeof(key), "checks[%u].timeout_s", index);
		return rp_check_fail(check, part ? part : node, key,
			"found %d, expected at most the plan's timeout_s, which is %d",
			one->timeout_s, plan->timeout_s);
	}
	return 0;
}

static int check_limit(const struct rp_check *check, const struct rp_plan *plan, unsigned index)
{
	const struct rp_plan_limit *limit = &plan->limits[index];
	const struct rp_yaml_node *node = rp_yaml_at(rp_yaml_get(check->root, "limits"), index);
	size_t len = strcspn(limit->metric, "/");
	bool known = false;
	char key[40];

	if (!limit->max == !limit->min) {
		snprintf(key, sizeof(key), "limits[%u]", index);
		return rp_check_fail(check, node, key, "found %s, expected either max or min",
			limit->max ? "both max and min" : "neither max nor min");
	}
	for (unsigned i = 0; i < plan->checks_count; i++)
		known |= strlen(plan->checks[i].name) == len &&
			 !strncmp(plan->checks[i].name, limit->metric, len);
	if (!known) {
		snprintf(key, sizeof(key), "limits[%u].metric", index);
		return rp_check_fail(check, rp_yaml_get(node, "metric"), key,
			"found \"%s\", expected \"CHECK/METRIC\" of a check in this plan",
			limit->metric);
	}
	return 0;
}

static int check_expected(const struct rp_check *check, const struct rp_plan *plan, unsigned index)
{
	char key[40];

	if (rp_report_kind_valid(plan->expected_reports[index]))
		return 0;
	snprintf(key, sizeof(key), "expected_reports[%u]", index);
	return rp_check_fail(check, rp_yaml_at(rp_yaml_get(check->root, "expected_reports"), index),
		key,
		"found \"%s\", expected a kind of kernel report: BUG, WARNING, KASAN, IOMMU ...",
		plan->expected_reports[index]);
}

static int check_plan(const struct rp_check *check, const struct rp_manifest *manifest)
{
	const struct rp_plan *plan = manifest->plan;
	int ret = check_modules(check, plan);

	for (unsigned i = 0; ret >= 0 && i < plan->checks_count; i++)
		ret = check_one(check, plan, i);
	for (unsigned i = 0; ret >= 0 && i < plan->limits_count; i++)
		ret = check_limit(check, plan, i);
	for (unsigned i = 0; ret >= 0 && i < plan->expected_reports_count; i++)
		ret = check_expected(check, plan, i);
	return ret;
}

static const cyaml_schema_value_t plan_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rp_plan, plan_fields),
};

const struct rp_schema rp_schema_plan = {
	.name = "plan",
	.title = "modules to load, checks to run, limits to hold",
	.intro = "A plan is run by rigproof job submit --plan FILE. Its verdict is pass, fail (the "
		 "thing under test is wrong), error (the lab is wrong) or skip.",
	.value = &plan_value,
	.mappings = mappings,
	.check = check_plan,
};
