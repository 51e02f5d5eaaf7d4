/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned text tables for people, and the words that they hold. */
#ifndef RP_SERVER_CLI_TABLE_H
#define RP_SERVER_CLI_TABLE_H

#include <jansson.h>
#include <stdio.h>

#define RP_TABLE_COLUMNS 8

struct rp_table; /* opaque */

/* headings: NULL-terminated, at most RP_TABLE_COLUMNS; borrowed. NULL: no memory. */
struct rp_table *rp_table_new(const char *const *headings);
struct rp_table *rp_table_free(struct rp_table *table);

/* One cell each; NULL is "-". Control characters become '?'. -ENOMEM. */
int rp_table_add(struct rp_table *table, const char *const *cells);

/* The cells of this column, from 0, are words with colours (screen.h). */
void rp_table_colour(struct rp_table *table, size_t column);

/* The last column is not padded. With no rows: nothing but `empty`. */
void rp_table_print(const struct rp_table *table, FILE *out, const char *empty);

/* "0.8 s", "2 min 5 s" */
void rp_table_duration(json_int_t ms, char ret_text[32]);

/* "2026-11-20 12:00:00" of an RFC 3339 text; "-" for NULL or "". */
void rp_table_time(const char *rfc3339, char ret_text[32]);

static inline void rp_cleanup_table(struct rp_table **table)
{
	rp_table_free(*table);
}

#endif
