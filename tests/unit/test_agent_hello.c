/* SPDX-License-Identifier: Apache-2.0 */
/* Who the server may say that we are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include <sys/stat.h>

#include "agent/boot_key.h"
#include "agent/hello.h"
#include "keys/pki.h"
#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "tests/unit/agent_lab.h"

static struct lab lab, other;
static EVP_PKEY *key;
static struct rp_error err;

static int set_up(void **state)
{
	return lab_make(&lab) || lab_make(&other) || rp_pki_new_boot_key(&key, &err) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	EVP_PKEY_free(key);
	return lab_remove(&lab) | lab_remove(&other);
}

static void test_good(void **state)
{
	rp_cleanup(json) json_t *good = lab_admission(&lab, key, LAB_RIG, "job");
	rp_cleanup(identity) struct rp_identity identity = {0};

	if (rp_identity_take(good, key, lab.root, &identity, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(identity.rig, LAB_RIG);
	assert_string_equal(identity.boot, LAB_BOOT);
	assert_int_equal(identity.action, RP_ACTION_JOB);
	assert_string_equal(identity.assurance, "secure-boot");
}

static void test_bad(void **state)
{
	rp_cleanup(pkey) EVP_PKEY *stranger = NULL;
	rp_cleanup(json) json_t *other_lab = lab_admission(&other, key, LAB_RIG, "job");
	rp_cleanup(json) json_t *other_name = lab_admission(&lab, key, "rig-2", "job");
	rp_cleanup(json) json_t *other_key = NULL;
	rp_cleanup(json) json_t *other_role = lab_admission(&lab, key, LAB_RIG, "job");
	rp_cleanup(json) json_t *no_pem = lab_admission(&lab, key, LAB_RIG, "job");
	rp_cleanup(free) char *chain = NULL;
	rp_cleanup(identity) struct rp_identity identity = {0};
	json_t *bad[5];

	assert_int_equal(rp_pki_new_boot_key(&stranger, &err), 0);
	other_key = lab_admission(&lab, stranger, LAB_RIG, "job");
	assert_int_equal(rp_pki_chain_pem(lab.keys, "tls", &chain, &err), 0);
	json_object_set_new(other_role, "certificate", json_string(chain));
	json_object_set_new(no_pem, "certificate", json_string("hello"));
	bad[0] = other_lab, bad[1] = other_name, bad[2] = other_key, bad[3] = other_role;
	bad[4] = no_pem;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(rp_identity_take(bad[i], key, lab.root, &identity, &err),
			i < 4 ? -EACCES : -EINVAL);
		assert_null(identity.chain_pem);
	}
}

static void test_hello(void **state)
{
	rp_cleanup(json) json_t *hello = NULL;

	assert_int_equal(rp_hello_make(key, "node", "/nowhere", "/nowhere", &hello, &err), 0);
	assert_int_equal(json_object_size(hello), 8);
	assert_string_equal(rp_json_string_or(hello, "token", "?"), "");
	assert_string_equal(rp_json_string_or(hello, "uuid", "?"), "");
	assert_string_equal(rp_json_string_or(hello, "image", "?"), "node");
}

static int same_key(const char *path, EVP_PKEY *than)
{
	rp_cleanup(pkey) EVP_PKEY *again = NULL;

	assert_int_equal(rp_boot_key_get(path, &again, &err), 0);
	return EVP_PKEY_eq(again, than) == 1;
}

/* Kept within a boot; never taken from a file that others could read, or half of one. */
static void test_boot_key(void **state)
{
	rp_cleanup(free) char *path = lab_path(&lab, "boot.key");
	rp_cleanup(pkey) EVP_PKEY *first = NULL;
	struct stat st;

	assert_int_equal(rp_boot_key_get(path, &first, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(same_key(path, first));
	assert_int_equal(chmod(path, 0644), 0);
	assert_false(same_key(path, first));
	assert_int_equal(rp_file_write(path, 0600, "-----BEGIN", 10, &err), 0);
	assert_false(same_key(path, first));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_boot_key),
	};

	return cmocka_run_group_tests_name("agent/hello", all, set_up, tear_down);
}
