/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS front over real TLS on loopback: one server thread, clients in the test's thread. */
#ifndef RP_TESTS_HTTPS_LAB_H
#define RP_TESTS_HTTPS_LAB_H

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
#include "lib/metrics.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/log.h"
#include "server/cas/artefacts.h"
#include "server/cas/uploads.h"
#include "server/api/api.h"
#include "server/http/https.h"
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

static inline int echo(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:O?}", "method", request->method, "path",
		request->path, "one", request->parameter[0], "two", request->parameter[1], "q",
		rp_request_query(request, "q"), "len", (int)request->body_len, "json",
		request->json);
	return 0;
}

static inline int whoami(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];

	if (rp_pki_boot_identity(request->client_cert, rig, boot, NULL) < 0)
		return -EACCES;
	reply->json = json_pack("{s:s,s:s,s:s}", "rig", rig, "boot", boot, "peer", request->peer);
	return 0;
}

static inline int fails(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return -(int)strtol(request->parameter[0], NULL, 10);
}

static inline int metrics(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->text = rp_metrics_text(server->metrics);
	return 0;
}

static inline int moved(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->status = 303;
	reply->headers_location = strdup("/echo/there");
	reply->retry_after_s = 7;
	return 0;
}

static inline int last(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	reply->status = 204;
	reply->close = true;
	return 0;
}

static inline void answer_later(evutil_socket_t fd, short what, void *context)
{
	struct rp_reply reply = {.status = 202};

	reply.text = strdup("later");
	rp_deferred_reply(rp_steal(f.deferred), &reply);
}

static inline int later(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
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

static inline int token_role(struct rp_server *server, const char *bearer)
{
	if (!strcmp(bearer, "admin-token"))
		return RP_TOKEN_ADMIN;
	return !strcmp(bearer, "viewer-token") ? RP_TOKEN_VIEWER : RP_TOKEN_NONE;
}

static inline void fetched(struct rp_server *server, const char *peer, const char *sha256)
{
	snprintf(f.fetched, sizeof(f.fetched), "%s %s", peer, sha256);
}

/* ---- fixture ---- */

static inline void stop_loop(evutil_socket_t fd, short what, void *context)
{
	event_base_loopbreak(context);
}

static inline void *serve(void *context)
{
	event_base_dispatch(context);
	return NULL;
}

static inline void make_boot_identity(void)
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

static inline int setup(void **state)
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
	assert_int_equal(
		rp_uploads_new(f.server.artefacts, f.server.metrics, &f.server.uploads, &err), 0);
	f.blob = malloc(BLOB_LEN);
	for (size_t i = 0; i < BLOB_LEN; i++)
		f.blob[i] = (unsigned char)(i * 2654435761u >> 13);
	f.blob[0] = 'M';
	f.blob[1] = 'Z';
	assert_int_equal(
		rp_artefacts_add(f.server.artefacts, f.blob, BLOB_LEN, f.blob_sha256, &err), 0);

	config.base = f.server.base;
	config.context = &f.server;
	config.artefacts = f.server.artefacts;
	config.metrics = f.server.metrics;
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, f.name, &err), 0);
	config.keys_dir = f.keys;
	if (rp_https_start(&config, &f.server.https, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, f.small_name, &err), 0);
	config.connections_max = 2;
	config.idle_timeout_s = 30;
	assert_int_equal(rp_https_start(&config, &f.small, &err), 0);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, f.plain_name, &err), 0);
	config.keys_dir = NULL;
	assert_int_equal(rp_https_start(&config, &f.plain, &err), 0);
	snprintf(f.url, sizeof(f.url), "https://%s", f.name);

	assert_int_equal(pipe(f.stop), 0);
	f.stopped = event_new(f.server.base, f.stop[0], EV_READ, stop_loop, f.server.base);
	event_add(f.stopped, NULL);
	f.deferred_timer = evtimer_new(f.server.base, answer_later, NULL);
	return pthread_create(&f.thread, NULL, serve, f.server.base);
}

static inline int teardown(void **state)
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
	rp_uploads_free(f.server.uploads);
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

static inline struct rp_http *client(const char *bearer, const char *cert, const char *key)
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

static inline int request_as(const char *bearer, const char *method, const char *path,
	const char *type, const void *body, size_t len, json_t **ret)
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

static inline int get(const char *path, json_t **ret)
{
	return request_as(NULL, "GET", path, NULL, NULL, 0, ret);
}

/* The value of one counter, as /metrics shows it. */
static inline long counter(const char *name)
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

static inline int connect_to(const char *name)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strchr(name, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Send bytes over TLS and read all until the server closes, or headers and body are in. */
static inline char *raw_with(SSL_CTX *ctx, const char *bytes)
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

static inline char *raw(const char *bytes)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *answer = raw_with(ctx, bytes);

	SSL_CTX_free(ctx);
	return answer;
}

static inline void assert_raw(const char *request, const char *const *expected)
{
	rp_cleanup(free) char *answer = raw(request);

	for (; *expected; expected++)
		if (!strstr(answer, *expected))
			fail_msg("to %s\nexpected %s\nfound %s", request, *expected, answer);
}
#define ASSERT_RAW(request, ...) assert_raw(request, (const char *const[]){__VA_ARGS__, NULL})

#define LAST "Host: x\r\nConnection: close\r\n\r\n"

#endif
