/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One accepted socket, plain or TLS, that never blocks: bytes in when they are asked for, bytes out
 * as fast as the peer takes them. It reads nothing ahead: what nobody asks for stays with the peer.
 */
#ifndef RP_SERVER_HTTP_STREAM_H
#define RP_SERVER_HTTP_STREAM_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rp_stream;

/* Called from the loop, as the last thing that is done with the stream: each may free it. */
struct rp_stream_ops {
	void (*established)(void *context); /* the handshake is done; plain: never */
	void (*readable)(void *context);    /* only while rp_stream_want says so */
	void (*drained)(void *context);	    /* all that was written is with the socket */
	void (*ended)(void *context);	    /* it failed, or rp_stream_linger is over */
};

/*
 * Takes over fd, and ssl, which is NULL for plain and else has not shaken hands yet. Both are the
 * caller's where it fails. NULL: no memory.
 */
struct rp_stream *rp_stream_new(
	struct event_base *base, int fd, SSL *ssl, const struct rp_stream_ops *ops, void *context);

/* Closes at once. Takes NULL, returns NULL. */
struct rp_stream *rp_stream_free(struct rp_stream *stream);

/* Whether readable is to be called. No at the start. */
void rp_stream_want(struct rp_stream *stream, bool want);

/* Lower goes first (event_priority_set). */
void rp_stream_priority(struct rp_stream *stream, int priority);

/* What is there, at most size bytes: 0 at the peer's end; -EAGAIN: nothing yet; else it failed. */
ssize_t rp_stream_read(struct rp_stream *stream, void *buffer, size_t size);

/* Takes all bytes out of data. drained follows, from the loop. */
int rp_stream_write(struct rp_stream *stream, struct evbuffer *data);

/*
 * Says the end and throws away what still comes, so that the peer, who may be in the middle of
 * sending, reads our answer before it sees a reset. ended follows; nothing else may be called.
 */
void rp_stream_linger(struct rp_stream *stream);

/* Bytes that came in and went out, of the application. */
int64_t rp_stream_received(const struct rp_stream *stream);
int64_t rp_stream_sent(const struct rp_stream *stream);

/* What its handshake has cost us so far. */
int64_t rp_stream_handshake_us(const struct rp_stream *stream);

SSL *rp_stream_ssl(const struct rp_stream *stream);

#endif
