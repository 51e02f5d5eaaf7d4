/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way to its handler: route, permission, body; and the answer on its way back. */
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>

#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/metrics.h"
#include "lib/openssl_cleanup.h"
#include "server/http/dispatch.h"
#include "server/http/exchange.h"
#include "server/http/http_request.h"
#include "server/http/tls.h"
#include "server/http/transfer.h"

RP_DEFINE_CLEANUP(query, struct rp_query, rp_query_free)

/* Who may: 1, or 0 with the reply that says why not. */
static int allowed(const struct rp_https_config *config, const struct rp_route *route,
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
			"say hello first (POST " RP_RIG_PATH_HELLO
			"), then come with the certificate, in "
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
	if (request->bearer && config->token_role)
		role = config->token_role(config->context, request->bearer);
	if (role == RP_TOKEN_ADMIN ||
		(role == RP_TOKEN_VIEWER && route->access == RP_ACCESS_VIEWER))
		return 1;
	rp_metrics_add(config->metrics, "http_denied_total", 1);
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
	rp_metrics_add(exchange->config->metrics, "http_malformed_requests_total", 1);
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
	int r = rp_route_find(exchange->config->routes, request->method, raw_path, request->plain,
		ret, captures, methods);

	if (r == -ENOENT) {
		rp_reply_error(reply, 404,
			request->plain ? "this port has artefacts and boot scripts only: use HTTPS"
				       : "`man rigproofd` lists all paths",
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
static int handle(struct rp_exchange *exchange, struct rp_reply *reply)
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
	struct rp_request request = {.exchange = exchange, .plain = !exchange->connection};
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
		rp_metrics_add(exchange->config->metrics, "http_malformed_requests_total", 1);
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
	if (!allowed(exchange->config, route, &request, reply))
		return 1;
	r = take_body(exchange, &request, reply);
	json = request.json;
	if (!r)
		return 1;
	r = route->handler(exchange->config->context, &request, reply);
	if (exchange->deferred) {
		rp_reply_done(reply);
		return 0;
	}
	if (r == -ENOSPC || r == -EDQUOT) {
		reply->retry_after_s = 60;
		rp_reply_error(reply, 507, "make room in the server's state directory",
			"the server's disk is full");
	} else if (r < 0) {
		rp_metrics_add(exchange->config->metrics, "http_failures_total", 1);
		rp_reply_error(reply, 500, "see the server's log", "%s: the server failed: %s",
			request.path, strerror(-r));
	}
	return 1;
}

void rp_dispatch(struct evhttp_request *request, void *context)
{
	const struct rp_https_config *config = context;
	struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
	SSL *ssl = config->keys_dir ? bufferevent_openssl_get_ssl(bev) : NULL;
	struct rp_exchange *exchange = NULL;
	struct rp_reply reply = {0};

	if (ssl || !config->keys_dir) /* never an answer in the clear instead of TLS */
		exchange = rp_exchange_new(config, request, ssl ? rp_connection_of(ssl) : NULL);
	if (!exchange) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	rp_metrics_add(config->metrics, "http_requests_total", 1);
	if (handle(exchange, &reply))
		rp_transfer_reply(exchange, &reply);
}
