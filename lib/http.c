/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "lib/version.h"

#define BODY_MAX (32u << 20)

RP_DEFINE_CLEANUP(curl_slist, struct curl_slist, curl_slist_free_all)
RP_DEFINE_CLEANUP(curl_url, CURLU, curl_url_cleanup)

struct rp_http {
	CURL *curl;
	char *base_url;		    /* no final '/' */
	struct curl_slist *headers; /* of every request */
	char reason[CURL_ERROR_SIZE];
	void (*meanwhile)(void *context);
	void *context;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static X509 *parse_certificate(const char *pem)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(pem, -1);

	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* No passphrase prompt: keys are protected by their mode, not by a password. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	return -1;
}

static EVP_PKEY *parse_key(const char *pem)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(pem, -1);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

/* libcurl would find these only at the first request, and say less. */
static int check_pem(const struct rp_http_config *config, struct rp_error *err)
{
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;

	root = config->root_pem ? parse_certificate(config->root_pem) : NULL;
	if (!root)
		return rp_error_openssl(err, -EINVAL, "lab root: not a PEM certificate");
	if (!config->cert_pem != !config->key_pem)
		return rp_error_set(
			err, -EINVAL, "client certificate and private key: one without the other");
	if (!config->cert_pem)
		return 0;
	cert = parse_certificate(config->cert_pem);
	if (!cert)
		return rp_error_openssl(err, -EINVAL, "client certificate: not PEM");
	key = parse_key(config->key_pem);
	if (!key)
		return rp_error_openssl(err, -EINVAL, "client key: not a PEM private key");
	if (X509_check_private_key(cert, key) != 1)
		return rp_error_openssl(err, -EINVAL, "client key: not of this certificate");
	return 0;
}

static int has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	int has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static int part_is(CURLU *url, CURLUPart part, const char *expected)
{
	char *text = NULL;
	int is = curl_url_get(url, part, &text, 0) == CURLUE_OK && strcmp(text, expected) == 0;

	curl_free(text);
	return is;
}

static int check_url(const char *text, struct rp_error *err)
{
	rp_cleanup(curl_url) CURLU *url = curl_url();

	if (!url)
		return rp_error_memory(err);
	if (!text || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		return rp_error_set(err, -EINVAL, "%s: not a URL", text ? text : "(none)");
	if (!part_is(url, CURLUPART_SCHEME, "https"))
		return rp_error_set(err, -EINVAL, "%s: must begin with https://", text);
	if (!part_is(url, CURLUPART_PATH, "/") || has_part(url, CURLUPART_QUERY) ||
		has_part(url, CURLUPART_FRAGMENT) || has_part(url, CURLUPART_USER))
		return rp_error_set(
			err, -EINVAL, "%s: must be https://HOST:PORT and no more", text);
	return 0;
}

static int add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* A line break in a value would be a second header. */
static int fits_header(const char *value)
{
	for (; *value; value++)
		if (*value < ' ' || *value > '~')
			return 0;
	return 1;
}

static int set_headers(struct rp_http *http, const char *bearer, struct rp_error *err)
{
	rp_cleanup(free) char *line = NULL;
	int r;

	/* "Expect: 100-continue" would cost a round trip for every larger body. */
	r = add_header(&http->headers, "Expect:");
	if (r < 0 || !bearer)
		return r;
	/* A line break in a token would be a second header. */
	for (const char *c = bearer; *c; c++)
		if (*c <= ' ' || *c > '~')
			return rp_error_set(
				err, -EINVAL, "bearer token: holds a character that no token has");
	if (asprintf(&line, "Authorization: Bearer %s", bearer) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return add_header(&http->headers, line);
}

static CURLcode set_blob(CURL *curl, CURLoption option, const char *pem)
{
	struct curl_blob blob = {.data = (char *)pem, .flags = CURL_BLOB_COPY};

	if (!pem)
		return CURLE_OK;
	blob.len = strlen(pem);
	return curl_easy_setopt(curl, option, &blob);
}

#define SET(option, value)                                                                         \
	do {                                                                                       \
		CURLcode code_ = curl_easy_setopt(curl, option, value);                            \
		if (code_ != CURLE_OK)                                                             \
			return code_;                                                              \
	} while (0)

static CURLcode set_tls(CURL *curl, const struct rp_http_config *config)
{
	CURLcode code;

	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* libcurl was built with the system's roots as its default: take them out. */
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	code = set_blob(curl, CURLOPT_CAINFO_BLOB, config->root_pem);
	if (code == CURLE_OK)
		code = set_blob(curl, CURLOPT_SSLCERT_BLOB, config->cert_pem);
	if (code == CURLE_OK)
		code = set_blob(curl, CURLOPT_SSLKEY_BLOB, config->key_pem);
	return code;
}

static int on_progress(
	void *context, curl_off_t to_come, curl_off_t came, curl_off_t to_go, curl_off_t gone)
{
	struct rp_http *http = context;

	http->meanwhile(http->context);
	return 0;
}

static CURLcode set_meanwhile(struct rp_http *http, const struct rp_http_config *config)
{
	CURL *curl = http->curl;

	http->meanwhile = config->meanwhile;
	http->context = config->context;
	if (!http->meanwhile)
		return CURLE_OK;
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, http);
	SET(CURLOPT_NOPROGRESS, 0L);
	return CURLE_OK;
}

static CURLcode set_policy(struct rp_http *http, const struct rp_http_config *config)
{
	CURL *curl = http->curl;
	char agent[80]; /* copied by libcurl */

	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* not NULL: that would look at $https_proxy */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	snprintf(agent, sizeof(agent), "rigproof/%s", rp_version());
	SET(CURLOPT_USERAGENT, agent);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT,
		(long)(config->connect_timeout_s ? config->connect_timeout_s : 10));
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, (long)(config->idle_timeout_s ? config->idle_timeout_s : 30));
	SET(CURLOPT_ERRORBUFFER, http->reason);
	return set_tls(curl, config);
}

