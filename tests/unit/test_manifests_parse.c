/* SPDX-License-Identifier: Apache-2.0 */
/* Bad input, one fault a row, and the exact words that a person reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "manifests/manifest.h"

#define NAME_EXPECTED "expected a name: lower-case letters, digits, \".\", \"_\", \"-\", at most 63"
#define RIG "kind: rig\nname: r\nmac: [52:54:00:12:34:56]\n"
#define IMAGE "kind: image\nname: i\n"
#define PLAN "kind: plan\nname: p\nchecks:\n- {name: c, exec: [x]}\n"
#define CLAIM "kind: claim\nname: c\nsentence: s\ncheck: c\nmetric: m\n"
#define UNJUDGED "kind: claim\nname: c\nsentence: s\n"

static const struct {
	const char *text;
	const char *message;
} bad[] = {
	/* YAML itself */
	{"kind: [",
		"f:2:1: not YAML: while parsing a flow node: did not find expected node content"},
	{"kind: site\nkind: site\n",
		"f:2:1: kind: found a second time (first on line 1), expected once"},
	{RIG "power:\n  driver: none\n  driver: qemu\n",
		"f:6:3: driver: found a second time (first on line 5), expected once"},
	{"kind: &a site\n", "f:1:7: found an anchor (&name), expected the value itself"},
	{"kind: *a\n", "f:1:7: found an alias (*name), expected the value itself"},
	{"kind: !!str site\n", "f:1:7: found a tag (!name), expected the value itself"},
	{"kind: site\n---\nkind: site\n",
		"f:2:1: found a second document, expected one manifest a file"},
	{"kind: site\nname: \"a\\0b\"\n",
		"f:2:7: found a control character in the text, expected printable text"},
	{"kind: site\n[a]: b\n", "f:2:1: found no key, expected \"key: value\""},
	{"[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
		"f:1:18: found nesting too deep or too many values, expected a manifest"},

	{"\xff\xfek", "f:1:1: found UTF-16 text, expected UTF-8: save the file as UTF-8"},
	{"\xfe\xff", "f:1:1: found UTF-16 text, expected UTF-8: save the file as UTF-8"},
	/* only the first bytes of a text are a mark; the place is counted without it */
	{"\xef\xbb\xbfkind: site\nhttps_port: x\n",
		"f:2:13: https_port: found \"x\", expected an integer from 0 to 65535"},
	{"kind: site\r\nhttps_port: x\r\n",
		"f:2:13: https_port: found \"x\", expected an integer from 0 to 65535"},

	/* kind */
	{"name: r\nkind: rig\n",
		"f:1:1: kind: found another key first, expected \"kind: \" and one of: site, rig, "
		"image, plan, claim, client"},
	{"- kind: rig\n",
		"f:1:1: kind: found something else first, expected \"kind: \" and one of: site, "
		"rig, image, plan, claim, client"},
	{"kind: rigs\n", "f:1:7: kind: found \"rigs\", expected one of: site, rig, image, plan, "
			 "claim, client"},

	/* keys */
	{"kind: site\nretires: 2\n", "f:2:1: retires: found an unknown key, expected \"retries\"?"},
	{PLAN "modules:\n- {name: m, frobnicate: 1}\n",
		"f:6:13: modules[0].frobnicate: found an unknown key, expected one of: name, "
		"parameters"},
	{"kind: rig\nname: r\n", "f:1:1: mac: found nothing, expected this key"},
	{"kind: plan\nname: p\nchecks:\n- name: c\n",
		"f:4:3: checks[0].exec: found nothing, expected this key"},

	/* types and ranges */
	{"kind: site\nhttps_port: 99999\n",
		"f:2:13: https_port: found \"99999\", expected an integer from 0 to 65535"},
	{"kind: site\nhttps_port: \"8443\"\n",
		"f:2:13: https_port: found \"8443\", expected an integer from 0 to 65535"},
	{"kind: site\nhttps_port: 0x1f\n",
		"f:2:13: https_port: found \"0x1f\", expected an integer from 0 to 65535"},
	{"kind: site\nhttps_port:\n",
		"f:2:12: https_port: found nothing, expected an integer from 0 to 65535"},
	{"kind: site\nstages: {kernel_s: 0}\n",
		"f:2:20: stages.kernel_s: found \"0\", expected an integer from 1 to 86400"},
	{"kind: site\nstages: 5\n", "f:2:9: stages: found \"5\", expected a mapping (key: value)"},
	{"kind: site\nname:\n", "f:2:6: name: found nothing, expected text"},
	{"kind: site\nname: [a]\n", "f:2:7: name: found a list, expected text"},
	{"kind: site\nname: Lab\n", "f:2:7: name: found \"Lab\", " NAME_EXPECTED},
	{"kind: site\nunknown: maybe\n",
		"f:2:10: unknown: found \"maybe\", expected one of: ignore, register"},
	{"kind: site\ninterface: a/b\n",
		"f:2:12: interface: found \"a/b\", expected the name of a network interface, like "
		"eth0"},
	{RIG "ignore: yes\n", "f:4:9: ignore: found \"yes\", expected true or false"},
	{RIG "uuid: 1234\n", "f:4:7: uuid: found \"1234\", expected a UUID in lower case, like "
			     "6f1d0c9e-3b52-4c37-9d1a-0a4b5c6d7e8f"},
	{CLAIM "op: at_most\nthreshold: nan\n",
		"f:7:12: threshold: found \"nan\", expected a number"},
	{CLAIM "op: at_most\nthreshold: 1e999\n",
		"f:7:12: threshold: found \"1e999\", expected a number"},
	{CLAIM "op: less\nthreshold: 1\n",
		"f:6:5: op: found \"less\", expected one of: at_most, at_least, equals"},
	{CLAIM, "f:5:9: threshold: found nothing, expected a number"},
	{CLAIM "threshold: 1\n",
		"f:5:9: op: found nothing, expected one of: at_most, at_least, equals"},
	{CLAIM "tests: [t]\n", "f:5:9: metric: found both a metric and tests, expected either a "
			       "metric or tests of the check"},
	{UNJUDGED "check: c\n",
		"f:4:8: metric: found neither a metric nor tests, expected either a "
		"metric or tests of the check"},
	{UNJUDGED "check: c\ntests: [t, u, t]\n",
		"f:5:15: tests: found \"t\" a second time, expected it once"},
	{UNJUDGED "check: c\ntests: [t]\nthreshold: 1\n",
		"f:6:12: threshold: found it beside tests, expected it with a metric"},
	{UNJUDGED, "f:1:1: check: found no check and no needs, expected the check that judges the "
		   "claim, or what judging it would need"},
	{UNJUDGED "needs: [x]\nmetric: m\n",
		"f:5:9: metric: found it without a check, expected check too, or needs alone"},
	{UNJUDGED "needs: [x]\nsubject: module:xsc\n",
		"f:5:10: subject: found it without a check, expected check too, or needs alone"},
	{UNJUDGED "needs: [x]\nsubject: xsc\n",
		"f:5:10: subject: found \"xsc\", expected module:NAME or image:NAME"},
	{CLAIM "op: equals\nthreshold: 1\nsubject: \"module:\"\n",
		"f:8:10: subject: found \"module:\", expected module:NAME or image:NAME"},
	{CLAIM "op: equals\nthreshold: 1\nphysical: yes\n",
		"f:8:11: physical: found \"yes\", expected true or false"},

	/* sites */
	{"kind: site\naddress: 10.0.0.300\n",
		"f:2:10: address: found \"10.0.0.300\", expected an IP address or a DNS name, like "
		"10.77.0.1"},

	/* rigs */
	{"kind: rig\nname: r\nmac: 52:54:00:12:34:56\n",
		"f:3:6: mac: found \"52:54:00:12:34:56\", expected a list"},
	{"kind: rig\nname: r\nmac: []\n",
		"f:3:6: mac: found 0 entries, expected a list of 1 to 16"},
	{"kind: rig\nname: r\nmac: [52:54:00:12:34:5G]\n",
		"f:3:7: mac[0]: found \"52:54:00:12:34:5G\", expected a MAC address in lower case, "
		"like 52:54:00:12:34:56"},
	{"kind: rig\nname: r\nmac: [01:00:5e:00:00:01]\n",
		"f:3:7: mac[0]: found \"01:00:5e:00:00:01\", expected the address of one "
		"interface"},
	{"kind: rig\nname: r\nmac:\n- 52:54:00:12:34:56\n- 52:54:00:12:34:56\n",
		"f:5:3: mac[1]: found \"52:54:00:12:34:56\" a second time, expected it once"},
	{RIG "power: {driver: qemu}\n",
		"f:4:8: power.qmp: found nothing, expected the path of the QMP socket (driver: "
		"qemu)"},
	{RIG "power: {qmp: s}\n",
		"f:4:14: power.qmp: found a path, expected it only with driver: qemu"},
	{RIG "loader: undionly\n",
		"f:4:9: loader: found undionly, expected it only with bios_allowed: true (plain "
		"HTTP, assurance none)"},

	/* images */
	{"kind: image\nname: i\nmodules: [a, b, a]\n",
		"f:3:17: modules[2]: found \"a\" a second time, expected it once"},
	{IMAGE "command_line: \"quiet # note\"\n",
		"f:3:15: command_line: found the word \"#\", which would end the line in iPXE, "
		"expected it inside of another word or not at all"},
	{IMAGE "command_line: a=${uuid}\n", "f:3:15: command_line: found \"${\", which iPXE would "
					    "expand, expected none"},
	{IMAGE "command_line: a || b\n",
		"f:3:15: command_line: found the word \"||\", which would end the line in iPXE, "
		"expected it inside of another word or not at all"},
	{IMAGE "command_line: 'a=\"b c'\n",
		"f:3:15: command_line: found a double quote that is not "
		"closed, expected a second one"},
	{IMAGE "command_line: \"a=\\tb\"\n",
		"f:3:15: command_line: found a character that is not printable ASCII, expected "
		"ASCII alone"},
	{"kind: image\nname: i\npackages: [--force]\n",
		"f:3:12: packages[0]: found \"--force\", expected the name of a Debian package"},

	/* plans */
	{"kind: plan\nname: p\nchecks: []\n",
		"f:3:9: checks: found 0 entries, expected a list of 1 to 256"},
	{PLAN "- {name: c, exec: [y]}\n",
		"f:5:10: checks[1].name: found \"c\" a second time, expected it once"},
	{"kind: plan\nname: p\nchecks:\n- {name: c, exec: [\"\"]}\n",
		"f:4:20: checks[0].exec[0]: found nothing, expected the program to run"},
	{"kind: plan\nname: p\nchecks:\n- {name: c, exec: [x], priority: 5}\n",
		"f:4:34: checks[0].priority: found 5, expected it only with scheduler: fifo or rr"},
	{"kind: plan\nname: p\nchecks:\n- {name: c, exec: [x], scheduler: fifo}\n",
		"f:4:3: checks[0].priority: found 0, expected 1 to 99 with scheduler: fifo or rr"},
	{"kind: plan\nname: p\nchecks:\n- {name: c, exec: [x], timeout_s: 901}\n",
		"f:4:35: checks[0].timeout_s: found 901, expected at most the plan's timeout_s, "
		"which is 900"},
	{"kind: plan\nname: p\nchecks:\n- {name: c, exec: [x], timeout_s: 0}\n",
		"f:4:35: checks[0].timeout_s: found \"0\", expected an integer from 1 to 86400"},
	{"kind: plan\nname: p\nchecks:\n- {name: c, exec: [x], cpus: 3-1}\n",
		"f:4:30: checks[0].cpus: found \"3-1\", expected CPU numbers, like 0-3,6"},
	{PLAN "modules: [{name: m}, {name: m}]\n",
		"f:5:29: modules[1].name: found \"m\" a second time, expected it once"},
	{PLAN "limits: [{metric: c/m}]\n",
		"f:5:10: limits[0]: found neither max nor min, expected either max or min"},
	{PLAN "limits: [{metric: c/m, max: 1, min: 0}]\n",
		"f:5:10: limits[0]: found both max and min, expected either max or min"},
	{PLAN "limits: [{metric: d/m, max: 1}]\n",
		"f:5:19: limits[0].metric: found \"d/m\", expected \"CHECK/METRIC\" of a check in "
		"this plan"},
	{PLAN "limits: [{metric: c, max: 1}]\n",
		"f:5:19: limits[0].metric: found \"c\", expected CHECK/METRIC, like "
		"xsc-ring/traps_per_op"},
	{PLAN "expected_reports: [IOMMU, lost]\n", "f:5:27: expected_reports[1]: found \"lost\", "
						   "expected a kind of kernel report: BUG, "
						   "WARNING, KASAN, IOMMU ..."},
};

