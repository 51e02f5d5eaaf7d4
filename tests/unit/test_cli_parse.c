/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: each wrong use has one line that says what to type, and exits with 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "server/cli/cli.h"
#include "server/cli/usage.h"

#define WORDS_MAX 16

struct line {
	char text[256];
	char *argv[WORDS_MAX + 1];
	int argc;
};

static void split(const char *text, struct line *line)
{
	char *rest;

	*line = (struct line){.argc = 1};
	snprintf(line->text, sizeof(line->text), "%s", text);
	line->argv[0] = (char *)"rigproof";
	for (char *word = strtok_r(line->text, " ", &rest); word;
		word = strtok_r(NULL, " ", &rest)) {
		assert_true(line->argc < WORDS_MAX);
		line->argv[line->argc++] = word;
	}
}

#define SUBMIT                                                                                     \
	"rigproof job submit --plan FILE --rig NAME [--image NAME] [--module NAME=FILE]... "       \
	"[--wait]"

static void wrong_use_says_what_to_type(void **state)
{
	static const struct {
		const char *typed, *answer;
	} rows[] = {
		{"", "no command; type: rigproof --help"},
		{"jobs", "jobs: no such command; type: rigproof setup, keys, manifest, image, rig, "
			 "job, "
			 "result, claim, log, verify or completion"},
		{"help jobs",
			"jobs: no such command; type: rigproof setup, keys, manifest, image, rig, "
			"job, result, claim, log, verify or completion"},
		{"help log proof",
			"log proof: no such command; type: rigproof log VERB, one of: checkpoint, "
			"prove, check"},
		{"rig power r of",
			"\"of\" is none of on|off|cycle|status; type: rigproof rig power "
			"NAME on|off|cycle|status"},
		{"rig power r on|off", "\"on|off\" is none of on|off|cycle|status; type: rigproof "
				       "rig power NAME on|off|cycle|status"},
		{"rig state r busy",
			"\"busy\" is none of ready|quarantined|retired; type: rigproof "
			"rig state NAME ready|quarantined|retired"},
		{"rig list --color=red",
			"--color red: it is none of auto|always|never; type: rigproof rig list "
			"[--status STATE] [--limit N]"},
		{"log", "log: and then? type: rigproof log VERB, one of: checkpoint, prove, check"},
		{"log proof",
			"log proof: no such command; type: rigproof log VERB, one of: checkpoint, "
			"prove, check"},
		{"job submit", "--plan is missing; type: " SUBMIT},
		{"job submit --plan", "--plan needs FILE; type: " SUBMIT},
		{"job submit --plan p", "--rig is missing; type: " SUBMIT},
		{"job submit --plan p --rig r x", "\"x\" is one too many; type: " SUBMIT},
		{"job submit --plan p --plan q", "--plan is given twice; type: " SUBMIT},
		{"job submit --wait=yes", "--wait takes no value; type: " SUBMIT},
		{"job submit --plam p", "--plam: no such option; type: " SUBMIT},
		{"job wait", "JOB is missing; type: rigproof job wait JOB"},
		{"rig power r", "on|off|cycle|status is missing; type: rigproof rig power NAME "
				"on|off|cycle|status"},
		{"verify", "FILE is missing; type: rigproof verify [--root CRT] FILE"},
		{"verify a b", "\"b\" is one too many; type: rigproof verify [--root CRT] FILE"},
		{"manifest check", "FILE is missing; type: rigproof manifest check FILE..."},
		{"claim judge", "EVIDENCE is missing; type: rigproof claim judge [--root CRT] "
				"[--claims DIR] EVIDENCE..."},
		{"claim list --claims d", "--claims: no such option; type: rigproof claim list "
					  "[FILE|DIR...]"},
		{"--state", "--state needs DIR; type: rigproof --help"},
		{"--frob job list", "--frob: no such option; type: rigproof job list [--status "
				    "WORD] [--rig NAME] "
				    "[--plan NAME] [--since TIME] [--limit N]"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		rp_cleanup(free) char *said = NULL;
		rp_cleanup(free) char *want = NULL;
		size_t size;
		FILE *errors = open_memstream(&said, &size);
		struct line line;
		int status;

		split(rows[i].typed, &line);
		status = rp_cli_main(line.argc, line.argv, stdout, errors);
		fclose(errors);
		if (asprintf(&want, "rigproof: %s\n", rows[i].answer) < 0)
			fail();
		if (status != RP_EXIT_USAGE || strcmp(said, want) != 0)
			fail_msg(
				"\"%s\": exit %d, %swanted: %s", rows[i].typed, status, said, want);
	}
}

static void parse(const char *typed, struct line *line, struct rp_cli *ret)
{
	struct rp_error err = RP_ERROR_NONE;

	split(typed, line);
	if (rp_cli_parse(line->argc, line->argv, stdout, ret, &err) != 1)
		fail_msg("\"%s\": %s", typed, err.text);
}

static void options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"--state /s --json job submit --plan p --rig r --module a=1 --module b=2 --wait",
		"job --state /s submit --wait --module=a=1 --json --module b=2 --rig=r --plan=p",
		"job submit --plan p --rig r --module a=1 --module b=2 --wait --state=/s --json",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct line line;
		struct rp_cli cli;

		parse(lines[i], &line, &cli);
		assert_string_equal(cli.command->verb, "submit");
		assert_true(cli.json);
		assert_string_equal(rp_cli_value(&cli, "--state"), "/s");
		assert_string_equal(rp_cli_value(&cli, "--plan"), "p");
		assert_string_equal(rp_cli_value(&cli, "--rig"), "r");
		assert_string_equal(rp_cli_value_at(&cli, "--module", 0), "a=1");
		assert_string_equal(rp_cli_value_at(&cli, "--module", 1), "b=2");
		assert_null(rp_cli_value_at(&cli, "--module", 2));
		assert_non_null(rp_cli_value(&cli, "--wait"));
		assert_null(rp_cli_value(&cli, "--image"));
		assert_int_equal(cli.operands_count, 0);
		rp_cli_done(&cli);
	}
}

