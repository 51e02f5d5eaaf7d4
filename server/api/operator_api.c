/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON API for operators: what the CLI and the pages stand on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys/pem.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/encoding.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/metrics.h"
#include "server/api/api.h"
#include "server/boot/next.h"
#include "server/http/http_request.h"
#include "server/http/https.h"
#include "server/jobs/jobs.h"
#include "server/state/announced.h"
#include "server/state/log.h"
#include "server/power/power.h"
#include "server/jobs/results.h"
#include "server/state/refused.h"
#include "server/state/rigs.h"
#include "server/state/tokens.h"
#include "server/server.h"
#include "server/store/store.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

/* HTTP status of an error that the operator can do something about. */
static const struct {
	int error, status;
	const char *remedy;
} mappings[] = {
	{-EINVAL, 400, "correct the request"},
	{-ENOENT, 404, "name something that is there"},
	{-EEXIST, 409, "choose another, or change the one that is there"},
	{-ENOTSUP, 409, "see its state: rigproof rig show NAME"},
	{-EALREADY, 409, "nothing is left to do"},
	{-EPERM, 403, "allow it in the plan and in the rig's manifest"},
	{-ERANGE, 400, "ask for what the log holds"},
	{-ENOSPC, 507, "make room in the server's state directory, then try again"},
	{-EIO, 503, "see the server's log, then try again"},
};

static int failed(struct rp_reply *reply, int r, const struct rp_error *err)
{
	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
		if (mappings[i].error == r)
			return rp_reply_error(reply, mappings[i].status, mappings[i].remedy, "%s",
				err && err->text[0] ? err->text : strerror(-r));
	}
	return r;
}

/* A decimal of the query in 0..max; absent: fallback. -EINVAL with the reply made. */
static int query_number(const struct rp_request *request, const char *key, int64_t max,
	int64_t fallback, int64_t *ret, struct rp_reply *reply)
{
	const char *text = rp_request_query(request, key);

	if (!*text) {
		*ret = fallback;
		return 0;
	}
	if (rp_number_parse(text, max, ret) == 0)
		return 0;
	rp_reply_error(
		reply, 400, "give a whole number", "%s: expected 0 to %lld", key, (long long)max);
	return -EINVAL;
}

static int no_such(struct rp_reply *reply, const char *what, const char *name)
{
	return rp_reply_error(reply, 404, "list them: rigproof rig list, rigproof job list",
		"%s: no such %s", name, what);
}

/* The body as a JSON object. 0 with the reply made where it is none. */
static int need_object(const struct rp_request *request, struct rp_reply *reply)
{
	if (json_is_object(request->json))
		return 1;
	rp_reply_error(reply, 400, "send a JSON object as application/json", "no JSON object");
	return 0;
}

/* Wraps a list as {"NAME": [...]}. */
static int reply_list(struct rp_reply *reply, const char *name, int r, json_t **list)
{
	if (r < 0)
		return failed(reply, r, NULL);
	reply->json = json_pack("{s:o}", name, *list);
	return reply->json ? 0 : -ENOMEM;
}

typedef int (*list_selected)(struct rp_server *server, const struct rp_selection *selection,
	json_t **ret, int64_t *ret_total);

/* The newest of what the query selects, and how many there are: {NAME: [...], "total": N}. */
static int reply_selected(struct rp_server *server, const struct rp_request *request,
	struct rp_reply *reply, const char *name, list_selected list_them)
{
	struct rp_selection selection = {.state = rp_request_query(request, "state"),
		.rig = rp_request_query(request, "rig"),
		.plan = rp_request_query(request, "plan"),
		.id = rp_request_query(request, "id")};
	const char *since = rp_request_query(request, "since");
	json_t *list = NULL;
	int64_t limit;
	int64_t total;
	int r;

	if (query_number(request, "limit", LIST_MAX, LIST_DEFAULT, &limit, reply) < 0 ||
		query_number(request, "offset", INT64_MAX, 0, &selection.offset, reply) < 0)
		return 0;
	if (*since && rp_clock_parse(since, &selection.since) < 0)
		return rp_reply_error(reply, 400, "give it like 2026-11-20T12:00:00.000Z",
			"since: %.40s is no time", since);
	selection.limit = (int)limit;
	r = list_them(server, &selection, &list, &total);
	if (r < 0)
		return failed(reply, r, NULL);
	reply->json = json_pack("{s:o, s:I}", name, list, "total", (json_int_t)total);
	return reply->json ? 0 : -ENOMEM;
}

