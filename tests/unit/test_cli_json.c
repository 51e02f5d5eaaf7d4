/* SPDX-License-Identifier: Apache-2.0 */
/* --json is JSON, whatever was typed and whatever became of it; the exit status is as documented. */
#include "tests/unit/cli_lab.h"

#include <sys/stat.h>
#include <unistd.h>

#include "server/cli/cli.h"
#include "server/cli/usage.h"

#define NO_JOB "01ARZ3NDEKTSV4RRFFQ69G5FAV"

/* Each line or all of it, one object: how many there are. */
static int objects(const char *what, const char *text)
{
	int count = 0;

	while (*text) {
		json_error_t error;
		rp_cleanup(json) json_t *value =
			json_loads(text, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);

		if (!json_is_object(value))
			fail_msg("%s: no JSON object: %s", what, text);
		text += error.position;
		text += strspn(text, "\n");
		count++;
	}
	return count;
}

/* What was printed is as cli.h says: an answer, or an error with the status it exits with. */
static void is_json(const char *line, int status)
{
	int errors = objects(line, cli_errors);

	if (status == RP_EXIT_USAGE && (*cli_out || errors != 1))
		fail_msg("%s: exit %d: %s%s", line, status, cli_out, cli_errors);
	if (status == RP_EXIT_OK && (errors || objects(line, cli_out) != 1))
		fail_msg("%s: exit %d: %s%s", line, status, cli_out, cli_errors);
	if (errors) {
		rp_cleanup(json) json_t *error = json_loads(cli_errors, 0, NULL);

		assert_true(*rp_json_string_or(error, "error", ""));
		assert_int_equal(json_integer_value(json_object_get(error, "status")), status);
	} else {
		objects(line, cli_out);
	}
}

/* A command with its least words, each of them `filler`. */
static void least(const struct rp_cli_command *command, const char *filler, char *line, size_t size)
{
	const char *usage = command->usage;
	struct rp_usage_word word;
	size_t len = (size_t)snprintf(
		line, size, "%s %s", command->noun, command->verb ? command->verb : "");

	while (rp_usage_next(&usage, &word)) {
		const char *text = rp_usage_is_choice(word.text) ? "off" : filler;

		if (!strcmp(word.text, "ready|quarantined|retired"))
			text = "retired";
		else if (strstr(word.text, "plan|claim"))
			text = "plan";
		else if (strstr(word.text, "zsh"))
			text = "zsh";
		if (!word.required)
			continue;
		len += (size_t)snprintf(line + len, size - len, " %s %s",
			word.option ? word.text : "", word.option && !*word.value ? "" : text);
	}
}

/* Every command, with words that are there, that are not, that cannot be, and none. */
static void every_command(void **state)
{
	struct rig_lab *lab = *state;
	const char *const fillers[] = {
		"alpha", "nothing", NO_JOB, "../x", "", "/dev/null", lab->dir};

	rp_cleanup(free) char *here = getcwd(NULL, 0);
	rp_cleanup(free) char *deep = rp_path("%s/deep/er", lab->dir);
	struct rp_error err = RP_ERROR_NONE;

	/* Some of them write where they are. */
	lab_ok(rp_file_make_directories(deep, 0755, &err));
	assert_int_equal(chdir(deep), 0);
	ready_rig(lab, "alpha", "none");
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		for (const struct rp_cli_command *command = rp_cli_nouns[i].commands; command->noun;
			command++)
			for (size_t j = 0; j < sizeof(fillers) / sizeof(*fillers); j++) {
				char line[512];

				/* Making keys takes its time: where it cannot, alone. */
				if (command->verb && !strcmp(command->verb, "init") &&
					*fillers[j] != '/')
					continue;
				least(command, fillers[j], line, sizeof(line));
				is_json(line, cli_run("%s --json", line));
				is_json(line, cli_run_alone("--json %s", line));
				is_json(line, cli_run("%s --json --frob", line));
				is_json(line, cli_run("%s --json --help", line));
			}
	is_json("", cli_run_alone("--json"));
	is_json("frob", cli_run_alone("frob --json"));
	is_json("job", cli_run_alone("job --json"));
	is_json("help", cli_run_alone("help --json"));
	is_json("--version", cli_run_alone("--version --json"));
	assert_int_equal(chdir(here), 0);
}

