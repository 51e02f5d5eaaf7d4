/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All outgoing HTTP (libcurl), with one policy: HTTPS only, TLS 1.2 or later, no redirects, no
 * proxies, server verified against one root and nothing else, every phase bounded in time, answers
 * bounded in size. A handle keeps its connection; it is used by one thread.
 */
#ifndef RP_LIB_HTTP_H
#define RP_LIB_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

struct rp_http; /* opaque */

struct rp_http_config {
	const char *base_url;  /* "https://10.77.0.1:8443", no path */
	const char *root_pem;  /* the lab root certificate, PEM text; required */
	const char *cert_pem;  /* client certificate (chain), PEM text; NULL: none */
	const char *key_pem;   /* its private key, PEM text; NULL: none */
	const char *bearer;    /* "Authorization: Bearer" token; NULL: none */
	int connect_timeout_s; /* 0: 10 */
	int idle_timeout_s;    /* ends a transfer with less than 1 byte/s for so long; 0: 30 */
	/*
	 * Called again and again while a request is under way, at least once a second: for work
	 * that cannot wait for its end. NULL: none.
	 */
	void (*meanwhile)(void *context);
	void *context;
};

struct rp_http_response {
	long status; /* 200, 404, ... */
	char *body;  /* NUL-terminated, never NULL after success */
	size_t body_len;
	char content_type[64];
	int retry_after_s; /* of the Retry-After header; -1: none */
};

/* Copies all of config. -EINVAL (bad URL or PEM), -ENOMEM. */
int rp_http_new(const struct rp_http_config *config, struct rp_http **ret, struct rp_error *err);
struct rp_http *rp_http_free(struct rp_http *http);

/*
 * One request. method: "GET", "POST", "PUT", "DELETE", "HEAD". path begins with '/'. body NULL:
 * none. Returns 0 whenever there was an answer, whatever its status; else -ECONNREFUSED,
 * -ETIMEDOUT, -EPROTO (TLS), -EFBIG (answer above 32 MiB), -EIO, with the reason in err. The caller
 * frees with rp_http_response_done.
 */
int rp_http_request(struct rp_http *http, const char *method, const char *path,
	const char *content_type, const void *body, size_t body_len, struct rp_http_response *ret,
	struct rp_error *err);

void rp_http_response_done(struct rp_http_response *response);

/*
 * GET path into fd (from its current offset), at most max bytes, checked against the lower-case
 * SHA-256 in sha256_hex: -EBADMSG where it differs. Statuses other than 200 are -EIO.
 */
int rp_http_download(struct rp_http *http, const char *path, int fd, int64_t max,
	const char *sha256_hex, struct rp_error *err);

static inline void rp_cleanup_http(struct rp_http **http)
{
	rp_http_free(*http);
}

static inline void rp_cleanup_http_response(struct rp_http_response *response)
{
	rp_http_response_done(response);
}

#endif
