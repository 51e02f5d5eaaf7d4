/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/states.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/efivars.h"
#include "agent/job.h"
#include "agent/module.h"
#include "agent/spool.h"
#include "agent/systemd1.h"
#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"

#define NOW 0
#define ASK_AGAIN_S 10
#define REFUSED_S 30 /* after a refusal that only a person can mend */
#define POWER_AGAIN_S 60

static int64_t seconds(int s)
{
	return (int64_t)s * RP_SECOND;
}

static int64_t retry_after(const struct rp_answer *answer, int otherwise_s)
{
	return seconds(answer->retry_after_s > 0 ? answer->retry_after_s : otherwise_s);
}

/* ---- hello ---- */

static int64_t follow(struct rp_agent *agent, enum rp_action action, const struct rp_answer *answer)
{
	switch (action) {
	case RP_ACTION_ENROL:
		rp_agent_enter(agent, RP_AGENT_ENROL);
		return NOW;
	case RP_ACTION_JOB:
		rp_agent_enter(agent, RP_AGENT_JOB);
		return NOW;
	case RP_ACTION_POWEROFF:
	case RP_ACTION_REBOOT:
		agent->ending = action;
		rp_agent_enter(agent, RP_AGENT_END);
		return NOW;
	default:
		rp_agent_enter(agent, RP_AGENT_HELLO);
		return retry_after(answer, ASK_AGAIN_S);
	}
}

static int64_t admit(struct rp_agent *agent, const struct rp_answer *answer)
{
	rp_cleanup(identity) struct rp_identity identity = {0};
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *text = NULL;
	char job[RP_ID_TEXT];
	int r;

	r = rp_identity_take(answer->json, agent->key, agent->config->root, &identity, &err);
	if (r == 0)
		r = rp_agent_server_identify(agent->server, identity.chain_pem, agent->key, &err);
	if (r < 0) {
		rp_log_error("hello: %s", err.text);
		return rp_agent_backoff(agent);
	}
	rp_identity_done(&agent->identity);
	agent->identity = identity;
	identity = (struct rp_identity){0};
	agent->admitted = true;
	rp_log_info("rig %s, boot %s, assurance %s: %s", agent->identity.rig, agent->identity.boot,
		agent->identity.assurance, rp_action_text(agent->identity.action));
	if (rp_spool_next(agent->spool_dir, job, &text, NULL) > 0) {
		rp_agent_enter(agent, RP_AGENT_REPORT);
		return NOW;
	}
	return follow(agent, agent->identity.action, answer);
}

/* Only this machine's: nothing is mounted below a folder that stands for another. */
static int mount_efivars(const struct rp_agent *agent, struct rp_error *err)
{
	return *agent->root ? 0 : rp_efivars_mount(agent->efivars_dir, err);
}

static int64_t do_hello(struct rp_agent *agent)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	rp_cleanup(json) json_t *hello = NULL;
	struct rp_error err = RP_ERROR_NONE;
	int r;

	/* Without it Secure Boot cannot be seen; on a BIOS machine there is nothing to see. */
	mount_efivars(agent, NULL);
	r = rp_hello_make(
		agent->key, agent->config->image, agent->root, agent->efivars_dir, &hello, &err);
	if (r == 0)
		r = rp_agent_server_call(
			agent->server, "POST", RP_RIG_PATH_HELLO, hello, &answer, &err);
	if (r < 0) {
		rp_log_warning("hello: %s", err.text);
		return rp_agent_backoff(agent);
	}
	if (answer.status == 200)
		return admit(agent, &answer);
	if (answer.status == 202) {
		struct rp_pending pending = {.reason = "an operator has to"};

		if (rp_pending_read(answer.json, &pending, &err) < 0)
			rp_log_warning("hello: %s", err.text);
		rp_log_info("not approved yet: %s", pending.reason);
		return retry_after(&answer, ASK_AGAIN_S);
	}
	rp_log_error("hello: %s", answer.reason);
	if (answer.status == 403)
		return retry_after(&answer, REFUSED_S);
	return answer.retry_after_s > 0 ? seconds(answer.retry_after_s) : rp_agent_backoff(agent);
}

/* ---- what every call with a certificate may come to ---- */

/*
 * What to do about an answer that is not the hoped-for one. 401, 403, 404 and 409 say that the
 * server thinks otherwise of who or where we are: begin anew, it will tell. The rest passes.
 */