static int get_rigs(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	json_t *list = NULL;
	int r;

	(void)request;
	r = rp_rigs_list(server, &list);
	return reply_list(reply, "rigs", r, &list);
}

static int reply_rig(struct rp_server *server, const char *name, struct rp_reply *reply)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	int r = rp_rigs_get(server, name, &rig);

	if (r == 0)
		return no_such(reply, "rig", name);
	if (r > 0)
		r = rp_rig_to_json(rig, &reply->json);
	return r < 0 ? failed(reply, r, NULL) : 0;
}

static int get_rig(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return reply_rig(server, request->parameter[0], reply);
}

static int post_rigs(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	int created, r;

	if (!need_object(request, reply))
		return 0;
	r = rp_rigs_put(server, request->json, RP_RIG_ENROLLED, &created, &err);
	if (r < 0)
		return failed(reply, r, &err);
	reply->status = created ? 201 : 200;
	return reply_rig(server, rp_json_string_or(request->json, "name", ""), reply);
}

/* A machine that registered by itself and is none of the lab's, or a rig that was sold unused. */
static int delete_rig(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_rigs_forget(server, request->parameter[0], &err);

	reply->status = 204;
	return r < 0 ? failed(reply, r, &err) : 0;
}

static int post_approve(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	static const char *const keys[] = {"manifest", NULL};
	struct rp_error err = RP_ERROR_NONE;
	json_t *manifest = NULL;
	char name[RP_RIG_TEXT];
	int r = 0;

	if (request->body_len && !need_object(request, reply))
		return 0;
	/* A key that is misspelt must not approve the machine as it registered itself. */
	if (request->json)
		r = rp_json_check_keys(request->json, keys, &err);
	if (r == 0 && json_object_get(request->json, "manifest"))
		r = rp_json_get_object(request->json, "manifest", &manifest, &err);
	if (r == 0)
		r = rp_rigs_approve(server, request->parameter[0], manifest, name, &err);
	if (r < 0)
		return failed(reply, r, &err);
	rp_jobs_kick(server);
	return reply_rig(server, name, reply);
}

/* Out of service, it takes what waits for it along. Inside of a transaction. */
static int set_state(struct rp_server *server, const struct rp_rig *rig, enum rp_rig_state state)
{
	const bool serves = state == RP_RIG_READY;
	char reason[64];
	int r = rp_rigs_set_state(server, rig->name,
		serves ? rp_next_back_in_service(rig->training_left, rig->keys_enrolled[0] != '\0')
		       : state,
		serves ? "" : "by an operator");

	if (r >= 0)
		r = rp_store_run(
			server->store, RP_SQL_RIG_SET_ERRORS, RP_TEXT(rig->name), RP_INT(0));
	if (r >= 0 && serves) /* it may have been left alone */
		r = rp_rigs_settle(server, rig->name, 0, false);
	if (r < 0 || serves)
		return r;
	snprintf(reason, sizeof(reason), "the rig was %s by an operator", rp_rig_state_text(state));
	return rp_jobs_end_queue(server, rig->name, reason);
}

static int post_state(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	const char *name = request->parameter[0];
	struct rp_error err = RP_ERROR_NONE;
	enum rp_rig_state state;
	const char *word;
	int r;

	if (!need_object(request, reply))
		return 0;
	r = rp_json_get_string(request->json, "state", &word, &err);
	if (r < 0)
		return failed(reply, r, &err);
	if (rp_rig_state_parse(word, &state) < 0 ||
		(state != RP_RIG_RETIRED && state != RP_RIG_READY && state != RP_RIG_QUARANTINED))
		return rp_reply_error(reply, 400, "say ready, quarantined or retired",
			"state: cannot be set to %s", word);
	r = rp_rigs_get(server, name, &rig);
	if (r == 0)
		return no_such(reply, "rig", name);
	if (r > 0 && rig->state == RP_RIG_BUSY)
		return rp_reply_error(reply, 409, "wait for its job, or cancel it",
			"%s: is busy with a job", name);
	if (r > 0 && rig->state == RP_RIG_PENDING && state == RP_RIG_READY)
		return rp_reply_error(reply, 409, "approve it: rigproof rig approve NAME",
			"%s: waits for approval", name);
	if (r > 0)
		r = rp_store_begin(server->store);
	if (r == 0)
		r = rp_store_end(server->store, set_state(server, rig, state));
	if (r < 0)
		return failed(reply, r, NULL);
	rp_jobs_kick(server);
	return reply_rig(server, name, reply);
}

