/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a small TLS server of our own, in a thread, with certificates made here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/http.h"
#include "lib/openssl_cleanup.h"

struct identity {
	EVP_PKEY *key;
	X509 *cert;
	char *key_pem, *cert_pem;
};

static struct identity root, other_root, server_id, wrong_host_id, client_id, stranger_id;
static struct rp_error err;

static char *to_pem(BIO *bio)
{
	char *data, *copy;
	long len = BIO_get_mem_data(bio, &data);

	copy = strndup(data, (size_t)len);
	BIO_free(bio);
	return copy;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static void make(
	struct identity *identity, const char *name, const char *san, const struct identity *issuer)
{
	X509 *cert = X509_new();
	BIO *bio;

	identity->key = EVP_EC_gen("P-256");
	identity->cert = cert;
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set_string(X509_getm_notBefore(cert), "20000101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(cert), "20991231235959Z");
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer->cert : cert));
	X509_set_pubkey(cert, identity->key);
	if (!issuer)
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	if (san)
		add_extension(cert, NID_subject_alt_name, san);
	X509_sign(cert, issuer ? issuer->key : identity->key, EVP_sha256());

	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL);
	identity->key_pem = to_pem(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, cert);
	identity->cert_pem = to_pem(bio);
}

static void destroy(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->cert);
	free(identity->key_pem);
	free(identity->cert_pem);
}

/* Serves one answer to every request and keeps the last request. */
struct server {
	const struct identity *identity;
	const char *answer;
	int64_t fill; /* bytes of 'x' after the answer */
	int wants_client_certificate;
	int silent; /* accepts and says nothing */
	int max_tls;

	int listener;
	int connections, requests;
	char url[64];
	char request[8192];
	pthread_t thread;
};

/* The head and its Content-Length of body; 0 at the end of the connection. */
static int read_request(SSL *ssl, char *request, size_t size)
{
	size_t len = 0;

	for (;;) {
		int n = SSL_read(ssl, request + len, (int)(size - 1 - len));
		const char *body, *length;

		if (n <= 0)
			return 0;
		len += (size_t)n;
		request[len] = '\0';
		body = strstr(request, "\r\n\r\n");
		if (!body)
			continue;
		length = strcasestr(request, "Content-Length: ");
		if (strlen(body + 4) >= (length ? strtoul(length + 16, NULL, 10) : 0))
			return 1;
	}
}

static int send_fill(SSL *ssl, int64_t left)
{
	static char block[16384];

	memset(block, 'x', sizeof(block));
	while (left > 0) {
		int n = left < (int64_t)sizeof(block) ? (int)left : (int)sizeof(block);

		if (SSL_write(ssl, block, n) <= 0)
			return 0;
		left -= n;
	}
	return 1;
}

static void serve(struct server *server, SSL *ssl)
{
	char byte;

	if (server->silent) {
		while (SSL_read(ssl, &byte, 1) > 0)
			;
		return;
	}
	while (read_request(ssl, server->request, sizeof(server->request))) {
		server->requests++;
		if (SSL_write(ssl, server->answer, (int)strlen(server->answer)) <= 0 ||
			!send_fill(ssl, server->fill) ||
			strstr(server->answer, "Connection: close"))
			return;
	}
}

static SSL_CTX *make_context(const struct server *server)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(ctx, server->identity->cert);
	SSL_CTX_use_PrivateKey(ctx, server->identity->key);
	if (server->max_tls) {
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_max_proto_version(ctx, server->max_tls);
	}
	if (server->wants_client_certificate) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root.cert);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return ctx;
}

/* A close with bytes unread is a reset, and a reset overtakes the alert before it. */
static void linger(int fd)
{
	char rest[4096];

	shutdown(fd, SHUT_WR);
	while (read(fd, rest, sizeof(rest)) > 0)
		;
}

