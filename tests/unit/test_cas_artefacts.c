/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "server/cas/artefacts.h"
#include "lib/metrics.h"
#include "tests/unit/folder_lab.h"

static struct fixture {
	char folder[FOLDER_LAB_TEXT];
	struct event_base *base;
	struct rp_metrics *metrics;
	struct rp_artefacts *artefacts;
} f;

static int setup(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	folder_lab_make(f.folder);
	f.base = event_base_new();
	f.metrics = rp_metrics_new();
	return rp_artefacts_new(f.base, f.folder, f.metrics, &f.artefacts, &err);
}

static int teardown(void **state)
{
	rp_artefacts_free(f.artefacts);
	rp_metrics_free(f.metrics);
	event_base_free(f.base);
	folder_lab_remove(f.folder);
	return 0;
}

static void add(const char *text, char ret_sha256[65])
{
	struct rp_error err = RP_ERROR_NONE;

	if (rp_artefacts_add(f.artefacts, text, strlen(text), ret_sha256, &err) < 0)
		fail_msg("%s", err.text);
}

static int open_close(const char *sha256)
{
	struct rp_error err = RP_ERROR_NONE;
	int fd = -2, r;
	off_t size;

	r = rp_artefacts_open(f.artefacts, sha256, &fd, &size, &err);
	if (r == 0)
		close(fd);
	else
		assert_int_equal(fd, -2);
	return r;
}

static void change_byte(const char *sha256)
{
	rp_cleanup(free) char *path = rp_artefacts_path(f.artefacts, sha256);
	rp_cleanup(fd) int fd = -1;

	assert_int_equal(chmod(path, 0644), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "?", 1, 0), 1);
}

static void test_add_and_open(void **state)
{
	char sha256[65], again[65], expected[65];
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *path = NULL;

	add("hello", sha256);
	assert_int_equal(rp_sha256_hex("hello", 5, expected), 0);
	assert_string_equal(sha256, expected);
	assert_int_equal(rp_artefacts_has(f.artefacts, sha256), 1);
	assert_int_equal(open_close(sha256), 0);
	path = rp_artefacts_path(f.artefacts, sha256);
	assert_int_equal(rp_artefacts_add_file(f.artefacts, path, again, &err), 0);
	assert_string_equal(again, sha256);
	assert_int_equal(rp_artefacts_add_file(f.artefacts, "/no/such", again, &err), -ENOENT);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../../etc/passwd", "ABC",
		"g123456789012345678901234567890123456789012345678901234567890123"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(rp_artefacts_has(f.artefacts, bad[i]), 0);
		assert_null(rp_artefacts_path(f.artefacts, bad[i]));
		assert_int_equal(open_close(bad[i]), -ENOENT);
	}
}

static void test_changed_is_refused(void **state)
{
	char sha256[65], again[65];

	add("precious", sha256);
	assert_int_equal(open_close(sha256), 0);
	change_byte(sha256);
	assert_int_equal(open_close(sha256), -EBADMSG);
	assert_int_equal(open_close(sha256), -EBADMSG);
	assert_int_equal(rp_metrics_get(f.metrics, "artefacts_refused_total"), 2);
	add("precious", again); /* repairs */
	assert_int_equal(open_close(sha256), 0);
}

static void test_only_regular_files(void **state)
{
	char sha256[65];
	rp_cleanup(free) char *path = NULL;

	add("link", sha256);
	path = rp_artefacts_path(f.artefacts, sha256);
	unlink(path);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(open_close(sha256), -ENOENT);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_close(sha256), -ENOENT);
}

struct seen {
	int calls, result;
	off_t size;
	char first;
};

static void opened(void *context, int result, int fd, off_t size, const struct rp_error *err)
{
	struct seen *seen = context;

	seen->calls++;
	seen->result = result;
	seen->size = size;
	if (fd >= 0) {
		assert_int_equal(pread(fd, &seen->first, 1, 0), 1);
		close(fd);
	} else {
		assert_true(err->text[0] != '\0');
	}
}