static int get_boots(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	json_t *list = NULL;
	int r = rp_rigs_get(server, request->parameter[0], &rig);

	if (r == 0)
		return no_such(reply, "rig", request->parameter[0]);
	if (r > 0)
		r = rp_boots_list(server, request->parameter[0], &list);
	return reply_list(reply, "boots", r, &list);
}

static int post_announce(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	static const char *const keys[] = {"for_s", NULL};
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_error err = RP_ERROR_NONE;
	json_int_t seconds = RP_ANNOUNCED_S;
	char by[RP_ANNOUNCED_BY_TEXT];
	int r = 0;

	if (request->body_len && !need_object(request, reply))
		return 0;
	if (request->json)
		r = rp_json_check_keys(request->json, keys, &err);
	if (r == 0 && json_object_get(request->json, "for_s"))
		r = rp_json_get_int(request->json, "for_s", 1, RP_ANNOUNCED_MAX_S, &seconds, &err);
	if (r < 0)
		return failed(reply, r, &err);
	r = rp_rigs_get(server, request->parameter[0], &rig);
	if (r == 0)
		return no_such(reply, "rig", request->parameter[0]);
	if (r > 0 && (rig->state == RP_RIG_PENDING || rig->state == RP_RIG_RETIRED ||
			     rig->state == RP_RIG_QUARANTINED))
		return rp_reply_error(reply, 409, "see its state: rigproof rig show NAME",
			"%s: is %s, no boot of it is awaited", rig->name,
			rp_rig_state_text(rig->state));
	rp_tokens_name(server, request->bearer, by, sizeof(by));
	if (r > 0)
		r = rp_announced_add(server, rig->name, by, (int)seconds);
	if (r < 0)
		return failed(reply, r, NULL);
	reply->json = json_pack("{s:s, s:s, s:I}", "rig", rig->name, "by", by, "for_s", seconds);
	return reply->json ? 0 : -ENOMEM;
}

/* A power request of an operator, until the driver has answered. */
struct power_question {
	struct rp_server *server;
	char by[RP_ANNOUNCED_BY_TEXT]; /* the operator's token */
	struct rp_deferred *deferred;
	char rig[RP_RIG_TEXT];
	enum rp_power_action action;
};

static void power_answered(void *context, int result, enum rp_power_state state, const char *text)
{
	rp_cleanup(free) struct power_question *question = context;
	struct rp_reply reply = {0};

	if (result == -ECANCELED)
		return; /* the server is stopping: nothing of it may be used */
	/* Whoever switches it on by hand says that it comes. */
	if (result == 0 && (question->action == RP_POWER_ON || question->action == RP_POWER_CYCLE))
		rp_announced_add(question->server, question->rig, question->by, RP_ANNOUNCED_S);
	if (!question->deferred)
		return;
	if (result < 0)
		rp_reply_error(&reply, result == -ENOTSUP ? 409 : 502,
			result == -ENOTSUP ? "press its button, or give its manifest a power driver"
					   : "see the rig's power settings in its manifest",
			"%s: %s", question->rig, text);
	else
		reply.json = json_pack("{s:s, s:s, s:s, s:s}", "rig", question->rig, "action",
			rp_power_action_text(question->action), "state", rp_power_state_text(state),
			"text", text);
	rp_deferred_reply(question->deferred, &reply);
}

static int post_power(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct power_question *question;
	enum rp_power_action action;
	const char *word;
	int r;

	if (!need_object(request, reply))
		return 0;
	r = rp_json_get_string(request->json, "action", &word, &err);
	if (r < 0)
		return failed(reply, r, &err);
	if (rp_power_action_parse(word, &action) < 0)
		return rp_reply_error(reply, 400, "say on, off, cycle or status",
			"action: no such action: %s", word);
	r = rp_rigs_get(server, request->parameter[0], &rig);
	if (r <= 0)
		return r < 0 ? failed(reply, r, NULL)
			     : no_such(reply, "rig", request->parameter[0]);
	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	snprintf(question->rig, sizeof(question->rig), "%s", rig->name);
	question->action = action;
	question->server = server;
	rp_tokens_name(server, request->bearer, question->by, sizeof(question->by));
	question->deferred = rp_request_defer(request);
	if (!question->deferred) {
		reply->status = 202;
		reply->json = json_pack("{s:s, s:s}", "rig", rig->name, "action", word);
	}
	rp_power_request(server->power, rig->manifest->rig, action, power_answered, question);
	return 0;
}

static int get_images(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	json_t *list = NULL;
	int r;

	(void)request;
	r = rp_images_list(server, &list);
	return reply_list(reply, "images", r, &list);
}

