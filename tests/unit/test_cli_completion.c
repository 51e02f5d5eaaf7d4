/* SPDX-License-Identifier: Apache-2.0 */
/* Completion as bash does it: each command, each option and each word of the tables is offered. */
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
#include "tests/unit/folder_lab.h"

static char folder[FOLDER_LAB_TEXT];
static char script[FOLDER_LAB_TEXT + 16];

/* What bash offers behind a line whose last word is being typed; one candidate a line. */
static char *offered(const char *line)
{
	rp_cleanup(free) char *command = NULL;
	char *text = NULL;
	size_t size, n;
	char part[4096];
	FILE *out = open_memstream(&text, &size);
	FILE *bash;

	assert_true(asprintf(&command,
			    "cd %s && bash --norc -c '. ./completion; COMP_WORDS=(rigproof %s); "
			    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _rigproof; "
			    "printf \"%%s\\n\" \"${COMPREPLY[@]}\"' 2>&1",
			    folder, line) > 0);
	bash = popen(command, "r");
	assert_non_null(bash);
	while ((n = fread(part, 1, sizeof(part), bash)) > 0)
		fwrite(part, 1, n, out);
	assert_int_equal(pclose(bash), 0);
	fclose(out);
	return text;
}

static bool has_line(const char *text, const char *word)
{
	const size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

static void is_offered(const char *line, const char *word)
{
	rp_cleanup(free) char *text = offered(line);

	if (!has_line(text, word))
		fail_msg("rigproof %s: \"%s\" is not offered: %s", line, word, text);
}

static void is_all(const char *line, const char *all)
{
	rp_cleanup(free) char *text = offered(line);

	if (strcmp(text, all) != 0)
		fail_msg("rigproof %s: %s", line, text);
}

static void every_command_and_option(void **state)
{
	rp_cleanup(free) char *nouns = offered("\"\"");

	for (size_t i = 0; rp_cli_nouns[i].commands; i++) {
		const struct rp_cli_command *command = rp_cli_nouns[i].commands;
		rp_cleanup(free) char *line = NULL;
		rp_cleanup(free) char *verbs = NULL;

		assert_true(has_line(nouns, command->noun));
		assert_true(asprintf(&line, "%s \"\"", command->noun) > 0);
		verbs = offered(line);
		for (; command->noun; command++) {
			rp_cleanup(free) char *deeper = NULL;
			rp_cleanup(free) char *words = NULL;
			const char *usage = command->usage;
			struct rp_usage_word word;

			if (command->verb && !has_line(verbs, command->verb))
				fail_msg("%s: %s is not offered", command->noun, command->verb);
			assert_true(asprintf(&deeper, "%s %s -", command->noun,
					    command->verb ? command->verb : "") > 0);
			words = offered(deeper);
			assert_true(has_line(words, "--json"));
			while (rp_usage_next(&usage, &word))
				if (word.option && !has_line(words, word.text))
					fail_msg("%s: %s is not offered", deeper, word.text);
		}
	}
}

static void values_and_places(void **state)
{
	is_all("j", "job\n");
	is_all("job s", "submit\nshow\n");
	is_all("--state /tmp job wa", "wait\n");
	is_all("--json job li", "list\n");
	is_all("job list --status q", "queued\n");
	is_all("rig list --status q", "quarantined\n");
	is_all("rig power alpha c", "cycle\n");
	is_all("rig state alpha r", "ready\nretired\n");
	is_all("job list --color n", "never\n");
	is_all("--color a", "auto\nalways\n");
	is_all("completion z", "zsh\n");
	is_all("help ve", "verify\n");
	is_all("help job wa", "wait\n");
	is_all("frob x", "\n");
	is_offered("job submit --wait --r", "--rig");
	is_offered("job submit --wait --r", "--root");
	/* files and folders, where they are wanted */
	is_all("verify ev", "evidence.json\n");
	is_all("manifest check a", "a.yaml\n");
	is_all("job submit --plan a", "a.yaml\n");
	is_all("keys show d", "deep\n");
	is_all("keys show e", "\n"); /* a file is no folder */
	is_all("rig show a", "\n");
}

static int setup(void **state)
{
	char *argv[] = {(char *)"rigproof", (char *)"completion", (char *)"bash", NULL};
	rp_cleanup(free) char *deep = NULL;
	struct rp_error err = RP_ERROR_NONE;
	FILE *out;

	folder_lab_make(folder);
	snprintf(script, sizeof(script), "%s/completion", folder);
	out = fopen(script, "w");
	assert_non_null(out);
	assert_int_equal(rp_cli_main(3, argv, out, stderr), 0);
	fclose(out);
	deep = rp_path("%s/deep", folder);
	assert_int_equal(rp_file_make_directories(deep, 0755, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		rp_cleanup(free) char *path =
			rp_path("%s/%s", folder, i ? "evidence.json" : "a.yaml");

		assert_int_equal(rp_file_write(path, 0644, "", 0, &err), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	folder_lab_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_and_option),
		cmocka_unit_test(values_and_places),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
