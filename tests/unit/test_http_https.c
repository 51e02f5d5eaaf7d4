/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS front: routes, access, TLS, connections. Blobs are in test_http_transfer.c. */
#include <openssl/ssl.h>

#include "tests/unit/https_lab.h"

static void test_routes(void **state)
{
	rp_cleanup(json) json_t *json = NULL;
	rp_cleanup(json) json_t *two = NULL;

	assert_int_equal(lab_get("/echo/a%20b?q=1%2b1+%C3%A9&other", &json), 200);
	assert_string_equal(rp_json_string_or(json, "one", "?"), "a b");
	assert_string_equal(rp_json_string_or(json, "two", "?"), "");
	assert_string_equal(rp_json_string_or(json, "q", "?"), "1+1 \303\251");
	assert_int_equal(lab_request(NULL, "PUT", "/echo/a/x/b", "application/json; charset=utf-8",
				 "{\"k\":[1]}", 9, &two),
		200);
	assert_string_equal(rp_json_string_or(two, "two", "?"), "b");
	assert_int_equal(json_array_size(json_object_get(json_object_get(two, "json"), "k")), 1);
	ASSERT_RAW("HEAD /echo/a HTTP/1.1\r\n" LAST, "HTTP/1.1 200 OK\r\n",
		"Content-Length: ", "application/json");
	ASSERT_RAW("GET /moved HTTP/1.1\r\n" LAST, "303 See Other", "Location: /echo/there\r\n",
		"Retry-After: 7\r\n");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *method, *path, *type, *body;
		int status;
	} cases[] = {
		{"GET", "/nothing", NULL, NULL, 404},
		{"GET", "/echo/", NULL, NULL, 404},
		{"GET", "/echo/a/b", NULL, NULL, 404},
		{"DELETE", "/echo/a", NULL, NULL, 405},
		{"GET", "/echo/a%2fb", NULL, NULL, 400},
		{"GET", "/echo/a%00", NULL, NULL, 400},
		{"GET", "/echo/a%0a", NULL, NULL, 400},
		{"GET", "/echo/a%4", NULL, NULL, 400},
		{"GET", "/echo/a?q=1&q=2", NULL, NULL, 400},
		{"GET", "/echo/a?q=%zz", NULL, NULL, 400},
		{"POST", "/echo/a", "application/json", "{\"k\":1,\"k\":2}", 400},
		{"POST", "/echo/a", "application/vnd.x+json", "{", 400},
		{"POST", "/echo/a", "text/plain", "{", 200},
		{"GET", "/fails/5", NULL, NULL, 500},
		{"GET", "/fails/28", NULL, NULL, 507},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(json) json_t *json = NULL;
		int status = lab_request(NULL, cases[i].method, cases[i].path, cases[i].type,
			cases[i].body, cases[i].body ? strlen(cases[i].body) : 0, &json);

		if (status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].method, cases[i].path, status);
		if (status >= 400 && (!json_is_string(json_object_get(json, "error")) ||
					     !json_is_string(json_object_get(json, "remedy"))))
			fail_msg("%s %s: no error and remedy", cases[i].method, cases[i].path);
	}
	ASSERT_RAW("DELETE /echo/a HTTP/1.1\r\n" LAST, "405 ", "Allow: GET, HEAD, POST\r\n");
}

static void test_malformed(void **state)
{
	static const char *const requests[] = {
		"GET\r\n\r\n",
		"\r\n\r\nGARBAGE\r\n\r\n",
		"GET /echo/a HTTP/9.9.9\r\n\r\n",
		"GET /echo/a HTTP/1.1\r\nno colon here\r\n\r\n",
		"POST /echo/a HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"POST /echo/a HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
		"POST /echo/a HTTP/1.1\r\nContent-Length: 17000000\r\n\r\n",
		"BREW /echo/a HTTP/1.1\r\n\r\n",
	};
	rp_cleanup(free) char *long_header = malloc(40000);
	long before = lab_counter("http_malformed_requests_total");

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		rp_cleanup(free) char *answer = lab_raw(requests[i]);

		if (*answer && (strncmp(answer, "HTTP/1.", 7) || strchr("45", answer[9]) == NULL))
			fail_msg("%s\nfound %s", requests[i], answer);
	}
	memset(long_header, 'a', 39999);
	memcpy(long_header, "GET /echo/a HTTP/1.1\r\nX: ", 25);
	long_header[39999] = '\0';
	free(lab_raw(long_header));
	assert_true(lab_counter("http_malformed_requests_total") >= before + 5);
	assert_int_equal(lab_get("/echo/still-here", NULL), 200);
}

