/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/result.h"
#include "agent/unit.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"

struct rp_run {
	struct rp_run_config config;
	struct rp_signed_job job;
	json_t *modules, *checks, *error; /* facts; error: NULL unless abandoned */
	int64_t started, began, deadline; /* realtime; monotonic */
	char refused[192];		  /* why no check may run; "" */
	size_t next_module, next_check;
	struct rp_unit *unit;		    /* the check that runs */
	int64_t check_started, check_began; /* realtime; monotonic */
};

int rp_run_new(const struct rp_run_config *config, struct rp_signed_job *job, struct rp_run **ret,
	struct rp_error *err)
{
	rp_cleanup(run) struct rp_run *run = calloc(1, sizeof(*run));
	json_int_t timeout_s = json_integer_value(json_object_get(job->json, "timeout_s"));

	if (!run)
		return rp_error_memory(err);
	run->config = *config;
	run->modules = json_array();
	run->checks = json_array();
	if (!run->modules || !run->checks)
		return rp_error_memory(err);
	run->job = *job;
	*job = (struct rp_signed_job){0};
	run->started = rp_clock_realtime();
	run->began = rp_clock_monotonic();
	run->deadline = run->began + timeout_s * RP_SECOND;
	snprintf(config->status->job, sizeof(config->status->job), "%s", run->job.id);
	config->status->done = 0;
	config->status->total = (uint32_t)json_array_size(json_object_get(run->job.json, "checks"));
	*ret = rp_steal(run);
	return 0;
}

struct rp_run *rp_run_free(struct rp_run *run)
{
	if (!run)
		return NULL;
	if (run->unit)
		rp_unit_stop(run->unit);
	rp_unit_free(run->unit);
	if (run->config.status)
		*run->config.status->check = '\0';
	json_decref(run->modules);
	json_decref(run->checks);
	json_decref(run->error);
	rp_signed_job_done(&run->job);
	free(run);
	return NULL;
}

/* Realtime as it was set when the run began: a clock that is set meanwhile turns no order round. */
static int64_t time_in_run(const struct rp_run *run)
{
	return run->started + rp_clock_monotonic() - run->began;
}

const char *rp_run_job(const struct rp_run *run)
{
	return run->job.id;
}

void rp_run_abandon(struct rp_run *run, enum rp_stage stage, const char *message)
{
	if (run->error)
		return;
	run->error = rp_result_error(stage, message);
	run->next_module = json_array_size(json_object_get(run->job.json, "modules"));
	run->next_check = json_array_size(json_object_get(run->job.json, "checks"));
}

static enum rp_run_state load_module(
	struct rp_run *run, const json_t *module, const struct rp_module_place *place)
{
	json_t *result = NULL;

	run->next_module++;
	if (rp_module_load(place, module, &result) < 0 ||
		json_array_append_new(run->modules, result) < 0) {
		rp_run_abandon(run, RP_STAGE_AGENT, "no memory");
		return RP_RUN_AGAIN;
	}
	if (!json_is_true(json_object_get(result, "loaded")))
		snprintf(run->refused, sizeof(run->refused), "not run: module %.64s was not loaded",
			rp_json_string_or(module, "name", ""));
	return RP_RUN_AGAIN;
}

/* entry is taken over; NULL: there was no memory for it. */
static void add_check(struct rp_run *run, const char *name, json_t *entry)
{
	struct rp_agent_status *status = run->config.status;
	const char *verdict = rp_json_string_or(entry, "verdict", "error");

	run->next_check++;
	status->done++;
	*status->check = '\0';
	if (json_array_append_new(run->checks, entry) < 0) {
		rp_run_abandon(run, RP_STAGE_CHECKS, "no memory");
		return;
	}
	run->config.progress(run->config.context, name, verdict);
}

static const json_t *current_check(const struct rp_run *run)
{
	return json_array_get(json_object_get(run->job.json, "checks"), run->next_check);
}

static void on_unit_done(void *context, const struct rp_unit_end *end)
{
	struct rp_run *run = context;
	const char *name = rp_json_string_or(current_check(run), "name", "");
	json_t *entry = rp_result_of_check(
		name, run->check_started, rp_clock_monotonic() - run->check_began, end);

	run->unit = rp_unit_free(run->unit);
	add_check(run, name, entry);
	run->config.wake(run->config.context);
}

