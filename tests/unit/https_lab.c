/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/https_lab.h"

#include <arpa/inet.h>
#include <signal.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/openssl_cleanup.h"
#include "server/api/api.h"
#include "server/cas/artefacts.h"
#include "server/cas/uploads.h"
#include "tests/unit/folder_lab.h"

struct https_lab lab;

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
	rp_deferred_reply(rp_steal(lab.deferred), &reply);
}

static int later(struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	assert_null(lab.deferred);
	lab.deferred = rp_request_defer(request);
	event_add(lab.deferred_timer, &(struct timeval){0, 50000});
	return 0;
}

static const struct rp_route routes[] = {
	{"GET", "/echo/:one", RP_ACCESS_ANY, echo, .plain = true},
	{"POST", "/echo/:one", RP_ACCESS_ANY, echo, .body_max = 256 << 10},
	{"PUT", "/echo/:one/x/:two", RP_ACCESS_ANY, echo, .body_max = RP_BODY_SMALL},
	{"PUT", "/big", RP_ACCESS_ADMIN, echo, .body_max = 16 << 20},
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

static void fetched(struct rp_server *server, const struct rp_fetched *fetched)
{
	if (!fetched->sent)
		snprintf(lab.fetched, sizeof(lab.fetched), "%s %s", fetched->peer, fetched->sha256);
	if (!fetched->sent)
		return;
	lab.fetched_first = fetched->first;
	lab.fetched_sent = fetched->sent;
	lab.fetched_size = fetched->size;
	lab.fetched_count++;
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

	assert_int_equal(rp_pki_load_key(lab.keys, "boot-ca", &ca_key, &err), 0);
	assert_int_equal(rp_pki_load_cert(lab.keys, "boot-ca", &ca, &err), 0);
	assert_int_equal(rp_pki_chain_pem(lab.keys, "boot-ca", &chain, &err), 0);
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
	lab.boot_cert = rp_path("%s%s", text, chain);
	BIO_get_mem_data(key_bio, &text);
	lab.boot_key = strdup(text);
}

int https_lab_setup(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_https_config config = {
		.routes = tables, .token_role = token_role, .fetched = fetched};
	const struct rp_limits_config quick = {.handshake_s = 2,
		.head_s = 2,
		.idle_s = 4,
		.window_s = 2,
		.rate = 1 << 20,
		.body_bytes = 1 << 20,
		.share = 100000}; /* one address has all clients, under a sanitizer */
	const struct rp_limits_config few = {
		.connections = 8, .rigs = 2, .operators = 2, .peer = 6, .share = 100000};

	signal(SIGPIPE, SIG_IGN); /* as rp_site_load does for the daemon */
	rp_log_set_level(RP_LOG_ERROR);
	folder_lab_make(lab.folder);
	lab.keys = rp_path("%s/keys", lab.folder);
	if (rp_pki_init(lab.keys, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_pki_chain_pem(lab.keys, "root", &lab.root_pem, &err), 0);
	make_boot_identity();

	lab.server.base = event_base_new();
	lab.server.metrics = rp_metrics_new();
	assert_int_equal(rp_artefacts_new(lab.server.base, lab.folder, lab.server.metrics,
				 &lab.server.artefacts, &err),
		0);
	assert_int_equal(
		rp_uploads_new(lab.server.artefacts, lab.server.metrics, &lab.server.uploads, &err),
		0);
	lab.blob = malloc(BLOB_LEN);
	for (size_t i = 0; i < BLOB_LEN; i++)
		lab.blob[i] = (unsigned char)(i * 2654435761u >> 13);
	lab.blob[0] = 'M';
	lab.blob[1] = 'Z';
	assert_int_equal(
		rp_artefacts_add(lab.server.artefacts, lab.blob, BLOB_LEN, lab.blob_sha256, &err),
		0);

	config.base = lab.server.base;
	config.context = &lab.server;
	config.artefacts = lab.server.artefacts;
	config.metrics = lab.server.metrics;
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, lab.name, &err), 0);
	config.keys_dir = lab.keys;
	lab.limits = rp_limits_new(&quick, lab.server.metrics);
	lab.small_limits = rp_limits_new(&few, lab.server.metrics);
	config.limits = lab.limits;
	if (rp_https_start(&config, &lab.server.https, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, lab.small_name, &err), 0);
	config.limits = lab.small_limits;
	assert_int_equal(rp_https_start(&config, &lab.small, &err), 0);
	assert_int_equal(rp_https_listen("127.0.0.1:0", &config.fd, lab.plain_name, &err), 0);
	config.limits = lab.limits;
	config.keys_dir = NULL;
	assert_int_equal(rp_https_start(&config, &lab.plain, &err), 0);
	snprintf(lab.url, sizeof(lab.url), "https://%s", lab.name);

	assert_int_equal(pipe(lab.stop), 0);
	lab.stopped = event_new(lab.server.base, lab.stop[0], EV_READ, stop_loop, lab.server.base);
	event_add(lab.stopped, NULL);
	lab.deferred_timer = evtimer_new(lab.server.base, answer_later, NULL);
	return pthread_create(&lab.thread, NULL, serve, lab.server.base);
}