static void *run_server(void *context)
{
	struct server *server = context;
	rp_cleanup(ssl_ctx) SSL_CTX *ctx = make_context(server);
	int fd;

	/* shutdown() of the listener ends the loop. */
	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		SSL_set_fd(ssl, fd);
		server->connections++;
		if (SSL_accept(ssl) == 1) {
			serve(server, ssl);
			SSL_shutdown(ssl);
		}
		linger(fd);
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static void start(struct server *server)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	err = RP_ERROR_NONE;
	if (!server->identity)
		server->identity = &server_id;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server->listener, 8), 0);
	getsockname(server->listener, (struct sockaddr *)&address, &len);
	snprintf(server->url, sizeof(server->url), "https://127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server->thread, NULL, run_server, server), 0);
}

/* The client must be gone: the server reads until its connection ends. */
static void stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
}

static struct rp_http *connect_with(struct rp_http_config config)
{
	struct rp_http *http = NULL;

	if (!config.root_pem)
		config.root_pem = root.cert_pem;
	if (rp_http_new(&config, &http, &err) < 0)
		fail_msg("%s", err.text);
	return http;
}

static int get(struct rp_http *http, struct rp_http_response *response)
{
	return rp_http_request(http, "GET", "/x", NULL, NULL, 0, response, &err);
}

/* One request that must fail without a touch of its output. */
static int get_badly(struct rp_http_config config)
{
	rp_cleanup(http) struct rp_http *http = connect_with(config);
	struct rp_http_response response, poison;
	int r;

	memset(&response, 0xa5, sizeof(response));
	poison = response;
	err = RP_ERROR_NONE;
	r = get(http, &response);
	assert_memory_equal(&response, &poison, sizeof(poison));
	assert_int_equal(err.code, r);
	if (config.base_url && !strstr(err.text, config.base_url))
		fail_msg("no URL in \"%s\"", err.text);
	return r;
}

#define JSON_ANSWER                                                                                \
	"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nRetry-After: 7\r\n"                \
	"Content-Length: 2\r\n\r\n{}"
#define EMPTY_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void an_answer_is_an_answer_whatever_its_status(void **state)
{
	struct server server = {.answer = JSON_ANSWER};
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_http *http;

	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url});
	if (get(http, &response) < 0)
		fail_msg("%s", err.text);
	http = rp_http_free(http);
	stop(&server);
	assert_null(http);
	assert_int_equal(response.status, 503);
	assert_int_equal(response.body_len, 2);
	assert_string_equal(response.body, "{}");
	assert_string_equal(response.content_type, "application/json");
	assert_int_equal(response.retry_after_s, 7);
}

