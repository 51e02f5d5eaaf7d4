/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "tests/unit/server_lab.h"

static int setup(void **state)
{
	lab_setup(state);
	ready_rig(*state, "alpha", "none");
	return 0;
}

static json_t *job_request(const char *image, const char *rig)
{
	return json_pack("{s:o, s:s, s:s}", "plan", plan_manifest(), "image", image, "rig", rig);
}

/* Every refusal says what is wrong and what to do. */
static void expect(struct rig_lab *lab, const char *method, const char *path, json_t *json,
	int status, const char *part)
{
	struct answer answer = ask(lab, method, path, json, NULL);
	const char *error = rp_json_string_or(answer.json, "error", "");

	if (answer.status != status || !strstr(error, part))
		fail_msg("%s %s: %d \"%s\", expected %d \"%s\"", method, path, answer.status, error,
			status, part);
	if (status >= 400)
		assert_true(*rp_json_string_or(answer.json, "remedy", ""));
	answer_done(&answer);
}

static void jobs_are_checked(void **state)
{
	struct rig_lab *lab = *state;
	json_t *request;

	expect(lab, "POST", "/api/v1/jobs", NULL, 400, "no JSON object");
	expect(lab, "POST", "/api/v1/jobs", json_object(), 400, "rig");
	expect(lab, "POST", "/api/v1/jobs", job_request("node", "beta"), 404, "beta");
	expect(lab, "POST", "/api/v1/jobs", job_request("other", "alpha"), 404, "other");
	request = job_request("node", "alpha");
	json_object_set_new(request, "surprise", json_true());
	expect(lab, "POST", "/api/v1/jobs", request, 400, "surprise");
	request = job_request("node", "alpha");
	json_object_set_new(request, "plan", rig_manifest("alpha", "none"));
	expect(lab, "POST", "/api/v1/jobs", request, 400, "plan");
	request = job_request("node", "alpha");
	json_object_set_new(json_object_get(request, "plan"), "disks", json_string("write"));
	expect(lab, "POST", "/api/v1/jobs", request, 403, "");
	request = job_request("node", "alpha");
	json_object_set_new(json_object_get(request, "plan"), "modules",
		json_pack("[{s:s}]", "name", "gaming"));
	expect(lab, "POST", "/api/v1/jobs", request, 404, "gaming");
	request = job_request("node", "alpha");
	json_object_set_new(request, "module_sha256",
		json_pack("{s:s}", "xsc",
			"0000000000000000000000000000000000000000000000000000000000000000"));
	expect(lab, "POST", "/api/v1/jobs", request, 404, "xsc");
	request = job_request("node", "alpha");
	json_object_set_new(
		request, "module_sha256", json_pack("{s:s}", "xsc", lab->module_sha256));
	expect(lab, "POST", "/api/v1/jobs", request, 201, "");
	expect(lab, "GET", "/api/v1/jobs/none", NULL, 404, "none");
	expect(lab, "GET", "/api/v1/jobs/none/timeline", NULL, 404, "none");
	expect(lab, "GET", "/api/v1/jobs/none/evidence", NULL, 404, "none");
	expect(lab, "POST", "/api/v1/jobs/none/cancel", NULL, 404, "none");
}

/* The agent ends its checks, and says so, before the server gives the stage up. */
static void job_ends_before_its_stage(void **state)
{
	static const struct {
		int stage_s, job_s;
	} cases[] = {{900, 840}, {30, 27}, {1, 1}, {86400, 900}};
	struct rig_lab *lab = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rp_cleanup(job) struct rp_job job = {0};
		char id[27];

		lab->server.site->stages.checks_s = cases[i].stage_s;
		submit_job(lab, "alpha", id); /* the plan's timeout_s is the default, 900 */
		assert_int_equal(rp_jobs_get(&lab->server, id, &job), 1);
		assert_int_equal(
			json_integer_value(json_object_get(job.spec, "timeout_s")), cases[i].job_s);
	}
}

