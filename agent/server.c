/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys/pem.h"
#include "lib/cleanup.h"
#include "lib/json.h"

/*
 * The loop stands still in a call: heartbeats, the watchdog and the bus wait for it. What cannot wait
 * is done by meanwhile.
 */
#define CONNECT_TIMEOUT_S 5
#define IDLE_TIMEOUT_S 20
#define RETRY_AFTER_MAX_S 300

struct rp_agent_server {
	const struct rp_agent_config *config;
	void (*meanwhile)(void *context);
	void *context;
	struct rp_http *http;
};

static int connect_as(struct rp_agent_server *server, const char *chain_pem, const char *key_pem,
	struct rp_error *err)
{
	struct rp_http *http;
	int r = rp_http_new(
		&(struct rp_http_config){
			.base_url = server->config->server,
			.root_pem = server->config->root_pem,
			.cert_pem = chain_pem,
			.key_pem = key_pem,
			.connect_timeout_s = CONNECT_TIMEOUT_S,
			.idle_timeout_s = IDLE_TIMEOUT_S,
			.meanwhile = server->meanwhile,
			.context = server->context,
		},
		&http, err);

	if (r < 0)
		return r;
	rp_http_free(server->http);
	server->http = http;
	return 0;
}

int rp_agent_server_new(const struct rp_agent_config *config, void (*meanwhile)(void *context),
	void *context, struct rp_agent_server **ret, struct rp_error *err)
{
	rp_cleanup(agent_server) struct rp_agent_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return rp_error_memory(err);
	server->config = config;
	server->meanwhile = meanwhile;
	server->context = context;
	r = connect_as(server, NULL, NULL, err);
	if (r < 0)
		return r;
	*ret = rp_steal(server);
	return 0;
}

struct rp_agent_server *rp_agent_server_free(struct rp_agent_server *server)
{
	if (!server)
		return NULL;
	rp_http_free(server->http);
	free(server);
	return NULL;
}

int rp_agent_server_identify(
	struct rp_agent_server *server, const char *chain_pem, EVP_PKEY *key, struct rp_error *err)
{
	rp_cleanup(free) char *key_pem = rp_pem_write_key(key);
	int r;

	if (!key_pem)
		return rp_error_memory(err);
	r = connect_as(server, chain_pem, key_pem, err);
	OPENSSL_cleanse(key_pem, strlen(key_pem));
	return r;
}

struct rp_http *rp_agent_server_http(struct rp_agent_server *server)
{
	return server->http;
}

/* Every refusal of the server is {"error","remedy"}. */
static void explain(struct rp_answer *answer)
{
	const char *error = rp_json_string_or(answer->json, "error", "");
	const char *remedy = rp_json_string_or(answer->json, "remedy", "");

	snprintf(answer->reason, sizeof(answer->reason), "HTTP %ld%s%.300s%s%.150s", answer->status,
		*error ? ": " : "", error, *remedy ? ": " : "", remedy);
}

int rp_agent_server_send(struct rp_agent_server *server, const char *method, const char *path,
	const char *text, struct rp_answer *ret, struct rp_error *err)
{
	rp_cleanup(http_response) struct rp_http_response response = {0};
	struct rp_answer answer = {0};
	int r = rp_http_request(server->http, method, path, text ? "application/json" : NULL, text,
		text ? strlen(text) : 0, &response, err);

	if (r < 0)
		return r;
	answer.status = response.status;
	answer.retry_after_s = response.retry_after_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S
									  : response.retry_after_s;
	rp_json_parse(response.body, response.body_len, &answer.json, NULL);
	if (answer.status >= 400)
		explain(&answer);
	*ret = answer;
	return 0;
}

int rp_agent_server_call(struct rp_agent_server *server, const char *method, const char *path,
	const json_t *body, struct rp_answer *ret, struct rp_error *err)
{
	rp_cleanup(free) char *text = body ? rp_json_canonical(body) : NULL;

	if (body && !text)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	return rp_agent_server_send(server, method, path, text, ret, err);
}

void rp_answer_done(struct rp_answer *answer)
{
	json_decref(answer->json);
	*answer = (struct rp_answer){0};
}
