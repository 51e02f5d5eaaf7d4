/* SPDX-License-Identifier: Apache-2.0 */
/* Checks as units: what systemd is asked for, and what is made of its answers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>

#include <errno.h>

#include "agent/bus_cleanup.h"
#include "agent/unit.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/agent_systemd_lab.h"

static struct rp_error err;

static void test_cpus(void **state)
{
	static const struct {
		const char *text;
		int code;
		size_t len;
		uint8_t mask[2];
	} lists[] = {
		{"", 0, 0, {0, 0}},
		{"0", 0, 1, {1, 0}},
		{"0-1,3", 0, 1, {0x0b, 0}},
		{"7-8", 0, 2, {0x80, 1}},
		{"9,0", 0, 2, {1, 2}},
		{"16", -ERANGE, 0, {0, 0}},
		{"0-99999", -ERANGE, 0, {0, 0}},
		{"999999999999", -ERANGE, 0, {0, 0}},
		{"3-1", -EINVAL, 0, {0, 0}},
		{"1,", -EINVAL, 0, {0, 0}},
		{",1", -EINVAL, 0, {0, 0}},
		{"1-", -EINVAL, 0, {0, 0}},
		{"a", -EINVAL, 0, {0, 0}},
		{"0 1", -EINVAL, 0, {0, 0}},
		{"-1", -EINVAL, 0, {0, 0}},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		uint8_t mask[RP_UNIT_CPUS_MAX / 8] = {0};
		size_t len = 0;
		int r = rp_unit_parse_cpus(lists[i].text, 16, mask, &len);

		if (r != lists[i].code || len != lists[i].len ||
			memcmp(mask, lists[i].mask, 2) != 0)
			fail_msg("\"%s\": %d, length %zu, %02x %02x", lists[i].text, r, len,
				mask[0], mask[1]);
	}
}

/* What came of a unit. */
struct seen {
	struct rp_unit_end end;
	char output[256], words[256];
	int done;
};

static void on_done(void *context, const struct rp_unit_end *end)
{
	struct seen *seen = context;

	seen->done++;
	seen->end = *end;
	snprintf(seen->output, sizeof(seen->output), "%.*s", (int)end->output_len, end->output);
	snprintf(seen->words, sizeof(seen->words), "%s", end->last_words);
}

static struct rp_unit_spec make_spec(const json_t *exec)
{
	return (struct rp_unit_spec){.name = "ring",
		.exec = exec,
		.timeout_us = 60000000,
		.cpus = "",
		.scheduler = "other",
		.user = ""};
}

static void test_life(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s, s]", "xsc_ring_test", "--cost=$5");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct systemd sys;
	struct seen seen = {0};

	systemd_open(&sys);
	sys.result = "exit-code";
	sys.status = 3;
	spec.memory_mb = 64;
	spec.cpus = "0";
	spec.scheduler = "fifo";
	spec.priority = 10;
	spec.user = "nobody";
	assert_int_equal(rp_unit_start(sys.bus, sys.event, &spec, on_done, &seen, &unit, &err), 0);
	systemd_until(&sys, &seen.done, 1);
	assert_int_equal(seen.end.error, 0);
	assert_string_equal(seen.end.result, "exit-code");
	assert_int_equal(seen.end.status, 3);
	assert_string_equal(seen.output, "1..1\nok 1\n");
	assert_string_equal(seen.words, "a last word");
	assert_string_equal(sys.properties,
		"Description=rigproof check ring;Type=exec;Slice=rigproof-checks.slice;"
		"CollectMode=inactive-or-failed;AddRef=1;ExecStartEx(a(sasas));"
		"RuntimeMaxUSec=60000000;TimeoutStopUSec=5000000;TasksMax=18446744073709551615;"
		"MemoryMax=67108864;"
		"MemorySwapMax=0;DevicePolicy=closed;DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));DeviceAllow(a(ss));"
		"CPUSchedulingPolicy=1;CPUSchedulingPriority=10;AllowedCPUs(ay);User=nobody;");
	rp_unit_free(unit);
	systemd_until(&sys, &sys.unrefs, 1);
	systemd_close(&sys);
}

/* Where the plan may write the disks, no device is forbidden. */
static void test_disks(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s]", "/bin/true");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct systemd sys;
	struct seen seen = {0};

	systemd_open(&sys);
	spec.disks = true;
	assert_int_equal(rp_unit_start(sys.bus, sys.event, &spec, on_done, &seen, &unit, &err), 0);
	systemd_until(&sys, &seen.done, 1);
	assert_null(strstr(sys.properties, "Device"));
	rp_unit_free(unit);
	systemd_close(&sys);
}

static void test_refused(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s]", "/bin/true");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct systemd sys;
	struct seen seen = {0};

	systemd_open(&sys);
	sys.refuse = true;
	assert_int_equal(rp_unit_start(sys.bus, sys.event, &spec, on_done, &seen, &unit, &err), 0);
	systemd_until(&sys, &seen.done, 1);
	assert_int_equal(seen.end.error, -ENOEXEC);
	assert_non_null(strstr(seen.end.message, "it is there"));
	rp_unit_free(unit);
	systemd_close(&sys);
}

static void test_stop(void **state)
{
	rp_cleanup(json) json_t *exec = json_pack("[s]", "/bin/true");
	struct rp_unit_spec spec = make_spec(exec);
	struct rp_unit *unit = NULL;
	struct systemd sys;
	struct seen seen = {0};

	systemd_open(&sys);
	sys.silent = true;
	assert_int_equal(rp_unit_start(sys.bus, sys.event, &spec, on_done, &seen, &unit, &err), 0);
	systemd_until(&sys, &sys.calls, 1);
	rp_unit_stop(unit);
	systemd_until(&sys, &sys.stops, 1);
	rp_unit_free(unit);
	assert_int_equal(seen.done, 0);
	systemd_close(&sys);
}

static void test_bad_specs(void **state)
{
	rp_cleanup(json) json_t *good = json_pack("[s]", "/bin/true");
	rp_cleanup(json) json_t *relative = json_pack("[s]", "../bin/true");
	rp_cleanup(json) json_t *hidden = json_pack("[s]", "..");
	rp_cleanup(json) json_t *empty = json_pack("[s]", "");
	const struct {
		const char *name;
		struct rp_unit_spec spec;
	} bad[] = {
		{"program", {"ring", relative, 1, 0, "", "other", 0, "", false}},
		{"dots", {"ring", hidden, 1, 0, "", "other", 0, "", false}},
		{"no program", {"ring", empty, 1, 0, "", "other", 0, "", false}},
		{"name", {"../ring", good, 1, 0, "", "other", 0, "", false}},
		{"time", {"ring", good, 0, 0, "", "other", 0, "", false}},
		{"CPUs", {"ring", good, 1, 0, "1023", "other", 0, "", false}},
		{"CPU list", {"ring", good, 1, 0, "x", "other", 0, "", false}},
		{"priority", {"ring", good, 1, 0, "", "other", 5, "", false}},
		{"no priority", {"ring", good, 1, 0, "", "fifo", 0, "", false}},
	};
	struct rp_unit *unit = NULL;
	struct systemd sys;
	struct seen seen = {0};

	systemd_open(&sys);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = RP_ERROR_NONE;
		if (rp_unit_start(sys.bus, sys.event, &bad[i].spec, on_done, &seen, &unit, &err) !=
				-EINVAL ||
			!*err.text || unit)
			fail_msg("%s: not refused", bad[i].name);
	}
	systemd_close(&sys);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_bad_specs),
	};

	return cmocka_run_group_tests_name("agent/unit", all, NULL, NULL);
}
