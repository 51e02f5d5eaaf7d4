/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS front, over real TLS on loopback: one server thread, clients in the test's thread. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/log.h"
#include "server/artefacts.h"
#include "server/server.h"

#define BLOB_LEN (3 * 1024 * 1024 + 17)

static struct fixture {
	char folder[64];
	char *keys, *root_pem;
	char *boot_cert, *boot_key; /* PEM */
	struct rp_server server;
	struct rp_https *plain, *small;
	char name[64], plain_name[64], small_name[64], url[96];
	pthread_t thread;
	int stop[2];
	struct event *stopped;
	unsigned char *blob;
	char blob_sha256[RP_SHA256_HEX];
	struct rp_deferred *deferred;
	struct event *deferred_timer;
	char fetched[128]; /* written by the server's thread before it answers */
} f;

/* ---- handlers ---- */

static int echo(struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:O?}", "method", request->method, "path",
		request->path, "one", request->parameter[0], "two", request->parameter[1], "q",
		rp_request_query(request, "q"), "len", (int)request->body_len, "json",
		request->json);
	return 0;
}

static int whoami(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];

	if (rp_pki_boot_identity(request->client_cert, rig, boot, NULL) < 0)
		return -EACCES;
	reply->json = json_pack("{s:s,s:s,s:s}", "rig", rig, "boot", boot, "peer", request->peer);
	return 0;
}

static int fails(struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return -(int)strtol(request->parameter[0], NULL, 10);
}

static int metrics(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->text = rp_metrics_text(server->metrics);
	return 0;
}

static int moved(struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->status = 303;
	reply->headers_location = strdup("/echo/there");
	reply->retry_after_s = 7;
	return 0;
}

static int last(struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->status = 204;
	reply->close = true;
	return 0;
}

static void answer_later(evutil_socket_t fd, short what, void *context)
{
	struct rp_reply reply = {.status = 202};

	reply.text = strdup("later");
	rp_deferred_reply(rp_steal(f.deferred), &reply);
}

static int later(struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	assert_null(f.deferred);
	f.deferred = rp_request_defer(request);
	event_add(f.deferred_timer, &(struct timeval){0, 50000});
	return 0;
}

static const struct rp_route routes[] = {
	{"GET", "/echo/:one", RP_ACCESS_ANY, echo, .plain = true},
	{"POST", "/echo/:one", RP_ACCESS_ANY, echo},
	{"PUT", "/echo/:one/x/:two", RP_ACCESS_ANY, echo},
	{"GET", "/rig/v1/who", RP_ACCESS_RIG, whoami},
	{"GET", "/view", RP_ACCESS_VIEWER, echo},
	{"GET", "/admin", RP_ACCESS_ADMIN, echo},
	{"GET", "/fails/:errno", RP_ACCESS_ANY, fails},
	{"GET", "/metrics", RP_ACCESS_ANY, metrics},
	{"GET", "/moved", RP_ACCESS_ANY, moved},
	{"GET", "/later", RP_ACCESS_ANY, later},
	{"GET", "/last", RP_ACCESS_ANY, last},
	{NULL},
};

static const struct rp_route *const tables[] = {routes, rp_artefact_routes, NULL};

static int token_role(struct rp_server *server, const char *bearer)
{
	if (!strcmp(bearer, "admin-token"))
		return RP_TOKEN_ADMIN;
	return !strcmp(bearer, "viewer-token") ? RP_TOKEN_VIEWER : RP_TOKEN_NONE;
}

static void fetched(struct rp_server *server, const char *peer, const char *sha256)
{
	snprintf(f.fetched, sizeof(f.fetched), "%s %s", peer, sha256);
}

/* ---- fixture ---- */

static void stop_loop(evutil_socket_t fd, short what, void *context)
{
	event_base_loopbreak(context);
}

static void *serve(void *context)
{
	event_base_dispatch(context);
	return NULL;
}