static void test_async(void **state)
{
	const size_t len = (5 << 20) + 1;
	rp_cleanup(free) char *data = malloc(len);
	struct seen seen[3] = {0};
	char sha256[65];
	struct rp_error err;

	memset(data, 'z', len);
	assert_int_equal(rp_artefacts_add(f.artefacts, data, len, sha256, &err), 0);
	for (int i = 0; i < 3; i++)
		rp_artefacts_open_async(f.artefacts, sha256, opened, &seen[i]);
	event_base_dispatch(f.base);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_int_equal(seen[i].result, 0);
		assert_int_equal(seen[i].size, (int)len);
		assert_int_equal(seen[i].first, 'z');
	}
	assert_int_equal(rp_metrics_get(f.metrics, "artefacts_verified_total"), 1);

	/* changed while it is being hashed */
	rp_artefacts_open_async(f.artefacts, sha256, opened, &seen[0]);
	if (seen[0].calls == 1) {
		event_base_loop(f.base, EVLOOP_ONCE);
		change_byte(sha256);
		event_base_dispatch(f.base);
		assert_int_equal(seen[0].result, -EBADMSG);
	}
	/* not there: at once */
	memset(sha256, 'a', 64);
	rp_artefacts_open_async(f.artefacts, sha256, opened, &seen[1]);
	assert_int_equal(seen[1].calls, 2);
	assert_int_equal(seen[1].result, -ENOENT);
}

static void test_async_ends_with_the_store(void **state)
{
	struct seen seen = {0};
	char sha256[65];
	struct rp_error err;

	add("never read", sha256);
	rp_artefacts_open_async(f.artefacts, sha256, opened, &seen);
	f.artefacts = rp_artefacts_free(f.artefacts);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.result, -ECANCELED);
	assert_int_equal(rp_artefacts_new(f.base, f.folder, f.metrics, &f.artefacts, &err), 0);
}

static void test_leftovers_are_removed(void **state)
{
	rp_cleanup(free) char *left = rp_path("%s/cas/tmp/left", f.folder);
	struct rp_error err;

	assert_int_equal(rp_file_write(left, 0600, "x", 1, &err), 0);
	rp_artefacts_free(f.artefacts);
	assert_int_equal(rp_artefacts_new(f.base, f.folder, f.metrics, &f.artefacts, &err), 0);
	assert_int_equal(access(left, F_OK), -1);
}

static void test_metrics(void **state)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_metrics *metrics = rp_metrics_new();

	rp_metrics_add(metrics, "b_total{kind=\"y\"}", 2);
	rp_metrics_add(metrics, "a_total", 1);
	rp_metrics_add(metrics, "b_total{kind=\"x\"}", 1);
	rp_metrics_add(metrics, "b_total{kind=\"x\"}", 1);
	rp_metrics_set(metrics, "g", -3);
	rp_metrics_add(metrics, "bad name", 1);
	rp_metrics_add(metrics, "bad{\n}", 1);
	rp_metrics_add(metrics, "0bad", 1);
	rp_metrics_add(metrics, "", 1);
	rp_metrics_add(NULL, "a_total", 1);
	text = rp_metrics_text(metrics);
	assert_string_equal(text, "# TYPE rigproof_a_total counter\nrigproof_a_total 1\n"
				  "# TYPE rigproof_b_total counter\n"
				  "rigproof_b_total{kind=\"x\"} 2\nrigproof_b_total{kind=\"y\"} 2\n"
				  "# TYPE rigproof_g gauge\nrigproof_g -3\n");
	assert_int_equal(rp_metrics_get(metrics, "g"), -3);
	assert_int_equal(rp_metrics_get(metrics, "none"), 0);
	rp_metrics_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_add_and_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_regular_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_async, setup, teardown),
		cmocka_unit_test_setup_teardown(test_async_ends_with_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers_are_removed, setup, teardown),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