static int post_images(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	int r;

	if (!need_object(request, reply))
		return 0;
	r = rp_images_put(server, request->json, &err);
	if (r < 0)
		return failed(reply, r == -ENOENT ? -EINVAL : r, &err);
	reply->status = 201;
	reply->json = json_incref(request->json);
	return 0;
}

static int post_jobs(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	char id[RP_ID_TEXT];
	int r;

	if (!need_object(request, reply))
		return 0;
	r = rp_jobs_submit(server, request->json, id, &err);
	if (r < 0)
		return failed(reply, r, &err);
	reply->status = 201;
	reply->json = json_pack("{s:s}", "job", id);
	return reply->json ? 0 : -ENOMEM;
}

static int get_jobs(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return reply_selected(server, request, reply, "jobs", rp_jobs_list);
}

static int get_job(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(job) struct rp_job job = {0};
	int r = rp_jobs_get(server, request->parameter[0], &job);

	if (r == 0)
		return no_such(reply, "job", request->parameter[0]);
	if (r > 0)
		r = rp_job_to_json(server, &job, &reply->json);
	return r < 0 ? failed(reply, r, NULL) : 0;
}

static int post_cancel(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_jobs_cancel(server, request->parameter[0], &err);

	return r < 0 ? failed(reply, r, &err) : get_job(server, request, reply);
}

/* The exact text that rp_evidence_verify takes, not a JSON that somebody prints again. */
static int get_evidence(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(json) json_t *evidence = NULL;
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_results_evidence(server, request->parameter[0], &evidence, &err);

	if (r < 0)
		return failed(reply, r, &err);
	reply->text = rp_json_pretty(evidence);
	reply->content_type = "application/json";
	return reply->text ? 0 : -ENOMEM;
}

static int get_timeline(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(job) struct rp_job job = {0};
	struct rp_boot boot;
	int r = rp_jobs_get(server, request->parameter[0], &job);

	if (r == 0)
		return no_such(reply, "job", request->parameter[0]);
	if (r > 0 && !job.boot[0]) {
		reply->json = json_pack("{s:s, s:s, s:s, s:[], s:[]}", "rig", job.rig, "boot", "",
			"job", job.id, "stages", "events");
		return reply->json ? 0 : -ENOMEM;
	}
	if (r > 0)
		r = rp_boots_get(server, job.boot, &boot);
	if (r > 0)
		r = rp_boots_timeline(server, &boot, &reply->json);
	return r < 0 ? failed(reply, r, NULL) : 0;
}

/* With the certificate of the key that signed it, so that the asker needs the root alone. */
static int get_checkpoint(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(free) char *note = NULL;
	rp_cleanup(free) char *pem = rp_pem_write_cert(server->log_cert);
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_log_checkpoint(server, &note, &err);

	(void)request;
	if (r < 0)
		return failed(reply, r, &err);
	reply->json = json_pack("{s:s, s:{s:s}}", "checkpoint", note, "certificates", "log", pem);
	return reply->json ? 0 : -ENOMEM;
}

static int reply_proof(
	struct rp_server *server, const struct rp_merkle_proof *proof, struct rp_reply *reply)
{
	rp_cleanup(json) json_t *hashes = json_array();
	rp_cleanup(free) char *note = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char text[RP_SHA256_HEX];
	int r = rp_log_checkpoint(server, &note, &err);

	if (r < 0)
		return failed(reply, r, &err);
	for (size_t i = 0; i < proof->len; i++) {
		rp_hex_encode(proof->hash[i], RP_SHA256_LEN, text);
		json_array_append_new(hashes, json_string(text));
	}
	reply->json = json_pack("{s:s, s:O}", "checkpoint", note, "proof", hashes);
	return reply->json ? 0 : -ENOMEM;
}

static int get_proof(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_merkle_proof proof;
	int64_t index;
	int r;

	if (query_number(request, "index", INT64_MAX, 0, &index, reply) < 0)
		return 0;
	r = rp_log_inclusion(server->log, (uint64_t)index, &proof, &err);
	if (r < 0)
		return failed(reply, r, &err);
	r = reply_proof(server, &proof, reply);
	if (r == 0 && reply->json)
		json_object_set_new(reply->json, "index", json_integer(index));
	return r;
}

