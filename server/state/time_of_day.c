/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/time_of_day.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/server.h"
#include "server/store/store.h"

#define DAY (24 * 3600 * RP_SECOND)

static int move(struct rp_server *server, int64_t by)
{
	static const enum rp_sql all[] = {RP_SQL_MOVE_BOOTS, RP_SQL_MOVE_STAGES, RP_SQL_MOVE_EVENTS,
		RP_SQL_MOVE_JOBS, RP_SQL_MOVE_RIGS};
	/* Boots that have ended are history, but for the queue, which asks what ended lately. */
	int r = rp_store_run(server->store, RP_SQL_MOVE_ENDED, RP_INT(by),
		RP_INT(rp_store_now(server->store) - DAY));

	for (size_t i = 0; r >= 0 && i < sizeof(all) / sizeof(*all); i++)
		r = rp_store_run(server->store, all[i], RP_INT(by));
	return r;
}

int rp_follow_time_of_day(struct rp_server *server)
{
	int64_t by = rp_store_wall(server->store) - rp_store_now(server->store);
	int r;

	if (by > -RP_SECOND && by < RP_SECOND)
		return 0;
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	r = rp_store_end(server->store, move(server, by));
	if (r < 0)
		return r;
	rp_store_move_clock(server->store, by);
	rp_metrics_add(server->metrics, "time_of_day_set_total", 1);
	rp_log_warning("the time of day was set by %lld s: deadlines go on as they were",
		(long long)(by / RP_SECOND));
	return 1;
}
