/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server without a network for the tests of server/'s state: real keys, store, log and artefacts
 * in a temporary folder, a clock that stands still until a test moves it, and power that is only
 * noted. Requests go through the route tables to the handlers, as https.c would send them.
 */
#ifndef RP_TESTS_SERVER_LAB_H
#define RP_TESTS_SERVER_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys/dsse.h"
#include "keys/evidence.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/metrics.h"
#include "manifests/manifest.h"
#include "server/api/api.h"
#include "server/cas/artefacts.h"
#include "server/state/announced.h"
#include "server/state/boots.h"
#include "server/http/https.h"
#include "server/jobs/jobs.h"
#include "server/state/log.h"
#include "server/boot/policy.h"
#include "server/boot/schedule.h"
#include "server/jobs/results.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"
#include "server/state/tokens.h"

#define MAC "52:54:00:12:34:56"
#define UUID "11111111-2222-3333-4444-555555555555"
#define PEER "10.77.0.50"
#define START (INT64_C(1795000000) * RP_SECOND)

struct rig_lab {
	char dir[64];
	char keys[64]; /* made once for all tests of a program: RSA keys take their time */
	struct rp_server server;
	struct rp_manifest *site;
	int64_t now;
	int64_t set_by; /* how far the time of day was set ahead, or back */
	char module_sha256[65];
	const char *bearer;	 /* of requests; NULL: none */
	char command_line[8192]; /* in results: makes them as large as a test wants */
	/* the last power request, and its callback until it is answered */
	int cycles, offs;
	rp_power_done done;
	void *done_context;
};

#define lab_ok(expression)                                                                         \
	do {                                                                                       \
		int ok_ = (expression);                                                            \
		if (ok_ < 0)                                                                       \
			fail_msg("%s: %d %s", #expression, ok_, err.text);                         \
	} while (0)

void lab_power_answer(struct rig_lab *lab, int result, const char *text);

/* Everything that opens with a start of the server, and closes with its end. */
void lab_start(struct rig_lab *lab);
void lab_stop(struct rig_lab *lab);
void lab_write(struct rig_lab *lab, const char *name, const char *text);
void lab_image(struct rig_lab *lab);
void lab_keys(struct rig_lab *lab);
void lab_begin(struct rig_lab *lab);
void lab_end(struct rig_lab *lab);

/* cmocka's, for tests whose state is a lab and nothing else. */
int lab_setup(void **state);
int lab_teardown(void **state);

/* Move time and let it have its effect. */
void lab_pass(struct rig_lab *lab, int seconds);

/* ---- requests ---- */

struct answer {
	int status;
	json_t *json;
	char *text;
	int retry_after_s;
	int close;
};

void answer_done(struct answer *answer);

#define rp_cleanup_answer(answer) answer_done(answer)

/* path may have a query of plain words. json and cert may be NULL. */
struct answer ask_from(struct rig_lab *lab, const char *peer, const char *method,
	const char *path_and_query, json_t *json, X509 *cert);

/* Takes json. */
struct answer ask(
	struct rig_lab *lab, const char *method, const char *path, json_t *json, X509 *cert);

/* ask, where only the status counts */
int status_of(struct rig_lab *lab, const char *method, const char *path, json_t *json, X509 *cert);

/* ---- a rig ---- */

struct agent {
	EVP_PKEY *key;
	X509 *cert;
	char rig[64], boot[27], action[16], assurance[16];
	char token[65];
	int enabled, setup_mode;
};

void agent_done(struct agent *agent);
json_t *rig_manifest(const char *name, const char *driver);

/* GET the boot script; the token that it carries, if any, is taken. */
struct answer fetch_script(struct rig_lab *lab, struct agent *agent);
int script_boots(struct rig_lab *lab, struct agent *agent);
json_t *hello_body(struct agent *agent);

/* Returns the status; on 200 the agent has its certificate. */
int hello(struct rig_lab *lab, struct agent *agent);
/* The same from another address, with this body, which is taken. */
int hello_from(struct rig_lab *lab, const char *peer, struct agent *agent, json_t *body);
json_t *plan_manifest(void);

/* Queue a job for a rig; ret_id gets its id. */
void submit_job(struct rig_lab *lab, const char *rig, char ret_id[27]);

/* The field of a job as the API shows it; "" for what is no string. */
void job_field(struct rig_lab *lab, const char *job, const char *key, char ret[64]);

#define assert_job(lab, job, key, expected)                                                        \
	do {                                                                                       \
		char field_[64];                                                                   \
		job_field(lab, job, key, field_);                                                  \
		assert_string_equal(field_, expected);                                             \
	} while (0)

/* The signed result that the agent would send: verdict "pass", "fail" or "error". */
json_t *make_result(struct rig_lab *lab, struct agent *agent, const char *verdict);

/* PUT a result (not taken); the status. *ret_ack may be NULL. */
int put_result(struct rig_lab *lab, struct agent *agent, const char *job, json_t *envelope,
	json_t **ret_ack);

/* One job of a rig to its end, with a result of this verdict that the log has. */
void finish_job(struct rig_lab *lab, const char *rig, const char *verdict, char ret_job[27]);

/* How many refusals the API shows. */
size_t refusals(struct rig_lab *lab);

/* Put a rig into a state, whatever arrows lead there: what a test begins with. */
void force_state(struct rig_lab *lab, const char *name, enum rp_rig_state state);

/* A rig of that name and power driver, ready to serve. */
void ready_rig(struct rig_lab *lab, const char *name, const char *driver);

#endif