static void refuses_with_place_and_reason(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct rp_manifest *untouched = (void *)&bad;
		struct rp_manifest *manifest = untouched;
		struct rp_error err = RP_ERROR_NONE;
		int ret = rp_manifest_parse("f", bad[i].text, strlen(bad[i].text), &manifest, &err);

		if (ret != -EINVAL || strcmp(err.text, bad[i].message) != 0)
			fail_msg("row %zu:\n%s\n got: %d %s\nwant: %s", i, bad[i].text, ret,
				err.text, bad[i].message);
		assert_ptr_equal(manifest, untouched);
		assert_int_equal(err.code, -EINVAL);
	}
}

static void refuses_what_is_too_large(void **state)
{
	rp_cleanup(free) char *text = malloc(RP_MANIFEST_MAX + 1);
	struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;

	memset(text, '#', RP_MANIFEST_MAX + 1);
	assert_int_equal(
		rp_manifest_parse("f", text, RP_MANIFEST_MAX + 1, &manifest, &err), -EFBIG);
	assert_null(manifest);
}

static void an_empty_file_is_a_site_with_defaults(void **state)
{
	static const char *const texts[] = {
		"", "# nothing\n", "kind: site\n", "kind: site\nstages: {}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
		struct rp_error err = RP_ERROR_NONE;
		const struct rp_site *site;

		assert_int_equal(
			rp_manifest_parse("f", texts[i], strlen(texts[i]), &manifest, &err), 0);
		assert_int_equal(manifest->kind, RP_MANIFEST_SITE);
		site = manifest->site;
		assert_string_equal(site->name, "lab");
		assert_string_equal(site->address, "");
		assert_int_equal(site->https_port, 8443);
		assert_int_equal(site->http_port, 0);
		assert_int_equal(site->dhcp, RP_DHCP_PROXY);
		assert_int_equal(site->tftp, RP_TFTP_SPAWN);
		assert_int_equal(site->tftp_port, 69);
		assert_int_equal(site->unknown, RP_UNKNOWN_IGNORE);
		assert_int_equal(site->approve, RP_APPROVE_OPERATOR);
		assert_int_equal(site->training_boots, 1);
		assert_int_equal(site->retries, 1);
		assert_int_equal(site->quarantine_after, 3);
		assert_int_equal(rp_site_stage_limit(site, "power"), 60);
		assert_int_equal(rp_site_stage_limit(site, "kernel"), 300);
		assert_int_equal(rp_site_stage_limit(site, "report"), 120);
		assert_int_equal(rp_site_stage_limit(site, "tea"), -EINVAL);
	}
}

