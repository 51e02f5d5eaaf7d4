/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of rigproof: a const table of commands, and one parser that reads each
 * command's options and operands off the usage line that people see, so that the two agree.
 *
 * --json prints JSON always: an answer is one object on standard output, lists are {"jobs": [...],
 * "total": N}; what is followed is one object a line; an error is {"error": TEXT, "status": N} on
 * standard error, with nothing on standard output.
 *
 * Usage grammar: "[--opt VALUE]" optional, "--opt VALUE" required, "[--switch]", "NAME" an operand,
 * "[NAME]" an optional one, "..." behind any of them: may be repeated.
 */
#ifndef RP_SERVER_CLI_CLI_H
#define RP_SERVER_CLI_CLI_H

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/error.h"

/* What the shell sees. */
enum rp_exit {
	RP_EXIT_OK = 0,	    /* job wait: verdict pass */
	RP_EXIT_FAILED = 1, /* something went wrong; job wait: fail; verify: any flaw */
	RP_EXIT_USAGE = 2,
	RP_EXIT_JOB_ERROR = 3, /* job wait: the lab is wrong */
	RP_EXIT_JOB_SKIP = 4,
};

/* What only the command line can mend: no name, no id, no number. */
#define RP_CLI_WRONG_USE (-EBADRQC)

struct rp_cli;

struct rp_cli_command {
	const char *noun;
	const char *verb;    /* NULL: the noun is the command */
	const char *usage;   /* what follows noun and verb */
	const char *summary; /* one line of help */
	/*
	 * Returns enum rp_exit, or negative errno with err filled: that is printed, status 1, or 2
	 * for RP_CLI_WRONG_USE.
	 */
	int (*run)(const struct rp_cli *cli, struct rp_error *err);
};

struct rp_cli_option {
	const char *name, *value; /* value NULL: a switch */
};

#define RP_CLI_OPTIONS_MAX 64

struct rp_cli {
	const struct rp_cli_command *command;
	bool json;
	const char **operands; /* NULL-terminated; points into argv */
	size_t operands_count;
	struct rp_cli_option options[RP_CLI_OPTIONS_MAX];
	size_t options_count;
};

/* Each ends with noun NULL. */
extern const struct rp_cli_command rp_cli_keys[], rp_cli_manifest[], rp_cli_image[], rp_cli_rig[],
	rp_cli_job[], rp_cli_result[], rp_cli_claim[], rp_cli_log[], rp_cli_verify[],
	rp_cli_completion[], rp_cli_setup[];

struct rp_cli_noun {
	const struct rp_cli_command *commands;
	const char *summary; /* one line of help */
};

extern const struct rp_cli_noun rp_cli_nouns[]; /* all of them, ends with commands NULL */

/* The whole program; returns enum rp_exit. out and errors are stdout and stderr but for tests. */
int rp_cli_main(int argc, char **argv, FILE *out, FILE *errors);

/*
 * Returns 1 with *ret ready to run (end with rp_cli_done), 0 where help or the version was printed
 * to out, -EINVAL with one line in err that says what to type.
 */
int rp_cli_parse(int argc, char **argv, FILE *out, struct rp_cli *ret, struct rp_error *err);
void rp_cli_done(struct rp_cli *cli);

/* Value of an option ("--plan"), "" for a switch that is given; NULL: not given. */
const char *rp_cli_value(const struct rp_cli *cli, const char *name);
/* The index-th value of an option that may be repeated; NULL: no more. */
const char *rp_cli_value_at(const struct rp_cli *cli, const char *name, size_t index);

/* "rigproof job submit --plan ...": what to type. */
void rp_cli_usage(const struct rp_cli_command *command, char *ret_text, size_t size);

/* A JSON document for --json, to standard output. */
int rp_cli_print_json(const json_t *value, struct rp_error *err);

/* Write text to path, or to standard output where path is NULL or "-". */
int rp_cli_write(const char *path, const char *text, size_t len, struct rp_error *err);

/* The lab root, as the settings say (settings.h). PEM text; caller frees. */
int rp_cli_root(const struct rp_cli *cli, char **ret_pem, struct rp_error *err);

#endif
