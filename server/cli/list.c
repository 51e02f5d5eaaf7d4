/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "server/cli/client.h"
#include "server/cli/table.h"

int rp_list_fetch(const struct rp_cli *cli, const struct rp_list *list, const char *path,
	json_t **ret_document, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	rp_cleanup(json) json_t *document = NULL;
	json_t *row;
	size_t i;
	int r = rp_client_open(cli, &client, err);

	if (r >= 0)
		r = rp_client_call(client, "GET", path, NULL, &answer, err);
	if (r < 0)
		return r;
	if (json_is_array(json_object_get(answer, list->key)))
		document = json_incref(answer);
	else
		document = json_is_array(answer) ? json_pack("{s:O}", list->key, answer)
						 : json_pack("{s:[]}", list->key);
	if (!document)
		return -ENOMEM;
	if (list->prepare)
		json_array_foreach (json_object_get(document, list->key), i, row)
			list->prepare(row);
	*ret_document = rp_steal(document);
	return 0;
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
	const json_t *row;
	size_t i;

	if (cli->json)
		return rp_cli_print_json(document, err);
	for (i = 0; i < RP_TABLE_COLUMNS && list->columns[i].heading; i++)
		headings[i] = list->columns[i].heading;
	table = rp_table_new(headings);
	if (!table)
		return -ENOMEM;
	json_array_foreach (json_object_get(document, list->key), i, row)
		if (add_row(table, list, row) < 0)
			return -ENOMEM;
	rp_table_print(table, stdout, list->empty);
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