static int64_t mend(struct rp_agent *agent, const char *what, int r, const struct rp_error *err,
	const struct rp_answer *answer)
{
	rp_log_warning("%s: %s", what, r < 0 ? err->text : answer->reason);
	if (r == 0 && answer->status >= 400 && answer->status < 500 && answer->status != 408 &&
		answer->status != 429) {
		rp_agent_enter(agent, RP_AGENT_HELLO);
		return retry_after(answer, ASK_AGAIN_S);
	}
	if (r == 0 && answer->retry_after_s > 0)
		return seconds(answer->retry_after_s);
	return rp_agent_backoff(agent);
}

/* ---- enrol ---- */

static char *enrolled_marker(const struct rp_agent *agent)
{
	return rp_path("%s/enrolled", agent->run_dir);
}

/* Only in Setup Mode; an agent that was started again after it has a marker for that. */
static int write_variables(
	struct rp_agent *agent, const struct rp_enrolment *enrolment, struct rp_error *err)
{
	rp_cleanup(free) char *marker = enrolled_marker(agent);
	struct rp_secure_boot state;
	int r;

	if (!marker)
		return rp_error_memory(err);
	r = mount_efivars(agent, err);
	if (r < 0)
		return r;
	rp_efivars_secure_boot(agent->efivars_dir, &state);
	if (!state.setup_mode && access(marker, F_OK) == 0)
		return 0;
	if (!state.setup_mode)
		return rp_error_set(err, -EPERM,
			"the firmware is not in Setup Mode: clear its Secure Boot keys in its "
			"set-up");
	r = rp_efivars_enrol(agent->efivars_dir, enrolment, err);
	return r < 0 ? r : rp_file_write(marker, 0600, "", 0, err);
}

static int64_t report_enrolled(struct rp_agent *agent)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	rp_cleanup(json) json_t *body = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_secure_boot state;
	enum rp_action action;
	int r;

	rp_efivars_secure_boot(agent->efivars_dir, &state);
	body = rp_enrolled_write(
		&(struct rp_enrolled){.secure_boot = {state.enabled, state.setup_mode}});
	r = rp_agent_server_call(agent->server, "POST", RP_RIG_PATH_ENROLLED, body, &answer, &err);
	if (r == 0 && answer.status == 200)
		r = rp_enrolled_answer_read(answer.json, &action, &err);
	if (r < 0 || answer.status != 200)
		return mend(agent, "enrolled", r, &err, &answer);
	rp_log_info("the lab's keys are enrolled");
	return follow(agent, action, &answer);
}

static int64_t do_enrol(struct rp_agent *agent)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_enrolment enrolment;
	int r;

	r = rp_agent_server_call(agent->server, "GET", RP_RIG_PATH_ENROLMENT, NULL, &answer, &err);
	if (r < 0 || answer.status != 200)
		return mend(agent, "enrolment", r, &err, &answer);
	r = rp_enrolment_read(answer.json, &enrolment, &err);
	if (r == 0)
		r = write_variables(agent, &enrolment, &err);
	if (r == 0)
		return report_enrolled(agent);
	rp_log_error("enrolment: %s", err.text);
	rp_agent_event(agent, RP_STAGE_AGENT, "enrolment: %s", err.text);
	rp_agent_enter(agent, RP_AGENT_HELLO);
	return seconds(REFUSED_S);
}

/* ---- job ---- */

static char *done_marker(const struct rp_agent *agent, const char *job)
{
	return rp_path("%s/%s.done", agent->nonces_dir, job);
}

/* The check's end, and every change between, told on the bus. */
static void on_progress(void *context, const char *check, const char *verdict)
{
	struct rp_agent *agent = context;

	if (check) {
		rp_log_info("check %s: %s", check, verdict);
		rp_agent_bus_check_finished(agent->bus, check, verdict);
	} else {
		rp_log_info("check %s: started", agent->status.check);
	}
	rp_agent_bus_changed(agent->bus);
}

static void on_wake(void *context)
{
	rp_agent_wake(context);
}

/*
 * The stage "agent" is over where "checks" begins. Its start is told by the clock as it is now: the
 * clock may have been set since, and no stage ends before its start.
 */
static void end_stage(struct rp_agent *agent)
{
	int64_t now = rp_clock_realtime(), start = now - (rp_clock_monotonic() - agent->began);
	char start_text[RP_TIME_TEXT], end_text[RP_TIME_TEXT];
	json_t *stage = json_array_get(agent->stages, 0);

	rp_clock_format(start > 0 ? start : 0, start_text);
	rp_clock_format(now, end_text);
	json_object_set_new(stage, "start", json_string(start_text));
	json_object_set_new(stage, "end", json_string(end_text));
}