static void make_boot_identity(void)
{
	rp_cleanup(pkey) EVP_PKEY *ca_key = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(x509) X509 *ca = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *csr = NULL;
	rp_cleanup(free) char *chain = NULL;
	rp_cleanup(bio) BIO *cert_bio = BIO_new(BIO_s_mem());
	rp_cleanup(bio) BIO *key_bio = BIO_new(BIO_s_mem());
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_pki_load_key(f.keys, "boot-ca", &ca_key, &err), 0);
	assert_int_equal(rp_pki_load_cert(f.keys, "boot-ca", &ca, &err), 0);
	assert_int_equal(rp_pki_chain_pem(f.keys, "boot-ca", &chain, &err), 0);
	assert_int_equal(rp_pki_new_boot_key(&key, &err), 0);
	assert_int_equal(rp_pki_make_csr(key, &csr, &err), 0);
	assert_int_equal(rp_pki_issue_boot(ca_key, ca, csr, "rig-1", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
				 &cert, &err),
		0);
	PEM_write_bio_X509(cert_bio, cert);
	PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
	BIO_write(cert_bio, "", 1);
	BIO_write(key_bio, "", 1);
	char *text;
	BIO_get_mem_data(cert_bio, &text);
	f.boot_cert = rp_path("%s%s", text, chain);
	BIO_get_mem_data(key_bio, &text);
	f.boot_key = strdup(text);
}

static int setup(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_https_config config = {.routes = tables,
		.token_role = token_role,
		.fetched = fetched,
		.idle_timeout_s = 2};

	signal(SIGPIPE, SIG_IGN); /* as rp_site_load does for the daemon */
	rp_log_set_level(RP_LOG_ERROR);
	strcpy(f.folder, "/tmp/rigproof-test-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	f.keys = rp_path("%s/keys", f.folder);
	if (rp_pki_init(f.keys, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_pki_chain_pem(f.keys, "root", &f.root_pem, &err), 0);
	make_boot_identity();

	f.server.base = event_base_new();
	f.server.metrics = rp_metrics_new();
	assert_int_equal(rp_artefacts_new(f.server.base, f.folder, f.server.metrics,
				 &f.server.artefacts, &err),
		0);
	f.blob = malloc(BLOB_LEN);
	for (size_t i = 0; i < BLOB_LEN; i++)
		f.blob[i] = (unsigned char)(i * 2654435761u >> 13);
	f.blob[0] = 'M';
	f.blob[1] = 'Z';
	assert_int_equal(
		rp_artefacts_add(f.server.artefacts, f.blob, BLOB_LEN, f.blob_sha256, &err), 0);

	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, f.name, &err), 0);
	config.keys_dir = f.keys;
	if (rp_https_start(&f.server, &config, &f.server.https, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, f.small_name, &err), 0);
	config.connections_max = 2;
	config.idle_timeout_s = 30;
	assert_int_equal(rp_https_start(&f.server, &config, &f.small, &err), 0);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, f.plain_name, &err), 0);
	config.keys_dir = NULL;
	assert_int_equal(rp_https_start(&f.server, &config, &f.plain, &err), 0);
	snprintf(f.url, sizeof(f.url), "https://%s", f.name);

	assert_int_equal(pipe(f.stop), 0);
	f.stopped = event_new(f.server.base, f.stop[0], EV_READ, stop_loop, f.server.base);
	event_add(f.stopped, NULL);
	f.deferred_timer = evtimer_new(f.server.base, answer_later, NULL);
	return pthread_create(&f.thread, NULL, serve, f.server.base);
}

static int teardown(void **state)
{
	rp_cleanup(free) char *remove = rp_path("rm -rf %s", f.folder);

	close(f.stop[1]);
	pthread_join(f.thread, NULL);
	close(f.stop[0]);
	event_free(f.stopped);
	event_free(f.deferred_timer);
	rp_https_free(f.server.https);
	rp_https_free(f.plain);
	rp_https_free(f.small);
	rp_artefacts_free(f.server.artefacts);
	event_base_free(f.server.base);
	rp_metrics_free(f.server.metrics);
	free(f.keys);
	free(f.root_pem);
	free(f.boot_cert);
	free(f.boot_key);
	free(f.blob);
	return system(remove);
}

