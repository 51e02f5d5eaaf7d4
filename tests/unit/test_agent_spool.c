/* SPDX-License-Identifier: Apache-2.0 */
/* A result leaves the spool against a valid acknowledgement of these bytes, and in no other way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include <sys/resource.h>
#include <signal.h>

#include "agent/spool.h"
#include "keys/dsse.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "tests/unit/agent_lab.h"

#define OLDER "01JC0000000000000000000J00"

static struct lab lab, other;
static char *dir;
static struct rp_error err;

static int set_up(void **state)
{
	if (lab_make(&lab) || lab_make(&other))
		return -1;
	dir = lab_path(&lab, "spool");
	return 0;
}

static int tear_down(void **state)
{
	free(dir);
	return lab_remove(&lab) | lab_remove(&other);
}

static int empty_spool(void **state)
{
	rp_cleanup(free) char *command = rp_path("rm -rf %s", dir);

	return system(command);
}

/* An answer of the server for the result that is spooled, but for what is given. */
static json_t *answer(
	const struct lab *signer, const char *key, const char *job, const char *digest)
{
	rp_cleanup(json) json_t *ack = json_pack("{s:i, s:s, s:s, s:i, s:s}", "version", 1,
		"result", job, "sha256", digest, "index", 0, "accepted", LAB_TIME);

	return lab_answer(signer, "ack", key, RP_TYPE_ACK, ack);
}

static void put(const char *job, const char *text)
{
	rp_cleanup(json) json_t *envelope = json_pack("{s:s}", "payload", text);

	assert_int_equal(rp_spool_put(dir, job, envelope, &err), 0);
}

static void digest_of(const char *text, char ret_hex[RP_SHA256_HEX])
{
	rp_cleanup(free) char *bytes = rp_path("{\"payload\":\"%s\"}", text);

	rp_sha256_hex(bytes, strlen(bytes), ret_hex);
}

static void test_order(void **state)
{
	rp_cleanup(free) char *text = NULL;
	char job[RP_ID_TEXT];

	assert_int_equal(rp_spool_next(dir, job, &text, &err), 0);
	put(LAB_JOB, "b");
	put(OLDER, "a");
	assert_int_equal(rp_spool_next(dir, job, &text, &err), 1);
	assert_string_equal(job, OLDER);
	assert_string_equal(text, "{\"payload\":\"a\"}");
	assert_true(rp_spool_has(dir, LAB_JOB));
	assert_false(rp_spool_has(dir, LAB_BOOT));
}

static void test_one_result_a_job(void **state)
{
	rp_cleanup(json) json_t *second = json_pack("{s:s}", "payload", "b");
	rp_cleanup(free) char *text = NULL;
	char job[RP_ID_TEXT];

	put(LAB_JOB, "a");
	assert_int_equal(rp_spool_put(dir, LAB_JOB, second, &err), -EEXIST);
	assert_int_equal(rp_spool_next(dir, job, &text, &err), 1);
	assert_string_equal(text, "{\"payload\":\"a\"}");
}

static int acknowledge(const json_t *json)
{
	struct rp_receipt receipt;
	int r = rp_receipt_read(json, &receipt, &err);

	return r < 0 ? r : rp_spool_acknowledge(dir, LAB_JOB, &receipt, lab.root, &err);
}

static void test_acknowledged(void **state)
{
	char digest[RP_SHA256_HEX];
	rp_cleanup(json) json_t *good = NULL;

	put(LAB_JOB, "a");
	digest_of("a", digest);
	good = answer(&lab, "log", LAB_JOB, digest);
	assert_int_equal(acknowledge(good), 0);
	assert_false(rp_spool_has(dir, LAB_JOB));
}

static void test_not_acknowledged(void **state)
{
	char digest[RP_SHA256_HEX], wrong[RP_SHA256_HEX];
	struct {
		json_t *answer;
		int code;
	} bad[5];

	put(LAB_JOB, "a");
	digest_of("a", digest);
	digest_of("b", wrong);
	bad[0].answer = answer(&other, "log", LAB_JOB, digest);
	bad[1].answer = answer(&lab, "job", LAB_JOB, digest); /* may not sign for the log */
	bad[2].answer = answer(&lab, "log", OLDER, digest);
	bad[3].answer = answer(&lab, "log", LAB_JOB, wrong);
	bad[4].answer = json_object();
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(acknowledge(bad[i].answer), i < 4 ? -EACCES : -EINVAL);
		assert_true(rp_spool_has(dir, LAB_JOB));
		json_decref(bad[i].answer);
	}
}

/* What a crash leaves behind is not taken for a result. */
static void test_debris(void **state)
{
	static const char *const names[] = {
		LAB_JOB ".json.tmp123", ".tmp", LAB_JOB ".json", "notes.txt"};
	rp_cleanup(free) char *text = NULL;
	char job[RP_ID_TEXT];

	assert_int_equal(rp_file_make_directories(dir, 0700, &err), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		rp_cleanup(free) char *path = rp_path("%s/%s", dir, names[i]);

		assert_int_equal(rp_file_write(path, 0600, "{\"half", 6, &err), 0);
	}
	assert_int_equal(rp_spool_next(dir, job, &text, &err), 0);
	assert_null(text);
	put(OLDER, "a");
	assert_int_equal(rp_spool_next(dir, job, &text, &err), 1);
	assert_string_equal(job, OLDER);
}

/* No room: nothing is there, and later it is there as a whole. */
static void test_disk_full(void **state)
{
	rp_cleanup(json) json_t *envelope = json_pack("{s:s}", "payload", "a long text");
	struct rlimit before, none = {4, 4};
	rp_cleanup(free) char *text = NULL;
	char job[RP_ID_TEXT];

	getrlimit(RLIMIT_FSIZE, &before);
	none.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	assert_true(rp_spool_put(dir, LAB_JOB, envelope, &err) < 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(rp_spool_next(dir, job, &text, &err), 0);
	assert_int_equal(rp_spool_put(dir, LAB_JOB, envelope, &err), 0);
	assert_int_equal(rp_spool_next(dir, job, &text, &err), 1);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_teardown(test_order, empty_spool),
		cmocka_unit_test_teardown(test_one_result_a_job, empty_spool),
		cmocka_unit_test_teardown(test_acknowledged, empty_spool),
		cmocka_unit_test_teardown(test_not_acknowledged, empty_spool),
		cmocka_unit_test_teardown(test_debris, empty_spool),
		cmocka_unit_test_teardown(test_disk_full, empty_spool),
	};

	return cmocka_run_group_tests_name("agent/spool", all, set_up, tear_down);
}
