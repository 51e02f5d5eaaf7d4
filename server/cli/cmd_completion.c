/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion for shells, made from the tables of commands and words: a case for each command with
 * what may stand next. Both shells get the same function of the words before the cursor, which
 * prints the candidates, or "@file", "@dir".
 */
#include <string.h>

#include "lib/cleanup.h"
#include "server/cli/usage.h"

/* "on|off" as "on off". */
static void put_choices(FILE *out, const char *words)
{
	for (; *words; words++)
		fputc(*words == '|' ? ' ' : *words, out);
}

/* What a value may be, as a case of the word before it. */
static void put_value(
	FILE *out, const struct rp_cli_command *command, const struct rp_usage_word *word)
{
	const struct rp_usage_help *help = rp_usage_help(command, word->text);

	fprintf(out, "        %s) echo '", word->text);
	if (help && help->choices)
		put_choices(out, help->choices);
	else if (help && help->kind != RP_USAGE_TEXT)
		fputs(help->kind == RP_USAGE_FILE ? "@file" : "@dir", out);
	fputs("'; return ;;\n", out);
}

static void put_values(FILE *out, const struct rp_cli_command *command, const char *usage)
{
	struct rp_usage_word word;

	while (rp_usage_next(&usage, &word))
		if (word.option && *word.value)
			put_value(out, command, &word);
}

static void put_options(FILE *out, const char *usage)
{
	struct rp_usage_word word;

	while (rp_usage_next(&usage, &word))
		if (word.option)
			fprintf(out, " %s", word.text);
}

/* All operands that a command may have, wherever the cursor is. */
static void put_operands(FILE *out, const struct rp_cli_command *command)
{
	const char *usage = command->usage;
	struct rp_usage_word word;

	while (rp_usage_next(&usage, &word)) {
		const struct rp_usage_help *help = rp_usage_help(command, word.text);

		if (word.option)
			continue;
		if (rp_usage_is_choice(word.text)) {
			fputc(' ', out);
			put_choices(out, word.text);
		} else if (help && help->kind != RP_USAGE_TEXT) {
			fputs(help->kind == RP_USAGE_FILE ? " @file" : " @dir", out);
		}
	}
}

static void put_command(FILE *out, const struct rp_cli_command *command)
{
	fprintf(out, "    '%s%s%s')\n      case $before in\n", command->noun,
		command->verb ? " " : "", command->verb ? command->verb : "");
	put_values(out, command, command->usage);
	fputs("      esac\n      echo '--help", out);
	put_options(out, command->usage);
	put_options(out, rp_usage_everywhere);
	put_operands(out, command);
	fputs("' ;;\n", out);
}

static void put_noun(FILE *out, const struct rp_cli_command *commands)
{
	const struct rp_cli_command *command = commands;

	if (commands->verb) {
		fprintf(out, "    '%s') echo '--help", commands->noun);
		for (; command->noun; command++)
			fprintf(out, " %s", command->verb);
		put_options(out, rp_usage_everywhere);
		fputs("' ;;\n", out);
	}
	for (command = commands; command->noun; command++)
		put_command(out, command);
}

/* The part that both shells share, in the words of POSIX sh. */
static void put_words(FILE *out)
{
	fputs("_rigproof_words() { # NOUN-AND-VERB WORD-BEFORE\n"
	      "  local command=$1 before=$2\n"
	      "  case $before in\n",
		out);
	put_values(out, NULL, rp_usage_everywhere);
	fputs("  esac\n  case $command in\n    '') echo 'help", out);
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		fprintf(out, " %s", rp_cli_nouns[i].commands->noun);
	fputs(" --help --version", out);
	put_options(out, rp_usage_everywhere);
	fputs("' ;;\n    'help') echo '", out);
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		fprintf(out, "%s%s", i ? " " : "", rp_cli_nouns[i].commands->noun);
	fputs("' ;;\n", out);
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		put_noun(out, rp_cli_nouns[i].commands);
	fputs("  esac\n}\n\n", out);
}

