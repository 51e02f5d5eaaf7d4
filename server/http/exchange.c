/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/http/event_cleanup.h"
#include "server/http/exchange.h"

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

void rp_exchange_tell_fetched(const struct rp_exchange *exchange)
{
	if (exchange->config->fetched)
		exchange->config->fetched(
			exchange->config->context, &(struct rp_fetched){.peer = exchange->peer,
							   .sha256 = exchange->sha256,
							   .first = exchange->first,
							   .sent = exchange->sent,
							   .size = exchange->size});
}

static void exchange_free(struct rp_exchange *exchange)
{
	if (exchange->streaming)
		rp_exchange_tell_fetched(exchange);
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

struct rp_exchange *rp_exchange_new(const struct rp_https_config *config,
	struct evhttp_request *request, struct rp_connection *connection)
{
	struct rp_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	*exchange = (struct rp_exchange){
		.config = config, .request = request, .connection = connection, .fd = -1};
	if (connection)
		connection->answering = true;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), peer_gone, exchange);
	return exchange;
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
		rp_metrics_add(exchange->config->metrics, classes[status / 100 - 1], 1);
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
