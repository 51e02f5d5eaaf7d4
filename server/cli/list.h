/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of rows, printed: a table for people, a document {key: [rows], "total": N} with --json.
 * Where a command has them, --status, --rig, --plan, --since and --limit select, and it is said how
 * many there are where not all of those are shown.
 */
#ifndef RP_SERVER_CLI_LIST_H
#define RP_SERVER_CLI_LIST_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "server/cli/cli.h"

struct rp_list_column {
	const char *heading;
	const char *key; /* of the row's field */
	/* The cell's text, which the caller frees; NULL is "-". Left out: the field's string. */
	char *(*cell)(const json_t *row, const char *key);
};

struct rp_list {
	const char *key;		  /* of the rows in the document */
	const char *empty;		  /* what people read where there are none */
	void (*prepare)(json_t *row);	  /* before it is printed in either form; NULL: nothing */
	bool selected;			  /* by the server, of more than one answer holds */
	struct rp_list_column columns[9]; /* RP_TABLE_COLUMNS at most; ends with heading NULL */
};

/*
 * GET path, below /api/v1, from the server; its answer is the rows, bare or below the key. Those
 * that the command's options select; all of them where it has none. "total" is in the document.
 */
int rp_list_fetch(const struct rp_cli *cli, const struct rp_list *list, const char *path,
	json_t **ret_document, struct rp_error *err);

/* To standard output, in the form that was asked for. Returns enum rp_exit or negative errno. */
int rp_list_print(const struct rp_cli *cli, const struct rp_list *list, const json_t *document,
	struct rp_error *err);

/* Both. */
int rp_list_show(const struct rp_cli *cli, const struct rp_list *list, const char *path,
	struct rp_error *err);

/* Cells: "2026-11-20 12:00:00" of RFC 3339; a number; "a, b" of a list of strings. */
char *rp_list_time(const json_t *row, const char *key);
char *rp_list_number(const json_t *row, const char *key);
char *rp_list_words(const json_t *row, const char *key);

/* "a, b" of the field `name` of each entry of a list of objects. */
char *rp_list_names(const json_t *row, const char *key);

#endif