/* ---- clients ---- */

static struct rp_http *client(const char *bearer, const char *cert, const char *key)
{
	const struct rp_http_config config = {.base_url = f.url,
		.root_pem = f.root_pem,
		.bearer = bearer,
		.cert_pem = cert,
		.key_pem = key};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_http *http;

	if (rp_http_new(&config, &http, &err) < 0)
		fail_msg("%s", err.text);
	return http;
}

static int request_as(const char *bearer, const char *method, const char *path, const char *type,
	const void *body, size_t len, json_t **ret)
{
	rp_cleanup(http) struct rp_http *http = client(bearer, NULL, NULL);
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_error err = RP_ERROR_NONE;

	if (rp_http_request(http, method, path, type, body, len, &response, &err) < 0)
		fail_msg("%s %s: %s", method, path, err.text);
	if (ret)
		*ret = json_loadb(response.body, response.body_len, 0, NULL);
	return (int)response.status;
}

static int get(const char *path, json_t **ret)
{
	return request_as(NULL, "GET", path, NULL, NULL, 0, ret);
}

/* The value of one counter, as /metrics shows it. */
static long counter(const char *name)
{
	rp_cleanup(http) struct rp_http *http = client(NULL, NULL, NULL);
	rp_cleanup(http_response) struct rp_http_response response = {0};
	rp_cleanup(free) char *line = rp_path("\nrigproof_%s ", name);
	const char *at;

	assert_int_equal(
		rp_http_request(http, "GET", "/metrics", NULL, NULL, 0, &response, NULL), 0);
	at = strstr(response.body, line);
	return at ? strtol(at + strlen(line), NULL, 10) : 0;
}

static int connect_to(const char *name)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strchr(name, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Send bytes over TLS and read all until the server closes, or headers and body are in. */
static char *raw_with(SSL_CTX *ctx, const char *bytes)
{
	SSL *ssl = SSL_new(ctx);
	size_t len = 0, size = 1 << 16;
	char *answer = calloc(1, size);
	int fd = connect_to(f.name), n;

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	SSL_write(ssl, bytes, (int)strlen(bytes));
	while (len + 1 < size && (n = SSL_read(ssl, answer + len, (int)(size - len - 1))) > 0)
		len += (size_t)n;
	SSL_free(ssl);
	close(fd);
	return answer;
}

static char *raw(const char *bytes)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *answer = raw_with(ctx, bytes);

	SSL_CTX_free(ctx);
	return answer;
}

static void assert_raw(const char *request, const char *const *expected)
{
	rp_cleanup(free) char *answer = raw(request);

	for (; *expected; expected++)
		if (!strstr(answer, *expected))
			fail_msg("to %s\nexpected %s\nfound %s", request, *expected, answer);
}
#define ASSERT_RAW(request, ...) assert_raw(request, (const char *const[]){__VA_ARGS__, NULL})

#define LAST "Host: x\r\nConnection: close\r\n\r\n"

/* ---- tests ---- */