/* As editors on Windows save them. */
static void a_mark_and_carriage_returns_are_no_text(void **state)
{
	static const char *const texts[] = {
		"\xef\xbb\xbfkind: site\nname: attic\n",
		"\xef\xbb\xbf# a comment\r\nkind: site\r\nname: attic\r\n",
		"\xef\xbb\xbf---\nkind: site\nname: attic\n...\n",
		"kind: site\r\nname: attic\r\nstages:\r\n  power_s: 7\r\n",
		"{\"kind\": \"site\", \"name\": \"attic\"}",
		"\xef\xbb\xbf{\"kind\": \"site\", \"name\": \"attic\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
		struct rp_error err = RP_ERROR_NONE;

		if (rp_manifest_parse("f", texts[i], strlen(texts[i]), &manifest, &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
		assert_string_equal(manifest->site->name, "attic");
	}
}

static void utf16_is_told_apart(void **state)
{
	static const struct {
		const char text[8];
	} texts[] = {{{'k', 0, 'i', 0, 'n', 0, 'd', 0}}, {{0, 'k', 0, 'i', 0, 'n', 0, 'd'}}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct rp_manifest *manifest = NULL;
		struct rp_error err = RP_ERROR_NONE;

		assert_int_equal(
			rp_manifest_parse("f", texts[i].text, 8, &manifest, &err), -EINVAL);
		assert_string_equal(err.text,
			"f:1:1: found UTF-16 text, expected UTF-8: save the file as UTF-8");
	}
}

static void the_longest_command_line(void **state)
{
	char text[2000] = IMAGE "command_line: ";
	const size_t start = strlen(text);
	const size_t most = 1500 - strlen(RP_IMAGE_COMMAND_LINE) - 1;

	for (size_t len = most; len <= most + 1; len++) {
		rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
		struct rp_error err = RP_ERROR_NONE;
		char expected[128] = "";

		memset(text + start, 'x', len);
		if (len > most)
			snprintf(expected, sizeof(expected),
				"f:3:15: command_line: found %zu bytes, expected at most %zu", len,
				most);
		assert_int_equal(rp_manifest_parse("f", text, start + len, &manifest, &err),
			len > most ? -EINVAL : 0);
		assert_string_equal(err.text, expected);
	}
}

static void an_explicit_zero_is_not_a_default(void **state)
{
	static const char text[] = "kind: site\nhttps_port: 0\ntraining_boots: 0\nretries: 0\n"
				   "tftp: off\nstages:\n  power_s: 7\n";
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_manifest_parse("f", text, strlen(text), &manifest, &err), 0);
	assert_int_equal(manifest->site->https_port, 0);
	assert_int_equal(manifest->site->training_boots, 0);
	assert_int_equal(manifest->site->retries, 0);
	assert_int_equal(manifest->site->tftp, RP_TFTP_OFF);
	assert_int_equal(manifest->site->stages.power_s, 7);
	assert_int_equal(manifest->site->stages.dhcp_s, 120);
}

static void a_plan_is_read_in_full(void **state)
{
	static const char text[] =
		"kind: plan\nname: p\ndescription: |\n  two\n  lines\nimage: node\n"
		"modules:\n- {name: m, parameters: \"a=1 b=2\"}\n- name: n\n"
		"checks:\n- name: c\n  exec: [prog, --duration, 10, \"\"]\n  cpus: 0-1,3\n"
		"  scheduler: fifo\n  priority: 80\n  memory_mb: 64\n  user: nobody\n"
		"- {name: d, exec: [other]}\n"
		"limits:\n- {metric: c/late_us, max: 1.5e2}\n- {metric: d/rate, min: -0.25}\n"
		"disks: write\n";
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;
	const struct rp_plan *plan;

	assert_int_equal(rp_manifest_parse("f", text, strlen(text), &manifest, &err), 0);
	assert_int_equal(manifest->kind, RP_MANIFEST_PLAN);
	plan = manifest->plan;
	assert_string_equal(plan->description, "two\nlines\n");
	assert_string_equal(plan->image, "node");
	assert_int_equal(plan->modules_count, 2);
	assert_string_equal(plan->modules[0].parameters, "a=1 b=2");
	assert_string_equal(plan->modules[1].parameters, "");
	assert_int_equal(plan->checks_count, 2);
	assert_int_equal(plan->checks[0].exec_count, 4);
	assert_string_equal(plan->checks[0].exec[2], "10");
	assert_string_equal(plan->checks[0].exec[3], "");
	assert_string_equal(plan->checks[0].cpus, "0-1,3");
	assert_int_equal(plan->checks[0].scheduler, RP_SCHEDULER_FIFO);
	assert_int_equal(plan->checks[0].priority, 80);
	assert_int_equal(plan->checks[0].memory_mb, 64);
	assert_string_equal(plan->checks[0].user, "nobody");
	assert_int_equal(plan->checks[1].timeout_s, 60);
	assert_string_equal(plan->checks[1].user, "");
	assert_int_equal(plan->limits_count, 2);
	assert_true(*plan->limits[0].max == 150.0);
	assert_null(plan->limits[0].min);
	assert_true(*plan->limits[1].min == -0.25);
	assert_int_equal(plan->timeout_s, 900);
	assert_int_equal(plan->disks, RP_DISKS_WRITE);
}

static void disks_need_both_to_say_so(void **state)
{
	struct rp_plan plan = {.name = "p", .disks = RP_DISKS_WRITE};
	struct rp_rig_manifest rig = {.name = "r", .disks = RP_DISKS_NEVER};
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_plan_allowed_on(&plan, &rig, &err), -EPERM);
	assert_string_equal(err.text,
		"plan p writes disks, and rig r does not allow it: only \"disks: write\" in the "
		"rig's manifest does");
	rig.disks = RP_DISKS_WRITE;
	assert_int_equal(rp_plan_allowed_on(&plan, &rig, &err), 0);
	plan.disks = RP_DISKS_NEVER;
	rig.disks = RP_DISKS_NEVER;
	assert_int_equal(rp_plan_allowed_on(&plan, &rig, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_with_place_and_reason),
		cmocka_unit_test(refuses_what_is_too_large),
		cmocka_unit_test(an_empty_file_is_a_site_with_defaults),
		cmocka_unit_test(a_mark_and_carriage_returns_are_no_text),
		cmocka_unit_test(utf16_is_told_apart),
		cmocka_unit_test(the_longest_command_line),
		cmocka_unit_test(an_explicit_zero_is_not_a_default),
		cmocka_unit_test(a_plan_is_read_in_full),
		cmocka_unit_test(disks_need_both_to_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
