/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request on its way to its handler. At the end of its head everything is decided that can be
 * without its body: route, permission, size; only then is the body read.
 */
#include <inttypes.h>
#include <string.h>

#include <event2/buffer.h>

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

#define BYTES_PER_VALUE                                                                            \
	16 /* of JSON: so many values may a body have as fit into its route's limit */

static int refuse(
	struct rp_exchange *exchange, struct rp_reply *reply, const char *why, const char *text);

/* Who may: 1, or 0 with the reply that says why not. */
static int allowed(
	struct rp_exchange *exchange, const struct rp_request *request, struct rp_reply *reply)
{
	const struct rp_https_config *config = exchange->config;
	const struct rp_route *route = exchange->route;
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
	if (role > RP_TOKEN_NONE && rp_connection_is_operator(exchange->connection) < 0)
		return refuse(exchange, reply, "class", "there are too many operators at once");
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

/* The method by which routes are found. */
static const char *method_of(const struct rp_head *head)
{
	return strcmp(head->method, "HEAD") ? head->method : "GET";
}

/* The body as JSON, by its content type. 1, or 0 with a reply. */
static int parse_body(
	struct rp_exchange *exchange, struct rp_request *request, struct rp_reply *reply)
{
	const size_t values_max = (size_t)exchange->route->body_max / BYTES_PER_VALUE;
	struct rp_error err = RP_ERROR_NONE;

	if (!request->body || !is_json(rp_exchange_request_header(exchange, "Content-Type")))
		return 1;
	if (rp_json_parse_foreign(
		    request->body, request->body_len, values_max, &request->json, &err) == 0)
		return 1;
	rp_metrics_add(exchange->config->metrics, "http_malformed_requests_total", 1);
	rp_reply_error(
		reply, 400, "send one JSON value without duplicate keys", "body: %s", err.text);
	return 0;
}

/* The matched route with its captures decoded. 1, or 0 with a reply. */
static int find_route(struct rp_exchange *exchange, struct rp_reply *reply)
{
	struct rp_capture captures[2];
	char methods[64];
	int r = rp_route_find(exchange->config->routes, method_of(&exchange->head),
		exchange->head.path, exchange->plain, &exchange->route, captures, methods);

	if (r == -ENOENT) {
		rp_reply_error(reply, 404,
			exchange->plain ? "this port has artefacts and boot scripts only: use HTTPS"
					: "`man rigproofd` lists all paths",
			"%s: no such path", exchange->path);
		return 0;
	}
	if (r == -ENOTSUP) {
		rp_exchange_header(exchange, "Allow", "%s", methods);
		rp_reply_error(reply, 405, "use one of those that the Allow header names",
			"%s: not with this method", exchange->path);
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		exchange->parameter[i] = rp_http_decode(captures[i].start, captures[i].len, false);
		if (!exchange->parameter[i]) {
			rp_reply_error(reply, 400, "names have letters, digits, '.', '_' and '-'",
				"the path has a broken escape");
			return 0;
		}
	}
	return 1;
}

/* What rp_head_parse found wrong, as a reply. */
static int reply_malformed(int error, struct rp_reply *reply)
{
	switch (error) {
	case -E2BIG:
		return rp_reply_error(reply, 431, "send fewer header fields",
			"the request has more than %d header fields", RP_HEAD_FIELDS_MAX);
	case -ENOTSUP:
		return rp_reply_error(reply, 501, "send it whole, with a Content-Length",
			"transfer codings are not known here");
	case -EPROTONOSUPPORT:
		return rp_reply_error(reply, 505, "speak HTTP/1.1", "not HTTP/1");
	default:
		return rp_reply_error(reply, 400, "speak HTTP/1.1", "this is not an HTTP request");
	}
}

/* What the request asks for: path, query, route. 1, or 0 with a reply. */
static int understand(struct rp_exchange *exchange, struct rp_reply *reply)
{
	if (exchange->malformed) {
		rp_metrics_add(exchange->config->metrics, "http_malformed_requests_total", 1);
		return reply_malformed(exchange->malformed, reply);
	}
	exchange->path = rp_http_decode(exchange->head.path, strlen(exchange->head.path), false);
	if (!exchange->path || rp_query_parse(exchange->head.query, &exchange->query) < 0) {
		rp_metrics_add(exchange->config->metrics, "http_malformed_requests_total", 1);
		return rp_reply_error(reply, 400, "escape as %XX, and give each query key once",
			"the path or the query cannot be read");
	}
	return find_route(exchange, reply);
}

/* The request as its handler sees it, without its body. The caller owns client_cert. */
static void make_request(struct rp_exchange *exchange, struct rp_request *ret)
{
	SSL *ssl = rp_connection_ssl(exchange->connection);

	*ret = (struct rp_request){.exchange = exchange,
		.plain = exchange->plain,
		.client_cert = ssl ? rp_tls_client_certificate(ssl) : NULL,
		.method = method_of(&exchange->head),
		.bearer = bearer_of(exchange),
		.path = exchange->path,
		.query = exchange->query,
		.parameter = {exchange->parameter[0], exchange->parameter[1]}};
	snprintf(ret->peer, sizeof(ret->peer), "%s", exchange->peer);
}

static int refuse(
	struct rp_exchange *exchange, struct rp_reply *reply, const char *why, const char *text)
{
	char name[64];

