/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs over HTTPS: download, ranges, a blob that changes under way, uploads. */
#include "tests/unit/https_lab.h"

static void test_download(void **state)
{
	rp_cleanup(http) struct rp_http *http = lab_client(NULL, NULL, NULL);
	rp_cleanup(free) char *path = rp_path("/cas/sha256/%s", lab.blob_sha256);
	rp_cleanup(free) char *got = rp_path("%s/got", lab.folder);
	rp_cleanup(fd) int fd = open(got, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct rp_error err = RP_ERROR_NONE;

	if (rp_http_download(http, path, fd, 1 << 30, lab.blob_sha256, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(lseek(fd, 0, SEEK_END), BLOB_LEN);
	assert_true(!strncmp(lab.fetched, "127.0.0.1 ", 10));
	assert_string_equal(lab.fetched + 10, lab.blob_sha256);
}

static void assert_blob(const char *headers, const char *suffix, const char *const *expected)
{
	rp_cleanup(free) char *request = rp_path(
		"GET /cas/sha256/%s%s HTTP/1.1\r\n%s" LAST, lab.blob_sha256, suffix, headers);

	lab_assert_raw(request, expected);
}
#define ASSERT_BLOB(headers, suffix, ...)                                                          \
	assert_blob(headers, suffix, (const char *const[]){__VA_ARGS__, NULL})

static void test_ranges(void **state)
{
	rp_cleanup(free) char *match = rp_path("If-None-Match: \"%s\"\r\n", lab.blob_sha256);
	rp_cleanup(free) char *head =
		rp_path("HEAD /cas/sha256/%s HTTP/1.1\r\n" LAST, lab.blob_sha256);
	rp_cleanup(free) char *etag = rp_path("ETag: \"%s\"\r\n", lab.blob_sha256);
	rp_cleanup(free) char *part = rp_path(
		"GET /cas/sha256/%s HTTP/1.1\r\nRange: bytes=3-6\r\n" LAST, lab.blob_sha256);
	rp_cleanup(free) char *answer = lab_raw(part);
	const char *body = strstr(answer, "\r\n\r\n");

	assert_non_null(body);
	assert_memory_equal(body + 4, lab.blob + 3, 4);
	ASSERT_BLOB("Range: bytes=3-6\r\n", "", "206 Partial Content",
		"Content-Range: bytes 3-6/3145745\r\n", "Content-Length: 4\r\n", etag);
	ASSERT_BLOB("Range: bytes=-4\r\n", "", "206 ", "bytes 3145741-3145744/3145745\r\n");
	ASSERT_BLOB("Range: bytes=3145740-\r\n", "", "206 ", "Content-Length: 5\r\n");
	ASSERT_BLOB("Range: bytes=3145745-\r\n", "", "416 ", "Content-Range: bytes */3145745\r\n");
	ASSERT_BLOB("Range: lines=1-2\r\n", "", "200 OK", "Content-Length: 3145745\r\n");
	ASSERT_BLOB("Range: bytes=3-6\r\nIf-Range: \"other\"\r\n", "", "200 OK");
	ASSERT_BLOB(match, "", "304 Not Modified\r\n", etag);
	ASSERT_BLOB("", ".efi", "200 OK", "Content-Type: application/efi\r\n");
	ASSERT_BLOB("", "/node.efi", "200 OK", "Content-Type: application/efi\r\n");
	ASSERT_BLOB("", ".exe", "404 ");
	ASSERT_RAW(head, "200 OK\r\n", "Content-Length: 3145745\r\n", "Accept-Ranges: bytes\r\n");
}

/* The server has told of so many downloads' ends. */
static void wait_for_fetched(long count)
{
	for (int i = 0; lab.fetched_count < count; i++) {
		assert_true(i < 1000);
		lab_get("/metrics", NULL); /* the loop that tells goes round */
	}
	assert_int_equal(lab.fetched_count, count);
}

static void fetch(const char *method, const char *headers)
{
	rp_cleanup(free) char *request =
		rp_path("%s /cas/sha256/%s HTTP/1.1\r\n%s" LAST, method, lab.blob_sha256, headers);
	rp_cleanup(free) char *answer = lab_raw(request);

	assert_non_null(strstr(answer, "HTTP/1.1 "));
}

/*
 * What a boot's record says of its image hangs on this: a download that ends tells how much of it
 * went out, from where, of how much; and only one that is whole is told as whole.
 */
static void test_what_was_sent_is_told(void **state)
{
	rp_cleanup(free) char *match = rp_path("If-None-Match: \"%s\"\r\n", lab.blob_sha256);
	rp_cleanup(http) struct rp_http *http = lab_client(NULL, NULL, NULL);
	rp_cleanup(free) char *path = rp_path("/cas/sha256/%s", lab.blob_sha256);
	rp_cleanup(free) char *got = rp_path("%s/whole", lab.folder);
	rp_cleanup(fd) int fd = open(got, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct rp_error err = RP_ERROR_NONE;
	long count = lab.fetched_count;

	if (rp_http_download(http, path, fd, 1 << 30, lab.blob_sha256, &err) < 0)
		fail_msg("%s", err.text);
	wait_for_fetched(++count);
	assert_int_equal(lab.fetched_first, 0);
	assert_int_equal(lab.fetched_sent, BLOB_LEN);
	assert_int_equal(lab.fetched_size, BLOB_LEN);

	fetch("GET", "Range: bytes=3-6\r\n");
	wait_for_fetched(++count);
	assert_int_equal(lab.fetched_first, 3);
	assert_int_equal(lab.fetched_sent, 4);
	assert_int_equal(lab.fetched_size, BLOB_LEN);

	/* the last byte alone ends where the whole one does */
	fetch("GET", "Range: bytes=-1\r\n");
	wait_for_fetched(++count);
	assert_int_equal(lab.fetched_first, BLOB_LEN - 1);
	assert_int_equal(lab.fetched_sent, 1);

	/* goes away after its first 64 KiB */
	fetch("GET", "");
	wait_for_fetched(++count);
	assert_int_equal(lab.fetched_first, 0);
	assert_true(lab.fetched_sent > 0 && lab.fetched_sent < BLOB_LEN);

	/* nothing went out */
	fetch("HEAD", "");
	fetch("GET", match);
	fetch("GET", "Range: bytes=4000000-\r\n");
	wait_for_fetched(count);
}

static void test_changed_artefact(void **state)
{
	rp_cleanup(free) char *url = NULL;
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *json = NULL;
	rp_cleanup(fd) int fd = -1;
	char sha256[RP_SHA256_HEX];
	long before = lab_counter("artefacts_refused_total");

	/* through the API, since the store belongs to the server's thread */
	assert_int_equal(rp_sha256_hex("to be changed", 13, sha256), 0);
	url = rp_path("/api/v1/cas/sha256/%s", sha256);
	assert_int_equal(
		lab_request("admin-token", "PUT", url, NULL, "to be changed", 13, NULL), 201);
	assert_int_equal(lab_get(url + 7, NULL), 200);
	path = rp_path("%s/cas/sha256/%s", lab.folder, sha256);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) { /* read-only, and we are not root */
		chmod(path, 0644);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	assert_int_equal(pwrite(fd, "T", 1, 0), 1);
	assert_int_equal(lab_get(url + 7, &json), 500);
	assert_non_null(strstr(rp_json_string_or(json, "error", ""), sha256));
	assert_true(lab_counter("artefacts_refused_total") > before);
	/* an upload repairs it */
	assert_int_equal(
		lab_request("admin-token", "PUT", url, NULL, "to be changed", 13, NULL), 201);
	assert_int_equal(lab_get(url + 7, NULL), 200);
}

static int put_part(
	const char *sha256, size_t offset, size_t total, const char *data, size_t len, json_t **ret)
{
	rp_cleanup(free) char *path =
		rp_path("/api/v1/cas/sha256/%s?offset=%zu&total=%zu", sha256, offset, total);

	return lab_request("admin-token", "PUT", path, NULL, data, len, ret);
}

static void test_upload(void **state)
{
	const size_t total = (9 << 20) + 5, part = 4 << 20;
	rp_cleanup(free) char *data = malloc(total);
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *json = NULL;
	char sha256[RP_SHA256_HEX];

	for (size_t i = 0; i < total; i++)
		data[i] = (char)(i * 40503u >> 7);
	assert_int_equal(rp_sha256_hex(data, total, sha256), 0);
	path = rp_path("/api/v1/cas/sha256/%s", sha256);
	assert_int_equal(lab_request(NULL, "PUT", path, NULL, "x", 1, NULL), 401);
	assert_int_equal(lab_request("viewer-token", "PUT", path, NULL, "x", 1, NULL), 403);
	assert_int_equal(lab_request("admin-token", "PUT", path, NULL, "x", 1, NULL), 422);
	assert_int_equal(lab_request("admin-token", "PUT", path, NULL, data, part + 1, NULL), 413);

	assert_int_equal(put_part(sha256, part, total, data + part, part, NULL), 409);
	assert_int_equal(put_part(sha256, 0, total, data, part, NULL), 202);
	assert_int_equal(put_part(sha256, 0, total, data, part, NULL), 202); /* anew */
	assert_int_equal(put_part(sha256, 17, total, data, part, &json), 409);
	assert_int_equal(json_integer_value(json_object_get(json, "offset")), (int)part);
	assert_int_equal(put_part(sha256, part, total + 1, data + part, part, NULL), 409);
	assert_int_equal(lab_get(path + 7, NULL), 404);
	assert_int_equal(put_part(sha256, part, total, data + part, part, NULL), 202);
	assert_int_equal(
		put_part(sha256, 2 * part, total, data + 2 * part, total - 2 * part, NULL), 201);
	assert_int_equal(lab_get(path + 7, NULL), 200);
	/* there already: known as soon as it was hashed when it was not quite new any more */
	for (int i = 0, status = 0; status != 201; i++) {
		assert_int_equal(lab_get(path + 7, NULL), 200);
		status = put_part(sha256, 0, total, data, part, NULL);
		assert_true(i < 100);
	}

	assert_int_equal(
		lab_request("admin-token", "PUT", "/api/v1/cas/sha256/ABC", NULL, "x", 1, NULL),
		400);
	assert_int_equal(put_part(sha256, 5, 3, data, 1, NULL), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_download),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_what_was_sent_is_told),
		cmocka_unit_test(test_changed_artefact),
		cmocka_unit_test(test_upload),
	};

	return cmocka_run_group_tests(tests, https_lab_setup, https_lab_teardown);
}