static void test_access(void **state)
{
	assert_int_equal(lab_get("/view", NULL), 401);
	assert_int_equal(lab_request("wrong", "GET", "/view", NULL, NULL, 0, NULL), 401);
	assert_int_equal(lab_request("viewer-token", "GET", "/view", NULL, NULL, 0, NULL), 200);
	assert_int_equal(lab_request("viewer-token", "GET", "/admin", NULL, NULL, 0, NULL), 403);
	assert_int_equal(lab_request("admin-token", "GET", "/admin", NULL, NULL, 0, NULL), 200);
	assert_int_equal(lab_request("admin-token", "GET", "/view", NULL, NULL, 0, NULL), 200);
	ASSERT_RAW("GET /view HTTP/1.1\r\n" LAST, "401 ", "WWW-Authenticate: Bearer\r\n");
}

static void test_client_certificate(void **state)
{
	rp_cleanup(http) struct rp_http *good = lab_client(NULL, lab.boot_cert, lab.boot_key);
	rp_cleanup(http_response) struct rp_http_response response = {0};
	rp_cleanup(free) char *job_cert = NULL;
	rp_cleanup(free) char *job_path = rp_path("%s/job.key", lab.keys);
	rp_cleanup(free) char *job_key = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(lab_get("/rig/v1/who", NULL), 403);
	if (rp_http_request(good, "GET", "/rig/v1/who", NULL, NULL, 0, &response, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body, "\"rig\":\"rig-1\""));
	assert_non_null(strstr(response.body, "\"peer\":\"127.0.0.1\""));

	/* of our root, but in another role: the handshake ends */
	assert_int_equal(rp_pki_chain_pem(lab.keys, "job", &job_cert, &err), 0);
	assert_int_equal(rp_file_read_secret(job_path, 1 << 14, &job_key, NULL, &err), 0);
	rp_cleanup(http) struct rp_http *bad = lab_client(NULL, job_cert, job_key);
	rp_cleanup(http_response) struct rp_http_response none = {0};
	assert_true(rp_http_request(bad, "GET", "/echo/a", NULL, NULL, 0, &none, &err) < 0);
	assert_true(lab_counter("tls_handshakes_failed_total") >= 1);
}

static int certificate_asked;

static int on_certificate_request(SSL *ssl, X509 **x509, EVP_PKEY **pkey)
{
	certificate_asked++;
	return 0;
}

/* iPXE 1.21: TLS 1.2 with RSA key exchange, must see the root, gives up when asked for its own. */
static void test_ipxe(void **state)
{
	static const char *const ciphers[] = {"AES128-SHA256", "AES256-SHA256", "AES128-SHA",
		"ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"};

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		int fd = lab_connect(lab.name);
		SSL *ssl;

		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, ciphers[i]), 1);
		SSL_CTX_set_client_cert_cb(ctx, on_certificate_request);
		certificate_asked = 0;
		ssl = SSL_new(ctx);
		SSL_set_fd(ssl, fd);
		if (SSL_connect(ssl) != 1)
			fail_msg("%s: no handshake", ciphers[i]);
		assert_int_equal(certificate_asked, 0);
		assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(ssl)), 2);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
		close(fd);
	}
}

