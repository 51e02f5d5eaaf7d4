/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/http/event_cleanup.h"
#include "server/http/exchange.h"
#include "server/http/http_request.h"
#include "server/http/transfer.h"

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
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
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
	return rp_head_field(&exchange->head, name);
}

bool rp_exchange_is_head(const struct rp_exchange *exchange)
{
	return exchange->head.method && !strcmp(exchange->head.method, "HEAD");
}

void rp_exchange_header(struct rp_exchange *exchange, const char *name, const char *format, ...)
{
	char value[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	if (strpbrk(value, "\r\n")) /* then the header is missing, not forged */
		return;
	if (!strcmp(name, "Content-Length"))
		exchange->has_length = true;
	evbuffer_add_printf(exchange->headers, "%s: %s\r\n", name, value);
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
	if (exchange->headers)
		evbuffer_free(exchange->headers);
	rp_query_free(exchange->query);
	free(exchange->path);
	free(exchange->parameter[0]);
	free(exchange->parameter[1]);
	free(exchange->head_text);
	free(exchange);
}

void rp_exchange_peer_gone(struct rp_exchange *exchange)
{
	exchange->connection = NULL;
	/* Only the socket, which is gone, would have called on; or nobody has begun to work on it. */
	if (exchange->streaming || exchange->wants_body)
		exchange_free(exchange);
}

struct rp_exchange *rp_exchange_new(struct rp_connection *connection, const char *text, size_t len)
{
	struct rp_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	*exchange = (struct rp_exchange){.config = rp_connection_config(connection),
		.connection = connection,
		.plain = !rp_connection_ssl(connection),
		.malformed = -EINVAL,
		.fd = -1};
	snprintf(exchange->peer, sizeof(exchange->peer), "%s", rp_connection_peer(connection));
	exchange->headers = evbuffer_new();
	exchange->head_text = text ? malloc(len) : NULL;
	if (!exchange->headers || (text && !exchange->head_text)) {
		exchange_free(exchange);
		return NULL;
	}
	if (text) {
		memcpy(exchange->head_text, text, len);
		exchange->malformed = rp_head_parse(exchange->head_text, len, &exchange->head);
	}
	return exchange;
}

int rp_exchange_alive(struct rp_exchange *exchange)
{
	if (exchange->connection)
		return 1;
	exchange_free(exchange);
	return 0;
}

void rp_exchange_drained(struct rp_exchange *exchange)
{
	if (exchange->streaming)
		rp_transfer_drained(exchange);
}

static void count(struct rp_exchange *exchange, int status)
{
	static const char *const classes[] = {"http_responses_total{class=\"1xx\"}",
		"http_responses_total{class=\"2xx\"}", "http_responses_total{class=\"3xx\"}",
		"http_responses_total{class=\"4xx\"}", "http_responses_total{class=\"5xx\"}"};

	if (status >= 100 && status < 600)
		rp_metrics_add(exchange->config->metrics, classes[status / 100 - 1], 1);
}

/* RFC 9110, 5.6.7. */
static void write_date(struct evbuffer *out)
{
	time_t now = (time_t)(rp_clock_realtime() / RP_SECOND);
	char date[64] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) && strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		evbuffer_add_printf(out, "Date: %s\r\n", date);
}

/* NULL: no memory. */
static struct evbuffer *write_head(struct rp_exchange *exchange, int status)
{
	rp_cleanup(evbuffer) struct evbuffer *out = evbuffer_new();
	bool unread = !exchange->handled && exchange->head.length > 0;

	if (exchange->malformed || !exchange->head.keep_alive || unread)
		exchange->close = true;
	if (!out || evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", status, reason(status)) < 0)
		return NULL;
	write_date(out);
	if (evbuffer_add_buffer(out, exchange->headers) < 0)
		return NULL;
	/* HTTP/1.1 needs no word for it; iPXE, which then keeps connections for later, gets none. */
	if (exchange->close)
		evbuffer_add_printf(out, "Connection: close\r\n");
	else if (exchange->head.is_1_0)
		evbuffer_add_printf(out, "Connection: keep-alive\r\n");
	evbuffer_add_printf(out, "\r\n");
	return rp_steal(out);
}

static void exchange_end(struct rp_exchange *exchange)
{
	rp_connection_answered(exchange->connection, exchange->close);
	exchange_free(exchange);
}

/* Without memory for an answer there is none: the peer sees the end of the connection. */
static void exchange_abort(struct rp_exchange *exchange)
{
	rp_cleanup(evbuffer) struct evbuffer *nothing = evbuffer_new();

	exchange->close = true;
	if (nothing)
		rp_connection_write(exchange->connection, nothing);
	exchange_end(exchange);
}

void rp_exchange_send(struct rp_exchange *exchange, int status, struct evbuffer *body)
{
	rp_cleanup(evbuffer) struct evbuffer *out = NULL;

	if (!exchange->has_length && status != 204 && status != 304)
		rp_exchange_header(
			exchange, "Content-Length", "%zu", body ? evbuffer_get_length(body) : 0);
	out = write_head(exchange, status);
	/* The client would take the body of a HEAD for the start of the next answer. */
	if (!out || (body && !rp_exchange_is_head(exchange) && status != 204 &&
			    evbuffer_add_buffer(out, body) < 0)) {
		exchange_abort(exchange);
		return;
	}
	count(exchange, status);
	rp_connection_write(exchange->connection, out);
	exchange_end(exchange);
}

void rp_exchange_start(struct rp_exchange *exchange, int status)
{
	rp_cleanup(evbuffer) struct evbuffer *out = write_head(exchange, status);

	count(exchange, status);
	exchange->streaming = true;
	if (out)
		rp_connection_write(exchange->connection, out);
}

void rp_exchange_block(struct rp_exchange *exchange, struct evbuffer *block)
{
	rp_connection_write(exchange->connection, block);
}

void rp_exchange_finish(struct rp_exchange *exchange, bool cut)
{
	if (cut)
		exchange->close = true;
	exchange_end(exchange);
}

static void free_text(const void *data, size_t len, void *text)
{
	free(text);
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
		size_t len = strlen(text);

		if (len && evbuffer_add_reference(body, text, len, free_text, (char *)text) < 0)
			return NULL;
		if (len && reply->json)
			json = NULL;
		else if (len)
			reply->text = NULL;
		rp_exchange_header(
			exchange, "Content-Type", "%s", type ? type : "text/plain; charset=utf-8");
		rp_exchange_header(exchange, "X-Content-Type-Options", "nosniff");
		rp_exchange_header(exchange, "Cache-Control", "no-store");
		rp_exchange_header(exchange, "Content-Length", "%zu", len);
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
	if (status >= 500 && !exchange->refused)
		rp_log_warning("%s: %d %s", exchange->path ? exchange->path : "?", status,
			rp_json_string_or(reply->json, "error", reason(status)));
	if (reply->retry_after_s > 0)
		rp_exchange_header(exchange, "Retry-After", "%d", reply->retry_after_s);
	if (reply->close)
		exchange->close = true;
	if (reply->headers_location)
		rp_exchange_header(exchange, "Location", "%s", reply->headers_location);
	if (status == 401)
		rp_exchange_header(exchange, "WWW-Authenticate", "Bearer");
	body = reply_body(exchange, reply);
	rp_reply_done(reply);
	rp_exchange_send(exchange, body ? status : 500, body);
}
