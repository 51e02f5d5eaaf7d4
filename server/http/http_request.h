/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a request that we parse ourselves, and not evhttp: queries, ranges, paths. All of it
 * comes from strangers; tests/fuzz/fuzz_http_request.c feeds it.
 */
#ifndef RP_SERVER_HTTP_HTTP_REQUEST_H
#define RP_SERVER_HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/route.h"

#define RP_QUERY_KEYS_MAX 32

/*
 * Percent-decoding of len bytes. Caller frees. NULL: a broken escape, or a NUL or, in a path, a
 * control character or '/' came out of one; or no memory.
 */
char *rp_http_decode(const char *text, size_t len, bool in_query);

/*
 * "a=1&b=%20" into an array that ends with key NULL; "+" is a space; a key without "=" has the
 * value "". What is not printable UTF-8 becomes '?'. text NULL: no keys. -EINVAL (also for a key
 * that stands twice: two readers of one request must not disagree), -E2BIG, -ENOMEM. Freed by
 * rp_query_free, which takes NULL.
 */
int rp_query_parse(const char *text, struct rp_query **ret);
void rp_query_free(struct rp_query *query);

/*
 * A Range header for a body of size bytes. 0: the one range first..last, both included; -ERANGE:
 * nothing of it exists (416); -ENOENT: to be ignored (other units, several ranges, malformed).
 */
int rp_range_parse(const char *header, int64_t size, int64_t *ret_first, int64_t *ret_last);

/* 1 where an If-None-Match header names the entity tag "HEX", or is "*". */
int rp_etag_matches(const char *header, const char *sha256);

struct rp_capture {
	const char *start; /* still percent-encoded, in the path */
	size_t len;
};

/* 1 where path fits pattern, with its captures (len 0 for those that the pattern has not). */
int rp_route_match(const char *pattern, const char *path, struct rp_capture ret[2]);

/*
 * The route of the tables for method and path. -ENOENT: none has that path; -ENOTSUP: the path has
 * other methods, named in ret_allowed ("GET, HEAD, POST").
 */
int rp_route_find(const struct rp_route *const *tables, const char *method, const char *path,
	bool plain, const struct rp_route **ret, struct rp_capture ret_captures[2],
	char ret_allowed[64]);

/* A decimal number without sign, space or leading zeros, as query values have; -EINVAL, -ERANGE. */
int rp_number_parse(const char *text, int64_t max, int64_t *ret);

#endif