/* Within its own time and within what is left of the job's. */
static int start_check(struct rp_run *run, const json_t *check, sd_bus *bus, struct rp_error *err)
{
	const char *disks = rp_json_string_or(run->job.json, "disks", "never");
	struct rp_unit_spec spec = rp_unit_spec_of(check, strcmp(disks, "write") == 0);
	int64_t left = run->deadline - rp_clock_monotonic();

	if (left <= 0)
		return rp_error_set(err, -ETIME, "the time of the job was over before it");
	if (!bus)
		return rp_error_set(err, -ENOTCONN, "no connection to the system bus");
	if (spec.timeout_us > left)
		spec.timeout_us = left;
	run->check_started = time_in_run(run);
	run->check_began = rp_clock_monotonic();
	return rp_unit_start(bus, run->config.event, &spec, on_unit_done, run, &run->unit, err);
}

static enum rp_run_state run_check(struct rp_run *run, const json_t *check, sd_bus *bus)
{
	struct rp_agent_status *status = run->config.status;
	const char *name = rp_json_string_or(check, "name", "");
	struct rp_error err = RP_ERROR_NONE;

	if (*run->refused) {
		add_check(run, name, rp_result_not_run(name, "skip", run->refused));
		return RP_RUN_AGAIN;
	}
	snprintf(status->check, sizeof(status->check), "%s", name);
	if (start_check(run, check, bus, &err) < 0) {
		add_check(run, name, rp_result_not_run(name, "error", err.text));
		return RP_RUN_AGAIN;
	}
	run->config.progress(run->config.context, NULL, NULL);
	return RP_RUN_WAIT;
}

enum rp_run_state rp_run_step(
	struct rp_run *run, sd_bus *bus, const struct rp_module_place *modules)
{
	const json_t *module =
		json_array_get(json_object_get(run->job.json, "modules"), run->next_module);
	const json_t *check = current_check(run);

	if (run->unit)
		return RP_RUN_WAIT;
	/* After one refusal the others are still tried: each has its own reason to be told. */
	if (module)
		return load_module(run, module, modules);
	return check ? run_check(run, check, bus) : RP_RUN_DONE;
}

static json_t *stage(enum rp_stage stage, const char *start, const char *end)
{
	return json_pack(
		"{s:s, s:s, s:s}", "stage", rp_stage_text(stage), "start", start, "end", end);
}

/* The stages before, and ours: checks is over, report begins. */
static json_t *make_stages(const struct rp_run *run, const char *started, const char *now)
{
	rp_cleanup(json) json_t *stages = json_copy(run->config.stages);

	if (json_array_append_new(stages, stage(RP_STAGE_CHECKS, started, now)) < 0 ||
		json_array_append_new(stages, stage(RP_STAGE_REPORT, now, "")) < 0)
		return NULL;
	return rp_steal(stages);
}

int rp_run_sign(struct rp_run *run, EVP_PKEY *boot_key, json_t **ret_envelope, char ret_verdict[8],
	struct rp_error *err)
{
	char started[RP_TIME_TEXT], finished[RP_TIME_TEXT];
	rp_cleanup(json) json_t *kernel = NULL;
	rp_cleanup(json) json_t *stages = NULL;

	/* What fails is told by its reports. */
	rp_kmsg_read(run->config.kmsg);
	rp_clock_format(run->started, started);
	rp_clock_format(time_in_run(run), finished);
	kernel = rp_result_kernel(run->config.root, run->config.kmsg);
	stages = make_stages(run, started, finished);
	if (!kernel || !stages)
		return rp_error_memory(err);
	return rp_result_sign(
		&(struct rp_statement_parts){
			.job_payload = run->job.payload,
			.job_payload_len = run->job.payload_len,
			.job = run->job.json,
			.modules = run->modules,
			.checks = run->checks,
			.kernel = kernel,
			.stages = stages,
			.started = started,
			.finished = finished,
			.error = run->error,
		},
		boot_key, ret_envelope, ret_verdict, err);
}
