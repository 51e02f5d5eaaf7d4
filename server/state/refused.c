/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/refused.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/encoding.h"
#include "lib/metrics.h"
#include "server/server.h"
#include "server/store/store.h"

#define PER_SECOND 20

/* 1 where so many refusals are so new that more of them would only wear out the disk. */
static int flooded(struct rp_server *server)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r = rp_store_first(server->store, &row, RP_SQL_REFUSED_RECENT, RP_INT(PER_SECOND - 1));

	int64_t age = r > 0 ? rp_store_now(server->store) - rp_column_int(row, 0) : RP_SECOND;

	/* One of the future was noted while the clock was wrong: it is not new. */
	return age >= 0 && age < RP_SECOND;
}

void rp_refused_add(struct rp_server *server, const char *what, const char *job, const char *boot,
	const char *peer, const void *body, size_t len, const char *reason)
{
	char sha256[RP_SHA256_HEX] = "", name[64], job_text[64], boot_text[64], text[512];

	snprintf(name, sizeof(name), "refused_total{what=\"%s\"}", what);
	rp_metrics_add(server->metrics, name, 1);
	if (flooded(server))
		return;
	if (body)
		rp_sha256_hex(body, len, sha256);
	snprintf(job_text, sizeof(job_text), "%s", job);
	snprintf(boot_text, sizeof(boot_text), "%s", boot);
	snprintf(text, sizeof(text), "%s", reason);
	rp_text_ascii(job_text);
	rp_text_ascii(boot_text);
	rp_text_ascii(text);
	/* A disk that is full must not turn a refusal into anything else. */
	if (rp_store_run(server->store, RP_SQL_REFUSED_ADD, RP_INT(rp_store_now(server->store)),
		    RP_TEXT(job_text), RP_TEXT(boot_text), RP_TEXT(peer), RP_TEXT(what),
		    RP_TEXT(text), RP_TEXT(sha256)) >= 0)
		rp_store_run(server->store, RP_SQL_REFUSED_TRIM, RP_INT(RP_REFUSED_KEPT));
}

static json_t *read_refused_row(sqlite3_stmt *row, const void *context)
{
	(void)context;
	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
		(json_int_t)rp_column_int(row, 0), "time", rp_column_time(row, 1), "job",
		rp_column_text(row, 2), "boot", rp_column_text(row, 3), "peer",
		rp_column_text(row, 4), "what", rp_column_text(row, 5), "reason",
		rp_column_text(row, 6), "sha256", rp_column_text(row, 7));
}

int rp_refused_list(struct rp_server *server, const struct rp_selection *selection, json_t **ret,
	int64_t *ret_total)
{
	return rp_selection_list(server, RP_SQL_REFUSED_LIST, RP_SQL_REFUSED_COUNT_LIST, selection,
		read_refused_row, ret, ret_total);
}
