/* SPDX-License-Identifier: Apache-2.0 */
/* A job as it comes in (resolved and checked once, against rig, image and artefacts) and goes out.
 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "server/cas/artefacts.h"
#include "server/jobs/jobs.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

#define REPORT_S 60 /* at most, for an agent to end its check and say so */

static const char *const request_keys[] = {"plan", "image", "rig", "module_sha256", NULL};

/* What a job is made of while it is checked. */
struct submission {
	struct rp_manifest *plan;
	struct rp_rig *rig;
	struct rp_image image;
	const json_t *overrides; /* module -> digest, or NULL */
};

static void submission_done(struct submission *submission)
{
	rp_manifest_free(submission->plan);
	rp_rig_free(submission->rig);
	rp_image_done(&submission->image);
}

static int find_rig(
	struct rp_server *server, const char *name, struct rp_rig **ret, struct rp_error *err)
{
	int r = rp_rigs_get(server, name, ret);

	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	if (r == 0)
		return rp_error_set(err, -ENOENT,
			"rig: there is no rig %s: list them with rigproof rig list", name);
	switch ((*ret)->state) {
	case RP_RIG_RETIRED:
	case RP_RIG_QUARANTINED:
		return rp_error_set(err, -ENOTSUP, "rig: %s is %s and takes no jobs%s%s", name,
			rp_rig_state_text((*ret)->state), (*ret)->reason[0] ? ": " : "",
			(*ret)->reason);
	default:
		break;
	}
	if ((*ret)->manifest->rig->ignore)
		return rp_error_set(err, -ENOTSUP,
			"rig: the manifest of %s says ignore: true, so it is never booted", name);
	return 0;
}

static int find_image(struct rp_server *server, const json_t *request,
	struct submission *submission, struct rp_error *err)
{
	const char *name = rp_json_string_or(request, "image", "");
	int r;

	if (!*name)
		name = submission->plan->plan->image;
	r = rp_images_get(server, name, &submission->image);
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	if (r == 0)
		return rp_error_set(err, -ENOENT,
			"image: there is no image %s: add one with rigproof image add",
			*name ? name : "at all");
	if (!rp_artefacts_has(server->artefacts, submission->image.sha256))
		return rp_error_set(err, -ENOENT,
			"image: the file of %s is gone from the artefact store: add the image "
			"again",
			submission->image.name);
	return 0;
}

static const char *image_module(const struct rp_image *image, const char *name)
{
	const json_t *modules = json_object_get(image->description, "modules");
	size_t i;
	json_t *module;

	json_array_foreach (modules, i, module) {
		if (strcmp(rp_json_string_or(module, "name", ""), name) == 0)
			return rp_json_string_or(module, "sha256", "");
	}
	return NULL;
}

static int resolve_module(struct rp_server *server, const struct submission *submission,
	json_t *module, struct rp_error *err)
{
	const char *name = rp_json_string_or(module, "name", ""), *sha256;

	if (json_object_get(submission->overrides, name)) {
		int r = rp_json_get_sha256(submission->overrides, name, &sha256, err);

		if (r < 0) {
			rp_error_prefix(err, "module_sha256");
			return r;
		}
		if (!rp_artefacts_has(server->artefacts, sha256))
			return rp_error_set(err, -ENOENT,
				"module_sha256: %s: there is no artefact %s: upload it first", name,
				sha256);
	} else {
		sha256 = image_module(&submission->image, name);
		if (!sha256)
			return rp_error_set(err, -ENOENT,
				"plan: module %s is not in image %s: add it to the image's modules "
				"and "
				"build it again",
				name, submission->image.name);
	}
	return json_object_set_new(module, "sha256", json_string(sha256)) < 0 ? -ENOMEM : 0;
}

/* A stage's limit is the site's; the agent is to end a tenth before it and say so itself. */
static int limit_time(struct rp_server *server, json_t *spec)
{
	json_int_t stage = server->site->stages.checks_s, tenth = stage / 10;
	json_int_t limit = stage - (tenth < REPORT_S ? tenth : REPORT_S);

	if (json_integer_value(json_object_get(spec, "timeout_s")) <= limit)
		return 0;
	return json_object_set_new(spec, "timeout_s", json_integer(limit));
}

static int make_spec(struct rp_server *server, const struct submission *submission, json_t **ret,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *spec = NULL;
	json_t *module;
	size_t i;
	int r = rp_plan_to_job(submission->plan->plan, &spec, err);

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(spec, "modules"), i, module) {
		r = resolve_module(server, submission, module, err);
		if (r < 0)
			return r;
	}
	if (limit_time(server, spec) < 0 ||
		json_object_set_new(spec, "image",
			json_pack("{s:s, s:s}", "name", submission->image.name, "sha256",
				submission->image.sha256)) < 0)
		return rp_error_memory(err);
	*ret = rp_steal(spec);
	return 0;
}

static int parse_plan(const json_t *request, struct rp_manifest **ret, struct rp_error *err)
{
	json_t *plan;
	int r = rp_json_get_object(request, "plan", &plan, err);

	if (r == 0)
		r = rp_manifest_from_json(plan, ret, err);
	if (r == 0 && (*ret)->kind != RP_MANIFEST_PLAN)
		r = rp_error_set(err, -EINVAL, "plan: found kind %s, expected plan",
			rp_manifest_kind_name((*ret)->kind));
	return r;
}

