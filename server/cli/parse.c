/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/version.h"
#include "server/cli/help.h"
#include "server/cli/usage.h"

void rp_cli_usage(const struct rp_cli_command *command, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "rigproof %s%s%s%s%s", command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "", *command->usage ? " " : "", command->usage);
}

__attribute__((format(printf, 3, 4))) static int wrong_use(
	struct rp_error *err, const struct rp_cli_command *command, const char *format, ...)
{
	char what[200];
	char usage[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	rp_cli_usage(command, usage, sizeof(usage));
	return rp_error_set(err, -EINVAL, "%s; type: %s", what, usage);
}

static const struct rp_cli_command *find_noun(const char *noun)
{
	for (size_t i = 0; rp_cli_nouns[i].commands; i++)
		if (!strcmp(rp_cli_nouns[i].commands->noun, noun))
			return rp_cli_nouns[i].commands;
	return NULL;
}

static const struct rp_cli_command *find_verb(
	const struct rp_cli_command *commands, const char *verb)
{
	for (; commands->noun; commands++)
		if (commands->verb && !strcmp(commands->verb, verb))
			return commands;
	return NULL;
}

static void join_verbs(const struct rp_cli_command *commands, char *text, size_t size)
{
	size_t len = 0;

	for (; commands->noun && len < size; commands++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
			commands->verb ? commands->verb : "");
}

static void join_nouns(char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; rp_cli_nouns[i].commands && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
			!i			       ? ""
			: rp_cli_nouns[i + 1].commands ? ", "
						       : " or ",
			rp_cli_nouns[i].commands->noun);
}

/* The words before the command's own: noun and verb. Both are moved out of words. */
static int choose_command(const char **words, size_t *count, bool help, FILE *out,
	const struct rp_cli_command **ret, struct rp_error *err)
{
	const struct rp_cli_command *commands;
	char names[200] = "";

	/* "rigproof help job wait" is "rigproof job wait --help". */
	if (*count && !strcmp(words[0], "help")) {
		help = true;
		memmove(words, words + 1, *count * sizeof(*words));
		--*count;
	}
	if (!*count) {
		if (!help)
			return rp_error_set(err, -EINVAL, "no command; type: rigproof --help");
		rp_help_program(out);
		return 0;
	}
	commands = find_noun(words[0]);
	if (!commands) {
		join_nouns(names, sizeof(names));
		return rp_error_set(
			err, -EINVAL, "%.40s: no such command; type: rigproof %s", words[0], names);
	}
	*ret = commands;
	if (commands->verb) {
		if (*count < 2 && help) {
			rp_help_noun(commands, out);
			return 0;
		}
		join_verbs(commands, names, sizeof(names));
		if (*count < 2)
			return rp_error_set(err, -EINVAL,
				"%s: and then? type: rigproof %s VERB, one of: %s", words[0],
				words[0], names);
		*ret = find_verb(commands, words[1]);
		if (!*ret)
			return rp_error_set(err, -EINVAL,
				"%s %.40s: no such command; type: rigproof %s VERB, one of: %s",
				words[0], words[1], words[0], names);
	}
	if (help) {
		rp_help_verb(*ret, out);
		return 0;
	}
	*count -= commands->verb ? 2 : 1;
	memmove(words, words + (commands->verb ? 2 : 1), (*count + 1) * sizeof(*words));
	return 1;
}

/*
 * Options may stand anywhere, also before the noun, so that an alias can carry --state. Which of
 * them take a value is known only with the command: find it first, among the words that no global
 * option owns.
 */
static const struct rp_cli_command *peek_command(int argc, char **argv)
{
	const struct rp_cli_command *commands = NULL;

	for (int i = 1; i < argc; i++) {
		struct rp_usage_word word;

		if (argv[i][0] == '-') {
			if (rp_usage_find(rp_usage_everywhere, argv[i], &word) && *word.value)
				i++;
			else if (commands)
				return commands->verb ? NULL : commands;
			continue;
		}
		if (!commands && !strcmp(argv[i], "help"))
			continue;
		if (!commands) {
			commands = find_noun(argv[i]);
			if (!commands || !commands->verb)
				return commands;
		} else {
			return find_verb(commands, argv[i]);
		}
	}
	return NULL;
}

static int add_option(struct rp_cli *cli, const struct rp_cli_command *command,
	const struct rp_usage_word *word, const char *value, struct rp_error *err)
{
	if (!word->repeat && rp_cli_value(cli, word->text))
		return command ? wrong_use(err, command, "%s is given twice", word->text)
			       : rp_error_set(err, -EINVAL, "%s is given twice; type it once",
					 word->text);
	if (cli->options_count == RP_CLI_OPTIONS_MAX)
		return rp_error_set(
			err, -EINVAL, "more than %d options; type fewer", RP_CLI_OPTIONS_MAX);
	cli->options[cli->options_count++] =
		(struct rp_cli_option){strdup(word->text), value ? value : ""};
	return cli->options[cli->options_count - 1].name ? 0 : -ENOMEM;
}

