/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lab's server as an agent meets it: real TLS on loopback with the lab's keys, and answers that
 * the test has put there. Everything that it was asked is kept for the test to look at.
 */
#ifndef RP_TESTS_AGENT_SERVER_LAB_H
#define RP_TESTS_AGENT_SERVER_LAB_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/unit/agent_lab.h"

#define PEER_ANSWERS 16
#define PEER_ASKED 128

struct peer_asked {
	char method[8], path[128], rig[64]; /* rig: of the client's certificate; "" none */
	char *body;
};

struct peer {
	const struct lab *lab;
	SSL_CTX *ctx;
	int fd;
	char url[64];
	pthread_t thread;
	pthread_mutex_t lock;
	struct {
		const char *path;
		int status, retry_after_s; /* 0: without */
		char *body;
		bool acknowledge; /* the answer is a receipt for the body that came */
	} answers[PEER_ANSWERS];
	struct peer_asked asked[PEER_ASKED];
	size_t asked_count;
};

/* From now on every request of path gets this. body is taken; NULL: none. */
void peer_answer(struct peer *peer, const char *path, int status, int retry_after_s, json_t *body);

/* Any result gets a receipt that the log key signed for its bytes. */
void peer_acknowledges(struct peer *peer, const char *path);

/* How often path was asked for; *ret, where not NULL, is the last of them, borrowed. */
int peer_asked(struct peer *peer, const char *path, const struct peer_asked **ret);

/* As if it had been asked for nothing yet. */
void peer_forget(struct peer *peer);

/* On a free port of loopback, in a thread of its own; lab outlives it. 0, or -1. */
int peer_start(struct peer *peer, const struct lab *lab);

void peer_stop(struct peer *peer);

#endif
