/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

#define TURN (256 << 10)  /* bytes in a row that one socket may send before the others' turn */
#define RECORD (16 << 10) /* of TLS, at most */
#define LINGER_MS 50
#define LINGER_BYTES                                                                               \
	(128 << 10) /* thrown away in each of these: who does not listen is slowed down */

struct rp_stream {
	struct event *event;
	int fd;
	SSL *ssl;
	const struct rp_stream_ops *ops;
	void *context;
	struct evbuffer *output;
	int64_t received, sent;
	short armed;
	bool shaking_hands, wants, lingering;
	bool owes_drained; /* something was written, if only nothing */
	int64_t handshake_us;
	bool read_waits_for_write, write_waits_for_read; /* TLS may ask for the other one */
};

static short interest(const struct rp_stream *stream)
{
	short events = 0;

	if (stream->shaking_hands)
		return stream->read_waits_for_write ? EV_WRITE : EV_READ;
	if (stream->wants)
		events |= stream->read_waits_for_write ? EV_WRITE : EV_READ;
	if (stream->owes_drained)
		events |= stream->write_waits_for_read ? EV_READ : EV_WRITE;
	return events;
}

static void arm(struct rp_stream *stream)
{
	struct event_base *base = event_get_base(stream->event);
	short events = interest(stream);

	if (events != stream->armed) {
		int priority = event_get_priority(stream->event);

		event_del(stream->event);
		event_assign(stream->event, base, stream->fd, (short)(events | EV_PERSIST),
			event_get_callback(stream->event), stream);
		event_priority_set(stream->event, priority);
		if (events)
			event_add(stream->event, NULL);
		stream->armed = events;
	}
	/* What TLS has decrypted already does not make the socket readable. */
	if (stream->wants && stream->ssl && !stream->shaking_hands && SSL_pending(stream->ssl) > 0)
		event_active(stream->event, EV_READ, 1);
}

/* What SSL_read, SSL_write and SSL_accept mean. */
static int tls_result(struct rp_stream *stream, int n, bool *waits_for_write, bool *waits_for_read)
{
	if (waits_for_write)
		*waits_for_write = false;
	if (waits_for_read)
		*waits_for_read = false;
	switch (SSL_get_error(stream->ssl, n)) {
	case SSL_ERROR_NONE:
		return n;
	case SSL_ERROR_WANT_READ:
		if (waits_for_read)
			*waits_for_read = true;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		if (waits_for_write)
			*waits_for_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return -ECONNRESET;
	}
}

static int shake_hands(struct rp_stream *stream)
{
	int64_t start = rp_clock_monotonic();
	int r;

	ERR_clear_error();
	r = tls_result(stream, SSL_accept(stream->ssl), &stream->read_waits_for_write, NULL);
	stream->handshake_us += rp_clock_monotonic() - start;
	return r == 0 ? -ECONNRESET : r;
}

ssize_t rp_stream_read(struct rp_stream *stream, void *buffer, size_t size)
{
	ssize_t n;

	if (stream->ssl) {
		ERR_clear_error();
		n = tls_result(stream,
			SSL_read(stream->ssl, buffer, size < INT32_MAX ? (int)size : INT32_MAX),
			&stream->read_waits_for_write, NULL);
	} else {
		n = recv(stream->fd, buffer, size, 0);
		if (n < 0)
			n = errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
	}
	if (n > 0)
		stream->received += n;
	return n;
}

static ssize_t send_some(struct rp_stream *stream)
{
	struct evbuffer_iovec first;
	size_t len = evbuffer_get_length(stream->output);
	ssize_t n;

	/* Head and body of a short answer are one record and one packet. */
	if (stream->ssl)
		evbuffer_pullup(stream->output, (ssize_t)(len < RECORD ? len : RECORD));
	if (evbuffer_peek(stream->output, -1, NULL, &first, 1) < 1)
		return 0;
	if (stream->ssl) {
		ERR_clear_error();
		n = tls_result(stream,
			SSL_write(stream->ssl, first.iov_base,
				first.iov_len < RECORD ? (int)first.iov_len : RECORD),
			NULL, &stream->write_waits_for_read);
		if (n == 0)
			n = -ECONNRESET;
	} else {
		n = send(stream->fd, first.iov_base, first.iov_len < TURN ? first.iov_len : TURN,
			MSG_NOSIGNAL);
		if (n < 0)
			n = errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
	}
	if (n > 0) {
		evbuffer_drain(stream->output, (size_t)n);
		stream->sent += n;
	}
	return n;
}