static void retry_after_zero_is_not_none(void **state)
{
	static const struct {
		const char *header;
		int expected;
	} cases[] = {
		{"Retry-After: 0\r\n", 0},
		{"Retry-After: 120\r\n", 120},
		{"Retry-After: 99999999999\r\n", INT_MAX},
		{"Retry-After: soon\r\n", -1},
		{"", -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(http_response) struct rp_http_response response = {0};
		struct server server = {0};
		struct rp_http *http;
		char answer[160];

		snprintf(answer, sizeof(answer), "HTTP/1.1 503 Busy\r\n%sContent-Length: 0\r\n\r\n",
			cases[i].header);
		server.answer = answer;
		start(&server);
		http = connect_with((struct rp_http_config){.base_url = server.url});
		if (get(http, &response) < 0)
			fail_msg("%s", err.text);
		rp_http_free(http);
		stop(&server);
		if (response.retry_after_s != cases[i].expected)
			fail_msg("%sfound %d", cases[i].header, response.retry_after_s);
	}
}

static void the_connection_is_kept_and_methods_do_not_mix(void **state)
{
	static const struct {
		const char *method, *type, *body, *first, *last;
	} cases[] = {
		{"POST", "application/json", "[1]", "POST /x HTTP/1.1\r\n", "\r\n\r\n[1]"},
		{"GET", NULL, NULL, "GET /x HTTP/1.1\r\n", "\r\n\r\n"},
		{"HEAD", NULL, NULL, "HEAD /x HTTP/1.1\r\n", "\r\n\r\n"},
		{"PUT", "text/plain", "hello", "PUT /x HTTP/1.1\r\n", "\r\n\r\nhello"},
		{"DELETE", NULL, NULL, "DELETE /x HTTP/1.1\r\n", "\r\n\r\n"},
		{"POST", NULL, NULL, "POST /x HTTP/1.1\r\n", "\r\n\r\n"},
		{"HEAD", NULL, NULL, "HEAD /x HTTP/1.1\r\n", "\r\n\r\n"},
		{"GET", NULL, NULL, "GET /x HTTP/1.1\r\n", "\r\n\r\n"},
	};
	struct server server = {.answer = EMPTY_ANSWER};
	struct rp_http *http;

	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url, .bearer = "s3cret"});
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(http_response) struct rp_http_response response = {0};
		const char *body = cases[i].body;
		size_t len;

		if (rp_http_request(http, cases[i].method, "/x", cases[i].type, body,
			    body ? strlen(body) : 0, &response, &err) < 0)
			fail_msg("case %zu: %s", i, err.text);
		assert_string_equal(response.body, "");
		assert_int_equal(response.retry_after_s, -1);
		assert_memory_equal(server.request, cases[i].first, strlen(cases[i].first));
		len = strlen(server.request) - strlen(cases[i].last);
		if (strcmp(server.request + len, cases[i].last) != 0)
			fail_msg("case %zu ends in \"%s\"", i, server.request + len);
		assert_non_null(strstr(server.request, "\r\nAuthorization: Bearer s3cret\r\n"));
		assert_null(strstr(server.request, "Expect:"));
		assert_int_equal(!!strstr(server.request, "Content-Type:"), !!cases[i].type);
	}
	rp_http_free(http);
	stop(&server);
	assert_int_equal(server.connections, 1);
	assert_int_equal(server.requests, sizeof(cases) / sizeof(*cases));
}

static void redirects_are_answers(void **state)
{
	struct server server = {
		.answer = "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"};
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_http *http;

	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url});
	assert_int_equal(get(http, &response), 0);
	rp_http_free(http);
	stop(&server);
	assert_int_equal(response.status, 302);
	assert_int_equal(server.requests, 1);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER};
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_http *http;

	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url});
	assert_int_equal(get(http, &response), 0);
	rp_http_free(http);
	stop(&server);
	unsetenv("https_proxy");
	unsetenv("ALL_PROXY");
}

static void a_foreign_root_is_refused(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER};

	start(&server);
	assert_int_equal(get_badly((struct rp_http_config){
				 .base_url = server.url, .root_pem = other_root.cert_pem}),
		-EPROTO);
	stop(&server);
	assert_non_null(strstr(err.text, "does not lead to the lab root"));
	assert_int_equal(server.requests, 0);
}

static void a_certificate_for_another_host_is_refused(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER, .identity = &wrong_host_id};

	start(&server);
	assert_int_equal(get_badly((struct rp_http_config){.base_url = server.url}), -EPROTO);
	stop(&server);
	assert_int_equal(server.requests, 0);
}

static void old_tls_is_refused(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER, .max_tls = TLS1_1_VERSION};

	start(&server);
	assert_int_equal(get_badly((struct rp_http_config){.base_url = server.url}), -EPROTO);
	stop(&server);
	assert_int_equal(server.requests, 0);
}

static void the_client_certificate_is_shown(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER, .wants_client_certificate = 1};
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_http *http;

	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url,
		.cert_pem = client_id.cert_pem,
		.key_pem = client_id.key_pem});
	if (get(http, &response) < 0)
		fail_msg("%s", err.text);
	rp_http_free(http);
	stop(&server);
	assert_int_equal(response.status, 200);
}

