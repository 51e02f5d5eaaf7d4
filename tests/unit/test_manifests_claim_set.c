/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of files and folders; and that ours are what manifests/README.md says they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "manifests/claim_set.h"
#include "tests/unit/folder_lab.h"

static char dir[FOLDER_LAB_TEXT];

static char *put(const char *name, const char *text)
{
	char *path = rp_path("%s/%s", dir, name);
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_file_write(path, 0644, text, strlen(text), &err), 0);
	return path;
}

#define CLAIM(name) "kind: claim\nname: " name "\nsentence: s\nneeds: [x]\n"

static void a_folder_is_read_in_the_order_of_names(void **state)
{
	rp_cleanup(free) char *b = put("b.yaml", CLAIM("one"));
	rp_cleanup(free) char *a = put("a.yaml", CLAIM("two"));
	rp_cleanup(free) char *hidden = put(".a.yaml", "not a manifest");
	rp_cleanup(free) char *other = put("c.yml", "not a manifest");
	rp_cleanup(claim_set) struct rp_claim_set set = {0};
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_claim_set_add(&set, dir, &err), 0);
	assert_int_equal(set.count, 2);
	assert_string_equal(set.items[0]->claim->name, "two");
	assert_string_equal(set.items[1]->claim->name, "one");
}

static void a_name_stands_once(void **state)
{
	rp_cleanup(free) char *one = put("one.yaml", CLAIM("c"));
	rp_cleanup(free) char *other = put("other.yaml", CLAIM("c"));
	rp_cleanup(claim_set) struct rp_claim_set set = {0};
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_claim_set_add(&set, one, &err), 0);
	assert_int_equal(rp_claim_set_add(&set, other, &err), -EINVAL);
	assert_non_null(strstr(err.text, "other.yaml: claim c is in "));
	assert_int_equal(set.count, 1);
}

static void what_is_no_claim_is_refused(void **state)
{
	rp_cleanup(claim_set) struct rp_claim_set set = {0};
	rp_cleanup(free) char *site = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_claim_set_add(&set, dir, &err), -ENOENT);
	assert_non_null(strstr(err.text, "has no claims"));
	assert_int_equal(rp_claim_set_add(&set, "/nowhere/claims", &err), -ENOENT);
	site = put("site.yaml", "kind: site\n");
	assert_int_equal(rp_claim_set_add(&set, dir, &err), -EINVAL);
	assert_non_null(strstr(err.text, "site.yaml:1:1: kind: found \"site\""));
	assert_int_equal(set.count, 0);
}

/* A claim that is judged is judged of something; each file has its claim's name. */
static void ours_are_good(void **state)
{
	rp_cleanup(claim_set) struct rp_claim_set set = {0};
	struct rp_error err = RP_ERROR_NONE;

	if (rp_claim_set_add(&set, "manifests/claims", &err) < 0)
		fail_msg("%s", err.text);
	assert_true(set.count > 0);
	for (size_t i = 0; i < set.count; i++) {
		const struct rp_claim *claim = set.items[i]->claim;
		rp_cleanup(free) char *path = rp_path("manifests/claims/%s.yaml", claim->name);

		assert_string_equal(set.items[i]->path, path);
		if (!*claim->source)
			fail_msg("%s: nobody says so", path);
		if (*claim->check && !*claim->subject)
			fail_msg("%s: judged of nothing", path);
	}
}

static int setup(void **state)
{
	folder_lab_make(dir);
	return 0;
}

static int teardown(void **state)
{
	folder_lab_remove(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_folder_is_read_in_the_order_of_names, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_stands_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_claim_is_refused, setup, teardown),
		cmocka_unit_test(ours_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
