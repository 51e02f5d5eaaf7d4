/* SPDX-License-Identifier: Apache-2.0 */
/* One request: from evhttp's form into ours, to its handler, and the answer back. */
#include <stdarg.h>
#include <string.h>

#include <event2/bufferevent_ssl.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/http/https_internal.h"
#include "server/http/tls.h"

RP_DEFINE_CLEANUP(query, struct rp_query, rp_query_free)

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{303, "See Other"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{422, "Unprocessable Content"},
	{423, "Locked"},
	{429, "Too Many Requests"},
	{500, "Internal Server Error"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{507, "Insufficient Storage"},
};

static const char *reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

const char *rp_exchange_request_header(const struct rp_exchange *exchange, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

void rp_exchange_header(struct rp_exchange *exchange, const char *name, const char *format, ...)
{
	char value[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	/* evhttp refuses a value with a line break: then the header is missing, not forged. */
	evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

static void exchange_free(struct rp_exchange *exchange)
{
	if (exchange->fd >= 0)
		close(exchange->fd);
	free(exchange);
}

/* The connection goes down while we hold its request. */
static void peer_gone(struct evhttp_connection *evcon, void *context)
{
	struct rp_exchange *exchange = context;

	/* evhttp leaves a request without connection to us, and frees any other by itself. */
	if (!evhttp_request_get_connection(exchange->request))
		evhttp_request_free(exchange->request);
	exchange->request = NULL;
	exchange->connection = NULL;
	if (exchange->streaming) /* only the socket, which is gone, would have called on */
		exchange_free(exchange);
}

int rp_exchange_alive(struct rp_exchange *exchange)
{
	if (exchange->request)
		return 1;
	exchange_free(exchange);
	return 0;
}

/* From here on the request belongs to evhttp. */
static void let_go(struct rp_exchange *exchange)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(exchange->request);

	if (evcon)
		evhttp_connection_set_closecb(evcon, NULL, NULL);
}

static void exchange_end(struct rp_exchange *exchange)
{
	if (exchange->connection) {
		exchange->connection->answering = false;
		exchange->connection->since = rp_clock_monotonic();
	}
	exchange_free(exchange);
}

static void count(struct rp_exchange *exchange, int status)
{
	static const char *const classes[] = {"http_responses_total{class=\"1xx\"}",
		"http_responses_total{class=\"2xx\"}", "http_responses_total{class=\"3xx\"}",
		"http_responses_total{class=\"4xx\"}", "http_responses_total{class=\"5xx\"}"};

	if (status >= 100 && status < 600)
		rp_metrics_add(exchange->https->metrics, classes[status / 100 - 1], 1);
}

void rp_exchange_send(struct rp_exchange *exchange, int status, struct evbuffer *body)
{
	count(exchange, status);
	let_go(exchange);
	/* evhttp would send it, and the client would take it for the start of the next answer. */
	if (body && evhttp_request_get_command(exchange->request) == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, evbuffer_get_length(body));
	evhttp_send_reply(exchange->request, status, reason(status), body);
	exchange_end(exchange);
}

void rp_exchange_finish(struct rp_exchange *exchange)
{
	struct evhttp_request *request = exchange->request;

	let_go(exchange);
	exchange_end(exchange);
	evhttp_send_reply_end(request); /* may free the connection */
}

/* The body of a reply, and its headers. NULL: no memory. */
static struct evbuffer *reply_body(struct rp_exchange *exchange, struct rp_reply *reply)
{
	rp_cleanup(evbuffer) struct evbuffer *body = evbuffer_new();
	rp_cleanup(free) char *json = NULL;
	const char *type = reply->content_type;
	const char *text = reply->text;

	if (!body)
		return NULL;
	if (reply->json) {
		json = rp_json_canonical(reply->json);
		if (!json)
			return NULL;
		text = json;
		type = "application/json";
	}
	if (text) {
		if (evbuffer_add(body, text, strlen(text)) < 0)
			return NULL;
		rp_exchange_header(
			exchange, "Content-Type", "%s", type ? type : "text/plain; charset=utf-8");
		rp_exchange_header(exchange, "X-Content-Type-Options", "nosniff");
		rp_exchange_header(exchange, "Cache-Control", "no-store");
		rp_exchange_header(exchange, "Content-Length", "%zu", strlen(text));
	}
	return rp_steal(body);
}

void rp_exchange_reply(struct rp_exchange *exchange, struct rp_reply *reply)
{
	rp_cleanup(evbuffer) struct evbuffer *body = NULL;
	int status = reply->status;

	if (!rp_exchange_alive(exchange)) {
		rp_reply_done(reply);
		return;
	}
	if (reply->artefact[0]) {
		char sha256[65];

		memcpy(sha256, reply->artefact, sizeof(sha256));
		rp_reply_done(reply);
		rp_transfer_begin(exchange, sha256);
		return;
	}
	if (!status)
		status = reply->json || reply->text ? 200 : 204;
	if (status >= 500)
		rp_log_warning("%s: %d %s", evhttp_request_get_uri(exchange->request), status,
			rp_json_string_or(reply->json, "error", reason(status)));
	if (reply->retry_after_s > 0)
		rp_exchange_header(exchange, "Retry-After", "%d", reply->retry_after_s);
	if (reply->close)
		rp_exchange_header(exchange, "Connection", "close");
	if (reply->headers_location)
		rp_exchange_header(exchange, "Location", "%s", reply->headers_location);
	if (status == 401)
		rp_exchange_header(exchange, "WWW-Authenticate", "Bearer");
	body = reply_body(exchange, reply);
	rp_reply_done(reply);
	rp_exchange_send(exchange, body ? status : 500, body);
}

struct rp_deferred *rp_request_defer(const struct rp_request *request)
{
	if (!request->exchange)
		return NULL;
	request->exchange->deferred = true;
	return (struct rp_deferred *)request->exchange;
}

void rp_deferred_reply(struct rp_deferred *deferred, struct rp_reply *reply)
{
	rp_exchange_reply((struct rp_exchange *)deferred, reply);
}

/* Who may: 1, or 0 with the reply that says why not. */
static int allowed(struct rp_https *https, const struct rp_route *route,
	const struct rp_request *request, struct rp_reply *reply)
{
	int role = RP_TOKEN_NONE;

	switch (route->access) {
	case RP_ACCESS_ANY:
		return 1;
	case RP_ACCESS_RIG:
		if (request->client_cert)
			return 1;
		rp_reply_error(reply, 403,
			"say hello first (POST /rig/v1/hello), then come with the certificate, in "
			"TLS 1.3",
			"this needs the certificate of a boot");
		return 0;
	case RP_ACCESS_VIEWER:
	case RP_ACCESS_ADMIN:
		break;
	}
	if (request->plain) {
		rp_reply_error(reply, 403, "use HTTPS", "a token must not travel in the clear");
		return 0;
	}
	if (request->bearer && https->token_role)
		role = https->token_role(https->context, request->bearer);
	if (role == RP_TOKEN_ADMIN ||
		(role == RP_TOKEN_VIEWER && route->access == RP_ACCESS_VIEWER))
		return 1;
	rp_metrics_add(https->metrics, "http_denied_total", 1);
	if (role == RP_TOKEN_VIEWER)
		rp_reply_error(reply, 403, "use the token in STATE/operator.token",
			"this token may look, not change");
	else
		rp_reply_error(reply, 401,
			"send the token in STATE/operator.token as \"Authorization: Bearer TOKEN\"",
			request->bearer ? "this token is not known" : "this needs a token");
	return 0;
}

static bool is_json(const char *type)
{
	size_t len;

	if (!type || strncasecmp(type, "application/", 12) != 0)
		return false;
	type += 12;
	len = strcspn(type, "; \t");
	return (len == 4 && !strncasecmp(type, "json", 4)) ||
	       (len > 5 && !strncasecmp(type + len - 5, "+json", 5));
}

static const char *bearer_of(const struct rp_exchange *exchange)
{
	const char *value = rp_exchange_request_header(exchange, "Authorization");

	if (!value || strncasecmp(value, "Bearer ", 7) != 0)
		return NULL;
	value += 7;
	return value + strspn(value, " ");
}

static const char *method_text(enum evhttp_cmd_type method)
{
	switch ((int)method) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "OTHER";
	}
}

void rp_exchange_peer(const struct rp_exchange *exchange, char ret_address[64])
{
	char *address = NULL;
	uint16_t port;

	evhttp_connection_get_peer(
		evhttp_request_get_connection(exchange->request), &address, &port);
	snprintf(ret_address, 64, "%s", address ? address : "");
	if (!strncmp(ret_address, "::ffff:", 7) && strchr(ret_address, '.'))
		memmove(ret_address, ret_address + 7, strlen(ret_address + 7) + 1);
}

/* The body as bytes and, by its content type, as JSON. 1, or 0 with a reply. */
static int take_body(
	struct rp_exchange *exchange, struct rp_request *request, struct rp_reply *reply)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(exchange->request);
	struct rp_error err = RP_ERROR_NONE;

	request->body_len = evbuffer_get_length(input);
	request->body = request->body_len ? evbuffer_pullup(input, -1) : NULL;
	if (!request->body || !is_json(rp_exchange_request_header(exchange, "Content-Type")))
		return 1;
	if (rp_json_parse(request->body, request->body_len, &request->json, &err) == 0)
		return 1;
	rp_metrics_add(exchange->https->metrics, "http_malformed_requests_total", 1);
	rp_reply_error(
		reply, 400, "send one JSON value without duplicate keys", "body: %s", err.text);
	return 0;
}

/* The matched route with its captures decoded. 1, or 0 with a reply. */
static int find_route(struct rp_exchange *exchange, const struct rp_request *request,
	const char *raw_path, const struct rp_route **ret, char *ret_captures[2],
	struct rp_reply *reply)
{
	struct rp_capture captures[2];
	char methods[64];
	int r = rp_route_find(exchange->https->routes, request->method, raw_path, request->plain,
		ret, captures, methods);

	if (r == -ENOENT) {
		rp_reply_error(reply, 404,
			request->plain ? "this port has artefacts and boot scripts only: use HTTPS"
				       : "server/README.md lists all paths",
			"%s: no such path", request->path);
		return 0;
	}
	if (r == -ENOTSUP) {
		rp_exchange_header(exchange, "Allow", "%s", methods);
		rp_reply_error(reply, 405, "use one of those that the Allow header names",
			"%s: not with this method", request->path);
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		ret_captures[i] = rp_http_decode(captures[i].start, captures[i].len, false);
		if (!ret_captures[i]) {
			rp_reply_error(reply, 400, "names have letters, digits, '.', '_' and '-'",
				"the path has a broken escape");
			return 0;
		}
	}
	return 1;
}

/* Run the handler. 1: reply is to be sent; 0: it was deferred. */
static int dispatch(struct rp_exchange *exchange, struct rp_reply *reply)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);
	const char *raw_path = evhttp_uri_get_path(uri);
	rp_cleanup(query) struct rp_query *query = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(free) char *first = NULL;
	rp_cleanup(free) char *second = NULL;
	rp_cleanup(json) json_t *json = NULL;
	char *captures[2] = {NULL, NULL};
	const struct rp_route *route;
	struct rp_request request = {.exchange = exchange, .plain = !exchange->https->tls};
	int r;

	if (exchange->connection)
		cert = rp_tls_client_certificate(exchange->connection->ssl);
	request.client_cert = cert;
	request.method = method_text(evhttp_request_get_command(exchange->request));
	request.bearer = bearer_of(exchange);
	rp_exchange_peer(exchange, request.peer);
	if (!raw_path || !*raw_path)
		raw_path = "/";
	path = rp_http_decode(raw_path, strlen(raw_path), false);
	if (!path || rp_query_parse(evhttp_uri_get_query(uri), &query) < 0) {
		rp_metrics_add(exchange->https->metrics, "http_malformed_requests_total", 1);
		rp_reply_error(reply, 400, "escape as %XX, and give each query key once",
			"the path or the query cannot be read");
		return 1;
	}
	request.path = path;
	request.query = query;
	r = find_route(exchange, &request, raw_path, &route, captures, reply);
	first = captures[0];
	second = captures[1];
	if (!r)
		return 1;
	request.parameter[0] = first;
	request.parameter[1] = second;
	if (!allowed(exchange->https, route, &request, reply))
		return 1;
	r = take_body(exchange, &request, reply);
	json = request.json;
	if (!r)
		return 1;
	r = route->handler(exchange->https->context, &request, reply);
	if (exchange->deferred) {
		rp_reply_done(reply);
		return 0;
	}
	if (r == -ENOSPC || r == -EDQUOT) {
		reply->retry_after_s = 60;
		rp_reply_error(reply, 507, "make room in the server's state directory",
			"the server's disk is full");
	} else if (r < 0) {
		rp_metrics_add(exchange->https->metrics, "http_failures_total", 1);
		rp_reply_error(reply, 500, "see the server's log", "%s: the server failed: %s",
			request.path, strerror(-r));
	}
	return 1;
}

void rp_exchange_begin(struct evhttp_request *request, void *context)
{
	struct rp_https *https = context;
	struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
	SSL *ssl = https->tls ? bufferevent_openssl_get_ssl(bev) : NULL;
	struct rp_exchange *exchange = calloc(1, sizeof(*exchange));
	struct rp_reply reply = {0};

	if (!exchange || (https->tls && !ssl)) { /* never an answer in the clear instead of TLS */
		free(exchange);
		evhttp_send_error(request, 503, NULL);
		return;
	}
	*exchange = (struct rp_exchange){.https = https, .request = request, .fd = -1};
	if (ssl) {
		exchange->connection = rp_connection_of(ssl);
		exchange->connection->answering = true;
	}
	evhttp_connection_set_closecb(evcon, peer_gone, exchange);
	rp_metrics_add(https->metrics, "http_requests_total", 1);
	if (dispatch(exchange, &reply))
		rp_exchange_reply(exchange, &reply);
}