/* Noun and verb of the words before the cursor: those that no option owns. */
static void put_command_of(FILE *out)
{
	struct rp_usage_word word;
	const char *usage = rp_usage_everywhere;

	fputs("_rigproof_command() { # WORDS before the cursor, without rigproof\n"
	      "  local command='' word\n"
	      "  while [ $# -gt 0 ]; do\n"
	      "    word=$1; shift\n"
	      "    case $word in\n"
	      "      ",
		out);
	for (bool first = true; rp_usage_next(&usage, &word);) {
		if (!*word.value)
			continue;
		fprintf(out, "%s%s", first ? "" : " | ", word.text);
		first = false;
	}
	fputs(") [ $# -gt 0 ] && shift ;;\n"
	      "      -*) ;;\n"
	      "      *) case $command in\n"
	      "          '') command=$word ;;\n"
	      "          *' '*) ;;\n"
	      "          'help') command=$word ;;\n"
	      "          ",
		out);
	for (size_t i = 0, n = 0; rp_cli_nouns[i].commands; i++)
		if (!rp_cli_nouns[i].commands->verb)
			fprintf(out, "%s'%s'", n++ ? " | " : "", rp_cli_nouns[i].commands->noun);
	fputs(") ;; # these have no verbs\n"
	      "          *) command=\"$command $word\" ;;\n"
	      "        esac ;;\n"
	      "    esac\n"
	      "  done\n"
	      "  echo \"$command\"\n"
	      "}\n\n",
		out);
}

static const char bash[] =
	"_rigproof() {\n"
	"  local current=${COMP_WORDS[COMP_CWORD]} before='' command words\n"
	"  COMPREPLY=()\n"
	"  [ \"$COMP_CWORD\" -gt 1 ] && before=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"  command=$(_rigproof_command \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\")\n"
	"  words=$(_rigproof_words \"$command\" \"$before\")\n"
	"  case \" $words \" in\n"
	"    *' @file '*) [ \"${current#-}\" = \"$current\" ] &&\n"
	"      mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
	"    *' @dir '*) [ \"${current#-}\" = \"$current\" ] &&\n"
	"      mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
	"  esac\n"
	"  words=${words//@file/}\n"
	"  mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"${words//@dir/}\" -- "
	"\"$current\")\n"
	"}\n"
	"complete -o filenames -F _rigproof rigproof\n";

static const char zsh[] = "_rigproof() {\n"
			  "  local before=${words[CURRENT-1]} list command\n"
			  "  [ \"$CURRENT\" -le 2 ] && before=''\n"
			  "  command=$(_rigproof_command \"${(@)words[2,CURRENT-1]}\")\n"
			  "  list=$(_rigproof_words \"$command\" \"$before\")\n"
			  "  case \" $list \" in\n"
			  "    *' @file '*) _files ;;\n"
			  "    *' @dir '*) _files -/ ;;\n"
			  "  esac\n"
			  "  list=${list//@file/}\n"
			  "  compadd -- ${=list//@dir/}\n"
			  "}\n"
			  "_rigproof \"$@\"\n";

static int run_completion(const struct rp_cli *cli, struct rp_error *err)
{
	const bool is_zsh = !strcmp(cli->operands[0], "zsh");
	rp_cleanup(free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return rp_error_memory(err);
	fputs(is_zsh ? "#compdef rigproof\n" : "# shellcheck shell=bash\n", out);
	fputs("# Completion of rigproof's words, made from its tables.\n", out);
	put_words(out);
	put_command_of(out);
	fputs(is_zsh ? zsh : bash, out);
	if (fclose(out) != 0)
		return rp_error_memory(err);
	if (cli->json) {
		rp_cleanup(json) json_t *document =
			json_pack("{s:s, s:s}", "shell", cli->operands[0], "script", text);

		return document ? rp_cli_print_json(document, err) : -ENOMEM;
	}
	return rp_cli_write(NULL, text, strlen(text), err);
}

const struct rp_cli_command rp_cli_completion[] = {
	{"completion", NULL, "bash|zsh",
		"words for the Tab key: source <(rigproof completion bash)", run_completion},
	{NULL},
};
