/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/version.h"

static const char *const global_usage =
	"[--state DIR] [--server URL] [--root CRT] [--token-file FILE] [--json]";

static const char *const intro =
	"usage: rigproof [--state DIR] [--json] NOUN VERB ...\n"
	"\n"
	"  keys       make and show the lab's keys\n"
	"  manifest   check site, rig, image, plan and claim files\n"
	"  image      build the signed image that rigs boot, hand it to the server\n"
	"  rig        register, approve, look at, switch rigs\n"
	"  job        run a plan on a rig, follow it\n"
	"  result     evidence and reports of finished jobs\n"
	"  claim      what others claim, held against evidence\n"
	"  log        the append-only log of results\n"
	"  verify     check evidence offline: rigproof verify --root CRT evidence.json\n"
	"\n"
	"Where the server is: --state DIR (rigproofd's own folder) or $RIGPROOF_STATE,\n"
	"  or --server URL --root CRT --token-file FILE\n"
	"--json prints JSON everywhere. rigproof NOUN --help lists a noun's verbs;\n"
	"rigproof NOUN VERB --help shows one. The manual: man rigproof\n"
	"\n"
	"Exit status: 0 good, 1 failed, 2 wrong use; of job wait also 3 error, 4 skip.\n";

/* One word of a usage line. */
struct usage_word {
	char text[32];	/* "--plan", "FILE" */
	char value[32]; /* of an option that takes one, "" for a switch */
	bool option, required, repeat;
};

static bool next_token(const char **usage, char *token, size_t size)
{
	size_t len;

	*usage += strspn(*usage, " ");
	len = strcspn(*usage, " ");
	if (!len)
		return false;
	snprintf(token, size, "%.*s", (int)len, *usage);
	*usage += len;
	return true;
}

/* Take brackets and dots off a token. Returns whether it closes a bracket. */
static bool strip(char *token, struct usage_word *word)
{
	bool closes = strchr(token, ']') != NULL;
	size_t len;

	if (strstr(token, "..."))
		word->repeat = true;
	if (*token == '[') {
		word->required = false;
		memmove(token, token + 1, strlen(token));
	}
	len = strcspn(token, "].");
	token[len] = '\0';
	return closes;
}

static bool next_word(const char **usage, struct usage_word *word)
{
	char token[64];
	const char *ahead;

	*word = (struct usage_word){.required = true};
	if (!next_token(usage, token, sizeof(token)))
		return false;
	if (strip(token, word) || *token != '-') {
		snprintf(word->text, sizeof(word->text), "%.31s", token);
		word->option = *token == '-';
		return true;
	}
	word->option = true;
	snprintf(word->text, sizeof(word->text), "%.31s", token);
	ahead = *usage;
	if (next_token(&ahead, token, sizeof(token))) {
		struct usage_word rest = {0};

		strip(token, &rest);
		word->repeat = rest.repeat;
		snprintf(word->value, sizeof(word->value), "%.31s", token);
		*usage = ahead;
	}
	return true;
}

static bool find_option(const char *usage, const char *name, struct usage_word *ret)
{
	while (next_word(&usage, ret))
		if (ret->option && !strcmp(ret->text, name))
			return true;
	return false;
}

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

static void list_verbs(const struct rp_cli_command *commands, FILE *out)
{
	for (const struct rp_cli_command *command = commands; command->noun; command++) {
		char usage[256];

		rp_cli_usage(command, usage, sizeof(usage));
		print_folded(out, usage, 0, 8);
		fprintf(out, "    %s\n", command->summary);
	}
	fputs("everywhere: ", out);
	print_folded(out, global_usage, 12, 12);
}

static void show_command(const struct rp_cli_command *command, FILE *out)
{
	char usage[256];

	rp_cli_usage(command, usage, sizeof(usage));
	fputs("usage: ", out);
	print_folded(out, usage, 7, 11);
	fprintf(out, "\n    %s\n\neverywhere: ", command->summary);
	print_folded(out, global_usage, 12, 12);
}

static const struct rp_cli_command *find_noun(const char *noun)
{
	for (size_t i = 0; rp_cli_nouns[i]; i++)
		if (!strcmp(rp_cli_nouns[i]->noun, noun))
			return rp_cli_nouns[i];
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

/* The words before the command's own: noun and verb. Both are moved out of words. */
static int choose_command(const char **words, size_t *count, bool help, FILE *out,
	const struct rp_cli_command **ret, struct rp_error *err)
{
	const struct rp_cli_command *commands;
	char verbs[160] = "";

	if (!*count) {
		if (!help)
			return rp_error_set(err, -EINVAL, "no command; type: rigproof --help");
		fputs(intro, out);
		return 0;
	}
	commands = find_noun(words[0]);
	if (!commands)
		return rp_error_set(err, -EINVAL,
			"%.40s: no such command; type: rigproof keys, manifest, image, rig, job, "
			"result, claim, log or verify",
			words[0]);
	*ret = commands;
	if (commands->verb) {
		if (*count < 2 && help) {
			list_verbs(commands, out);
			return 0;
		}
		join_verbs(commands, verbs, sizeof(verbs));
		if (*count < 2)
			return rp_error_set(err, -EINVAL,
				"%s: and then? type: rigproof %s VERB, one of: %s", words[0],
				words[0], verbs);
		*ret = find_verb(commands, words[1]);
		if (!*ret)
			return rp_error_set(err, -EINVAL,
				"%s %.40s: no such command; type: rigproof %s VERB, one of: %s",
				words[0], words[1], words[0], verbs);
	}
	if (help) {
		show_command(*ret, out);
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
		struct usage_word word;

		if (argv[i][0] == '-') {
			if (find_option(global_usage, argv[i], &word) && *word.value)
				i++;
			else if (commands)
				return commands->verb ? NULL : commands;
			continue;
		}
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
	const struct usage_word *word, const char *value, struct rp_error *err)
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
	struct usage_word word;
	char name[32];

	snprintf(name, sizeof(name), "%.*s",
		equals ? (int)(equals - argv[*index]) : (int)strlen(argv[*index]), argv[*index]);
	if (!find_option(global_usage, name, &word) &&
		(!command || !find_option(command->usage, name, &word)))
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

static int check_words(const struct rp_cli *cli, struct rp_error *err)
{
	const struct rp_cli_command *command = cli->command;
	const char *usage = command->usage;
	struct usage_word word;
	size_t operands = 0;
	bool endless = false;

	while (next_word(&usage, &word)) {
		if (word.option) {
			if (word.required && !rp_cli_value(cli, word.text))
				return wrong_use(err, command, "%s is missing", word.text);
			continue;
		}
		operands++;
		endless |= word.repeat;
		if (word.required && cli->operands_count < operands)
			return wrong_use(err, command, "%s is missing", word.text);
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
