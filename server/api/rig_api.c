/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rigs ask: iPXE without a certificate, the agent's hello, and then the agent with the
 * certificate of its boot, which reaches nothing but the job of that boot.
 */
#include <errno.h>
#include <string.h>

#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/hardware_id.h"
#include "lib/json.h"
#include "lib/metrics.h"
#include "server/api/api.h"
#include "server/boot/facts.h"
#include "server/boot/hello.h"
#include "server/http/https.h"
#include "server/jobs/jobs.h"
#include "server/boot/policy.h"
#include "server/jobs/results.h"
#include "server/state/refused.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

#define ASK_AGAIN_S 10
#define DISK_AGAIN_S 15
#define HELLO_MAX (256 << 10) /* anyone may send one */
#define RESULT_MAX (16 << 20)
#define AUTH_MAX (256u << 10) /* bytes of a .auth file */

/* What failed is ours: the agent keeps what it has and comes again. */
static int store_failed(struct rp_server *server, struct rp_reply *reply, int r)
{
	const char *remedy = r == -ENOSPC ? "make room in the server's state directory; the rig "
					    "tries again by itself"
					  : "see the server's log; the rig tries again by itself";

	if (r >= 0)
		return 0;
	reply->retry_after_s = DISK_AGAIN_S;
	rp_metrics_add(server->metrics, "store_failures_total", 1);
	return rp_reply_error(
		reply, rp_store_status(r), remedy, "the server cannot store: %s", strerror(-r));
}

/* 1: *ret is the boot that this certificate is for. 0: the reply is made. */
static int session(struct rp_server *server, const struct rp_request *request,
	struct rp_reply *reply, struct rp_boot *ret)
{
	struct rp_error err = RP_ERROR_NONE;
	char rig[RP_RIG_TEXT], boot[RP_ID_TEXT];
	int r;

	if (!request->client_cert ||
		rp_pki_boot_identity(request->client_cert, rig, boot, &err) < 0) {
		rp_reply_error(reply, 403, "say hello first", "no boot certificate");
		return 0;
	}
	r = rp_boots_get(server, boot, ret);
	if (r < 0) {
		store_failed(server, reply, r);
		return 0;
	}
	if (r == 0 || strcmp(ret->rig, rig) != 0) {
		rp_refused_add(server, "session", "", boot, request->peer, NULL, 0,
			"a boot certificate for a boot that is not known here");
		rp_reply_error(reply, 403, "start the rig again", "%s: no such boot", boot);
		return 0;
	}
	return 1;
}

/* Like session, where a boot that has ended gets no further. */
static int open_session(struct rp_server *server, const struct rp_request *request,
	struct rp_reply *reply, struct rp_boot *ret)
{
	if (!session(server, request, reply, ret))
		return 0;
	if (ret->state == RP_BOOT_OPEN)
		return 1;
	rp_reply_error(reply, 409, "power off", "boot %s has ended: %s", ret->id,
		ret->message[0] ? ret->message : rp_boot_state_text(ret->state));
	return 0;
}

static int get_script(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	const struct rp_script_request script = {
		.mac = rp_request_query(request, "mac"),
		.uuid = rp_uuid_known(rp_request_query(request, "uuid")),
		.arch = rp_request_query(request, "arch"),
		.platform = rp_request_query(request, "platform"),
		.manufacturer = rp_request_query(request, "manufacturer"),
		.product = rp_request_query(request, "product"),
		.serial = rp_request_query(request, "serial"),
		.asset = rp_request_query(request, "asset"),
		.peer = request->peer,
		.plain = request->plain,
	};
	int r = rp_policy_script(server, &script, &reply->text);

	/* iPXE's script tries again by itself on an HTTP error. */
	return r < 0 ? store_failed(server, reply, r) : 0;
}

static int get_failed(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	int r = rp_policy_script_failed(server, rp_request_query(request, "boot"),
		rp_request_query(request, "step"), rp_request_query(request, "error"),
		request->peer);

	reply->status = 204;
	if (r < 0)
		store_failed(server, reply, r);
	reply->close = true; /* iPXE waits 5 s for the end of a 204 */
	return 0;
}

static int post_hello(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	return store_failed(server, reply, rp_hello_answer(server, request, reply));
}