int https_lab_teardown(void **state)
{
	close(lab.stop[1]);
	pthread_join(lab.thread, NULL);
	close(lab.stop[0]);
	event_free(lab.stopped);
	event_free(lab.deferred_timer);
	rp_https_free(lab.server.https);
	rp_https_free(lab.plain);
	rp_https_free(lab.small);
	rp_limits_free(lab.limits);
	rp_limits_free(lab.small_limits);
	rp_uploads_free(lab.server.uploads);
	rp_artefacts_free(lab.server.artefacts);
	event_base_free(lab.server.base);
	rp_metrics_free(lab.server.metrics);
	free(lab.keys);
	free(lab.root_pem);
	free(lab.boot_cert);
	free(lab.boot_key);
	free(lab.blob);
	folder_lab_remove(lab.folder);
	return 0;
}

/* ---- clients ---- */

struct rp_http *lab_client(const char *bearer, const char *cert, const char *key)
{
	const struct rp_http_config config = {.base_url = lab.url,
		.root_pem = lab.root_pem,
		.bearer = bearer,
		.cert_pem = cert,
		.key_pem = key};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_http *http;

	if (rp_http_new(&config, &http, &err) < 0)
		fail_msg("%s", err.text);
	return http;
}

int lab_request(const char *bearer, const char *method, const char *path, const char *type,
	const void *body, size_t len, json_t **ret)
{
	rp_cleanup(http) struct rp_http *http = lab_client(bearer, NULL, NULL);
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_error err = RP_ERROR_NONE;

	if (rp_http_request(http, method, path, type, body, len, &response, &err) < 0)
		fail_msg("%s %s: %s", method, path, err.text);
	if (ret)
		*ret = json_loadb(response.body, response.body_len, 0, NULL);
	return (int)response.status;
}

int lab_get(const char *path, json_t **ret)
{
	return lab_request(NULL, "GET", path, NULL, NULL, 0, ret);
}

long lab_counter(const char *name)
{
	rp_cleanup(http) struct rp_http *http = lab_client(NULL, NULL, NULL);
	rp_cleanup(http_response) struct rp_http_response response = {0};
	rp_cleanup(free) char *line = rp_path("\nrigproof_%s ", name);
	const char *at;

	assert_int_equal(
		rp_http_request(http, "GET", "/metrics", NULL, NULL, 0, &response, NULL), 0);
	at = strstr(response.body, line);
	return at ? strtol(at + strlen(line), NULL, 10) : 0;
}

int lab_connect(const char *name)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strchr(name, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

char *lab_raw_with(SSL_CTX *ctx, const char *bytes)
{
	SSL *ssl = SSL_new(ctx);
	size_t len = 0, size = 1 << 16;
	char *answer = calloc(1, size);
	int fd = lab_connect(lab.name), n;

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	SSL_write(ssl, bytes, (int)strlen(bytes));
	while (len + 1 < size && (n = SSL_read(ssl, answer + len, (int)(size - len - 1))) > 0)
		len += (size_t)n;
	SSL_free(ssl);
	close(fd);
	return answer;
}

char *lab_raw(const char *bytes)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *answer = lab_raw_with(ctx, bytes);

	SSL_CTX_free(ctx);
	return answer;
}

void lab_assert_raw(const char *request, const char *const *expected)
{
	rp_cleanup(free) char *answer = lab_raw(request);

	for (; *expected; expected++)
		if (!strstr(answer, *expected))
			fail_msg("to %s\nexpected %s\nfound %s", request, *expected, answer);
}
