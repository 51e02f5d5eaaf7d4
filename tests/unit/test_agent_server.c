/* SPDX-License-Identifier: Apache-2.0 */
/* The transport to the server: what is sent, what is made of the answer, and by whom it comes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

#include "agent/server.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "tests/unit/agent_server_lab.h"

static struct lab lab, other;
static struct peer peer;
static struct rp_agent_config config;
static struct rp_agent_server *server;

static int meanwhiles;

static void on_meanwhile(void *context)
{
	(*(int *)context)++;
}

static int set_up(void **state)
{
	if (lab_make(&lab) || lab_make(&other) || peer_start(&peer, &lab))
		return -1;
	config.server = peer.url;
	config.root_pem = rp_pem_write_cert(lab.root);
	config.root = lab.root;
	return rp_agent_server_new(&config, on_meanwhile, &meanwhiles, &server, NULL);
}

static int tear_down(void **state)
{
	rp_agent_server_free(server);
	peer_stop(&peer);
	free(config.root_pem);
	return lab_remove(&lab) | lab_remove(&other);
}

static struct rp_answer call(const char *method, const char *path, const json_t *body)
{
	struct rp_answer answer = {0};
	struct rp_error err = RP_ERROR_NONE;

	if (rp_agent_server_call(server, method, path, body, &answer, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	return answer;
}

/* Other work has its turn in a call. */
static void test_meanwhile(void **state)
{
	rp_cleanup(answer) struct rp_answer answer = {0};

	peer_answer(&peer, "/turn", 200, 0, NULL);
	meanwhiles = 0;
	answer = call("GET", "/turn", NULL);
	assert_int_equal(answer.status, 200);
	assert_true(meanwhiles > 0);
}

static void test_json_both_ways(void **state)
{
	rp_cleanup(json) json_t *body = json_pack("{s:i, s:s}", "b", 1, "a", "\xe2\x82\xac");
	rp_cleanup(answer) struct rp_answer answer = {0};
	const struct peer_asked *asked;

	peer_answer(&peer, "/one", 200, 7, json_pack("{s:s}", "said", "yes"));
	answer = call("POST", "/one", body);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.retry_after_s, 7);
	assert_string_equal(rp_json_string_or(answer.json, "said", ""), "yes");
	assert_string_equal(answer.reason, "");
	assert_int_equal(peer_asked(&peer, "/one", &asked), 1);
	assert_string_equal(asked->method, "POST");
	assert_string_equal(asked->body, "{\"a\":\"\xe2\x82\xac\",\"b\":1}");
	assert_string_equal(asked->rig, "");
}

/* A result's bytes are signed: they go as they are. */
static void test_exact_bytes(void **state)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	const struct peer_asked *asked;

	peer_answer(&peer, "/exact", 204, 0, NULL);
	assert_int_equal(
		rp_agent_server_send(server, "PUT", "/exact", "{ \"b\": 1 }", &answer, NULL), 0);
	assert_int_equal(answer.status, 204);
	assert_null(answer.json);
	assert_int_equal(peer_asked(&peer, "/exact", &asked), 1);
	assert_string_equal(asked->method, "PUT");
	assert_string_equal(asked->body, "{ \"b\": 1 }");
}

static void test_refusals_are_told(void **state)
{
	rp_cleanup(answer) struct rp_answer answer = call("GET", "/nothing", NULL);
	rp_cleanup(answer) struct rp_answer bare = {0};

	assert_int_equal(answer.status, 404);
	assert_string_equal(answer.reason, "HTTP 404: nothing is here: look around");
	assert_int_equal(answer.retry_after_s, -1);
	peer_answer(&peer, "/bare", 503, 0, NULL);
	bare = call("GET", "/bare", NULL);
	assert_string_equal(bare.reason, "HTTP 503");
}

/* An hour's silence would be longer than any deadline of the server. */
static void test_retry_is_bounded(void **state)
{
	rp_cleanup(answer) struct rp_answer answer = {0};

	peer_answer(&peer, "/later", 503, 3600, NULL);
	answer = call("GET", "/later", NULL);
	assert_int_equal(answer.retry_after_s, 300);
}

static void test_no_json(void **state)
{
	rp_cleanup(answer) struct rp_answer answer = {0};

	peer_answer(&peer, "/text", 200, 0, json_string("text"));
	for (size_t i = 0; i < PEER_ANSWERS && peer.answers[i].path; i++)
		if (strcmp(peer.answers[i].path, "/text") == 0)
			peer.answers[i].body[0] = '<';
	answer = call("GET", "/text", NULL);
	assert_int_equal(answer.status, 200);
	assert_null(answer.json);
}

/* Where nobody listens, or somebody with another lab's keys: no answer, and why. */
static void test_nobody(void **state)
{
	struct rp_agent_config elsewhere = config;
	rp_cleanup(agent_server) struct rp_agent_server *nobody = NULL;
	rp_cleanup(agent_server) struct rp_agent_server *stranger = NULL;
	struct rp_answer answer = {0};
	struct rp_error err = RP_ERROR_NONE;

	elsewhere.server = (char *)"https://127.0.0.1:1";
	assert_int_equal(rp_agent_server_new(&elsewhere, NULL, NULL, &nobody, &err), 0);
	assert_true(rp_agent_server_call(nobody, "GET", "/one", NULL, &answer, &err) < 0);
	assert_non_null(strstr(err.text, "127.0.0.1:1"));
	elsewhere = config;
	elsewhere.root_pem = rp_pem_write_cert(other.root);
	assert_int_equal(rp_agent_server_new(&elsewhere, NULL, NULL, &stranger, &err), 0);
	peer_forget(&peer);
	assert_true(rp_agent_server_call(stranger, "GET", "/one", NULL, &answer, &err) < 0);
	assert_int_equal(peer_asked(&peer, "/one", NULL), 0);
	free(elsewhere.root_pem);
}

static void test_identity(void **state)
{
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(json) json_t *admission = NULL;
	rp_cleanup(answer) struct rp_answer answer = {0};
	const struct peer_asked *asked;
	struct rp_http *before = rp_agent_server_http(server);

	assert_int_equal(rp_pki_new_boot_key(&key, NULL), 0);
	admission = lab_admission(&lab, key, LAB_RIG, "job");
	assert_int_equal(rp_agent_server_identify(server,
				 rp_json_string_or(admission, "certificate", ""), key, NULL),
		0);
	assert_true(rp_agent_server_http(server) != before);
	peer_answer(&peer, "/who", 204, 0, NULL);
	answer = call("GET", "/who", NULL);
	assert_int_equal(peer_asked(&peer, "/who", &asked), 1);
	assert_string_equal(asked->rig, LAB_RIG);
	assert_int_equal(answer.status, 204);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_json_both_ways),
		cmocka_unit_test(test_exact_bytes),
		cmocka_unit_test(test_refusals_are_told),
		cmocka_unit_test(test_retry_is_bounded),
		cmocka_unit_test(test_no_json),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests_name("agent/server", all, set_up, tear_down);
}