static void rigs_are_checked(void **state)
{
	struct rig_lab *lab = *state;

	expect(lab, "POST", "/api/v1/rigs", NULL, 400, "no JSON object");
	expect(lab, "POST", "/api/v1/rigs", json_object(), 400, "");
	expect(lab, "GET", "/api/v1/rigs/beta", NULL, 404, "beta");
	expect(lab, "GET", "/api/v1/rigs/beta/boots", NULL, 404, "beta");
	expect(lab, "POST", "/api/v1/rigs/beta/approve", NULL, 404, "beta");
	expect(lab, "POST", "/api/v1/rigs/alpha/approve", NULL, 409, "ready");
	expect(lab, "POST", "/api/v1/rigs/alpha/approve", json_pack("{s:s}", "manifest", "x"), 400,
		"manifest");
	expect(lab, "POST", "/api/v1/rigs/alpha/approve", json_pack("{s:{}}", "manifets"), 400,
		"manifets");
	expect(lab, "POST", "/api/v1/rigs/alpha/approve", json_array(), 400, "object");
	expect(lab, "POST", "/api/v1/rigs/beta/state", json_pack("{s:s}", "state", "ready"), 404,
		"beta");
	expect(lab, "POST", "/api/v1/rigs/alpha/state", json_pack("{s:s}", "state", "busy"), 400,
		"busy");
	expect(lab, "POST", "/api/v1/rigs/alpha/state", json_pack("{s:i}", "state", 1), 400,
		"state");
	expect(lab, "POST", "/api/v1/rigs/alpha/power", json_pack("{s:s}", "action", "burn"), 400,
		"burn");
	expect(lab, "POST", "/api/v1/rigs/alpha/state", json_pack("{s:s}", "state", "retired"), 200,
		"");
	expect(lab, "POST", "/api/v1/jobs", job_request("node", "alpha"), 409, "retired");
}

static void lists(void **state)
{
	static const char *const paths[] = {"rigs", "jobs", "images", "results", "refused"};
	struct rig_lab *lab = *state;
	char job[27], path[64];
	struct answer answer;

	submit_job(lab, "alpha", job);
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/api/v1/%s", paths[i]);
		answer = ask(lab, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		assert_int_equal(
			json_array_size(json_object_get(answer.json, paths[i])), i < 3 ? 1 : 0);
		answer_done(&answer);
	}
	expect(lab, "GET", "/api/v1/jobs?limit=-1", NULL, 400, "limit");
	expect(lab, "GET", "/api/v1/jobs?limit=9x", NULL, 400, "limit");
	expect(lab, "GET", "/api/v1/jobs?limit=\t9", NULL, 400, "limit");
	expect(lab, "GET", "/api/v1/jobs?limit=09", NULL, 400, "limit");
	expect(lab, "GET", "/api/v1/jobs?limit=99999999999999999999", NULL, 400, "limit");
	expect(lab, "GET", "/api/v1/log/proof?index=0", NULL, 400, "log has 0");
	expect(lab, "GET", "/api/v1/log/consistency?from=1&to=2", NULL, 400, "");
	expect(lab, "GET", "/api/v1/log/checkpoint", NULL, 200, "");
	answer = ask(lab, "GET", "/metrics", NULL, NULL);
	assert_non_null(strstr(answer.text, "rigproof_log_size 0"));
	answer_done(&answer);
}

static int role_of(struct rig_lab *lab, const char *name)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *path = rp_path("%s/%s", lab->dir, name);
	rp_cleanup(free) char *token = NULL;
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	lab_ok(rp_file_read(path, 100, &token, NULL, &err));
	token[strcspn(token, "\n")] = '\0';
	return rp_tokens_role(&lab->server, token);
}

