/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side of the rig protocol's transport: JSON out, JSON back, over lib/http. What is
 * said is keys/rig_protocol.h's. One call blocks for at most 5 s to connect and 20 s without
 * progress; whether to call again is for the caller.
 */
#ifndef RP_AGENT_SERVER_H
#define RP_AGENT_SERVER_H

#include <jansson.h>
#include <openssl/evp.h>

#include "agent/config.h"
#include "lib/error.h"
#include "lib/http.h"

struct rp_agent_server;

/*
 * config is borrowed. Without a certificate at first: hello needs none. meanwhile (NULL: none) is
 * called during calls and downloads, as in rp_http_config.
 */
int rp_agent_server_new(const struct rp_agent_config *config, void (*meanwhile)(void *context),
	void *context, struct rp_agent_server **ret, struct rp_error *err)
	__attribute__((warn_unused_result));
struct rp_agent_server *rp_agent_server_free(struct rp_agent_server *server);

/* From now on with this certificate (PEM, with its chain) and its key. */
int rp_agent_server_identify(struct rp_agent_server *server, const char *chain_pem, EVP_PKEY *key,
	struct rp_error *err) __attribute__((warn_unused_result));

/* For downloads. Borrowed until the next rp_agent_server_identify. */
struct rp_http *rp_agent_server_http(struct rp_agent_server *server);

struct rp_answer {
	long status;
	json_t *json;	   /* NULL where the body is no JSON */
	int retry_after_s; /* at most 300; -1: the server did not say */
	char reason[512];  /* of statuses from 400 on: the server's words, with its remedy */
};

/*
 * One request with a JSON body (text: sent as it is; NULL: none). 0 whenever there was an answer;
 * else as rp_http_request. The caller ends *ret with rp_answer_done.
 */
int rp_agent_server_send(struct rp_agent_server *server, const char *method, const char *path,
	const char *text, struct rp_answer *ret, struct rp_error *err)
	__attribute__((warn_unused_result));

/* The same for a JSON value (NULL: none). Takes no reference. */
int rp_agent_server_call(struct rp_agent_server *server, const char *method, const char *path,
	const json_t *body, struct rp_answer *ret, struct rp_error *err)
	__attribute__((warn_unused_result));

void rp_answer_done(struct rp_answer *answer);

static inline void rp_cleanup_agent_server(struct rp_agent_server **server)
{
	rp_agent_server_free(*server);
}

static inline void rp_cleanup_answer(struct rp_answer *answer)
{
	rp_answer_done(answer);
}

#endif
