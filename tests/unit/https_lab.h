/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTPS front over real TLS on loopback, for the tests of server/http: a server thread with
 * routes of the lab's own and those of artefacts; clients in the test's thread.
 */
#ifndef RP_TESTS_HTTPS_LAB_H
#define RP_TESTS_HTTPS_LAB_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/http.h"
#include "lib/json.h"
#include "server/http/https.h"
#include "server/http/limits.h"
#include "server/server.h"

#define BLOB_LEN (3 * 1024 * 1024 + 17)

struct https_lab {
	char folder[64];
	char *keys, *root_pem;
	char *boot_cert, *boot_key; /* PEM */
	struct rp_server server;
	struct rp_limits *limits, *small_limits; /* quick to lose patience; few places */
	struct rp_https *plain, *small;
	char name[64], plain_name[64], small_name[64], url[96];
	pthread_t thread;
	int stop[2];
	struct event *stopped;
	unsigned char *blob;
	char blob_sha256[RP_SHA256_HEX];
	struct rp_deferred *deferred;
	struct event *deferred_timer;
	char fetched[128]; /* written by the server's thread before it answers */
	/* what the end of the newest download was told as; count: how many ended */
	_Atomic long fetched_first, fetched_sent, fetched_size, fetched_count;
};

extern struct https_lab lab; /* one at a time */

/* cmocka's, for a group of tests. */
int https_lab_setup(void **state);
int https_lab_teardown(void **state);

/* A client of lab.url; each may be NULL. The caller frees it. */
struct rp_http *lab_client(const char *bearer, const char *cert, const char *key);

/* The status of one request; ret may be NULL, else gets the answer's JSON or NULL. */
int lab_request(const char *bearer, const char *method, const char *path, const char *type,
	const void *body, size_t len, json_t **ret);
int lab_get(const char *path, json_t **ret);

/* The value of one counter, as /metrics shows it. */
long lab_counter(const char *name);

/* A TCP connection to "ADDR:PORT" on loopback. */
int lab_connect(const char *name);

/* Send bytes over TLS and read all until the server closes. The caller frees it. */
char *lab_raw_with(SSL_CTX *ctx, const char *bytes);
char *lab_raw(const char *bytes);

/* The answer to request has all of expected, which ends with NULL. */
void lab_assert_raw(const char *request, const char *const *expected);
#define ASSERT_RAW(request, ...) lab_assert_raw(request, (const char *const[]){__VA_ARGS__, NULL})

#define LAST "Host: x\r\nConnection: close\r\n\r\n"

#endif
