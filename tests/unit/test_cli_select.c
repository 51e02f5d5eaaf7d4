/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for: jobs by the beginning of their ids, lists by their options. */
#include "tests/unit/cli_lab.h"

#include "server/cli/check.h"
#include "server/cli/cli.h"

#define JOBS 30

static char jobs[JOBS][27];

/* Ids in the store that are as alike as a test wants. */
static void rename_job(struct rig_lab *lab, size_t index, const char *id)
{
	rp_cleanup(free) char *path = rp_path("%s/rigproof.db", lab->dir);
	sqlite3 *db = NULL;
	char sql[160];

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "UPDATE job SET id = '%s' WHERE id = '%s'", id, jobs[index]);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	snprintf(jobs[index], sizeof(jobs[index]), "%s", id);
}

/* Another rig, beta, ready too. */
static void second_rig(struct rig_lab *lab)
{
	json_t *manifest = rig_manifest("beta", "none");

	json_object_set_new(manifest, "mac", json_pack("[s]", "52:54:00:00:00:02"));
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 201);
	force_state(lab, "beta", RP_RIG_READY);
}

static void ids_may_be_cut(void **state)
{
	struct rig_lab *lab = *state;

	ready_rig(lab, "alpha", "none");
	for (size_t i = 0; i < 4; i++)
		submit_job(lab, "alpha", jobs[i]);
	rename_job(lab, 0, "01ARZ3NDEKTSV4RRFFQ69G5FA0");
	rename_job(lab, 1, "01ARZ3NDEKTSV4RRFFQ69G5FA1");
	rename_job(lab, 2, "02ARZ3NDEKTSV4RRFFQ69G5FA2");

	assert_int_equal(cli_run("job show 02"), 0);
	assert_printed("\"job\": \"02ARZ3NDEKTSV4RRFFQ69G5FA2\"");
	assert_int_equal(cli_run("job timeline 02arz"), 0);
	assert_int_equal(cli_run("job show 01ARZ3NDEKTSV4RRFFQ69G5FA1"), 0);

	assert_int_equal(cli_run("job cancel 01ARZ"), RP_EXIT_USAGE);
	assert_complained("job 01ARZ: the beginning of 2 ids, type more of it: "
			  "01ARZ3NDEKTSV4RRFFQ69G5FA1, 01ARZ3NDEKTSV4RRFFQ69G5FA0\n");
	assert_int_equal(cli_run("job show 01ARZ3NDEKTSV4RRFFQ69G5FA1"), 0);
	assert_printed("\"state\": \"queued\"");
	assert_int_equal(cli_run("job cancel 01ARZ3NDEKTSV4RRFFQ69G5FA1"), 0);
	assert_string_equal(cli_out, "job 01ARZ3NDEKTSV4RRFFQ69G5FA1: cancelled\n");
	assert_int_equal(cli_run("job cancel 02"), 0);
	assert_string_equal(cli_out, "job 02ARZ3NDEKTSV4RRFFQ69G5FA2: cancelled\n");

	assert_int_equal(cli_run("job show 03"), RP_EXIT_FAILED);
	assert_complained("job 03: no job's id begins so, see: rigproof job list");
	assert_int_equal(cli_run("job show 01ARZ3NDEKTSV4RRFFQ69G5FA19"), RP_EXIT_USAGE);
	assert_int_equal(cli_run("job show 8"), RP_EXIT_USAGE); /* no id begins so */
	assert_int_equal(cli_run("job show 01U"), RP_EXIT_USAGE);
	assert_complained("not a job id, nor its beginning");
	assert_int_equal(cli_run("job show 01%%"), RP_EXIT_USAGE);
}

/* Each command that takes an id takes its beginning: none says that it is no id. */
static void everywhere(void **state)
{
	static const char *const lines[] = {"job show", "job wait", "job timeline", "job cancel",
		"result evidence", "result report", "log prove"};
	struct rig_lab *lab = *state;

	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", jobs[0]);
	submit_job(lab, "alpha", jobs[1]);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(cli_run("%s %.4s", lines[i], jobs[0]), RP_EXIT_USAGE);
		assert_complained("the beginning of 2 ids");
		assert_complained(jobs[0]);
		assert_complained(jobs[1]);
	}
}

static size_t rows(const char *key, json_int_t total)
{
	rp_cleanup(json) json_t *document = json_loads(cli_out, 0, NULL);

	assert_int_equal(json_integer_value(json_object_get(document, "total")), total);
	return json_array_size(json_object_get(document, key));
}