/* One .auth file of the key folder, base64; caller frees. */
static int read_auth(
	struct rp_server *server, const char *name, char **ret_text, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/%s.auth", server->keys_dir, name);
	rp_cleanup(free) char *data = NULL;
	size_t len;
	int r;

	if (!path)
		return rp_error_memory(err);
	r = rp_file_read(path, AUTH_MAX, &data, &len, err);
	if (r < 0)
		return r;
	*ret_text = rp_base64_encode(data, len);
	return *ret_text ? 0 : rp_error_memory(err);
}

static int get_enrolment(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *db = NULL;
	rp_cleanup(free) char *kek = NULL;
	rp_cleanup(free) char *pk = NULL;
	struct rp_boot boot;

	if (!open_session(server, request, reply, &boot))
		return 0;
	if (boot.purpose != RP_BOOT_FOR_ENROL) {
		rp_refused_add(server, "enrolment", "", boot.id, request->peer, NULL, 0,
			"this boot was not to enrol keys");
		return rp_reply_error(reply, 403, "go on with the action of hello",
			"boot %s is not to enrol keys", boot.id);
	}
	if (read_auth(server, "db", &db, &err) < 0 || read_auth(server, "KEK", &kek, &err) < 0 ||
		read_auth(server, "PK", &pk, &err) < 0)
		return rp_reply_error(
			reply, 503, "make the key folder with rigproof keys init", "%s", err.text);
	reply->json = rp_enrolment_write(&(struct rp_enrolment){.db = db, .kek = kek, .pk = pk});
	if (!reply->json)
		return -ENOMEM;
	return store_failed(
		server, reply, rp_boots_event(server, &boot, "enrolment: the keys were fetched"));
}

static int post_enrolled(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	enum rp_action action;
	struct rp_boot boot;
	int r;

	if (!session(server, request, reply, &boot))
		return 0;
	r = rp_hello_enrolled(server, &boot, request->json, &action, &err);
	if (r == -EINVAL || r == -ENOTSUP || r == -EAGAIN)
		return rp_reply_error(reply, r == -EINVAL ? 400 : 409,
			"write db, KEK and PK, in that order, then report again", "%s", err.text);
	if (r < 0)
		return store_failed(server, reply, r);
	reply->json = rp_action_write(action);
	return reply->json ? 0 : -ENOMEM;
}

static int read_envelope(struct rp_server *server, const char *boot, json_t **ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_BOOT_ENVELOPE, RP_TEXT(boot));

	if (r > 0)
		*ret = rp_column_json(row, 0);
	return r;
}

/* The envelope was made once with the attempt: asking again gives the same bytes. */
static int get_job(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(json) json_t *envelope = NULL;
	rp_cleanup(free) char *pem = NULL;
	struct rp_boot boot;
	int r;

	if (!open_session(server, request, reply, &boot))
		return 0;
	if (!boot.job[0]) {
		reply->status = 204;
		reply->retry_after_s = ASK_AGAIN_S;
		return 0;
	}
	r = read_envelope(server, boot.id, &envelope);
	if (r > 0 && boot.stage < RP_STAGE_CHECKS) {
		r = rp_boots_event(server, &boot, "job fetched by %s", request->peer);
		if (r == 0)
			r = rp_boots_reach(server, &boot, RP_STAGE_CHECKS);
	}
	if (r < 0)
		return store_failed(server, reply, r);
	pem = rp_pem_write_cert(server->job_cert);
	reply->json =
		rp_job_offer_write(&(struct rp_job_offer){.job = envelope, .certificate = pem});
	return reply->json ? 0 : -ENOMEM;
}

static int post_heartbeat(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_heartbeat beat;
	struct rp_boot boot;
	bool open;
	int r;

	if (!session(server, request, reply, &boot))
		return 0;
	r = rp_heartbeat_read(request->json, &beat, &err);
	if (r < 0)
		return rp_reply_error(
			reply, 400, "send stage, check, done and total", "%s", err.text);
	open = boot.state == RP_BOOT_OPEN;
	if (open)
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_HEARTBEAT, RP_TEXT(boot.id),
			RP_INT(rp_store_now(server->store)));
	if (r >= 0 && boot.silent)
		r = rp_boots_event(server, &boot, "the agent is heard again");
	if (r >= 0 && open && boot.stage == RP_STAGE_CHECKS)
		r = rp_boots_detail(server, &boot, RP_STAGE_CHECKS, "%.64s (%d of %d)", beat.check,
			beat.done, beat.total);
	if (r < 0)
		return store_failed(server, reply, r);
	reply->json = rp_action_write(open ? RP_ACTION_CONTINUE : RP_ACTION_CANCEL);
	return reply->json ? 0 : -ENOMEM;
}