static void test_routes(void **state)
{
	rp_cleanup(json) json_t *json = NULL;
	rp_cleanup(json) json_t *two = NULL;

	assert_int_equal(get("/echo/a%20b?q=1%2b1+%C3%A9&other", &json), 200);
	assert_string_equal(rp_json_string_or(json, "one", "?"), "a b");
	assert_string_equal(rp_json_string_or(json, "two", "?"), "");
	assert_string_equal(rp_json_string_or(json, "q", "?"), "1+1 \303\251");
	assert_int_equal(request_as(NULL, "PUT", "/echo/a/x/b", "application/json; charset=utf-8",
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
		int status = request_as(NULL, cases[i].method, cases[i].path, cases[i].type,
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
	long before = counter("http_malformed_requests_total");

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		rp_cleanup(free) char *answer = raw(requests[i]);

		if (*answer && (strncmp(answer, "HTTP/1.", 7) || strchr("45", answer[9]) == NULL))
			fail_msg("%s\nfound %s", requests[i], answer);
	}
	memset(long_header, 'a', 39999);
	memcpy(long_header, "GET /echo/a HTTP/1.1\r\nX: ", 25);
	long_header[39999] = '\0';
	free(raw(long_header));
	assert_true(counter("http_malformed_requests_total") >= before + 5);
	assert_int_equal(get("/echo/still-here", NULL), 200);
}

static void test_access(void **state)
{
	assert_int_equal(get("/view", NULL), 401);
	assert_int_equal(request_as("wrong", "GET", "/view", NULL, NULL, 0, NULL), 401);
	assert_int_equal(request_as("viewer-token", "GET", "/view", NULL, NULL, 0, NULL), 200);
	assert_int_equal(request_as("viewer-token", "GET", "/admin", NULL, NULL, 0, NULL), 403);
	assert_int_equal(request_as("admin-token", "GET", "/admin", NULL, NULL, 0, NULL), 200);
	assert_int_equal(request_as("admin-token", "GET", "/view", NULL, NULL, 0, NULL), 200);
	ASSERT_RAW("GET /view HTTP/1.1\r\n" LAST, "401 ", "WWW-Authenticate: Bearer\r\n");
}

static void test_client_certificate(void **state)
{
	rp_cleanup(http) struct rp_http *good = client(NULL, f.boot_cert, f.boot_key);
	rp_cleanup(http_response) struct rp_http_response response = {0};
	rp_cleanup(free) char *job_cert = NULL;
	rp_cleanup(free) char *job_path = rp_path("%s/job.key", f.keys);
	rp_cleanup(free) char *job_key = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(get("/rig/v1/who", NULL), 403);
	if (rp_http_request(good, "GET", "/rig/v1/who", NULL, NULL, 0, &response, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body, "\"rig\":\"rig-1\""));
	assert_non_null(strstr(response.body, "\"peer\":\"127.0.0.1\""));

	/* of our root, but in another role: the handshake ends */
	assert_int_equal(rp_pki_chain_pem(f.keys, "job", &job_cert, &err), 0);
	assert_int_equal(rp_file_read_secret(job_path, 1 << 14, &job_key, NULL, &err), 0);
	rp_cleanup(http) struct rp_http *bad = client(NULL, job_cert, job_key);
	rp_cleanup(http_response) struct rp_http_response none = {0};
	assert_true(rp_http_request(bad, "GET", "/echo/a", NULL, NULL, 0, &none, &err) < 0);
	assert_true(counter("tls_handshakes_failed_total") >= 1);
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
		int fd = connect_to(f.name);
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
	int fd = connect_to(f.name);
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

static void test_download(void **state)
{
	rp_cleanup(http) struct rp_http *http = client(NULL, NULL, NULL);
	rp_cleanup(free) char *path = rp_path("/cas/sha256/%s", f.blob_sha256);
	rp_cleanup(free) char *got = rp_path("%s/got", f.folder);
	rp_cleanup(fd) int fd = open(got, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct rp_error err = RP_ERROR_NONE;

	if (rp_http_download(http, path, fd, 1 << 30, f.blob_sha256, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(lseek(fd, 0, SEEK_END), BLOB_LEN);
	assert_true(!strncmp(f.fetched, "127.0.0.1 ", 10));
	assert_string_equal(f.fetched + 10, f.blob_sha256);
}

static void assert_blob(const char *headers, const char *suffix, const char *const *expected)
{
	rp_cleanup(free) char *request =
		rp_path("GET /cas/sha256/%s%s HTTP/1.1\r\n%s" LAST, f.blob_sha256, suffix, headers);

	assert_raw(request, expected);
}
#define ASSERT_BLOB(headers, suffix, ...)                                                          \
	assert_blob(headers, suffix, (const char *const[]){__VA_ARGS__, NULL})

static void test_ranges(void **state)
{
	rp_cleanup(free) char *match = rp_path("If-None-Match: \"%s\"\r\n", f.blob_sha256);
	rp_cleanup(free) char *head =
		rp_path("HEAD /cas/sha256/%s HTTP/1.1\r\n" LAST, f.blob_sha256);
	rp_cleanup(free) char *etag = rp_path("ETag: \"%s\"\r\n", f.blob_sha256);
	rp_cleanup(free) char *part =
		rp_path("GET /cas/sha256/%s HTTP/1.1\r\nRange: bytes=3-6\r\n" LAST, f.blob_sha256);
	rp_cleanup(free) char *answer = raw(part);
	const char *body = strstr(answer, "\r\n\r\n");

	assert_non_null(body);
	assert_memory_equal(body + 4, f.blob + 3, 4);
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

/* Keep-alive: after a blob the same connection takes the next request. */
static void test_keep_alive(void **state)
{
	rp_cleanup(free) char *two = rp_path("GET /cas/sha256/%s HTTP/1.1\r\nHost: x\r\n"
					     "Range: bytes=0-65535\r\n\r\n"
					     "GET /echo/second HTTP/1.1\r\n" LAST,
		f.blob_sha256);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = connect_to(f.name), n;
	char buffer[4096], tail[4096 + 1] = "";
	size_t total = 0;

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	SSL_write(ssl, two, (int)strlen(two));
	while ((n = SSL_read(ssl, buffer, sizeof(buffer))) > 0) {
		total += (size_t)n;
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
	rp_cleanup(free) char *answer = raw("GET /last HTTP/1.1\r\nHost: a\r\n\r\n");

	assert_true(rp_clock_monotonic() - start < RP_SECOND);
	assert_non_null(strstr(answer, "204 No Content\r\n"));
	assert_non_null(strstr(answer, "Connection: close\r\n"));
}

static void test_changed_artefact(void **state)
{
	rp_cleanup(free) char *url = NULL;
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(json) json_t *json = NULL;
	rp_cleanup(fd) int fd = -1;
	char sha256[RP_SHA256_HEX];
	long before = counter("artefacts_refused_total");

	/* through the API, since the store belongs to the server's thread */
	assert_int_equal(rp_sha256_hex("to be changed", 13, sha256), 0);
	url = rp_path("/api/v1/cas/sha256/%s", sha256);
	assert_int_equal(
		request_as("admin-token", "PUT", url, NULL, "to be changed", 13, NULL), 201);
	assert_int_equal(get(url + 7, NULL), 200);
	path = rp_path("%s/cas/sha256/%s", f.folder, sha256);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) { /* read-only, and we are not root */
		chmod(path, 0644);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	assert_int_equal(pwrite(fd, "T", 1, 0), 1);
	assert_int_equal(get(url + 7, &json), 500);
	assert_non_null(strstr(rp_json_string_or(json, "error", ""), sha256));
	assert_true(counter("artefacts_refused_total") > before);
	/* an upload repairs it */
	assert_int_equal(
		request_as("admin-token", "PUT", url, NULL, "to be changed", 13, NULL), 201);
	assert_int_equal(get(url + 7, NULL), 200);
}

static int put_part(
	const char *sha256, size_t offset, size_t total, const char *data, size_t len, json_t **ret)
{
	rp_cleanup(free) char *path =
		rp_path("/api/v1/cas/sha256/%s?offset=%zu&total=%zu", sha256, offset, total);

	return request_as("admin-token", "PUT", path, NULL, data, len, ret);
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
	assert_int_equal(request_as(NULL, "PUT", path, NULL, "x", 1, NULL), 401);
	assert_int_equal(request_as("viewer-token", "PUT", path, NULL, "x", 1, NULL), 403);
	assert_int_equal(request_as("admin-token", "PUT", path, NULL, "x", 1, NULL), 422);
	assert_int_equal(request_as("admin-token", "PUT", path, NULL, data, part + 1, NULL), 413);

	assert_int_equal(put_part(sha256, part, total, data + part, part, NULL), 409);
	assert_int_equal(put_part(sha256, 0, total, data, part, NULL), 202);
	assert_int_equal(put_part(sha256, 0, total, data, part, NULL), 202); /* anew */
	assert_int_equal(put_part(sha256, 17, total, data, part, &json), 409);
	assert_int_equal(json_integer_value(json_object_get(json, "offset")), (int)part);
	assert_int_equal(put_part(sha256, part, total + 1, data + part, part, NULL), 409);
	assert_int_equal(get(path + 7, NULL), 404);
	assert_int_equal(put_part(sha256, part, total, data + part, part, NULL), 202);
	assert_int_equal(
		put_part(sha256, 2 * part, total, data + 2 * part, total - 2 * part, NULL), 201);
	assert_int_equal(get(path + 7, NULL), 200);
	/* there already: known as soon as it was hashed when it was not quite new any more */
	for (int i = 0, status = 0; status != 201; i++) {
		assert_int_equal(get(path + 7, NULL), 200);
		status = put_part(sha256, 0, total, data, part, NULL);
		assert_true(i < 100);
	}

	assert_int_equal(
		request_as("admin-token", "PUT", "/api/v1/cas/sha256/ABC", NULL, "x", 1, NULL),
		400);
	assert_int_equal(put_part(sha256, 5, 3, data, 1, NULL), 400);
}

static void test_deferred(void **state)
{
	rp_cleanup(json) json_t *none = NULL;
	int fd;

	assert_int_equal(get("/later", &none), 202);
	/* the peer goes before the answer: nothing to see but no leak and no crash */
	{
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		SSL *ssl = SSL_new(ctx);

		fd = connect_to(f.name);
		SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), 1);
		SSL_write(ssl, "GET /later HTTP/1.1\r\n\r\n", 23);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	assert_int_equal(get("/echo/a", NULL), 200);
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
	rp_cleanup(fd) int silent = connect_to(f.name);
	rp_cleanup(fd) int half = connect_to(f.name);

	assert_int_equal(write(half, "\x16\x03\x01", 3), 3);
	assert_true(closes_within(silent, 8000));
	assert_true(closes_within(half, 8000));
}

/* One more than allowed waits, and is served when another one ends. */
static void test_connection_cap(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl[3];
	int fd[3];
	struct pollfd third;

	for (int i = 0; i < 3; i++) {
		fd[i] = connect_to(f.small_name);
		ssl[i] = SSL_new(ctx);
		SSL_set_fd(ssl[i], fd[i]);
		if (i < 2)
			assert_int_equal(SSL_connect(ssl[i]), 1);
	}
	assert_int_equal(evutil_make_socket_nonblocking(fd[2]), 0);
	assert_int_equal(SSL_connect(ssl[2]), -1);
	third = (struct pollfd){fd[2], POLLIN, 0};
	assert_int_equal(poll(&third, 1, 100), 0);
	SSL_free(ssl[0]);
	close(fd[0]);
	assert_int_equal(poll(&third, 1, 5000), 1);
	SSL_free(ssl[1]);
	SSL_free(ssl[2]);
	close(fd[1]);
	close(fd[2]);
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
		rp_cleanup(fd) int fd = connect_to(f.plain_name);
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
	assert_int_equal(rp_https_listen(f.name, &fd, name, &err), -EADDRINUSE);
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
		cmocka_unit_test(test_download),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_changed_artefact),
		cmocka_unit_test(test_upload),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_idle_peer_is_dropped),
		cmocka_unit_test(test_connection_cap),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