static void a_refused_client_certificate_is_told(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER, .wants_client_certificate = 1};
	struct rp_http_config config = {0};

	start(&server);
	config.base_url = server.url;
	assert_int_equal(get_badly(config), -EPROTO);
	assert_non_null(strstr(err.text, "refused our client certificate"));
	config.cert_pem = stranger_id.cert_pem;
	config.key_pem = stranger_id.key_pem;
	assert_int_equal(get_badly(config), -EPROTO);
	assert_non_null(strstr(err.text, "refused our client certificate"));
	stop(&server);
	assert_int_equal(server.requests, 0);
}

static void nobody_there(void **state)
{
	struct server server = {.answer = EMPTY_ANSWER};

	start(&server);
	stop(&server);
	assert_int_equal(get_badly((struct rp_http_config){.base_url = server.url}), -ECONNREFUSED);
}

static void a_silent_server_times_out(void **state)
{
	struct server server = {.silent = 1};

	start(&server);
	assert_int_equal(
		get_badly((struct rp_http_config){.base_url = server.url, .idle_timeout_s = 1}),
		-ETIMEDOUT);
	stop(&server);
}

static void a_broken_answer_is_an_error(void **state)
{
	struct server server = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
					  "Connection: close\r\n\r\nshort"};

	start(&server);
	assert_int_equal(get_badly((struct rp_http_config){.base_url = server.url}), -EIO);
	stop(&server);
}

static void answers_have_their_bound(void **state)
{
	struct server server = {
		.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", .fill = 32 << 20};
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_http *http;

	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url});
	if (get(http, &response) < 0)
		fail_msg("%s", err.text);
	rp_http_free(http);
	assert_int_equal(response.body_len, 32 << 20);
	server.fill++;
	assert_int_equal(get_badly((struct rp_http_config){.base_url = server.url}), -EFBIG);
	stop(&server);
}

#define OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static int download(const char *answer, int fd, int64_t max, const char *digest)
{
	struct server server = {.answer = answer};
	struct rp_http *http;
	int r;

	start(&server);
	http = connect_with((struct rp_http_config){.base_url = server.url});
	r = rp_http_download(http, "/f", fd, max, digest, &err);
	rp_http_free(http);
	stop(&server);
	return r;
}