static int configure(
	struct rp_http *http, const struct rp_http_config *config, struct rp_error *err)
{
	size_t len = strlen(config->base_url);
	CURLcode code;
	int r;

	if (config->base_url[len - 1] == '/')
		len--;
	http->base_url = strndup(config->base_url, len);
	http->curl = curl_easy_init();
	if (!http->base_url || !http->curl)
		return -ENOMEM;
	r = set_headers(http, config->bearer, err);
	if (r < 0)
		return r;
	code = set_policy(http, config);
	if (code == CURLE_OK)
		code = set_meanwhile(http, config);
	if (code != CURLE_OK)
		return rp_error_set(
			err, -EINVAL, "%s: %s", config->base_url, curl_easy_strerror(code));
	return 0;
}

int rp_http_new(const struct rp_http_config *config, struct rp_http **ret, struct rp_error *err)
{
	rp_cleanup(http) struct rp_http *http = NULL;
	int r;

	if (config->connect_timeout_s < 0 || config->idle_timeout_s < 0)
		return rp_error_set(err, -EINVAL, "timeouts must not be negative");
	r = check_url(config->base_url, err);
	if (r == 0)
		r = check_pem(config, err);
	if (r < 0)
		return r;
	pthread_once(&once, init);
	http = calloc(1, sizeof(*http));
	r = http ? configure(http, config, err) : -ENOMEM;
	if (r == -ENOMEM)
		return rp_error_set(err, r, "%s: no memory", config->base_url);
	if (r < 0)
		return r;
	*ret = rp_steal(http);
	return 0;
}

struct rp_http *rp_http_free(struct rp_http *http)
{
	if (!http)
		return NULL;
	curl_easy_cleanup(http->curl);
	curl_slist_free_all(http->headers);
	free(http->base_url);
	free(http);
	return NULL;
}

/* Where an answer's body goes: memory, or a file and its digest. The first failure stays. */
struct sink {
	CURL *curl;
	int failure; /* negative errno */
	int64_t len, max;
	char *data; /* memory */
	size_t size;
	int fd;		    /* file */
	EVP_MD_CTX *digest; /* NULL: memory */
};

static int sink_to_memory(struct sink *sink, const char *data, size_t len)
{
	size_t need = (size_t)sink->len + len + 1;

	if (need > sink->size) {
		size_t size = need < 4096 ? 4096 : 2 * need;
		char *grown = realloc(sink->data, size);

		if (!grown)
			return -ENOMEM;
		sink->data = grown;
		sink->size = size;
	}
	memcpy(sink->data + sink->len, data, len);
	return 0;
}

static int sink_to_file(struct sink *sink, const char *data, size_t len)
{
	if (EVP_DigestUpdate(sink->digest, data, len) != 1)
		return -EIO;
	return rp_fd_write(sink->fd, data, len);
}