static int submit(struct rp_server *server, const json_t *request, struct submission *submission,
	char ret_id[RP_ID_TEXT], struct rp_error *err)
{
	rp_cleanup(json) json_t *spec = NULL;
	rp_cleanup(free) char *text = NULL;
	const char *rig;
	char id[RP_ID_TEXT];
	int r;

	r = rp_json_check_keys(request, request_keys, err);
	if (r == 0)
		r = rp_json_get_string(request, "rig", &rig, err);
	if (r == 0)
		r = parse_plan(request, &submission->plan, err);
	if (r == 0)
		r = find_rig(server, rig, &submission->rig, err);
	if (r == 0)
		r = rp_plan_allowed_on(submission->plan->plan, submission->rig->manifest->rig, err);
	if (r == 0)
		r = find_image(server, request, submission, err);
	submission->overrides = json_object_get(request, "module_sha256");
	if (r == 0)
		r = make_spec(server, submission, &spec, err);
	if (r != 0)
		return r;
	text = rp_json_canonical(spec);
	if (!text)
		return rp_error_memory(err);
	rp_id_new(id);
	r = rp_store_run(server->store, RP_SQL_JOB_ADD, RP_TEXT(id), RP_TEXT(rig),
		RP_TEXT(submission->plan->plan->name), RP_TEXT(submission->image.name),
		RP_TEXT(submission->image.sha256), RP_TEXT(text), RP_INT(server->site->retries + 1),
		RP_INT(rp_store_now(server->store)));
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

int rp_jobs_submit(struct rp_server *server, const json_t *request, char ret_id[RP_ID_TEXT],
	struct rp_error *err)
{
	struct submission submission = {0};
	int r = submit(server, request, &submission, ret_id, err);

	submission_done(&submission);
	if (r == 0)
		rp_jobs_kick(server);
	return r;
}

static json_t *read_attempt(sqlite3_stmt *row, const void *context)
{
	(void)context;
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "boot", rp_column_text(row, 0), "state",
		rp_column_text(row, 1), "message", rp_column_text(row, 2), "started",
		rp_column_time(row, 3), "ended", rp_column_time(row, 4));
}

static int has_result(struct rp_server *server, const char *job)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;

	return rp_store_first(server->store, &row, RP_SQL_RESULT_OF_JOB, RP_TEXT(job));
}

static json_t *check_names(const struct rp_job *job)
{
	json_t *names = json_array(), *check;
	size_t i;

	json_array_foreach (json_object_get(job->spec, "checks"), i, check) {
		json_array_append(names, json_object_get(check, "name"));
	}
	return names;
}

int rp_job_to_json(struct rp_server *server, const struct rp_job *job, json_t **ret)
{
	rp_cleanup(json) json_t *tries = NULL;
	rp_cleanup(json) json_t *timeline = NULL;
	json_t *json, *error = json_null(), *stages;
	struct rp_boot boot;
	int result, r;

	result = has_result(server, job->id);
	r = result < 0 ? result
		       : rp_store_list(server->store, RP_SQL_ATTEMPT_LIST, RP_TEXT(job->id),
				 read_attempt, NULL, &tries);
	if (r == 0 && job->boot[0])
		r = rp_boots_get(server, job->boot, &boot);
	if (r > 0)
		r = rp_boots_timeline(server, &boot, &timeline);
	if (r < 0)
		return r;
	stages = json_object_get(timeline, "stages");
	if (job->error_message[0] && strcmp(job->verdict, "pass") != 0 &&
		strcmp(job->verdict, "fail") != 0)
		error = json_pack(
			"{s:s, s:s}", "stage", job->error_stage, "message", job->error_message);
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:s, s:o, "
			 "s:o, s:b, s:O}",
		"job", job->id, "rig", job->rig, "plan", job->plan, "image", job->image, "state",
		rp_job_state_text(job->state), "verdict", job->verdict, "error", error, "attempt",
		job->attempt, "attempts_max", job->attempts_max, "created",
		rp_time_json(job->created), "started", rp_time_json(job->started), "finished",
		rp_time_json(job->finished), "boot", job->boot, "stages",
		stages ? json_incref(stages) : json_array(), "checks", check_names(job), "result",
		result, "attempts", tries);
	if (!json)
		return -ENOMEM;
	*ret = json;
	return 0;
}

int rp_jobs_list(struct rp_server *server, const struct rp_selection *selection, json_t **ret,
	int64_t *ret_total)
{
	rp_cleanup(json) json_t *ids = NULL;
	rp_cleanup(json) json_t *list = json_array();
	size_t i;
	json_t *id;
	int r = rp_selection_list(server, RP_SQL_JOB_LIST, RP_SQL_JOB_COUNT_LIST, selection,
		rp_column_first, &ids, ret_total);

	if (r < 0)
		return r;
	json_array_foreach (ids, i, id) {
		rp_cleanup(job) struct rp_job job = {0};
		json_t *json = NULL;

		r = rp_jobs_get(server, json_string_value(id), &job);
		if (r > 0)
			r = rp_job_to_json(server, &job, &json);
		if (r < 0)
			return r;
		if (json_array_append_new(list, json) < 0)
			return -ENOMEM;
	}
	*ret = rp_steal(list);
	return 0;
}
