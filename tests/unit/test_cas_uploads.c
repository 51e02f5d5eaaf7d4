/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/metrics.h"
#include "server/cas/artefacts.h"
#include "server/cas/uploads.h"
#include "tests/unit/folder_lab.h"

static struct fixture {
	char folder[FOLDER_LAB_TEXT];
	struct rp_metrics *metrics;
	struct rp_artefacts *artefacts;
	struct rp_uploads *uploads;
} f;

static int setup(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	folder_lab_make(f.folder);
	f.metrics = rp_metrics_new();
	assert_int_equal(rp_artefacts_new(NULL, f.folder, f.metrics, &f.artefacts, &err), 0);
	return rp_uploads_new(f.artefacts, f.metrics, &f.uploads, &err);
}

static int teardown(void **state)
{
	rp_uploads_free(f.uploads);
	rp_artefacts_free(f.artefacts);
	rp_metrics_free(f.metrics);
	folder_lab_remove(f.folder);
	return 0;
}

static int open_close(const char *sha256)
{
	struct rp_error err = RP_ERROR_NONE;
	int fd, r;
	off_t size;

	r = rp_artefacts_open(f.artefacts, sha256, &fd, &size, &err);
	if (r == 0)
		close(fd);
	return r;
}

/* 0 where tmp/ holds nothing. */
static int parts_left(void)
{
	rp_cleanup(free) char *tmp = rp_path("%s/cas/tmp", f.folder);

	return rmdir(tmp) == 0 && mkdir(tmp, 0700) == 0 ? 0 : -1;
}

static int put(const char *sha256, int64_t offset, int64_t total, const char *data, size_t len,
	int64_t *ret_offset)
{
	return rp_uploads_put(f.uploads, sha256, offset, total, data, len, ret_offset, NULL);
}

static void test_put(void **state)
{
	char sha256[65], other[65];
	int64_t at = -1;

	assert_int_equal(rp_sha256_hex("abcdef", 6, sha256), 0);
	assert_int_equal(rp_sha256_hex("x", 1, other), 0);
	assert_int_equal(put("nonsense", 0, 1, "x", 1, &at), -EINVAL);
	assert_int_equal(put(sha256, 0, -1, "x", 1, &at), -EFBIG);
	assert_int_equal(put(sha256, 0, INT64_MAX, "x", 1, &at), -EFBIG);
	assert_int_equal(put(sha256, -1, 1, "x", 1, &at), -EINVAL);
	assert_int_equal(put(sha256, 0, 1, "xx", 2, &at), -EINVAL);
	assert_int_equal(put(sha256, 0, 1, "", 0, &at), -EINVAL);
	assert_int_equal(put(sha256, 3, 6, "def", 3, &at), -ESPIPE);
	assert_int_equal(at, 0);
	assert_int_equal(put(sha256, 0, 6, "abc", 3, &at), 0);
	assert_int_equal(at, 3);
	assert_int_equal(put(sha256, 5, 6, "f", 1, &at), -ESPIPE);
	assert_int_equal(at, 3);
	assert_int_equal(put(sha256, 3, 6, "deX", 3, &at), -EBADMSG);
	assert_int_equal(rp_artefacts_has(f.artefacts, sha256), 0);
	assert_int_equal(put(sha256, 0, 6, "abc", 3, &at), 0);
	assert_int_equal(put(other, 0, 1, "x", 1, &at), 1); /* between the parts of another */
	assert_int_equal(put(sha256, 3, 6, "def", 3, &at), 1);
	assert_int_equal(open_close(sha256), 0);
	assert_int_equal(parts_left(), 0);
	assert_int_equal(rp_metrics_get(f.metrics, "uploads_refused_total"), 1);
}

static void test_empty(void **state)
{
	char sha256[65];
	int64_t at;

	assert_int_equal(rp_sha256_hex("", 0, sha256), 0);
	assert_int_equal(put(sha256, 0, 0, "", 0, &at), 1);
	assert_int_equal(open_close(sha256), 0);
}

static void test_too_many_uploads(void **state)
{
	char text[32], sha256[65];
	int64_t at;

	for (int i = 0; i < 17; i++) {
		snprintf(text, sizeof(text), "upload %d", i);
		assert_int_equal(rp_sha256_hex(text, strlen(text), sha256), 0);
		assert_int_equal(put(sha256, 0, 100, "u", 1, &at), i < 16 ? 0 : -EBUSY);
	}
}

/* A limit of file size stands for the full disk: the same path, another errno. */
static void test_disk_trouble(void **state)
{
	struct rlimit old, small;
	char sha256[65], data[4096];
	int64_t at;
	int added, stored;
	struct rp_error err = RP_ERROR_NONE;

	memset(data, 'd', sizeof(data));
	assert_int_equal(rp_sha256_hex(data, sizeof(data), sha256), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 100;
	setrlimit(RLIMIT_FSIZE, &small);
	stored = put(sha256, 0, sizeof(data), data, sizeof(data), &at);
	added = rp_artefacts_add(f.artefacts, data, sizeof(data), sha256, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(stored, -EFBIG);
	assert_int_equal(added, -EFBIG);
	assert_int_equal(rp_artefacts_has(f.artefacts, sha256), 0);
	assert_int_equal(put(sha256, 0, sizeof(data), data, sizeof(data), &at), 1);
}

/* What was not complete leaves nothing behind, and begins anew. */
static void test_dropped_with_the_uploads(void **state)
{
	char sha256[65];
	struct rp_error err;
	int64_t at;

	assert_int_equal(rp_sha256_hex("abcdef", 6, sha256), 0);
	assert_int_equal(put(sha256, 0, 6, "abc", 3, &at), 0);
	assert_int_equal(parts_left(), -1);
	f.uploads = rp_uploads_free(f.uploads);
	assert_int_equal(parts_left(), 0);
	assert_int_equal(rp_uploads_new(f.artefacts, f.metrics, &f.uploads, &err), 0);
	assert_int_equal(put(sha256, 3, 6, "def", 3, &at), -ESPIPE);
	assert_int_equal(at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_uploads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_with_the_uploads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