/* Any return but len ends the transfer. */
static size_t receive(char *data, size_t one, size_t len, void *context)
{
	struct sink *sink = context;
	long status = 0;

	curl_easy_getinfo(sink->curl, CURLINFO_RESPONSE_CODE, &status);
	if (sink->digest && status != 200)
		sink->failure = -ENOMSG;
	else if ((int64_t)len > sink->max - sink->len)
		sink->failure = -EFBIG;
	else if (sink->digest)
		sink->failure = sink_to_file(sink, data, len);
	else
		sink->failure = sink_to_memory(sink, data, len);
	if (sink->failure < 0)
		return len ? 0 : 1;
	sink->len += (int64_t)len;
	return len;
}

struct method {
	const char *name;
	int has_body; /* always, even if it is empty */
};

static const struct method methods[] = {
	{"GET", 0},
	{"HEAD", 0},
	{"POST", 1},
	{"PUT", 1},
	{"DELETE", 0},
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

struct request {
	const struct method *method;
	const char *url;
	struct curl_slist *headers;
	const void *body;
	size_t body_len;
};

static CURLcode set_request(struct rp_http *http, const struct request *request, struct sink *sink)
{
	CURL *curl = http->curl;

	/* Each of these three also undoes what the previous request left of the other two. */
	if (request->method->has_body || request->body) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	if (strcmp(request->method->name, "HEAD") == 0) {
		SET(CURLOPT_CUSTOMREQUEST, NULL);
		SET(CURLOPT_NOBODY, 1L);
	} else {
		SET(CURLOPT_CUSTOMREQUEST, request->method->name);
	}
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_HTTPHEADER, request->headers);
	SET(CURLOPT_WRITEFUNCTION, receive);
	SET(CURLOPT_WRITEDATA, sink);
	return CURLE_OK;
}

/* A server that refuses our certificate says so in an alert, in TLS 1.3 after the handshake. */
static int is_alert(const char *reason)
{
	return strstr(reason, "alert") && strstr(reason, "SSL");
}

static int explain(struct rp_http *http, const char *url, CURLcode code, struct rp_error *err)
{
	const char *reason = *http->reason ? http->reason : curl_easy_strerror(code);

	switch (code) {
	case CURLE_URL_MALFORMAT:
		return rp_error_set(err, -EINVAL, "%s: %s", url, reason);
	case CURLE_OUT_OF_MEMORY:
		return rp_error_set(err, -ENOMEM, "%s: no memory", url);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return rp_error_set(
			err, -ECONNREFUSED, "%s: %s: is rigproofd running there?", url, reason);
	case CURLE_OPERATION_TIMEDOUT:
		return rp_error_set(err, -ETIMEDOUT, "%s: %s", url, reason);
	case CURLE_PEER_FAILED_VERIFICATION:
		return rp_error_set(err, -EPROTO,
			"%s: the server's certificate does not lead to the lab root, or is not for "
			"this host: %s",
			url, reason);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return rp_error_set(err, -EPROTO, "%s: TLS: %s", url, reason);
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		if (is_alert(reason))
			return rp_error_set(err, -EPROTO,
				"%s: the server refused our client certificate: %s", url, reason);
		return rp_error_set(err, -EIO,
			"%s: %s: the server closed the connection, its log may say why", url,
			reason);
	default:
		return rp_error_set(err, -EIO, "%s: %s", url, reason);
	}
}

static int explain_sink(const struct sink *sink, const char *url, struct rp_error *err)
{
	if (sink->failure == -EFBIG)
		return rp_error_set(err, -EFBIG, "%s: answer larger than %lld bytes", url,
			(long long)sink->max);
	return rp_error_set(err, sink->failure, "%s: cannot store the answer: %s", url,
		strerror(-sink->failure));
}

static int perform(struct rp_http *http, const struct request *request, struct sink *sink,
	struct rp_error *err)
{
	CURLcode code;

	*http->reason = '\0';
	sink->curl = http->curl;
	code = set_request(http, request, sink);
	if (code == CURLE_OK)
		code = curl_easy_perform(http->curl);
	/* Nothing of this request may outlive it in the handle. */
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, NULL);
	if (sink->failure == -ENOMSG)
		return 0; /* the status says it all */
	if (sink->failure < 0)
		return explain_sink(sink, request->url, err);
	return code == CURLE_OK ? 0 : explain(http, request->url, code, err);
}

