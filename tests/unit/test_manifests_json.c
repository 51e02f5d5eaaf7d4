/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to JSON and back, files that manifests name, and the part of a job that a plan decides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "manifests/manifest.h"
#include "tests/unit/folder_lab.h"

static const char *const ours[] = {
	"manifests/sites/example.yaml",
	"manifests/rigs/example.yaml",
	"manifests/images/node.yaml",
	"manifests/plans/xsc-first.yaml",
	"manifests/claims/xsc-no-traps.yaml",
};

static void our_manifests_survive_json(void **state)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
		rp_cleanup(manifest) struct rp_manifest *again = NULL;
		rp_cleanup(json) json_t *one = NULL;
		rp_cleanup(json) json_t *two = NULL;
		struct rp_error err = RP_ERROR_NONE;

		if (rp_manifest_load(ours[i], &manifest, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(manifest->kind, i);
		one = rp_manifest_to_json(manifest);
		assert_string_equal(
			rp_json_string_or(one, "kind", ""), rp_manifest_kind_name(manifest->kind));
		if (rp_manifest_from_json(one, &again, &err) < 0)
			fail_msg("%s", err.text);
		two = rp_manifest_to_json(again);
		assert_true(json_equal(one, two));
	}
}

/* Claims by metric, by tests, and by nothing have different keys; JSON has them all. */
static void claims_survive_json(void **state)
{
	static const char *const claims[] = {
		"kind: claim\nname: c\nsentence: s\ncheck: c\nmetric: m\nop: equals\nthreshold: "
		"0\n",
		"kind: claim\nname: c\nsentence: s\ncheck: c\ntests: [t, u]\nkernel: 6.1\n",
		"kind: claim\nname: c\nsentence: s\nneeds: [much of it]\n",
	};

	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
		rp_cleanup(manifest) struct rp_manifest *again = NULL;
		rp_cleanup(json) json_t *one = NULL;
		rp_cleanup(json) json_t *two = NULL;
		struct rp_error err = RP_ERROR_NONE;

		if (rp_manifest_parse("f", claims[i], strlen(claims[i]), &manifest, &err) < 0)
			fail_msg("%s", err.text);
		one = rp_manifest_to_json(manifest);
		if (rp_manifest_from_json(one, &again, &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
		two = rp_manifest_to_json(again);
		assert_true(json_equal(one, two));
		assert_int_equal(again->claim->threshold != NULL, i == 0);
		assert_int_equal(again->claim->tests_count, i == 1 ? 2 : 0);
	}
}

static void json_is_as_strict_as_yaml(void **state)
{
	static const struct {
		const char *json;
		const char *message;
	} bad[] = {
		{"[]", "manifest: found no JSON object, expected a manifest"},
		{"{\"kind\":\"rig\",\"name\":7,\"mac\":[]}",
			"manifest:3:10: name: found \"7\", expected a string"},
		{"{\"kind\":\"rig\",\"name\":\"r\",\"mac\":null}",
			"manifest:4:9: mac: found \"null\", expected a list"},
		{"{\"kind\":\"rig\",\"name\":\"r\",\"mac\":[\"52:54:00:12:34:56\"],\"ignore\":"
		 "\"true\"}",
			"manifest:7:12: ignore: found \"true\", expected true or false"},
		{"{\"kind\":\"site\",\"https_port\":\"1\"}",
			"manifest:3:16: https_port: found \"1\", expected an integer from 0 to "
			"65535"},
		{"{\"kind\":\"site\",\"dhcp\":null}",
			"manifest:3:10: dhcp: found \"null\", expected one of: proxy, off"},
		{"{\"kind\":\"site\",\"name\":\"a\\u2028b\"}",
			"manifest: found a Unicode line separator, expected \\n in text"},
		{"{\"kind\":\"sites\"}",
			"manifest:2:10: kind: found \"sites\", expected one of: site, rig, image, "
			"plan, claim, client"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		rp_cleanup(json) json_t *json = json_loads(bad[i].json, 0, NULL);
		struct rp_manifest *manifest = NULL;
		struct rp_error err = RP_ERROR_NONE;

		assert_non_null(json);
		if (rp_manifest_from_json(json, &manifest, &err) != -EINVAL ||
			strcmp(err.text, bad[i].message) != 0)
			fail_msg("row %zu: %s\n got: %s\nwant: %s", i, bad[i].json, err.text,
				bad[i].message);
		assert_null(manifest);
	}
}

static void kind_may_stand_anywhere_in_json(void **state)
{
	rp_cleanup(json) json_t *json = json_loads(
		"{\"mac\":[\"52:54:00:12:34:56\"],\"name\":\"r\",\"kind\":\"rig\"}", 0, NULL);
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_manifest_from_json(json, &manifest, &err), 0);
	assert_string_equal(manifest->rig->mac[0], "52:54:00:12:34:56");
}

static void a_plan_becomes_a_job(void **state)
{
	static const char text[] = "kind: plan\nname: p\nmodules: [{name: m}]\n"
				   "checks: [{name: c, exec: [x, 1]}]\n"
				   "limits: [{metric: c/a, max: 0}, {metric: c/b, min: 0.5}]\n";
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(json) json_t *job = NULL;
	rp_cleanup(free) char *canonical = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_manifest_parse("f", text, strlen(text), &manifest, &err), 0);
	assert_int_equal(rp_plan_to_job(manifest->plan, &job, &err), 0);
	canonical = rp_json_canonical(job);
	assert_string_equal(canonical,
		"{\"checks\":[{\"cpus\":\"\",\"exec\":[\"x\",\"1\"],\"memory_mb\":0,\"name\":\"c\","
		"\"priority\":0,\"scheduler\":\"other\",\"timeout_s\":60,\"user\":\"\"}],"
		"\"disks\":\"never\",\"limits\":[{\"max\":0,\"metric\":\"c/a\"},"
		"{\"metric\":\"c/b\",\"min\":0.5}],\"modules\":[{\"name\":\"m\",\"parameters\":"
		"\"\"}],\"plan\":\"p\",\"timeout_s\":900}");
}

