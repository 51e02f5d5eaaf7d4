/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/help.h"

#include <string.h>

#include "server/cli/usage.h"

#define SCREEN 79

/* Length of what must stay on one line: a word, or a bracket with its value and dots. */
static size_t unit_length(const char *text)
{
	size_t len = *text == '[' ? strcspn(text, "]") : 0;

	/* A required option and its value stay together too. */
	if (*text == '-')
		len = strcspn(text, " ") + (text[strcspn(text, " ")] == ' ');
	return len + strcspn(text + len, " ");
}

/* Text folded at the screen's edge; the first line begins at column, others at indent. */
static void print_folded(FILE *out, const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t len = unit_length(text);

		if (!first && column + 1 + len > SCREEN) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)len, text);
		column += len;
		first = false;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* "--plan FILE" */
static void name_word(const struct rp_usage_word *word, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s%s%s%s", word->text, *word->value ? " " : "", word->value,
		word->repeat ? "..." : "");
}

/* A word a line, with what it is. */
static void explain_words(const struct rp_cli_command *command, const char *usage, FILE *out)
{
	struct rp_usage_word word;
	const char *at = usage;
	size_t widest = 0;
	char name[80];

	while (rp_usage_next(&at, &word)) {
		name_word(&word, name, sizeof(name));
		widest = strlen(name) > widest ? strlen(name) : widest;
	}
	for (at = usage; rp_usage_next(&at, &word);) {
		const struct rp_usage_help *help = rp_usage_help(command, word.text);

		name_word(&word, name, sizeof(name));
		fprintf(out, "  %-*s  ", (int)widest, name);
		print_folded(out, help ? help->text : "", widest + 4, widest + 4);
	}
}

void rp_help_program(FILE *out)
{
	fputs("usage: rigproof [OPTION]... NOUN VERB ...\n\n", out);
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		fprintf(out, "  %-10s %s\n", rp_cli_nouns[i].commands->noun,
			rp_cli_nouns[i].summary);
	fputc('\n', out);
	explain_words(NULL, rp_usage_everywhere, out);
	fputs("\nMore: rigproof help NOUN [VERB], or man rigproof\n"
	      "Exit status: 0 good, 1 failed, 2 wrong use; of job wait also 3 error, 4 skip.\n",
		out);
}

void rp_help_noun(const struct rp_cli_command *commands, FILE *out)
{
	for (const struct rp_cli_command *command = commands; command->noun; command++) {
		char usage[256];

		rp_cli_usage(command, usage, sizeof(usage));
		print_folded(out, usage, 0, 8);
		fprintf(out, "    %s\n", command->summary);
	}
	fputs("everywhere: ", out);
	print_folded(out, rp_usage_everywhere, 12, 12);
}

void rp_help_verb(const struct rp_cli_command *command, FILE *out)
{
	char usage[256];

	rp_cli_usage(command, usage, sizeof(usage));
	fputs("usage: ", out);
	print_folded(out, usage, 7, 11);
	fprintf(out, "\n    %s\n\n", command->summary);
	if (*command->usage) {
		explain_words(command, command->usage, out);
		fputc('\n', out);
	}
	fputs("everywhere: ", out);
	print_folded(out, rp_usage_everywhere, 12, 12);
}