static void test_old_tls(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = lab_connect(lab.name);
	SSL *ssl;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	assert_int_not_equal(SSL_connect(ssl), 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

/* Keep-alive: after a blob the same connection takes the next request. */
static void test_keep_alive(void **state)
{
	rp_cleanup(free) char *two = rp_path("GET /cas/sha256/%s HTTP/1.1\r\nHost: x\r\n"
					     "Range: bytes=0-65535\r\n\r\n"
					     "GET /echo/second HTTP/1.1\r\n" LAST,
		lab.blob_sha256);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = lab_connect(lab.name), n;
	char buffer[4096], tail[4096 + 1] = "";
	size_t total = 0;

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	SSL_write(ssl, two, (int)strlen(two));
	while ((n = SSL_read(ssl, buffer, sizeof(buffer))) > 0) {
		total += (size_t)n;
		assert_null(memmem(buffer, (size_t)n, "keep-alive", 10)); /* iPXE goes by it */
		memcpy(tail, buffer, (size_t)n);
		tail[n] = '\0';
	}
	assert_true(total > 65536);
	assert_non_null(strstr(tail, "second"));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

/* iPXE waits for the end of a 204: the answer that ends the connection does so at once. */
static void test_close(void **state)
{
	int64_t start = rp_clock_monotonic();
	rp_cleanup(free) char *answer = lab_raw("GET /last HTTP/1.1\r\nHost: a\r\n\r\n");

	assert_true(rp_clock_monotonic() - start < RP_SECOND);
	assert_non_null(strstr(answer, "204 No Content\r\n"));
	ASSERT_RAW("GET /last HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: close\r\n");
	assert_non_null(strstr(answer, "Connection: close\r\n"));
}

static void test_deferred(void **state)
{
	rp_cleanup(json) json_t *none = NULL;
	int fd;

	assert_int_equal(lab_get("/later", &none), 202);
	/* the peer goes before the answer: nothing to see but no leak and no crash */
	{
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		SSL *ssl = SSL_new(ctx);

		fd = lab_connect(lab.name);
		SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), 1);
		SSL_write(ssl, "GET /later HTTP/1.1\r\n\r\n", 23);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	assert_int_equal(lab_get("/echo/a", NULL), 200);
}

static bool closes_within(int fd, int ms)
{
	int64_t end = rp_clock_monotonic() + ms * INT64_C(1000);
	char buffer[256];

	for (;;) {
		struct pollfd poll_fd = {fd, POLLIN, 0};
		int64_t left = end - rp_clock_monotonic();

		if (left <= 0 || poll(&poll_fd, 1, (int)(left / 1000) + 1) <= 0)
			return false;
		if (read(fd, buffer, sizeof(buffer)) <= 0)
			return true;
	}
}

static void test_idle_peer_is_dropped(void **state)
{
	rp_cleanup(fd) int silent = lab_connect(lab.name);
	rp_cleanup(fd) int half = lab_connect(lab.name);

	assert_int_equal(write(half, "\x16\x03\x01", 3), 3);
	assert_true(closes_within(silent, 8000));
	assert_true(closes_within(half, 8000));
}

/* Whoever says nothing loses his place to one who comes, and the server serves on. */
static void test_connection_cap(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int silent[12];

	for (int i = 0; i < 12; i++)
		silent[i] = lab_connect(lab.small_name);
	for (int i = 0; i < 3; i++) {
		int fd = lab_connect(lab.small_name);
		SSL *ssl = SSL_new(ctx);

		SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), 1);
		SSL_free(ssl);
		close(fd);
	}
	assert_true(rp_https_connections(lab.small) <= 8);
	assert_true(lab_counter("connections_evicted_total{why=\"class\"}") +
			    lab_counter("connections_evicted_total{why=\"peer\"}") >=
		    8);
	for (int i = 0; i < 12; i++)
		close(silent[i]);
	SSL_CTX_free(ctx);
}

static void test_plain(void **state)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{"GET /echo/a HTTP/1.1\r\n" LAST, "200 OK"},
		{"POST /echo/a HTTP/1.1\r\nContent-Length: 0\r\n" LAST, "405 "},
		{"GET /view HTTP/1.1\r\nAuthorization: Bearer admin-token\r\n" LAST, "404 "},
		{"GET /cas/sha256/00 HTTP/1.1\r\n" LAST, "404 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(fd) int fd = lab_connect(lab.plain_name);
		char answer[2048] = "";
		ssize_t len = 0, n;

		assert_true(write(fd, cases[i].request, strlen(cases[i].request)) > 0);
		while ((n = read(fd, answer + len, sizeof(answer) - 1 - (size_t)len)) > 0)
			len += n;
		if (!strstr(answer, cases[i].status))
			fail_msg("%s\nfound %s", cases[i].request, answer);
	}
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"", "8443", "localhost:1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "[::1]", "::1:80", "127.0.0.1:01"};
	struct rp_error err;
	char name[64];
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = RP_ERROR_NONE;
		if (rp_https_listen(bad[i], &fd, name, &err) != -EINVAL || !err.text[0])
			fail_msg("%s was taken", bad[i]);
	}
	assert_int_equal(rp_https_listen(lab.name, &fd, name, &err), -EADDRINUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_ipxe),
		cmocka_unit_test(test_old_tls),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_idle_peer_is_dropped),
		cmocka_unit_test(test_connection_cap),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, https_lab_setup, https_lab_teardown);
}