static int64_t begin(struct rp_agent *agent, struct rp_signed_job *job, bool lost)
{
	struct rp_error err = RP_ERROR_NONE;
	int r;

	end_stage(agent);
	r = rp_run_new(
		&(struct rp_run_config){
			.event = agent->event,
			.root = agent->root,
			.kmsg = agent->kmsg,
			.status = &agent->status,
			.stages = agent->stages,
			.wake = on_wake,
			.progress = on_progress,
			.context = agent,
		},
		job, &agent->run, &err);

	if (r < 0) {
		rp_log_error("job: %s", err.text);
		return rp_agent_backoff(agent);
	}
	rp_log_info("job %s", rp_run_job(agent->run));
	if (lost)
		rp_run_abandon(agent->run, RP_STAGE_AGENT,
			"the agent was started again while the job ran: what its checks found is "
			"lost");
	rp_agent_event(agent, RP_STAGE_CHECKS, "job %s is verified", rp_run_job(agent->run));
	rp_agent_enter(agent, RP_AGENT_CHECKS);
	return NOW;
}

static int64_t refuse(struct rp_agent *agent, const char *reason)
{
	rp_log_error("job refused: %s", reason);
	rp_agent_event(agent, RP_STAGE_AGENT, "job refused: %s", reason);
	rp_agent_enter(agent, RP_AGENT_HELLO);
	return seconds(ASK_AGAIN_S);
}

static int64_t take(struct rp_agent *agent, struct rp_signed_job *job)
{
	rp_cleanup(free) char *done = done_marker(agent, job->id);
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_job_claim_nonce(agent->nonces_dir, job->nonce, &err);

	if (r == 0)
		return begin(agent, job, false);
	if (r != -EEXIST)
		return refuse(agent, err.text);
	if (rp_spool_has(agent->spool_dir, job->id)) {
		rp_agent_enter(agent, RP_AGENT_REPORT);
		return NOW;
	}
	if (!done || access(done, F_OK) == 0)
		return refuse(agent, "its nonce was used before: the job was run and reported");
	return begin(agent, job, true);
}

static int64_t do_job(struct rp_agent *agent)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	rp_cleanup(signed_job) struct rp_signed_job job = {0};
	struct rp_error err = RP_ERROR_NONE;
	int r;

	r = rp_agent_server_call(agent->server, "GET", RP_RIG_PATH_JOB, NULL, &answer, &err);
	if (r == 0 && answer.status == 204)
		return retry_after(&answer, ASK_AGAIN_S);
	if (r < 0 || answer.status != 200)
		return mend(agent, "job", r, &err, &answer);
	r = rp_job_verify(answer.json,
		&(struct rp_job_expected){
			.root = agent->config->root,
			.rig = agent->identity.rig,
			.boot = agent->identity.boot,
			.image = agent->config->image,
		},
		&job, &err);
	return r < 0 ? refuse(agent, err.text) : take(agent, &job);
}

/* ---- checks ---- */

static int64_t finish_run(struct rp_agent *agent)
{
	rp_cleanup(json) json_t *envelope = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char verdict[8];
	int r;

	r = rp_run_sign(agent->run, agent->key, &envelope, verdict, &err);
	if (r == 0)
		r = rp_spool_put(agent->spool_dir, rp_run_job(agent->run), envelope, &err);
	if (r < 0 && r != -EEXIST) {
		rp_log_error("result: %s", err.text);
		rp_agent_event(agent, RP_STAGE_REPORT, "the result cannot be made: %s", err.text);
		return rp_agent_backoff(agent);
	}
	rp_log_info("job %s: %s", rp_run_job(agent->run), verdict);
	rp_agent_event(agent, RP_STAGE_REPORT, "the result is signed: %s", verdict);
	agent->run = rp_run_free(agent->run);
	rp_agent_enter(agent, RP_AGENT_REPORT);
	return NOW;
}

static int64_t do_checks(struct rp_agent *agent)
{
	rp_agent_ensure_bus(agent);
	switch (rp_run_step(agent->run, agent->bus,
		&(struct rp_module_place){
			.image_dir = agent->modules_dir,
			.cache_dir = agent->modules_cache,
			.http = rp_agent_server_http(agent->server),
			.kmsg = agent->kmsg,
		})) {
	case RP_RUN_AGAIN:
		return NOW;
	case RP_RUN_WAIT:
		return RP_AGENT_WAIT;
	case RP_RUN_DONE:
		break;
	}
	return finish_run(agent);
}

