/* SPDX-License-Identifier: Apache-2.0 */
/* Sending a blob: one block in memory at a time, the next when the socket has taken it. */
#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/metrics.h"
#include "server/cas/artefacts.h"
#include "server/http/event_cleanup.h"
#include "server/http/exchange.h"
#include "server/http/http_request.h"
#include "server/http/transfer.h"

#define BLOCK (64 << 10)

/* UEFI firmware goes by the content type where a name does not end in .efi. */
static const char *efi_or_bytes(int fd)
{
	char magic[2] = "";

	return pread(fd, magic, 2, 0) == 2 && !memcmp(magic, "MZ", 2) ? "application/efi"
								      : "application/octet-stream";
}

/* A short body under a longer Content-Length, and no further request: the peer sees it is cut. */
static void cut(struct rp_exchange *exchange)
{
	rp_metrics_add(exchange->config->metrics, "artefacts_cut_total", 1);
	rp_exchange_finish(exchange, true);
}

void rp_transfer_drained(struct rp_exchange *exchange)
{
	rp_cleanup(evbuffer) struct evbuffer *block = evbuffer_new();
	struct evbuffer_iovec space;
	ssize_t n;

	exchange->sent = exchange->offset - exchange->first;
	if (!exchange->left) {
		rp_exchange_finish(exchange, false);
		return;
	}
	if (!block || evbuffer_reserve_space(block, BLOCK, &space, 1) != 1 ||
		!rp_artefacts_unchanged(
			exchange->config->artefacts, exchange->sha256, exchange->fd)) {
		cut(exchange);
		return;
	}
	n = pread(exchange->fd, space.iov_base,
		exchange->left < BLOCK ? (size_t)exchange->left : BLOCK, exchange->offset);
	if (n <= 0) {
		cut(exchange);
		return;
	}
	space.iov_len = (size_t)n;
	evbuffer_commit_space(block, &space, 1);
	exchange->offset += n;
	exchange->left -= n;
	rp_metrics_add(exchange->config->metrics, "artefacts_sent_bytes_total", n);
	rp_exchange_block(exchange, block);
}

/* Status and headers for what was asked of a blob of size bytes; fills offset and left. */
static int negotiate(struct rp_exchange *exchange, int64_t size)
{
	const char *range = rp_exchange_request_header(exchange, "Range");
	const char *if_range = rp_exchange_request_header(exchange, "If-Range");
	const char *if_none_match = rp_exchange_request_header(exchange, "If-None-Match");
	int64_t first, last;
	int r;

	rp_exchange_header(exchange, "ETag", "\"%s\"", exchange->sha256);
	rp_exchange_header(exchange, "Accept-Ranges", "bytes");
	rp_exchange_header(exchange, "Cache-Control", "public, max-age=31536000, immutable");
	exchange->left = 0;
	if (if_none_match && rp_etag_matches(if_none_match, exchange->sha256))
		return 304;
	exchange->left = size;
	if (!range || (if_range && !rp_etag_matches(if_range, exchange->sha256)))
		return 200;
	r = rp_range_parse(range, size, &first, &last);
	if (r == -ERANGE) {
		exchange->left = 0;
		rp_exchange_header(exchange, "Content-Range", "bytes */%" PRId64, size);
		return 416;
	}
	if (r < 0)
		return 200;
	exchange->offset = first;
	exchange->left = last - first + 1;
	rp_exchange_header(exchange, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
		first, last, size);
	return 206;
}

static void refuse(struct rp_exchange *exchange, int result, const struct rp_error *err)
{
	struct rp_reply reply = {0};

	if (result == -ENOENT)
		rp_reply_error(&reply, 404, "upload it: rigproof image add", "%s", err->text);
	else
		rp_reply_error(&reply, 500, "upload it again: rigproof image add", "%s", err->text);
	rp_exchange_reply(exchange, &reply);
}

static void opened(void *context, int result, int fd, off_t size, const struct rp_error *err)
{
	struct rp_exchange *exchange = context;
	int status;

	exchange->fd = fd;
	if (!rp_exchange_alive(exchange))
		return;
	if (result < 0) {
		refuse(exchange, result, err);
		return;
	}
	status = negotiate(exchange, size);
	if (status != 304) {
		rp_exchange_header(exchange, "Content-Type", "%s", efi_or_bytes(fd));
		rp_exchange_header(exchange, "Content-Length", "%" PRId64, exchange->left);
	}
	if (!exchange->left || rp_exchange_is_head(exchange)) {
		rp_exchange_send(exchange, status, NULL);
		return;
	}
	exchange->first = exchange->offset;
	exchange->size = size;
	rp_exchange_tell_fetched(exchange);
	rp_exchange_start(exchange, status);
}

void rp_transfer_reply(struct rp_exchange *exchange, struct rp_reply *reply)
{
	if (!reply->artefact[0]) {
		rp_exchange_reply(exchange, reply);
		return;
	}
	memcpy(exchange->sha256, reply->artefact, sizeof(exchange->sha256));
	rp_reply_done(reply);
	if (rp_exchange_alive(exchange))
		rp_artefacts_open_async(
			exchange->config->artefacts, exchange->sha256, opened, exchange);
}
