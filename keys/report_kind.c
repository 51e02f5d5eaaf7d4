/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/report_kind.h"

#include <stddef.h>
#include <string.h>

const char *const rp_report_kinds[] = {"BUG", "WARNING", "Oops", "panic", "lockdep", "KASAN",
	"KCSAN", "KMSAN", "KFENCE", "UBSAN", "kmemleak", "RCU", "hung task", "hard lockup",
	"hardware", "IOMMU", "GPU", NULL};

bool rp_report_kind_valid(const char *word)
{
	for (size_t i = 0; rp_report_kinds[i]; i++)
		if (strcmp(rp_report_kinds[i], word) == 0)
			return true;
	return false;
}

bool rp_report_expected(const json_t *job, const char *kind)
{
	const json_t *expected;
	size_t i;

	json_array_foreach (json_object_get(job, "expected_reports"), i, expected)
		if (strcmp(json_string_value(expected), kind) == 0)
			return rp_report_kind_valid(kind);
	return false;
}

const json_t *rp_report_unexpected(const json_t *job, const json_t *reports)
{
	const json_t *report;
	size_t i;

	json_array_foreach (reports, i, report)
		if (!rp_report_expected(job, json_string_value(json_object_get(report, "kind"))))
			return report;
	return NULL;
}