static int post_event(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_event event;
	struct rp_boot boot;
	int r;

	if (!open_session(server, request, reply, &boot))
		return 0;
	r = rp_event_read(request->json, &event, &err);
	if (r < 0)
		return rp_reply_error(reply, 400, "send stage and message", "%s", err.text);
	/* Only a boot that was given its job can check and report. */
	if (event.stage >= RP_STAGE_CHECKS && boot.job[0] && boot.stage >= RP_STAGE_CHECKS)
		r = rp_boots_reach(server, &boot, event.stage);
	if (r == 0)
		r = rp_boots_event(server, &boot, "%s", event.message);
	reply->status = 204;
	return store_failed(server, reply, r);
}

/* What the rig does after its result: there is a next attempt, or nothing. */
static enum rp_action after_result(struct rp_server *server, const char *job_id)
{
	rp_cleanup(job) struct rp_job job = {0};
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	struct rp_facts facts;

	if (rp_jobs_get(server, job_id, &job) <= 0 || rp_rigs_get(server, job.rig, &rig) <= 0 ||
		rp_facts_gather(server, rig, &facts, NULL) < 0)
		return RP_ACTION_POWEROFF;
	return rp_next(RP_AT_RESULT, &facts).next == RP_NEXT_REBOOT ? RP_ACTION_REBOOT
								    : RP_ACTION_POWEROFF;
}

static int put_result(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *ack = NULL;
	rp_cleanup(free) char *pem = NULL;
	int r;

	if (!request->client_cert)
		return rp_reply_error(reply, 403, "say hello first", "no boot certificate");
	r = rp_results_accept(server,
		&(struct rp_result_offer){.job = request->parameter[0],
			.cert = request->client_cert,
			.peer = request->peer,
			.body = request->body,
			.len = request->body_len},
		&ack, &err);
	if (r == -EACCES)
		return rp_reply_error(reply, 403,
			"drop it: it is not the result of this boot's job", "%s", err.text);
	if (r == -EEXIST)
		return rp_reply_error(reply, 409, "drop it and power off", "%s", err.text);
	if (r < 0)
		return store_failed(server, reply, r);
	pem = rp_pem_write_cert(server->log_cert);
	reply->json = rp_receipt_write(&(struct rp_receipt){
		.ack = ack,
		.certificate = pem,
		.action = after_result(server, request->parameter[0]),
	});
	return reply->json ? 0 : -ENOMEM;
}

const struct rp_route rp_rig_routes[] = {
	{"GET", "/boot/v1/script", RP_ACCESS_ANY, get_script, .plain = true},
	{"GET", "/boot/v1/failed", RP_ACCESS_ANY, get_failed, .plain = true},
	{"POST", RP_RIG_PATH_HELLO, RP_ACCESS_ANY, post_hello, .body_max = HELLO_MAX},
	{"GET", RP_RIG_PATH_ENROLMENT, RP_ACCESS_RIG, get_enrolment},
	{"POST", RP_RIG_PATH_ENROLLED, RP_ACCESS_RIG, post_enrolled, .body_max = RP_BODY_SMALL},
	{"GET", RP_RIG_PATH_JOB, RP_ACCESS_RIG, get_job},
	{"POST", RP_RIG_PATH_HEARTBEAT, RP_ACCESS_RIG, post_heartbeat, .body_max = RP_BODY_SMALL},
	{"POST", RP_RIG_PATH_EVENT, RP_ACCESS_RIG, post_event, .body_max = RP_BODY_SMALL},
	{"PUT", RP_RIG_PATH_RESULT ":job", RP_ACCESS_RIG, put_result, .body_max = RESULT_MAX},
	{0},
};