static int get_consistency(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_merkle_proof proof;
	int64_t from, to;
	int r;

	if (query_number(request, "from", INT64_MAX, 0, &from, reply) < 0 ||
		query_number(request, "to", INT64_MAX, (int64_t)rp_log_size(server->log), &to,
			reply) < 0)
		return 0;
	r = rp_log_consistency(server->log, (uint64_t)from, (uint64_t)to, &proof, &err);
	if (r < 0)
		return failed(reply, r, &err);
	r = reply_proof(server, &proof, reply);
	if (r == 0 && reply->json) {
		json_object_set_new(reply->json, "from", json_integer(from));
		json_object_set_new(reply->json, "to", json_integer(to));
	}
	return r;
}

static int get_results(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return reply_selected(server, request, reply, "results", rp_results_list);
}

static int get_refused(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return reply_selected(server, request, reply, "refused", rp_refused_list);
}

/* How many jobs there are of each state, now. */
static int set_job_gauges(struct rp_server *server)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	char name[64];
	int r;

	rp_metrics_set(server->metrics, "jobs{state=\"queued\"}", 0);
	rp_metrics_set(server->metrics, "jobs{state=\"running\"}", 0);
	r = rp_store_first(server->store, &row, RP_SQL_JOB_COUNT);
	for (; r > 0; r = rp_store_next(server->store, row)) {
		snprintf(name, sizeof(name), "jobs{state=\"%s\"}", rp_column_text(row, 0));
		rp_metrics_set(server->metrics, name, rp_column_int(row, 1));
	}
	return r;
}

static int get_metrics(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	int r;

	(void)request;
	rp_metrics_set(server->metrics, "log_size", (int64_t)rp_log_size(server->log));
	r = set_job_gauges(server);
	if (r < 0)
		return failed(reply, r, NULL);
	reply->text = rp_metrics_text(server->metrics);
	reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return reply->text ? 0 : -ENOMEM;
}

const struct rp_route rp_operator_routes[] = {
	{"GET", "/api/v1/rigs", RP_ACCESS_VIEWER, get_rigs},
	{"POST", "/api/v1/rigs", RP_ACCESS_ADMIN, post_rigs, .body_max = RP_BODY_MANIFEST},
	{"GET", "/api/v1/rigs/:name", RP_ACCESS_VIEWER, get_rig},
	{"DELETE", "/api/v1/rigs/:name", RP_ACCESS_ADMIN, delete_rig},
	{"GET", "/api/v1/rigs/:name/boots", RP_ACCESS_VIEWER, get_boots},
	{"POST", "/api/v1/rigs/:name/approve", RP_ACCESS_ADMIN, post_approve,
		.body_max = RP_BODY_MANIFEST},
	{"POST", "/api/v1/rigs/:name/announce", RP_ACCESS_ADMIN, post_announce,
		.body_max = RP_BODY_SMALL},
	{"POST", "/api/v1/rigs/:name/power", RP_ACCESS_ADMIN, post_power,
		.body_max = RP_BODY_SMALL},
	{"POST", "/api/v1/rigs/:name/state", RP_ACCESS_ADMIN, post_state,
		.body_max = RP_BODY_SMALL},
	{"GET", "/api/v1/images", RP_ACCESS_VIEWER, get_images},
	{"POST", "/api/v1/images", RP_ACCESS_ADMIN, post_images, .body_max = RP_BODY_MANIFEST},
	{"GET", "/api/v1/jobs", RP_ACCESS_VIEWER, get_jobs},
	{"POST", "/api/v1/jobs", RP_ACCESS_ADMIN, post_jobs, .body_max = RP_BODY_MANIFEST},
	{"GET", "/api/v1/jobs/:id", RP_ACCESS_VIEWER, get_job},
	{"POST", "/api/v1/jobs/:id/cancel", RP_ACCESS_ADMIN, post_cancel,
		.body_max = RP_BODY_SMALL},
	{"GET", "/api/v1/jobs/:id/evidence", RP_ACCESS_VIEWER, get_evidence},
	{"GET", "/api/v1/jobs/:id/timeline", RP_ACCESS_VIEWER, get_timeline},
	{"GET", "/api/v1/log/checkpoint", RP_ACCESS_VIEWER, get_checkpoint},
	{"GET", "/api/v1/log/proof", RP_ACCESS_VIEWER, get_proof},
	{"GET", "/api/v1/log/consistency", RP_ACCESS_VIEWER, get_consistency},
	{"GET", "/api/v1/results", RP_ACCESS_VIEWER, get_results},
	{"GET", "/api/v1/refused", RP_ACCESS_VIEWER, get_refused},
	{"GET", "/metrics", RP_ACCESS_ANY, get_metrics},
	{0},
};
