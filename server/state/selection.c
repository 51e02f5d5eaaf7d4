/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/selection.h"

#include <errno.h>

#include "lib/cleanup.h"
#include "server/server.h"

static int read_rows(struct rp_server *server, enum rp_sql list,
	const struct rp_selection *selection, rp_row_reader read, json_t *rows)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, list, RP_TEXT(selection->state),
		RP_TEXT(selection->rig), RP_TEXT(selection->plan), RP_TEXT(selection->id),
		RP_INT(selection->since), RP_INT(selection->limit), RP_INT(selection->offset));

	for (; r > 0; r = rp_store_next(server->store, row))
		if (json_array_append_new(rows, read(row, NULL)) < 0)
			return -ENOMEM;
	return r;
}

static int count_rows(struct rp_server *server, enum rp_sql count,
	const struct rp_selection *selection, int64_t *ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, count, RP_TEXT(selection->state),
		RP_TEXT(selection->rig), RP_TEXT(selection->plan), RP_TEXT(selection->id),
		RP_INT(selection->since));

	if (r > 0)
		*ret = rp_column_int(row, 0);
	return r;
}

int rp_selection_list(struct rp_server *server, enum rp_sql list, enum rp_sql count,
	const struct rp_selection *selection, rp_row_reader read, json_t **ret, int64_t *ret_total)
{
	rp_cleanup(json) json_t *rows = json_array();
	int r = read_rows(server, list, selection, read, rows);

	if (r >= 0 && ret_total)
		r = count_rows(server, count, selection, ret_total);
	if (r < 0)
		return r;
	*ret = rp_steal(rows);
	return 0;
}