static void downloads_are_checked(void **state)
{
	static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	static const char evil[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellO";
	static const char missing[] = "HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nhello";
	rp_cleanup(fd) int fd = memfd_create("download", MFD_CLOEXEC);
	char data[16] = "";

	assert_int_equal(write(fd, "ab", 2), 2);
	assert_int_equal(download(hello, fd, 5, OF_HELLO), 0);
	assert_int_equal(pread(fd, data, sizeof(data), 0), 7);
	assert_string_equal(data, "abhello");

	assert_int_equal(download(evil, fd, 5, OF_HELLO), -EBADMSG);
	assert_non_null(strstr(err.text, OF_HELLO));
	assert_int_equal(download(hello, fd, 4, OF_HELLO), -EFBIG);
	assert_int_equal(download(hello, fd, 5, "2CF2"), -EINVAL);
	assert_int_equal(download(hello, -1, 5, OF_HELLO), -EBADF);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(download(missing, fd, 5, OF_HELLO), -EIO);
	assert_non_null(strstr(err.text, "/f: HTTP status 404"));
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
}

static void bad_configurations_are_refused(void **state)
{
	const char *url = "https://127.0.0.1:1", *pem = root.cert_pem;
	const char *cert = client_id.cert_pem, *key = client_id.key_pem;
	const struct {
		const char *name;
		struct rp_http_config config;
	} cases[] = {
		{"no URL", {.root_pem = pem}},
		{"not a URL", {.base_url = "", .root_pem = pem}},
		{"plain HTTP", {.base_url = "http://127.0.0.1", .root_pem = pem}},
		{"a file", {.base_url = "file:///etc/passwd", .root_pem = pem}},
		{"a path", {.base_url = "https://127.0.0.1/x", .root_pem = pem}},
		{"a query", {.base_url = "https://127.0.0.1/?x", .root_pem = pem}},
		{"a user", {.base_url = "https://me@127.0.0.1", .root_pem = pem}},
		{"no root", {.base_url = url}},
		{"a root that is none", {.base_url = url, .root_pem = "x"}},
		{"certificate alone", {.base_url = url, .root_pem = pem, .cert_pem = cert}},
		{"key alone", {.base_url = url, .root_pem = pem, .key_pem = key}},
		{"foreign key", {.base_url = url,
					.root_pem = pem,
					.cert_pem = cert,
					.key_pem = server_id.key_pem}},
		{"key that is none",
			{.base_url = url, .root_pem = pem, .cert_pem = cert, .key_pem = "x"}},
		{"two headers", {.base_url = url, .root_pem = pem, .bearer = "a\r\nX: y"}},
		{"negative timeout", {.base_url = url, .root_pem = pem, .idle_timeout_s = -1}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_http *http = (struct rp_http *)&err;

		err = RP_ERROR_NONE;
		if (rp_http_new(&cases[i].config, &http, &err) != -EINVAL)
			fail_msg("%s was taken", cases[i].name);
		if (http != (struct rp_http *)&err || err.code != -EINVAL || !*err.text)
			fail_msg("%s: output touched or no reason", cases[i].name);
	}
	assert_null(rp_http_free(NULL));
}

static void bad_requests_are_refused(void **state)
{
	rp_cleanup(http) struct rp_http *http =
		connect_with((struct rp_http_config){.base_url = "https://127.0.0.1:1/"});
	struct rp_http_response response;

	assert_int_equal(
		rp_http_request(http, "get", "/", NULL, NULL, 0, &response, &err), -EINVAL);
	assert_int_equal(
		rp_http_request(http, "GET", "x", NULL, NULL, 0, &response, &err), -EINVAL);
	assert_int_equal(rp_http_request(http, "GET", "", NULL, NULL, 0, &response, &err), -EINVAL);
	assert_int_equal(
		rp_http_request(http, "GET", "/a\r\nb", NULL, NULL, 0, &response, &err), -EINVAL);
	assert_int_equal(
		rp_http_request(http, "POST", "/", "a\r\nX: y", "", 0, &response, &err), -EINVAL);
	assert_int_equal(rp_http_download(http, "x", 1, 1, OF_HELLO, &err), -EINVAL);
}

static int make_identities(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	make(&root, "lab root", NULL, NULL);
	make(&other_root, "other root", NULL, NULL);
	make(&server_id, "server", "IP:127.0.0.1", &root);
	make(&wrong_host_id, "server", "IP:127.0.0.2", &root);
	make(&client_id, "client", NULL, &root);
	make(&stranger_id, "stranger", NULL, &other_root);
	return 0;
}

static int destroy_identities(void **state)
{
	destroy(&root);
	destroy(&other_root);
	destroy(&server_id);
	destroy(&wrong_host_id);
	destroy(&client_id);
	destroy(&stranger_id);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_an_answer_whatever_its_status),
		cmocka_unit_test(retry_after_zero_is_not_none),
		cmocka_unit_test(the_connection_is_kept_and_methods_do_not_mix),
		cmocka_unit_test(redirects_are_answers),
		cmocka_unit_test(proxies_of_the_environment_are_ignored),
		cmocka_unit_test(a_foreign_root_is_refused),
		cmocka_unit_test(a_certificate_for_another_host_is_refused),
		cmocka_unit_test(old_tls_is_refused),
		cmocka_unit_test(the_client_certificate_is_shown),
		cmocka_unit_test(a_refused_client_certificate_is_told),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(a_silent_server_times_out),
		cmocka_unit_test(a_broken_answer_is_an_error),
		cmocka_unit_test(answers_have_their_bound),
		cmocka_unit_test(downloads_are_checked),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(bad_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, make_identities, destroy_identities);
}