/* 1: all is with the socket; 0: more to come. */
static int flush(struct rp_stream *stream)
{
	int64_t end = stream->sent + TURN;

	while (stream->sent < end) {
		ssize_t n;

		if (!evbuffer_get_length(stream->output))
			return 1;
		n = send_some(stream);
		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
	}
	return evbuffer_get_length(stream->output) == 0;
}

/* As the kernel has them: nobody is going to read them, so nobody decrypts or copies them. 1: over. */
static int throw_away(struct rp_stream *stream)
{
	ssize_t n = recv(stream->fd, NULL, LINGER_BYTES, MSG_TRUNC);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
	struct rp_stream *stream = context;
	int r;

	if (stream->lingering) {
		if (throw_away(stream))
			stream->ops->ended(stream->context);
		return;
	}
	if (stream->shaking_hands) {
		r = shake_hands(stream);
		stream->shaking_hands = r <= 0;
		arm(stream);
		if (r > 0)
			stream->ops->established(stream->context);
		else if (r != -EAGAIN)
			stream->ops->ended(stream->context);
		return;
	}
	if (stream->owes_drained) {
		r = flush(stream);
		if (r < 0) {
			stream->ops->ended(stream->context);
			return;
		}
		stream->owes_drained = r == 0;
		arm(stream);
		if (r > 0) {
			stream->ops->drained(stream->context);
			return;
		}
	}
	if (stream->wants)
		stream->ops->readable(stream->context);
}

struct rp_stream *rp_stream_new(
	struct event_base *base, int fd, SSL *ssl, const struct rp_stream_ops *ops, void *context)
{
	struct rp_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct rp_stream){
		.fd = -1, .ops = ops, .context = context, .shaking_hands = ssl != NULL};
	stream->output = evbuffer_new();
	stream->event = event_new(base, fd, EV_READ | EV_PERSIST, on_event, stream);
	if (!stream->output || !stream->event || (ssl && SSL_set_fd(ssl, fd) != 1))
		return rp_stream_free(stream);
	if (ssl)
		SSL_set_accept_state(ssl);
	stream->fd = fd;
	stream->ssl = ssl;
	arm(stream);
	return stream;
}

struct rp_stream *rp_stream_free(struct rp_stream *stream)
{
	if (!stream)
		return NULL;
	if (stream->event)
		event_free(stream->event);
	if (stream->output)
		evbuffer_free(stream->output);
	if (stream->ssl && !stream->shaking_hands && !stream->lingering) {
		ERR_clear_error();
		SSL_shutdown(stream->ssl); /* one attempt: a full socket buffer goes without */
	}
	ERR_clear_error();
	SSL_free(stream->ssl);
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream);
	return NULL;
}

void rp_stream_want(struct rp_stream *stream, bool want)
{
	stream->wants = want;
	arm(stream);
}

void rp_stream_priority(struct rp_stream *stream, int priority)
{
	if (event_get_priority(stream->event) == priority)
		return;
	event_del(stream->event);
	event_priority_set(stream->event, priority);
	if (stream->armed)
		event_add(stream->event, NULL);
	arm(stream);
}

int rp_stream_write(struct rp_stream *stream, struct evbuffer *data)
{
	if (evbuffer_add_buffer(stream->output, data) < 0)
		return -ENOMEM;
	stream->owes_drained = true;
	arm(stream);
	return 0;
}

void rp_stream_linger(struct rp_stream *stream)
{
	if (stream->ssl) {
		ERR_clear_error();
		SSL_shutdown(stream->ssl);
		ERR_clear_error();
	}
	shutdown(stream->fd, SHUT_WR);
	stream->lingering = true;
	event_del(stream->event);
	event_assign(
		stream->event, event_get_base(stream->event), -1, EV_PERSIST, on_event, stream);
	event_add(stream->event, &(struct timeval){0, LINGER_MS * 1000});
}

int64_t rp_stream_received(const struct rp_stream *stream)
{
	return stream->received;
}

int64_t rp_stream_sent(const struct rp_stream *stream)
{
	return stream->sent;
}

int64_t rp_stream_handshake_us(const struct rp_stream *stream)
{
	return stream->handshake_us;
}

SSL *rp_stream_ssl(const struct rp_stream *stream)
{
	return stream->ssl;
}
