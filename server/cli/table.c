/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/printable.h"
#include "server/cli/screen.h"

struct rp_table {
	size_t columns, rows;
	bool coloured[RP_TABLE_COLUMNS];
	char **cells; /* row by row; row 0 is the headings */
};

/* Columns on the screen: bytes that do not continue a UTF-8 character. */
static int width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

struct rp_table *rp_table_free(struct rp_table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	return NULL;
}

int rp_table_add(struct rp_table *table, const char *const *cells)
{
	char **grown =
		reallocarray(table->cells, (table->rows + 1) * table->columns, sizeof(*grown));
	char **row;

	if (!grown)
		return -ENOMEM;
	table->cells = grown;
	row = grown + table->rows * table->columns;
	for (size_t i = 0; i < table->columns; i++) {
		row[i] = strdup(cells[i] && *cells[i] ? cells[i] : "-");
		if (!row[i]) {
			while (i--)
				free(row[i]);
			return -ENOMEM;
		}
		rp_printable(row[i]);
	}
	table->rows++;
	return 0;
}

struct rp_table *rp_table_new(const char *const *headings)
{
	rp_cleanup(table) struct rp_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	while (headings[table->columns])
		table->columns++;
	if (rp_table_add(table, headings) < 0)
		return NULL;
	return rp_steal(table);
}

void rp_table_colour(struct rp_table *table, size_t column)
{
	table->coloured[column] = true;
}

void rp_table_print(const struct rp_table *table, FILE *out, const char *empty)
{
	int widths[RP_TABLE_COLUMNS] = {0};

	if (table->rows < 2) {
		fprintf(out, "%s\n", empty);
		return;
	}
	for (size_t row = 0; row < table->rows; row++)
		for (size_t i = 0; i < table->columns; i++) {
			int w = width(table->cells[row * table->columns + i]);

			if (w > widths[i])
				widths[i] = w;
		}
	for (size_t row = 0; row < table->rows; row++)
		for (size_t i = 0; i < table->columns; i++) {
			const char *cell = table->cells[row * table->columns + i];

			if (row && table->coloured[i])
				rp_screen_word(out, cell);
			else
				fputs(cell, out);
			if (i + 1 == table->columns)
				fputc('\n', out);
			else
				fprintf(out, "%*s", widths[i] - width(cell) + 2, "");
		}
}

void rp_table_duration(json_int_t ms, char ret_text[32])
{
	if (ms < 0)
		snprintf(ret_text, 32, "-");
	else if (ms < 60000)
		snprintf(ret_text, 32, "%.1f s", (double)ms / 1000);
	else
		snprintf(ret_text, 32, "%lld min %lld s", (long long)(ms / 60000),
			(long long)(ms % 60000 / 1000));
}

void rp_table_time(const char *rfc3339, char ret_text[32])
{
	if (!rfc3339 || strlen(rfc3339) < 19)
		snprintf(ret_text, 32, "-");
	else
		snprintf(ret_text, 32, "%.10s %.8s", rfc3339, rfc3339 + 11);
}
