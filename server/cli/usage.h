/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage lines, read word by word: parser, help and completion all stand on the line that people
 * see. Words that a line has are explained in one table, words.c.
 */
#ifndef RP_SERVER_CLI_USAGE_H
#define RP_SERVER_CLI_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/cli/cli.h"

/* Options that may stand on every line. */
extern const char *const rp_usage_everywhere;

/* One word of a usage line. */
struct rp_usage_word {
	char text[40];	/* "--plan", "FILE", "on|off" */
	char value[32]; /* of an option that takes one, "" for a switch */
	bool option, required, repeat;
};

/* The next word of *usage, which moves on; false at its end. */
bool rp_usage_next(const char **usage, struct rp_usage_word *ret);

/* The option of that name on a usage line. */
bool rp_usage_find(const char *usage, const char *name, struct rp_usage_word *ret);

bool rp_usage_has(const char *usage, const char *name);

/* An operand that is one of the words it names: "on|off", not "FILE|DIR". */
bool rp_usage_is_choice(const char *text);

/* What a value is, for completion. */
enum rp_usage_kind { RP_USAGE_TEXT, RP_USAGE_FILE, RP_USAGE_DIR };

struct rp_usage_help {
	const char *command; /* "job submit", "job"; NULL: wherever the word stands */
	const char *word;    /* "--plan", "FILE" */
	const char *text;    /* what it is, some words */
	enum rp_usage_kind kind;
	const char *choices; /* words, "|" between them, of an option's value; NULL: anything */
};

/* The nearest row for a word of a command; NULL: there is none. command NULL: everywhere. */
const struct rp_usage_help *rp_usage_help(const struct rp_cli_command *command, const char *word);

#endif