	snprintf(name, sizeof(name), "http_refused_total{why=\"%s\"}", why);
	rp_metrics_add(exchange->config->metrics, name, 1);
	exchange->refused = true;
	reply->retry_after_s = 1;
	return rp_reply_error(reply, 503, "come again", "%s", text);
}

/* How much: 1, or 0 with a reply. */
static int affordable(struct rp_exchange *exchange, struct rp_reply *reply)
{
	if (!rp_connection_may_work(exchange->connection))
		return refuse(exchange, reply, "share",
			"machines that are not known here ask for too much at once");
	if (exchange->head.length > exchange->route->body_max) {
		rp_metrics_add(exchange->config->metrics, "http_refused_total{why=\"body\"}", 1);
		return rp_reply_error(reply, 413,
			exchange->route->body_max ? "send less, or in parts" : "send no body",
			"%s: a body of %" PRId64 " bytes, at most %" PRId64 " are taken",
			exchange->path, exchange->head.length, exchange->route->body_max);
	}
	return 1;
}

void rp_dispatch_head(struct rp_exchange *exchange)
{
	rp_cleanup(x509) X509 *cert = NULL;
	struct rp_reply reply = {0};
	struct rp_request request;

	rp_metrics_add(exchange->config->metrics, "http_requests_total", 1);
	if (understand(exchange, &reply)) {
		make_request(exchange, &request);
		cert = request.client_cert;
		if (allowed(exchange, &request, &reply) && affordable(exchange, &reply)) {
			exchange->wants_body = true;
			return;
		}
	}
	rp_exchange_reply(exchange, &reply);
}

/* Run the handler. 1: reply is to be sent; 0: it was deferred. */
static int handle(struct rp_exchange *exchange, struct rp_reply *reply)
{
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(json) json_t *json = NULL;
	struct rp_request request;
	int r;

	make_request(exchange, &request);
	cert = request.client_cert;
	request.body_len = evbuffer_get_length(exchange->body);
	request.body = request.body_len ? evbuffer_pullup(exchange->body, -1) : NULL;
	if (request.body_len && !request.body)
		return 1 + rp_reply_error(reply, 503, "send it again later", "no memory");
	r = parse_body(exchange, &request, reply);
	json = request.json;
	if (!r)
		return 1;
	r = exchange->route->handler(exchange->config->context, &request, reply);
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

void rp_dispatch_body(struct rp_exchange *exchange)
{
	struct rp_reply reply = {0};

	exchange->wants_body = false;
	exchange->handled = true;
	if (handle(exchange, &reply))
		rp_transfer_reply(exchange, &reply);
}
