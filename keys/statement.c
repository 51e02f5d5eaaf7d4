/* SPDX-License-Identifier: Apache-2.0 */
/* From facts to a statement. What follows from the facts is in verdict.c. */
#include "keys/statement.h"

#include <errno.h>
#include <string.h>

#include "keys/facts.h"
#include "keys/record.h"
#include "keys/rig_protocol.h"
#include "keys/shape.h"
#include "keys/verdict.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/json.h"

static const char *const directives[] = {"", "skip", "todo", NULL};
static const char *const directions[] = {"", "lower", "higher", NULL};

static const struct rp_shape module_shape[] = {
	{"name", RP_SHAPE_NAME},
	{"sha256", RP_SHAPE_SHA256},
	{"loaded", RP_SHAPE_BOOL},
	{"errno", RP_SHAPE_INT},
	{"message", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape test_shape[] = {
	{"number", RP_SHAPE_INT, .min = 0, .max = INT32_MAX},
	{"ok", RP_SHAPE_BOOL},
	{"description", RP_SHAPE_STRING},
	{"directive", RP_SHAPE_WORD, .words = directives},
	{"reason", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape metric_shape[] = {
	{"name", RP_SHAPE_STRING},
	{"value", RP_SHAPE_NUMBER},
	{"unit", RP_SHAPE_STRING},
	{"better", RP_SHAPE_WORD, .words = directions},
	{"samples", RP_SHAPE_NUMBERS},
	{NULL},
};

/* A check that could not be run has no times, no exit and no output. */
static const struct rp_shape check_shape[] = {
	{"name", RP_SHAPE_NAME},
	{"verdict", RP_SHAPE_WORD, .words = rp_verdict_words},
	{"message", RP_SHAPE_STRING},
	{"exit_status", RP_SHAPE_INT},
	{"exit_result", RP_SHAPE_STRING},
	{"started", RP_SHAPE_TIME, .empty = true},
	{"duration_ms", RP_SHAPE_INT, .min = 0, .max = INT64_MAX},
	{"output_sha256", RP_SHAPE_SHA256, .empty = true},
	{"tests", RP_SHAPE_OBJECTS, .fields = test_shape},
	{"metrics", RP_SHAPE_OBJECTS, .fields = metric_shape},
	{"limits", RP_SHAPE_ANY, .optional = true},
	{NULL},
};

static const struct rp_shape report_shape[] = {
	{"kind", RP_SHAPE_STRING},
	{"line", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape kernel_shape[] = {
	{"release", RP_SHAPE_STRING},
	{"command_line", RP_SHAPE_STRING},
	{"log_sha256", RP_SHAPE_SHA256, .empty = true},
	{"reports", RP_SHAPE_OBJECTS, .fields = report_shape},
	{"tainted", RP_SHAPE_INT, .min = 0, .max = INT64_MAX},
	{NULL},
};

static const struct rp_shape stage_shape[] = {
	{"stage", RP_SHAPE_WORD, .words = rp_stage_words},
	{"start", RP_SHAPE_TIME},
	{"end", RP_SHAPE_TIME, .empty = true},
	{NULL},
};

static const struct rp_shape error_shape[] = {
	{"stage", RP_SHAPE_WORD, .words = rp_stage_words},
	{"message", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape times_shape[] = {
	{"started", RP_SHAPE_TIME},
	{"finished", RP_SHAPE_TIME},
	{NULL},
};

static int no_memory(struct rp_error *err)
{
	return rp_error_memory(err);
}

static int check_forms(const struct rp_statement_parts *parts, struct rp_error *err)
{
	rp_cleanup(json) json_t *times =
		json_pack("{s:s*, s:s*}", "started", parts->started, "finished", parts->finished);
	int r = rp_record_check_job(parts->job, err);

	if (r == 0)
		r = rp_shape_check_all(parts->modules, module_shape, "modules", err);
	if (r == 0)
		r = rp_shape_check_all(parts->checks, check_shape, "checks", err);
	if (r == 0)
		r = rp_shape_check(parts->kernel, kernel_shape, "kernel", err);
	if (r == 0 && parts->stages)
		r = rp_shape_check_all(parts->stages, stage_shape, "stages", err);
	if (r == 0 && parts->error)
		r = rp_shape_check(parts->error, error_shape, "error", err);
	return r < 0 ? r : rp_shape_check(times, times_shape, "result", err);
}

/*
 * The items of a result in the job's order, some perhaps missing, none twice, none added: each is
 * found at or after the place of the one before.
 */
static int check_order(const json_t *found, const json_t *wanted, const char *const *keys,
	const char *where, struct rp_error *err)
{
	size_t at = 0, n = json_array_size(wanted), i;
	const json_t *item;

	json_array_foreach (found, i, item) {
		for (; at < n; at++) {
			const json_t *other = json_array_get(wanted, at);
			const char *const *key = keys;

			while (*key && json_equal(json_object_get(item, *key),
					       json_object_get(other, *key)))
				key++;
			if (!*key)
				break;
		}
		if (at++ == n)
			return rp_error_set(err, -EINVAL,
				"%s[%zu]: %s is not the job's, or not at its place", where, i,
				json_string_value(json_object_get(item, "name")));
	}
	return 0;
}

/* [{"name":"image:NAME","digest":{"sha256"}}, {"name":"module:NAME",...}...] of the job. */
static json_t *make_subjects(const json_t *job)
{
	rp_cleanup(json) json_t *subjects = json_array();
	const json_t *image = json_object_get(job, "image");
	const json_t *modules = json_object_get(job, "modules");
	size_t n = json_array_size(modules);

	for (size_t i = 0; i <= n; i++) {
		const json_t *item = i ? json_array_get(modules, i - 1) : image;
		json_t *subject = json_pack("{s:s++, s:{s:O}}", "name", i ? "module" : "image", ":",
			json_string_value(json_object_get(item, "name")), "digest", "sha256",
			json_object_get(item, "sha256"));

		if (json_array_append_new(subjects, subject) < 0)
			return NULL;
	}
	return rp_steal(subjects);
}

/* The facts, and what follows from them. */
static json_t *make_predicate(const struct rp_statement_parts *parts, const char *job_sha256,
	const struct rp_judgement *judgement)
{
	const json_t *job = parts->job;
	rp_cleanup(json) json_t *none = json_array();
	json_t *predicate = json_pack("{s:s, s:[{s:s, s:{s:s}}], s:O, s:O, s:O, s:O, s:O, s:O, "
				      "s:O, s:s, s:O, s:O, s:O, s:O, s:s, s:s}",
		"result", judgement->result, "configuration", "name", "job", "digest", "sha256",
		job_sha256, "passedTests", judgement->passed, "warnedTests", judgement->warned,
		"failedTests", judgement->failed, "rigproof_job", json_object_get(job, "job"),
		"rigproof_rig", json_object_get(job, "rig"), "rigproof_boot",
		json_object_get(job, "boot"), "rigproof_nonce", json_object_get(job, "nonce"),
		"rigproof_verdict", judgement->verdict, "rigproof_modules", parts->modules,
		"rigproof_checks", judgement->checks, "rigproof_kernel", parts->kernel,
		"rigproof_stages", parts->stages ? parts->stages : none, "rigproof_started",
		parts->started, "rigproof_finished", parts->finished);

	if (predicate && judgement->error &&
		json_object_set(predicate, "rigproof_error", judgement->error) < 0) {
		json_decref(predicate);
		return NULL;
	}
	return predicate;
}

int rp_statement_make(const struct rp_statement_parts *parts, json_t **ret, struct rp_error *err)
{
	static const char *const by_name[] = {"name", NULL};
	static const char *const by_digest[] = {"name", "sha256", NULL};
	rp_cleanup(judgement) struct rp_judgement judgement = {0};
	char job_sha256[RP_SHA256_HEX];
	json_t *subjects, *predicate, *statement;
	int r;

	r = check_forms(parts, err);
	if (r == 0)
		r = check_order(parts->modules, json_object_get(parts->job, "modules"), by_digest,
			"modules", err);
	if (r == 0)
		r = check_order(parts->checks, json_object_get(parts->job, "checks"), by_name,
			"checks", err);
	if (r == 0)
		r = rp_facts_check(parts, err);
	if (r == 0)
		r = rp_sha256_hex(parts->job_payload, parts->job_payload_len, job_sha256);
	if (r == 0)
		r = rp_judge(parts, &judgement, err);
	if (r < 0)
		return r;
	subjects = make_subjects(parts->job);
	predicate = make_predicate(parts, job_sha256, &judgement);
	/* "o": takes both, whatever becomes of it */
	statement = json_pack("{s:s, s:o, s:s, s:o}", "_type", RP_STATEMENT_TYPE, "subject",
		subjects, "predicateType", RP_STATEMENT_PREDICATE, "predicate", predicate);
	if (!statement)
		return no_memory(err);
	*ret = statement;
	return 0;
}

static const char *string_or_null(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The first key of a or b with another value, or NULL. */
static const char *first_difference(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)a, key, value)
		if (!json_equal(value, json_object_get(b, key)))
			return key;
	json_object_foreach ((json_t *)b, key, value)
		if (!json_object_get(a, key))
			return key;
	return NULL;
}

static int compare(const json_t *said, const json_t *follows, struct rp_error *err)
{
	const json_t *said_in = json_object_get(said, "predicate");
	const json_t *follows_in = json_object_get(follows, "predicate");
	const char *key;

	if (json_equal(said, follows))
		return 0;
	key = first_difference(follows, said);
	if (key && strcmp(key, "predicate") == 0)
		key = first_difference(follows_in, said_in);
	if (key && string_or_null(said_in, key) && string_or_null(follows_in, key))
		return rp_error_set(err, -EACCES,
			"%s: the result says \"%.64s\", but from the job and its own facts follows "
			"\"%.64s\"",
			key, string_or_null(said_in, key), string_or_null(follows_in, key));
	return rp_error_set(err, -EACCES,
		"%s: is not what follows from the job and the result's facts",
		key ? key : "result");
}

int rp_statement_check(const json_t *statement, const void *job_payload, size_t job_payload_len,
	struct rp_error *err)
{
	const json_t *predicate = json_object_get(statement, "predicate");
	rp_cleanup(json) json_t *job = NULL;
	rp_cleanup(json) json_t *again = NULL;
	int r;

	if (!json_is_object(predicate))
		return rp_error_set(err, -EINVAL, "not a statement: it has no predicate");
	r = rp_json_parse(job_payload, job_payload_len, &job, err);
	if (r < 0)
		return rp_error_prefix(err, "job"), r;
	r = rp_statement_make(
		&(struct rp_statement_parts){
			.job_payload = job_payload,
			.job_payload_len = job_payload_len,
			.job = job,
			.modules = rp_statement_modules(statement),
			.checks = rp_statement_checks(statement),
			.kernel = rp_statement_kernel(statement),
			.stages = json_object_get(predicate, "rigproof_stages"),
			.started = string_or_null(predicate, "rigproof_started"),
			.finished = string_or_null(predicate, "rigproof_finished"),
			.error = rp_statement_error(statement),
		},
		&again, err);
	return r < 0 ? r : compare(statement, again, err);
}

const char *rp_statement_verdict(const json_t *statement)
{
	return string_or_null(json_object_get(statement, "predicate"), "rigproof_verdict");
}

static const json_t *predicate_at(const json_t *statement, const char *key)
{
	return json_object_get(json_object_get(statement, "predicate"), key);
}

const json_t *rp_statement_modules(const json_t *statement)
{
	return predicate_at(statement, "rigproof_modules");
}

const json_t *rp_statement_checks(const json_t *statement)
{
	return predicate_at(statement, "rigproof_checks");
}

const json_t *rp_statement_kernel(const json_t *statement)
{
	return predicate_at(statement, "rigproof_kernel");
}

const json_t *rp_statement_error(const json_t *statement)
{
	return predicate_at(statement, "rigproof_error");
}