static void tokens(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *path = rp_path("%s/operator.token", lab->dir);
	rp_cleanup(free) char *old = NULL;

	assert_int_equal(role_of(lab, "operator.token"), RP_TOKEN_ADMIN);
	assert_int_equal(role_of(lab, "viewer.token"), RP_TOKEN_VIEWER);
	assert_int_equal(rp_tokens_role(&lab->server, NULL), RP_TOKEN_NONE);
	assert_int_equal(rp_tokens_role(&lab->server, ""), RP_TOKEN_NONE);
	assert_int_equal(rp_tokens_role(&lab->server, lab->module_sha256), RP_TOKEN_NONE);
	/* a new one in its place: the old one is worth nothing from the next start on */
	lab_ok(rp_file_read(path, 100, &old, NULL, &err));
	old[64] = '\0';
	unlink(path);
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(role_of(lab, "operator.token"), RP_TOKEN_ADMIN);
	assert_int_equal(rp_tokens_role(&lab->server, old), RP_TOKEN_NONE);
	lab_ok(rp_file_write(path, 0600, "secret\n", 7, &err));
	assert_int_equal(rp_tokens_prepare(&lab->server, &err), -EINVAL);
	lab_ok(rp_file_write(path, 0644, old, 64, &err));
	assert_int_equal(rp_tokens_prepare(&lab->server, &err), -EPERM);
	lab_ok(rp_file_write(path, 0600, old, 64, &err));
}

/* ?QUERY of a list: how many rows come, of how many. */
static void selects(struct rig_lab *lab, const char *query, size_t rows, json_int_t total)
{
	rp_cleanup(free) char *path = rp_path("/api/v1/jobs?%s", query);
	struct answer answer = ask(lab, "GET", path, NULL, NULL);

	if (answer.status != 200 || json_array_size(json_object_get(answer.json, "jobs")) != rows ||
		json_integer_value(json_object_get(answer.json, "total")) != total)
		fail_msg("%s: %d, %zu rows of %lld", query, answer.status,
			json_array_size(json_object_get(answer.json, "jobs")),
			(long long)json_integer_value(json_object_get(answer.json, "total")));
	answer_done(&answer);
}

static void lists_are_selected_and_counted(void **state)
{
	struct rig_lab *lab = *state;
	char jobs[3][27];
	char since[RP_TIME_TEXT], query[64];

	for (size_t i = 0; i < 3; i++)
		submit_job(lab, "alpha", jobs[i]);
	selects(lab, "limit=1000", 3, 3);
	selects(lab, "limit=2", 2, 3);
	selects(lab, "limit=2&offset=2", 1, 3);
	selects(lab, "limit=2&offset=3", 0, 3);
	selects(lab, "state=queued", 3, 3);
	selects(lab, "state=pass", 0, 0);
	selects(lab, "rig=alpha&plan=ring", 3, 3);
	selects(lab, "rig=beta", 0, 0);
	selects(lab, "plan=rin", 0, 0);
	snprintf(query, sizeof(query), "id=%s", jobs[1]);
	selects(lab, query, 1, 1);
	snprintf(query, sizeof(query), "id=%.8s", jobs[1]);
	selects(lab, query, 3, 3);
	selects(lab, "id=%25", 0, 0);
	rp_clock_format(lab->now, since);
	snprintf(query, sizeof(query), "since=%s", since);
	selects(lab, query, 3, 3);
	rp_clock_format(lab->now + RP_SECOND, since);
	snprintf(query, sizeof(query), "since=%s", since);
	selects(lab, query, 0, 0);
	expect(lab, "GET", "/api/v1/jobs?since=yesterday", NULL, 400, "no time");
	expect(lab, "GET", "/api/v1/refused?offset=-1", NULL, 400, "offset");
	assert_int_equal(
		status_of(lab, "GET", "/api/v1/results?state=pass&rig=a", NULL, NULL), 200);
	assert_int_equal(
		status_of(lab, "GET", "/api/v1/refused?limit=5&offset=5", NULL, NULL), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_are_checked, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(job_ends_before_its_stage, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(rigs_are_checked, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(lists, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			lists_are_selected_and_counted, setup, lab_teardown),
		cmocka_unit_test_setup_teardown(tokens, setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