/* argv[*index] begins with '-'. */
static int take_option(struct rp_cli *cli, const struct rp_cli_command *command, int argc,
	char **argv, int *index, struct rp_error *err)
{
	const char *equals = strchr(argv[*index], '=');
	const char *value = NULL;
	struct rp_usage_word word;
	char name[32];

	snprintf(name, sizeof(name), "%.*s",
		equals ? (int)(equals - argv[*index]) : (int)strlen(argv[*index]), argv[*index]);
	if (!rp_usage_find(rp_usage_everywhere, name, &word) &&
		(!command || !rp_usage_find(command->usage, name, &word)))
		return command ? wrong_use(err, command, "%s: no such option", name)
			       : rp_error_set(err, -EINVAL,
					 "%s: no such option; type: rigproof --help", name);
	if (*word.value && equals)
		value = equals + 1;
	else if (*word.value && *index + 1 < argc)
		value = argv[++*index];
	if (*word.value && !value)
		return command ? wrong_use(err, command, "%s needs %s", name, word.value)
			       : rp_error_set(err, -EINVAL, "%s needs %s; type: rigproof --help",
					 name, word.value);
	if (!*word.value && equals)
		return command ? wrong_use(err, command, "%s takes no value", name)
			       : rp_error_set(err, -EINVAL,
					 "%s takes no value; type: rigproof --help", name);
	return add_option(cli, command, &word, value, err);
}

/* words: "on|off" */
static bool is_one_of(const char *text, const char *words)
{
	size_t len = strlen(text);

	for (const char *at = words; len && at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strcspn(at, "|") == len && !strncmp(at, text, len))
			return true;
	return false;
}

/* An option's value is one of those that the table names, where it does. */
static int check_choices(const struct rp_cli *cli, struct rp_error *err)
{
	for (size_t i = 0; i < cli->options_count; i++) {
		const struct rp_cli_option *option = &cli->options[i];
		const struct rp_usage_help *help = rp_usage_help(cli->command, option->name);

		if (help && help->choices && !is_one_of(option->value, help->choices))
			return wrong_use(err, cli->command, "%s %.40s: it is none of %s",
				option->name, option->value, help->choices);
	}
	return 0;
}

static int check_words(const struct rp_cli *cli, struct rp_error *err)
{
	const struct rp_cli_command *command = cli->command;
	const char *usage = command->usage;
	struct rp_usage_word word;
	size_t operands = 0;
	bool endless = false;

	while (rp_usage_next(&usage, &word)) {
		if (word.option) {
			if (word.required && !rp_cli_value(cli, word.text))
				return wrong_use(err, command, "%s is missing", word.text);
			continue;
		}
		operands++;
		endless |= word.repeat;
		if (word.required && cli->operands_count < operands)
			return wrong_use(err, command, "%s is missing", word.text);
		if (cli->operands_count >= operands && rp_usage_is_choice(word.text) &&
			!is_one_of(cli->operands[operands - 1], word.text))
			return wrong_use(err, command, "\"%.40s\" is none of %s",
				cli->operands[operands - 1], word.text);
	}
	if (cli->operands_count > operands && !endless)
		return wrong_use(
			err, command, "\"%.40s\" is one too many", cli->operands[operands]);
	return 0;
}

int rp_cli_parse(int argc, char **argv, FILE *out, struct rp_cli *ret, struct rp_error *err)
{
	const struct rp_cli_command *command = peek_command(argc, argv);
	struct rp_cli cli = {0};
	bool help = false;
	int r = 0;

	cli.operands = calloc((size_t)argc + 1, sizeof(*cli.operands));
	if (!cli.operands)
		return rp_error_memory(err);
	for (int i = 1; r >= 0 && i < argc; i++) {
		if (!strcmp(argv[i], "--version")) {
			fprintf(out, "rigproof %s\n", rp_version());
			rp_cli_done(&cli);
			return 0;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			help = true;
		else if (!strcmp(argv[i], "--")) {
			while (++i < argc)
				cli.operands[cli.operands_count++] = argv[i];
		} else if (argv[i][0] == '-' && argv[i][1])
			r = take_option(&cli, command, argc, argv, &i, err);
		else
			cli.operands[cli.operands_count++] = argv[i];
	}
	if (r >= 0)
		r = choose_command(cli.operands, &cli.operands_count, help, out, &cli.command, err);
	if (r > 0) {
		cli.json = rp_cli_value(&cli, "--json") != NULL;
		r = check_words(&cli, err);
		if (r >= 0)
			r = check_choices(&cli, err);
		if (r >= 0) {
			*ret = cli;
			return 1;
		}
	}
	rp_cli_done(&cli);
	return r;
}

void rp_cli_done(struct rp_cli *cli)
{
	for (size_t i = 0; i < cli->options_count; i++)
		free((char *)cli->options[i].name);
	free(cli->operands);
	*cli = (struct rp_cli){0};
}

const char *rp_cli_value_at(const struct rp_cli *cli, const char *name, size_t index)
{
	for (size_t i = 0; i < cli->options_count; i++)
		if (!strcmp(cli->options[i].name, name) && !index--)
			return cli->options[i].value;
	return NULL;
}

const char *rp_cli_value(const struct rp_cli *cli, const char *name)
{
	return rp_cli_value_at(cli, name, 0);
}
