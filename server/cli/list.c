/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"
#include "server/cli/check.h"
#include "server/cli/client.h"
#include "server/cli/table.h"
#include "server/cli/usage.h"
#include "server/http/http_request.h"

#define SHOWN 25  /* rows of a table, where nobody says how many */
#define PAGE 1000 /* rows of one answer, the server's most */

/* 0: all. */
static int find_limit(const struct rp_cli *cli, int64_t *ret, struct rp_error *err)
{
	const char *text = rp_cli_value(cli, "--limit");

	*ret = cli->json || !rp_usage_has(cli->command->usage, "--limit") ? 0 : SHOWN;
	if (!text)
		return 0;
	if (rp_number_parse(text, INT32_MAX, ret) == 0)
		return 0;
	return rp_error_set(err, RP_CLI_WRONG_USE,
		"--limit %.40s: not a whole number; type how many, 0 for all", text);
}

/* "?limit=25&rig=alpha": what the options say, each of them checked. */
static int make_query(const struct rp_cli *cli, char **ret, struct rp_error *err)
{
	static const struct {
		const char *option, *key;
	} names[] = {{"--status", "state"}, {"--rig", "rig"}, {"--plan", "plan"}};
	const char *since = rp_cli_value(cli, "--since");
	rp_cleanup(free) char *query = strdup("");

	for (size_t i = 0; query && i < sizeof(names) / sizeof(*names); i++) {
		const char *value = rp_cli_value(cli, names[i].option);
		char *longer;
		int r;

		if (!value)
			continue;
		r = rp_cli_check_name(names[i].key, value, err);
		if (r < 0)
			return r;
		longer = rp_path("%s&%s=%s", query, names[i].key, value);
		free(query);
		query = longer;
	}
	if (query && since) {
		char time[RP_TIME_TEXT];
		char *longer;
		int r = rp_cli_since(since, rp_clock_realtime(), time, err);

		if (r < 0)
			return r;
		longer = rp_path("%s&since=%s", query, time);
		free(query);
		query = longer;
	}
	*ret = rp_steal(query);
	return *ret ? 0 : rp_error_memory(err);
}

/* One answer of the server. */
static int fetch_page(struct rp_client *client, const char *path, const char *key,
	json_t **ret_rows, json_int_t *ret_total, struct rp_error *err)
{
	rp_cleanup(json) json_t *answer = NULL;
	json_t *rows;
	int r = rp_client_call(client, "GET", path, NULL, &answer, err);

	if (r < 0)
		return r;
	rows = json_is_array(answer) ? answer : json_object_get(answer, key);
	if (!json_is_array(rows))
		return rp_error_set(err, -EPROTO, "the server's answer: no list of %s", key);
	*ret_total = json_is_integer(json_object_get(answer, "total"))
			     ? json_integer_value(json_object_get(answer, "total"))
			     : (json_int_t)json_array_size(rows);
	*ret_rows = json_incref(rows);
	return 0;
}

/* As many as limit says, of as many answers as it takes. */
static int fetch_pages(const struct rp_cli *cli, const struct rp_list *list, const char *path,
	struct rp_client *client, int64_t limit, json_t *rows, json_int_t *ret_total,
	struct rp_error *err)
{
	rp_cleanup(free) char *query = NULL;
	int r = make_query(cli, &query, err);

	if (r < 0)
		return r;
	for (;;) {
		const size_t have = json_array_size(rows);
		const int64_t left = limit ? limit - (int64_t)have : PAGE;
		rp_cleanup(json) json_t *page = NULL;
		rp_cleanup(free) char *target = rp_path("%s?limit=%lld&offset=%zu%s", path,
			(long long)(left < PAGE ? left : PAGE), have, query);

		if (!target)
			return rp_error_memory(err);
		r = fetch_page(client, target, list->key, &page, ret_total, err);
		if (r < 0)
			return r;
		if (json_array_extend(rows, page) < 0)
			return rp_error_memory(err);
		if (!json_array_size(page) || (json_int_t)json_array_size(rows) >= *ret_total ||
			(limit && (int64_t)json_array_size(rows) >= limit))
			return 0;
	}
}

/* Those in the state that is asked for, of a list that comes whole. */
static int select_rows(const struct rp_cli *cli, const json_t *all, int64_t limit, json_t *rows,
	json_int_t *ret_total)
{
	const char *status = rp_cli_value(cli, "--status");
	json_t *row;
	size_t i;

	*ret_total = 0;
	json_array_foreach (all, i, row) {
		if (status && strcmp(rp_json_string_or(row, "state", ""), status) != 0)
			continue;
		++*ret_total;
		if ((!limit || *ret_total <= limit) && json_array_append(rows, row) < 0)
			return -ENOMEM;
	}
	return 0;
}

