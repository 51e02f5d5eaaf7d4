/* SPDX-License-Identifier: Apache-2.0 */
/* Variables as files of a folder; updates as efitools makes them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/stat.h>

#include "agent/efivars.h"
#include "keys/efi_auth.h"
#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/json.h"
#include "tests/unit/agent_lab.h"

#define GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SECURITY "d719b2cb-3d3a-4596-a3bc-dad00e67656f"

static struct lab lab;
static char *dir;
static struct rp_error err;

static int set_up(void **state)
{
	if (lab_make(&lab) || rp_efi_auth_make(lab.keys, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	dir = lab_path(&lab, "efivars");
	return rp_file_make_directories(dir, 0700, &err);
}

static int tear_down(void **state)
{
	free(dir);
	return lab_remove(&lab);
}

static int empty(void **state)
{
	rp_cleanup(free) char *command = rp_path("rm -f %s/*", dir);

	return system(command);
}

static void put_flag(const char *name, char value)
{
	rp_cleanup(free) char *path = rp_path("%s/%s-" GLOBAL, dir, name);
	const char data[] = {6, 0, 0, 0, value};

	assert_int_equal(rp_file_write(path, 0644, data, sizeof(data), &err), 0);
}

static void test_state(void **state)
{
	static const struct {
		int secure_boot, setup_mode; /* -1: no such variable */
		const char *text;
	} machines[] = {
		{-1, -1, "none"}, {0, 1, "setup mode"}, {0, 0, "disabled"}, {1, 0, "enabled"}};

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		struct rp_secure_boot found;

		if (machines[i].secure_boot >= 0)
			put_flag("SecureBoot", (char)machines[i].secure_boot);
		if (machines[i].setup_mode >= 0)
			put_flag("SetupMode", (char)machines[i].setup_mode);
		rp_efivars_secure_boot(dir, &found);
		assert_string_equal(rp_secure_boot_text(&found), machines[i].text);
		assert_int_equal(found.enabled, machines[i].secure_boot == 1);
		assert_int_equal(found.setup_mode, machines[i].setup_mode == 1);
	}
}

static void read_auth(const char *name, char **ret, size_t *ret_len)
{
	rp_cleanup(free) char *path = rp_path("%s/%s.auth", lab.keys, name);

	assert_int_equal(rp_file_read(path, RP_EFIVARS_MAX, ret, ret_len, &err), 0);
}

static json_t *make_enrolment(void)
{
	static const char *const names[] = {"db", "KEK", "PK"};
	json_t *enrolment = json_object();

	for (size_t i = 0; i < 3; i++) {
		rp_cleanup(free) char *auth = NULL;
		rp_cleanup(free) char *text = NULL;
		size_t len;

		read_auth(names[i], &auth, &len);
		text = rp_base64_encode(auth, len);
		json_object_set_new(enrolment, names[i], json_string(text));
	}
	return enrolment;
}

static void expect_written(const char *name, const char *file, struct timespec *ret_when)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", dir, file);
	rp_cleanup(free) char *auth = NULL;
	rp_cleanup(free) char *data = NULL;
	size_t auth_len, len;
	struct stat st;

	read_auth(name, &auth, &auth_len);
	assert_int_equal(rp_file_read(path, RP_EFIVARS_MAX + 4, &data, &len, &err), 0);
	assert_int_equal(len, auth_len + 4);
	assert_memory_equal(data, "\x27\0\0\0", 4);
	assert_memory_equal(data + 4, auth, auth_len);
	assert_int_equal(stat(path, &st), 0);
	*ret_when = st.st_mtim;
}

static int64_t nanoseconds(struct timespec when)
{
	return when.tv_sec * 1000000000 + when.tv_nsec;
}

static int enrol(const json_t *json)
{
	struct rp_enrolment enrolment;
	int r = rp_enrolment_read(json, &enrolment, &err);

	return r < 0 ? r : rp_efivars_enrol(dir, &enrolment, &err);
}

static void test_enrol(void **state)
{
	rp_cleanup(json) json_t *enrolment = make_enrolment();
	struct timespec db, kek, pk;

	assert_int_equal(enrol(enrolment), 0);
	expect_written("db", "db-" SECURITY, &db);
	expect_written("KEK", "KEK-" GLOBAL, &kek);
	expect_written("PK", "PK-" GLOBAL, &pk);
	assert_true(nanoseconds(db) <= nanoseconds(kek) && nanoseconds(kek) <= nanoseconds(pk));
}

/* One bad part: none is written, for half an enrolment is a rig that boots nothing. */
static void test_all_or_none(void **state)
{
	static const struct {
		const char *key, *value; /* NULL: missing */
	} bad[] = {{"PK", NULL}, {"PK", "!"}, {"PK", "AAAA"}, {"KEK", ""}, {"db", "AAAA"}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		rp_cleanup(json) json_t *enrolment = make_enrolment();
		rp_cleanup(free) char *path = rp_path("%s/db-" SECURITY, dir);
		struct stat st;

		json_object_del(enrolment, bad[i].key);
		if (bad[i].value)
			json_object_set_new(enrolment, bad[i].key, json_string(bad[i].value));
		err = RP_ERROR_NONE;
		assert_int_equal(enrol(enrolment), -EINVAL);
		assert_non_null(strstr(err.text, bad[i].key));
		assert_int_equal(stat(path, &st), -1);
	}
}

static void test_names(void **state)
{
	rp_cleanup(free) char *auth = NULL;
	size_t len;

	read_auth("db", &auth, &len);
	assert_int_equal(rp_efivars_write(dir, "Boot0000", auth, len, &err), -EINVAL);
	assert_int_equal(rp_efivars_write(dir, "../db", auth, len, &err), -EINVAL);
	assert_int_equal(rp_efivars_write("/nowhere", "db", auth, len, &err), -ENOENT);
	assert_int_equal(rp_efivars_mount("/nowhere", &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_teardown(test_state, empty),
		cmocka_unit_test_teardown(test_enrol, empty),
		cmocka_unit_test_teardown(test_all_or_none, empty),
		cmocka_unit_test_teardown(test_names, empty),
	};

	return cmocka_run_group_tests_name("agent/efivars", all, set_up, tear_down);
}