static void a_missing_kernel_is_named(void **state)
{
	char folder[FOLDER_LAB_TEXT];
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(free) char *kernel = NULL;
	rp_cleanup(free) char *want = NULL;
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;
	static const char text[] = "kind: image\nname: i\nkernel: sub/vmlinuz\n";

	folder_lab_make(folder);
	path = rp_path("%s/image.yaml", folder);
	assert_int_equal(rp_file_write(path, 0644, text, strlen(text), &err), 0);
	assert_int_equal(rp_manifest_load(path, &manifest, &err), -ENOENT);
	want = rp_path("%s:3:9: kernel: found \"%s/sub/vmlinuz\", which is not a readable file, "
		       "expected \"stock\" or the path of a kernel",
		path, folder);
	assert_string_equal(err.text, want);
	assert_int_equal(err.code, -ENOENT);

	kernel = rp_path("%s/sub", folder);
	assert_int_equal(rp_file_make_directories(kernel, 0755, &err), 0);
	free(kernel);
	kernel = rp_path("%s/sub/vmlinuz", folder);
	assert_int_equal(rp_file_write(kernel, 0644, "x", 1, &err), 0);
	assert_int_equal(rp_manifest_load(path, &manifest, &err), 0);
	folder_lab_remove(folder);
}

static void the_wrong_kind_is_named(void **state)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_manifest_load_kind(
				 "manifests/rigs/example.yaml", RP_MANIFEST_PLAN, &manifest, &err),
		-EINVAL);
	assert_string_equal(err.text,
		"manifests/rigs/example.yaml:1:1: kind: found \"rig\", expected \"plan\"");
	assert_int_equal(rp_manifest_load("manifests/none.yaml", &manifest, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_manifests_survive_json),
		cmocka_unit_test(claims_survive_json),
		cmocka_unit_test(json_is_as_strict_as_yaml),
		cmocka_unit_test(kind_may_stand_anywhere_in_json),
		cmocka_unit_test(a_plan_becomes_a_job),
		cmocka_unit_test(a_missing_kernel_is_named),
		cmocka_unit_test(the_wrong_kind_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
