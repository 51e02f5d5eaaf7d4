/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTPS front: HTTP/1.1 over OpenSSL, a const route table, one JSON error form. What a
 * handler is stands in route.h.
 */
#ifndef RP_SERVER_HTTP_HTTPS_H
#define RP_SERVER_HTTP_HTTPS_H

#include "lib/error.h"
#include "server/http/deferred.h"
#include "server/http/https_config.h"

struct rp_https;

/* Start to serve. What config points to, keys_dir excepted, must outlive the front. */
int rp_https_start(
	const struct rp_https_config *config, struct rp_https **ret, struct rp_error *err);

/* Stops to accept; connections in flight are cut. Takes NULL, returns NULL. */
struct rp_https *rp_https_free(struct rp_https *https);

int rp_https_connections(const struct rp_https *https);

/*
 * A listening TCP socket (close-on-exec, non-blocking, TCP_NODELAY, which accepted sockets
 * inherit) on "ADDR:PORT" or "[ADDR6]:PORT"; port 0: any. ret_name gets the address it has got,
 * in the same form.
 */
int rp_https_listen(const char *address, int *ret_fd, char ret_name[64], struct rp_error *err);

#endif