static void empty_lists(void **state)
{
	static const char *const lists[] = {"rigs", "jobs", "results", "refused"};
	static const char *const lines[] = {
		"rig list", "job list", "result list", "result refused"};

	for (size_t i = 0; i < 4; i++) {
		rp_cleanup(json) json_t *document = NULL;

		assert_int_equal(cli_run("%s --json", lines[i]), 0);
		is_json(lines[i], 0);
		document = json_loads(cli_out, 0, NULL);
		assert_true(json_is_array(json_object_get(document, lists[i])));
		assert_int_equal(json_array_size(json_object_get(document, lists[i])), 0);
	}
}

/* man rigproof, EXIT STATUS: each number, seen. */
static void exit_statuses(void **state)
{
	static const struct {
		const char *verdict;
		int status;
	} ends[] = {{"pass", 0}, {"fail", 1}, {"error", 3}};
	struct rig_lab *lab = *state;
	char job[27];

	ready_rig(lab, "alpha", "none");
	lab->site->site->retries = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		finish_job(lab, "alpha", ends[i].verdict, job);
		assert_int_equal(cli_run("job wait %s", job), ends[i].status);
		assert_int_equal(cli_run("job wait %s --json", job), ends[i].status);
		assert_string_equal(cli_errors, "");
		force_state(lab, "alpha", RP_RIG_READY);
	}
	submit_job(lab, "alpha", job);
	assert_int_equal(cli_run("job cancel %s", job), RP_EXIT_OK);
	assert_int_equal(cli_run("job wait %s", job), RP_EXIT_JOB_SKIP);
	assert_int_equal(cli_run("job wait %s", NO_JOB), RP_EXIT_FAILED);
	assert_int_equal(cli_run("job show %s", NO_JOB), RP_EXIT_FAILED);
	assert_int_equal(cli_run("rig list --server https://127.0.0.1:1"), RP_EXIT_FAILED);
	assert_int_equal(cli_run("verify /dev/null"), RP_EXIT_FAILED);
	assert_int_equal(cli_run("manifest check /nonexistent"), RP_EXIT_FAILED);
	assert_int_equal(cli_run("job wait"), RP_EXIT_USAGE);
	assert_int_equal(cli_run("job wait 8"), RP_EXIT_USAGE);
	assert_int_equal(cli_run("rig power alpha explode"), RP_EXIT_USAGE);
	assert_int_equal(cli_run("rig list"), RP_EXIT_OK);
}

/* What is followed comes line by line. */
static void a_job_is_followed_by_lines(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(json) json_t *last = NULL;
	char job[27], *line;

	ready_rig(lab, "alpha", "none");
	finish_job(lab, "alpha", "pass", job);
	assert_int_equal(cli_run("job wait %s --json", job), 0);
	assert_int_equal(strncmp(cli_out, "{\"boot\":\"", 9), 0);
	assert_printed("\"event\":\"stage\"");
	line = strrchr(strndupa(cli_out, strlen(cli_out) - 1), '\n');
	assert_non_null(line);
	last = json_loads(line, 0, NULL);
	assert_string_equal(rp_json_string_or(last, "event", ""), "end");
	assert_string_equal(rp_json_string_or(last, "verdict", ""), "pass");
	assert_string_equal(rp_json_string_or(last, "job", ""), job);
	for (line = cli_out; *line; line += strcspn(line, "\n") + 1)
		assert_int_equal(*line, '{');
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, cli_lab_setup, cli_lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SERVER(every_command),
		ON_SERVER(empty_lists),
		ON_SERVER(exit_statuses),
		ON_SERVER(a_job_is_followed_by_lines),
	};

	unsetenv("RIGPROOF_STATE");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