/* ---- report ---- */

static void forget(struct rp_agent *agent, const char *job)
{
	rp_cleanup(free) char *done = done_marker(agent, job);
	struct rp_error err = RP_ERROR_NONE;

	if (done && rp_file_write(done, 0600, "", 0, &err) < 0)
		rp_log_error("%s", err.text);
	*agent->status.job = '\0';
}

static int64_t acknowledged(struct rp_agent *agent, const char *job, const struct rp_answer *answer)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_receipt receipt;
	int r;

	r = rp_receipt_read(answer->json, &receipt, &err);
	if (r == 0)
		r = rp_spool_acknowledge(
			agent->spool_dir, job, &receipt, agent->config->root, &err);
	if (r < 0) {
		rp_log_error("acknowledgement: %s", err.text);
		return rp_agent_backoff(agent);
	}
	rp_log_info("job %s: the result is acknowledged", job);
	agent->failures = 0;
	forget(agent, job);
	return follow(agent, receipt.action, answer);
}

static int64_t do_report(struct rp_agent *agent)
{
	rp_cleanup(answer) struct rp_answer answer = {0};
	rp_cleanup(free) char *text = NULL;
	rp_cleanup(free) char *path = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char job[RP_ID_TEXT];
	int r;

	r = rp_spool_next(agent->spool_dir, job, &text, &err);
	if (r <= 0) {
		if (r < 0)
			rp_log_error("%s", err.text);
		rp_agent_enter(agent, RP_AGENT_HELLO);
		return r < 0 ? rp_agent_backoff(agent) : NOW;
	}
	path = rp_path(RP_RIG_PATH_RESULT "%s", job);
	r = path ? rp_agent_server_send(agent->server, "PUT", path, text, &answer, &err) : -ENOMEM;
	if (r == 0 && answer.status == 200)
		return acknowledged(agent, job, &answer);
	if (r == 0 && (answer.status == 403 || answer.status == 409 || answer.status == 400)) {
		rp_log_error("job %s: the result is refused: %s", job, answer.reason);
		rp_spool_set_aside(agent->spool_dir, job, NULL);
		forget(agent, job);
		rp_agent_enter(agent, RP_AGENT_HELLO);
		return seconds(ASK_AGAIN_S);
	}
	rp_log_warning("result: %s", r < 0 ? err.text : answer.reason);
	return r == 0 && answer.retry_after_s > 0 ? seconds(answer.retry_after_s)
						  : rp_agent_backoff(agent);
}

/* ---- end ---- */

static int64_t do_end(struct rp_agent *agent)
{
	const char *method = agent->ending == RP_ACTION_REBOOT ? "Reboot" : "PowerOff";
	int r;

	rp_agent_ensure_bus(agent);
	rp_log_info("%s", rp_action_text(agent->ending));
	r = agent->bus ? sd_bus_call_method_async(agent->bus, NULL, RP_SYSTEMD, RP_SYSTEMD_PATH,
				 RP_SYSTEMD_MANAGER, method, NULL, NULL, NULL)
		       : -ENOTCONN;
	if (r < 0)
		rp_log_error("%s: no answer from systemd: %s", rp_action_text(agent->ending),
			strerror(-r));
	/* systemd ends us with the rest; should it not have, ask again. */
	return r < 0 ? rp_agent_backoff(agent) : seconds(POWER_AGAIN_S);
}

/* ---- what leads from one state to the next ---- */

void rp_agent_cancel(struct rp_agent *agent)
{
	if (agent->state != RP_AGENT_JOB && agent->state != RP_AGENT_CHECKS)
		return;
	rp_log_info("the server cancelled the job");
	agent->run = rp_run_free(agent->run);
	*agent->status.job = '\0';
	rp_agent_enter(agent, RP_AGENT_HELLO);
	rp_agent_wake(agent);
}

static int64_t (*const acts[])(struct rp_agent *agent) = {
	[RP_AGENT_HELLO] = do_hello,
	[RP_AGENT_ENROL] = do_enrol,
	[RP_AGENT_JOB] = do_job,
	[RP_AGENT_CHECKS] = do_checks,
	[RP_AGENT_REPORT] = do_report,
	[RP_AGENT_END] = do_end,
};

int64_t rp_agent_step(struct rp_agent *agent)
{
	return acts[agent->state](agent);
}