static size_t lines_of(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void lists_are_cut_and_say_so(void **state)
{
	struct rig_lab *lab = *state;

	ready_rig(lab, "alpha", "none");
	for (size_t i = 0; i < JOBS; i++)
		submit_job(lab, "alpha", jobs[i]);
	assert_int_equal(cli_run("job list"), 0);
	assert_int_equal(lines_of(cli_out), 1 + 25 + 1);
	assert_printed("\n... 25 of 30, --limit 0 shows all\n");
	assert_printed(jobs[JOBS - 1]);
	assert_null(strstr(cli_out, jobs[4]));
	assert_int_equal(cli_run("job list --limit 0"), 0);
	assert_int_equal(lines_of(cli_out), 1 + 30);
	assert_int_equal(cli_run("job list --limit 30"), 0);
	assert_int_equal(lines_of(cli_out), 1 + 30);
	assert_int_equal(cli_run("job list --json"), 0);
	assert_int_equal(rows("jobs", 30), 30);
	assert_int_equal(cli_run("job list --json --limit 2"), 0);
	assert_int_equal(rows("jobs", 30), 2);
	assert_int_equal(cli_run("job list --limit -1"), RP_EXIT_USAGE);
	assert_complained("--limit -1: not a whole number; type how many, 0 for all");
	assert_int_equal(cli_run("job list --limit many"), RP_EXIT_USAGE);

	second_rig(lab);
	assert_int_equal(cli_run("rig list --limit 1"), 0);
	assert_printed("\n... 1 of 2, --limit 0 shows all\n");
	assert_int_equal(cli_run("rig list --json --limit 1"), 0);
	assert_int_equal(rows("rigs", 2), 1);
}

static void lists_are_selected(void **state)
{
	struct rig_lab *lab = *state;

	ready_rig(lab, "alpha", "none");
	second_rig(lab);
	force_state(lab, "beta", RP_RIG_QUARANTINED);
	submit_job(lab, "alpha", jobs[0]);
	submit_job(lab, "alpha", jobs[1]);
	assert_int_equal(cli_run("job cancel %s", jobs[1]), 0);

	assert_int_equal(cli_run("job list --status queued --json"), 0);
	assert_int_equal(rows("jobs", 1), 1);
	assert_printed(jobs[0]);
	assert_int_equal(cli_run("job list --rig alpha --plan ring --json"), 0);
	assert_int_equal(rows("jobs", 2), 2);
	assert_int_equal(cli_run("job list --rig beta --json"), 0);
	assert_int_equal(rows("jobs", 0), 0);
	assert_int_equal(cli_run("job list --rig beta"), 0);
	assert_string_equal(cli_out, "none of the jobs is like that\n");
	/* the lab's clock stands at 2026-11-18 11:06:40 */
	assert_int_equal(cli_run("job list --since 2026-11-18T11:06 --json"), 0);
	assert_int_equal(rows("jobs", 2), 2);
	assert_int_equal(cli_run("job list --since 2026-11-18T11:07 --json"), 0);
	assert_int_equal(rows("jobs", 0), 0);
	assert_int_equal(cli_run("rig list --status quarantined --json"), 0);
	assert_int_equal(rows("rigs", 1), 1);
	assert_printed("\"name\": \"beta\"");
	assert_int_equal(cli_run("result list --status fail --since 7d --json"), 0);
	assert_int_equal(rows("results", 0), 0);

	assert_int_equal(cli_run("job list --status ready"), RP_EXIT_USAGE);
	assert_complained("--status ready: it is none of queued|running|");
	assert_int_equal(cli_run("job list --rig a&state=b"), RP_EXIT_USAGE);
	assert_int_equal(cli_run("result refused --since yesterday"), RP_EXIT_USAGE);
	assert_complained("--since yesterday: not a time; type it like 2026-11-20");
}

static void times(void **state)
{
	static const struct {
		const char *text, *time; /* "" is none */
	} rows_of[] = {
		{"2026-11-20", "2026-11-20T00:00:00.000Z"},
		{"2026-11-20T12:30", "2026-11-20T12:30:00.000Z"},
		{"2026-11-20 12:30:15", "2026-11-20T12:30:15.000Z"},
		{"2026-11-20T12:30:15Z", "2026-11-20T12:30:15.000Z"},
		{"2026-11-20T12:30:15.250Z", "2026-11-20T12:30:15.250Z"},
		{"90m", "2026-11-18T09:36:40.000Z"},
		{"12h", "2026-11-17T23:06:40.000Z"},
		{"7d", "2026-11-11T11:06:40.000Z"},
		{"40s", "2026-11-18T11:06:00.000Z"},
		{"100000d", "1970-01-01T00:00:00.000Z"},
		{"", ""},
		{"Z", ""},
		{"d", ""},
		{"-7d", ""},
		{"1.5h", ""},
		{"7w", ""},
		{"2026-11", ""},
		{"2026-13-01", ""},
		{"2026-11-20T25:00", ""},
		{"20/11/2026", ""},
		{"99999999999999999999d", ""},
	};

	for (size_t i = 0; i < sizeof(rows_of) / sizeof(*rows_of); i++) {
		char time[RP_TIME_TEXT] = "";
		struct rp_error err = RP_ERROR_NONE;
		int r = rp_cli_since(rows_of[i].text, START, time, &err);

		if (strcmp(time, rows_of[i].time) != 0 ||
			r != (*rows_of[i].time ? 0 : RP_CLI_WRONG_USE))
			fail_msg("\"%s\": %d %s", rows_of[i].text, r, time);
	}
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, cli_lab_setup, cli_lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SERVER(ids_may_be_cut),
		ON_SERVER(everywhere),
		ON_SERVER(lists_are_cut_and_say_so),
		ON_SERVER(lists_are_selected),
		cmocka_unit_test(times),
	};

	unsetenv("RIGPROOF_STATE");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