static void operands_are_kept_in_order(void **state)
{
	struct line line;
	struct rp_cli cli;

	parse("manifest check a --json b c", &line, &cli);
	assert_int_equal(cli.operands_count, 3);
	assert_string_equal(cli.operands[0], "a");
	assert_string_equal(cli.operands[2], "c");
	assert_null(cli.operands[3]);
	rp_cli_done(&cli);

	parse("verify -- --json", &line, &cli);
	assert_false(cli.json);
	assert_string_equal(cli.operands[0], "--json");
	rp_cli_done(&cli);

	parse("result report 01JD0000000000000000000001 -o -", &line, &cli);
	assert_string_equal(rp_cli_value(&cli, "-o"), "-");
	assert_int_equal(cli.operands_count, 1);
	rp_cli_done(&cli);
}

static char *help_of(const char *typed)
{
	char *help = NULL;
	size_t size;
	FILE *out = open_memstream(&help, &size);
	struct line line;

	split(typed, &line);
	assert_int_equal(rp_cli_main(line.argc, line.argv, out, stderr), 0);
	fclose(out);
	return help;
}

/* 24 lines of 80 columns, of the program, of each noun and of each verb; `help` says the same. */
static void help_fits_a_screen(void **state)
{
	for (size_t i = 0; !i || rp_cli_nouns[i - 1].commands; i++) {
		const struct rp_cli_command *noun = i ? rp_cli_nouns[i - 1].commands : NULL;
		const struct rp_cli_command *verb = noun;

		do {
			const char *verb_name =
				verb && verb != noun && verb->verb ? verb->verb : "";
			rp_cleanup(free) char *help = NULL;
			rp_cleanup(free) char *same = NULL;
			char typed[128];
			int lines = 0;

			snprintf(typed, sizeof(typed), "help %s %s", noun ? noun->noun : "",
				verb_name);
			same = help_of(typed);
			snprintf(typed, sizeof(typed), "%s %s --help", noun ? noun->noun : "",
				verb_name);
			help = help_of(typed);
			assert_string_equal(help, same);
			for (char *at = help; *at; lines++) {
				size_t width = strcspn(at, "\n");

				if (width > 79)
					fail_msg("\"%s\": %zu columns: %s", typed, width, at);
				at += width + 1;
			}
			if (lines > 23)
				fail_msg("\"%s\": %d lines", typed, lines);
		} while (verb && (++verb)->noun);
	}
}

