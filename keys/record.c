/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "keys/assurance.h"
#include "keys/rig_protocol.h"
#include "keys/shape.h"
#include "keys/report_kind.h"

const char *const rp_verdict_words[] = {"pass", "fail", "error", "skip", NULL};
static const char *const schedulers[] = {"other", "fifo", "rr", NULL};
static const char *const disks[] = {"never", "write", NULL};

static const struct rp_shape file[] = {
	{"name", RP_SHAPE_NAME},
	{"sha256", RP_SHAPE_SHA256},
	{NULL},
};

static const struct rp_shape job_module[] = {
	{"name", RP_SHAPE_NAME},
	{"sha256", RP_SHAPE_SHA256},
	{"parameters", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape job_check[] = {
	{"name", RP_SHAPE_NAME},
	{"exec", RP_SHAPE_STRINGS},
	{"timeout_s", RP_SHAPE_INT, .min = 1, .max = 7 * 86400},
	{"memory_mb", RP_SHAPE_INT, .min = 0, .max = 1 << 24},
	{"cpus", RP_SHAPE_STRING},
	{"scheduler", RP_SHAPE_WORD, .words = schedulers},
	{"priority", RP_SHAPE_INT, .min = 0, .max = 99},
	{"user", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape job_limit[] = {
	{"metric", RP_SHAPE_STRING},
	{"max", RP_SHAPE_NUMBER, .optional = true},
	{"min", RP_SHAPE_NUMBER, .optional = true},
	{NULL},
};

static const struct rp_shape job_shape[] = {
	{"version", RP_SHAPE_INT, .min = 1, .max = 1},
	{"job", RP_SHAPE_ID},
	{"rig", RP_SHAPE_NAME},
	{"boot", RP_SHAPE_ID},
	{"nonce", RP_SHAPE_SHA256},
	{"created", RP_SHAPE_TIME},
	{"plan", RP_SHAPE_NAME},
	{"image", RP_SHAPE_OBJECT, .fields = file},
	{"modules", RP_SHAPE_OBJECTS, .fields = job_module},
	{"checks", RP_SHAPE_OBJECTS, .fields = job_check},
	{"limits", RP_SHAPE_OBJECTS, .fields = job_limit},
	{"expected_reports", RP_SHAPE_STRINGS, .optional = true},
	{"disks", RP_SHAPE_WORD, .words = disks},
	{"timeout_s", RP_SHAPE_INT, .min = 1, .max = 30 * 86400},
	{NULL},
};

static const struct rp_shape loader[] = {
	{"name", RP_SHAPE_NAME, .empty = true},
	{"sha256", RP_SHAPE_SHA256, .empty = true},
	{NULL},
};

static const struct rp_shape secure_boot[] = {
	{"enabled", RP_SHAPE_BOOL},
	{"setup_mode", RP_SHAPE_BOOL},
	{"keys_enrolled_by_us", RP_SHAPE_BOOL},
	{NULL},
};

static const struct rp_shape stage[] = {
	{"stage", RP_SHAPE_WORD, .words = rp_stage_words},
	{"start", RP_SHAPE_TIME},
	{"end", RP_SHAPE_TIME, .empty = true},
	{NULL},
};

static const char *const powers[] = {"none", "driver", "announced", NULL};

static const struct rp_shape announced[] = {
	{"by", RP_SHAPE_STRING},
	{"at", RP_SHAPE_TIME},
	{NULL},
};

static const struct rp_shape seen[] = {
	{"power", RP_SHAPE_WORD, .words = powers},
	{"announced", RP_SHAPE_OBJECT, .optional = true, .fields = announced},
	{"offer", RP_SHAPE_TIME, .empty = true},
	{"script", RP_SHAPE_TIME, .empty = true},
	{"image", RP_SHAPE_TIME, .empty = true},
	{"missing", RP_SHAPE_STRINGS},
	{NULL},
};

static const struct rp_shape boot_shape[] = {
	{"version", RP_SHAPE_INT, .min = 1, .max = 1},
	{"boot", RP_SHAPE_ID},
	{"rig", RP_SHAPE_NAME},
	{"job", RP_SHAPE_ID, .empty = true},
	{"assurance", RP_SHAPE_WORD, .words = rp_assurance_words},
	{"mac", RP_SHAPE_STRING},
	{"uuid", RP_SHAPE_STRING},
	{"address", RP_SHAPE_STRING},
	{"image", RP_SHAPE_OBJECT, .fields = file},
	{"loader", RP_SHAPE_OBJECT, .fields = loader},
	{"secure_boot", RP_SHAPE_OBJECT, .fields = secure_boot},
	{"boot_key", RP_SHAPE_SHA256},
	{"started", RP_SHAPE_TIME},
	{"certified", RP_SHAPE_TIME},
	{"stages", RP_SHAPE_OBJECTS, .fields = stage},
	{"seen", RP_SHAPE_OBJECT, .fields = seen},
	{NULL},
};

static const struct rp_shape ack_shape[] = {
	{"version", RP_SHAPE_INT, .min = 1, .max = 1},
	{"result", RP_SHAPE_ID},
	{"sha256", RP_SHAPE_SHA256},
	{"index", RP_SHAPE_INT, .min = 0, .max = INT64_MAX},
	{"accepted", RP_SHAPE_TIME},
	{NULL},
};

static const char *string_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const json_t *find_named(const json_t *array, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		const char *other = string_at(json_array_get(array, i), "name");

		if (strlen(other) == len && memcmp(other, name, len) == 0)
			return json_array_get(array, i);
	}
	return NULL;
}

static int check_unique(const json_t *array, const char *where, struct rp_error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item) {
		const char *name = string_at(item, "name");

		if (find_named(array, i, name, strlen(name)))
			return rp_error_set(
				err, -EINVAL, "%s[%zu].name: %s is there twice", where, i, name);
	}
	return 0;
}

static int check_limits(const json_t *job, struct rp_error *err)
{
	const json_t *checks = json_object_get(job, "checks");
	const json_t *limit;
	size_t i;

	json_array_foreach (json_object_get(job, "limits"), i, limit) {
		const char *metric = string_at(limit, "metric");
		const char *slash = strchr(metric, '/');

		if (!slash || !slash[1] ||
			!find_named(
				checks, json_array_size(checks), metric, (size_t)(slash - metric)))
			return rp_error_set(err, -EINVAL,
				"job.limits[%zu].metric: \"%.64s\" names no check of the job "
				"(CHECK/METRIC)",
				i, metric);
		if (!json_object_get(limit, "max") == !json_object_get(limit, "min"))
			return rp_error_set(err, -EINVAL,
				"job.limits[%zu]: expected max or min, one of them", i);
	}
	return 0;
}

static int check_commands(const json_t *job, struct rp_error *err)
{
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(job, "checks"), i, check)
		if (json_array_size(json_object_get(check, "exec")) == 0)
			return rp_error_set(
				err, -EINVAL, "job.checks[%zu].exec: expected a command", i);
	return 0;
}

static int check_expected(const json_t *job, struct rp_error *err)
{
	const json_t *kind;
	size_t i;

	json_array_foreach (json_object_get(job, "expected_reports"), i, kind)
		if (!rp_report_kind_valid(json_string_value(kind)))
			return rp_error_set(err, -EINVAL,
				"job.expected_reports[%zu]: \"%.64s\" is no kind of kernel report",
				i, json_string_value(kind));
	return 0;
}

int rp_record_check_job(const json_t *job, struct rp_error *err)
{
	int r = rp_shape_check(job, job_shape, "job", err);

	if (r == 0)
		r = check_unique(json_object_get(job, "modules"), "job.modules", err);
	if (r == 0)
		r = check_unique(json_object_get(job, "checks"), "job.checks", err);
	if (r == 0)
		r = check_commands(job, err);
	if (r == 0)
		r = check_expected(job, err);
	return r < 0 ? r : check_limits(job, err);
}

static bool is_missing(const json_t *record, const char *word)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(record, "missing"), i, item) {
		if (strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

/* The word is no stronger than what the record says was seen, and missing is what is not there. */
static int check_seen(const json_t *boot, struct rp_error *err)
{
	const json_t *by = json_object_get(boot, "seen");
	const char *assurance = string_at(boot, "assurance"), *script, *image;
	struct rp_assurance_facts facts = {.token = true, .secure_boot = true};
	size_t missing = 0;

	script = string_at(by, "script");
	image = string_at(by, "image");
	for (int i = 0; i < RP_SEENS; i++) {
		facts.seen[i] = !is_missing(by, rp_seen_words[i]);
		missing += !facts.seen[i];
	}
	if (missing != json_array_size(json_object_get(by, "missing")))
		return rp_error_set(err, -EINVAL,
			"boot.seen.missing: a word twice, or none of power, offer, image, uuid, "
			"keys");
	if ((strcmp(string_at(by, "power"), "announced") == 0) !=
		!!json_object_get(by, "announced"))
		return rp_error_set(err, -EINVAL,
			"boot.seen.announced: who and when is there where power is announced, and "
			"not elsewhere");
	if (facts.seen[RP_SEEN_POWER] != (strcmp(string_at(by, "power"), "none") != 0) ||
		facts.seen[RP_SEEN_OFFER] != (*string_at(by, "offer") != '\0') ||
		facts.seen[RP_SEEN_IMAGE] != (*script && *image && strcmp(script, image) <= 0) ||
		facts.seen[RP_SEEN_KEYS] !=
			json_is_true(json_object_get(
				json_object_get(boot, "secure_boot"), "keys_enrolled_by_us")))
		return rp_error_set(err, -EINVAL, "boot.seen.missing: contradicts what was seen");
	if ((strcmp(assurance, "secure-boot") == 0 &&
		    strcmp(rp_assurance_of(&facts), assurance) != 0) ||
		(strcmp(assurance, "boot-token") == 0 && !facts.seen[RP_SEEN_IMAGE]))
		return rp_error_set(err, -EINVAL,
			"boot.assurance: %s is more than boot.seen supports", assurance);
	return 0;
}

static int check_assurance(const json_t *boot, struct rp_error *err)
{
	const char *assurance = string_at(boot, "assurance");
	const json_t *state = json_object_get(boot, "secure_boot");

	if (strcmp(assurance, "attested") == 0)
		return rp_error_set(err, -ENOTSUP,
			"boot.assurance: attested: this version cannot verify TPM quotes, so it "
			"takes nobody's word for one");
	if (strcmp(assurance, "secure-boot") == 0 &&
		!(json_is_true(json_object_get(state, "enabled")) &&
			json_is_false(json_object_get(state, "setup_mode")) &&
			json_is_true(json_object_get(state, "keys_enrolled_by_us"))))
		return rp_error_set(err, -EINVAL,
			"boot.assurance: secure-boot contradicts boot.secure_boot: it must be "
			"enabled, out of Setup Mode, with our keys");
	return 0;
}

/* Each at most once, and in the order of a boot. Their times are a wall clock's. */
static int check_stages(const json_t *boot, struct rp_error *err)
{
	const json_t *item;
	int last = -1;
	size_t i;

	json_array_foreach (json_object_get(boot, "stages"), i, item) {
		enum rp_stage at = RP_STAGES;

		if (rp_stage_parse(string_at(item, "stage"), &at) < 0 || (int)at <= last)
			return rp_error_set(err, -EINVAL,
				"boot.stages[%zu]: %s is not at its place", i,
				string_at(item, "stage"));
		last = (int)at;
	}
	return 0;
}

int rp_record_check_boot(const json_t *boot, struct rp_error *err)
{
	const json_t *by;
	int r = rp_shape_check(boot, boot_shape, "boot", err);

	if (r < 0)
		return r;
	by = json_object_get(boot, "loader");
	if (!*string_at(by, "name") != !*string_at(by, "sha256"))
		return rp_error_set(
			err, -EINVAL, "boot.loader: name and sha256 are both there or both empty");
	r = check_stages(boot, err);
	if (r == 0)
		r = check_assurance(boot, err);
	return r < 0 ? r : check_seen(boot, err);
}

int rp_record_check_ack(const json_t *ack, struct rp_error *err)
{
	return rp_shape_check(ack, ack_shape, "ack", err);
}

static int is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return 1;
	return 0;
}

int rp_verdict_valid(const char *word)
{
	return is_one_of(word, rp_verdict_words);
}