int rp_list_fetch(const struct rp_cli *cli, const struct rp_list *list, const char *path,
	json_t **ret_document, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *rows = json_array();
	json_int_t total = 0;
	int64_t limit;
	json_t *row;
	size_t i;
	int r = find_limit(cli, &limit, err);

	if (r >= 0)
		r = rp_client_open(cli, &client, err);
	if (r >= 0 && list->selected) {
		r = fetch_pages(cli, list, path, client, limit, rows, &total, err);
	} else if (r >= 0) {
		rp_cleanup(json) json_t *all = NULL;

		r = fetch_page(client, path, list->key, &all, &total, err);
		if (r >= 0)
			r = select_rows(cli, all, limit, rows, &total);
	}
	if (r < 0)
		return r;
	if (list->prepare)
		json_array_foreach (rows, i, row)
			list->prepare(row);
	*ret_document = json_pack("{s:O, s:I}", list->key, rows, "total", total);
	return *ret_document ? 0 : rp_error_memory(err);
}

/* Nothing is there, or nothing that fits. */
static bool is_filtered(const struct rp_cli *cli)
{
	return rp_cli_value(cli, "--status") || rp_cli_value(cli, "--rig") ||
	       rp_cli_value(cli, "--plan") || rp_cli_value(cli, "--since");
}

static int add_row(struct rp_table *table, const struct rp_list *list, const json_t *row)
{
	const char *cells[RP_TABLE_COLUMNS] = {NULL};
	char *made[RP_TABLE_COLUMNS] = {NULL};
	int r;

	for (size_t i = 0; i < RP_TABLE_COLUMNS && list->columns[i].heading; i++) {
		const struct rp_list_column *column = &list->columns[i];

		if (column->cell)
			made[i] = column->cell(row, column->key);
		cells[i] = column->cell ? made[i] : rp_json_string_or(row, column->key, "");
	}
	r = rp_table_add(table, cells);
	for (size_t i = 0; i < RP_TABLE_COLUMNS; i++)
		free(made[i]);
	return r;
}

int rp_list_print(const struct rp_cli *cli, const struct rp_list *list, const json_t *document,
	struct rp_error *err)
{
	rp_cleanup(table) struct rp_table *table = NULL;
	const char *headings[RP_TABLE_COLUMNS + 1] = {NULL};
	json_int_t total;
	size_t shown;
	const json_t *row;
	size_t i;

	if (cli->json)
		return rp_cli_print_json(document, err);
	for (i = 0; i < RP_TABLE_COLUMNS && list->columns[i].heading; i++)
		headings[i] = list->columns[i].heading;
	table = rp_table_new(headings);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < RP_TABLE_COLUMNS && list->columns[i].heading; i++)
		if (!strcmp(list->columns[i].key, "state") ||
			!strcmp(list->columns[i].key, "verdict") ||
			!strcmp(list->columns[i].key, "assurance"))
			rp_table_colour(table, i);
	json_array_foreach (json_object_get(document, list->key), i, row)
		if (add_row(table, list, row) < 0)
			return -ENOMEM;
	total = json_integer_value(json_object_get(document, "total"));
	shown = json_array_size(json_object_get(document, list->key));
	if (!total && is_filtered(cli))
		printf("none of the %s is like that\n", list->key);
	else
		rp_table_print(table, stdout, list->empty);
	if ((json_int_t)shown < total)
		printf("... %zu of %lld, --limit 0 shows all\n", shown, (long long)total);
	return RP_EXIT_OK;
}

int rp_list_show(const struct rp_cli *cli, const struct rp_list *list, const char *path,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *document = NULL;
	int r = rp_list_fetch(cli, list, path, &document, err);

	return r < 0 ? r : rp_list_print(cli, list, document, err);
}

char *rp_list_time(const json_t *row, const char *key)
{
	char text[32];

	rp_table_time(rp_json_string_or(row, key, ""), text);
	return strdup(text);
}

char *rp_list_number(const json_t *row, const char *key)
{
	return rp_path("%lld", (long long)json_integer_value(json_object_get(row, key)));
}

/* "a, b" of a list of strings, or of the string `field` in a list of objects. */
static char *join(const json_t *list, const char *field)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	size_t i;
	const json_t *entry;

	if (!out)
		return NULL;
	json_array_foreach (list, i, entry) {
		const char *word = json_string_value(field ? json_object_get(entry, field) : entry);

		fprintf(out, "%s%s", i ? ", " : "", word ? word : "?");
	}
	fclose(out);
	return text;
}

char *rp_list_words(const json_t *row, const char *key)
{
	return join(json_object_get(row, key), NULL);
}

char *rp_list_names(const json_t *row, const char *key)
{
	return join(json_object_get(row, key), "name");
}