static char *make_url(const struct rp_http *http, const char *path)
{
	char *url;

	return asprintf(&url, "%s%s", http->base_url, path) < 0 ? NULL : url;
}

/* The handle's headers and this request's. A copy, since lists are not shared. */
static struct curl_slist *make_headers(const struct rp_http *http, const char *content_type)
{
	rp_cleanup(curl_slist) struct curl_slist *headers = NULL;
	rp_cleanup(free) char *line = NULL;

	for (const struct curl_slist *header = http->headers; header; header = header->next)
		if (add_header(&headers, header->data) < 0)
			return NULL;
	/* Without one, libcurl would call every body a web form. */
	if (asprintf(&line, "Content-Type:%s%s", content_type ? " " : "",
		    content_type ? content_type : "") < 0) {
		line = NULL;
		return NULL;
	}
	if (add_header(&headers, line) < 0)
		return NULL;
	return rp_steal(headers);
}

static void describe(CURL *curl, struct rp_http_response *response)
{
	const char *type = NULL;
	struct curl_header *header;
	curl_off_t retry = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response->status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	if (type)
		strncpy(response->content_type, type, sizeof(response->content_type) - 1);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry);
	response->retry_after_s = retry <= 0 ? -1 : retry > INT_MAX ? INT_MAX : (int)retry;
	/* libcurl says 0 for "0", for none, and for what it cannot read. */
	if (retry == 0 &&
		curl_easy_header(curl, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
		strcmp(header->value, "0") == 0)
		response->retry_after_s = 0;
}

int rp_http_request(struct rp_http *http, const char *method, const char *path,
	const char *content_type, const void *body, size_t body_len, struct rp_http_response *ret,
	struct rp_error *err)
{
	struct rp_http_response response = {0};
	rp_cleanup(curl_slist) struct curl_slist *headers = make_headers(http, content_type);
	rp_cleanup(free) char *url = make_url(http, path);
	struct request request = {find_method(method), url, headers, body, body ? body_len : 0};
	struct sink sink = {.max = BODY_MAX};
	int r;

	if (!request.method)
		return rp_error_set(err, -EINVAL, "%s: not a method", method);
	if (content_type && !fits_header(content_type))
		return rp_error_set(err, -EINVAL, "%s: not a content type", content_type);
	if (*path != '/')
		return rp_error_set(err, -EINVAL, "%s: a path must begin with '/'", path);
	sink.data = malloc(1);
	if (!url || !headers || !sink.data)
		r = rp_error_set(err, -ENOMEM, "%s: no memory", path);
	else
		r = perform(http, &request, &sink, err);
	if (r < 0) {
		free(sink.data);
		return r;
	}
	sink.data[sink.len] = '\0';
	response.body = sink.data;
	response.body_len = (size_t)sink.len;
	describe(http->curl, &response);
	*ret = response;
	return 0;
}

void rp_http_response_done(struct rp_http_response *response)
{
	free(response->body);
	response->body = NULL;
	response->body_len = 0;
}

static int check_digest(
	EVP_MD_CTX *ctx, const char *url, const char *expected, struct rp_error *err)
{
	uint8_t digest[RP_SHA256_LEN];
	char hex[RP_SHA256_HEX];

	if (EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		return rp_error_openssl(err, -EIO, "%s: SHA-256", url);
	rp_hex_encode(digest, sizeof(digest), hex);
	if (strcmp(hex, expected) != 0)
		return rp_error_set(
			err, -EBADMSG, "%s: SHA-256 is %s, must be %s", url, hex, expected);
	return 0;
}

int rp_http_download(struct rp_http *http, const char *path, int fd, int64_t max,
	const char *sha256_hex, struct rp_error *err)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	rp_cleanup(free) char *url = make_url(http, path);
	struct request request = {find_method("GET"), url, http->headers, NULL, 0};
	struct sink sink = {.fd = fd, .max = max, .digest = digest};
	long status = 0;
	int r;

	if (*path != '/')
		return rp_error_set(err, -EINVAL, "%s: a path must begin with '/'", path);
	if (!rp_sha256_hex_valid(sha256_hex))
		return rp_error_set(err, -EINVAL, "%s: \"%.80s\" is no SHA-256", path, sha256_hex);
	if (!url || !digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	r = perform(http, &request, &sink, err);
	if (r < 0)
		return r;
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return rp_error_set(err, -EIO, "%s: HTTP status %ld", url, status);
	return check_digest(digest, url, sha256_hex, err);
}