static bool is_command(const char *name)
{
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		for (const struct rp_cli_command *command = rp_cli_nouns[i].commands; command->noun;
			command++) {
			char full[64];

			snprintf(full, sizeof(full), "%s %s", command->noun,
				command->verb ? command->verb : "");
			if (!strcmp(name, command->noun) || !strcmp(name, full))
				return true;
		}
	return false;
}

/* Each command has words, each of its words too, and they are in its help. */
static void every_word_is_explained(void **state)
{
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		for (const struct rp_cli_command *command = rp_cli_nouns[i].commands; command->noun;
			command++) {
			const char *usage = command->usage;
			rp_cleanup(free) char *help = NULL;
			struct rp_usage_word word;
			char typed[80];

			assert_string_equal(command->noun, rp_cli_nouns[i].commands->noun);
			assert_non_null(command->run);
			assert_true(strlen(command->summary) > 5);
			assert_true(strlen(command->summary) < 76);
			snprintf(typed, sizeof(typed), "help %s %s", command->noun,
				command->verb ? command->verb : "");
			help = help_of(typed);
			while (rp_usage_next(&usage, &word)) {
				const struct rp_usage_help *row = rp_usage_help(command, word.text);

				if (!row || !*row->text)
					fail_msg("%s: \"%s\" is not explained", typed, word.text);
				if (row->command && !is_command(row->command))
					fail_msg("%s: no such command", row->command);
				if (!strstr(help, word.text))
					fail_msg("\"%s\" is not in: %s", word.text, help);
			}
		}
}

/* The page without what roff adds to a hyphen; NULL: there is none. */
static char *manual_of(const char *noun)
{
	rp_cleanup(free) char *path = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char *text = NULL;
	char *to;

	assert_true(asprintf(&path, "server/cli/man/rigproof%s%s.1", *noun ? "-" : "", noun) > 0);
	if (rp_file_read(path, 1 << 20, &text, NULL, &err) < 0)
		return NULL;
	to = text;
	for (const char *at = text; *at; at++)
		if (*at != '\\')
			*to++ = *at;
	*to = '\0';
	return text;
}

/* What `help` has, the manual has: the page of the noun, else that of the program. */
static void every_word_is_in_the_manual(void **state)
{
	rp_cleanup(free) char *program = manual_of("");

	assert_non_null(program);
	for (size_t i = 0; rp_cli_nouns[i].commands; i++) {
		const struct rp_cli_command *command = rp_cli_nouns[i].commands;
		rp_cleanup(free) char *own = manual_of(command->noun);
		const char *page = own ? own : program;

		assert_non_null(strstr(program, command->noun));
		for (; command->noun; command++) {
			const char *usage = command->usage;
			struct rp_usage_word word;

			if (command->verb && !strstr(page, command->verb))
				fail_msg("man rigproof-%s: no %s", command->noun, command->verb);
			while (rp_usage_next(&usage, &word))
				if (word.option && !strstr(page, word.text))
					fail_msg(
						"man rigproof-%s: no %s", command->noun, word.text);
		}
	}
}

static void what_is_no_name_never_reaches_the_server(void **state)
{
	static const char *const bad[] = {"rig show ../../jobs", "rig show A",
		"job cancel 01JD00000000000000000000/1", "job show 8", "result evidence ilou",
		"log prove 01ARZ3NDEKTSV4RRFFQ69G5FAVA"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		rp_cleanup(free) char *said = NULL;
		size_t size;
		FILE *errors = open_memstream(&said, &size);
		struct line line;

		split(bad[i], &line);
		assert_int_equal(rp_cli_main(line.argc, line.argv, stdout, errors), RP_EXIT_USAGE);
		fclose(errors);
		if (!strstr(said, "not a "))
			fail_msg("\"%s\": %s", bad[i], said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_use_says_what_to_type),
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(operands_are_kept_in_order),
		cmocka_unit_test(help_fits_a_screen),
		cmocka_unit_test(every_word_is_explained),
		cmocka_unit_test(every_word_is_in_the_manual),
		cmocka_unit_test(what_is_no_name_never_reaches_the_server),
	};

	unsetenv("RIGPROOF_STATE");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
